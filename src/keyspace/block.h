#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "keyspace/memory.h"

// Blocks of bytes whose capacity follows from their size, so that nothing need remember it.
namespace leat::keyspace {

// What a block that holds `size` bytes has room for: with what malloc adds, a multiple of 16 up to 256, as malloc has no
// finer ones; beyond that four steps between powers of two, so that growing by a byte at a time moves the block seldom.
[[nodiscard]] constexpr std::size_t block_capacity(std::size_t size) {
  constexpr std::size_t kMallocBytes = 8;
  const std::size_t chunk = std::max<std::size_t>(size + kMallocBytes, 32);
  const std::size_t step = chunk <= 256 ? 16 : std::bit_floor(chunk - 1) / 4;
  return (chunk + step - 1) / step * step - kMallocBytes;
}

[[nodiscard]] inline unsigned char* take_block(std::size_t size) {
  return static_cast<unsigned char*>(allocate(block_capacity(size)));
}
inline void release_block(unsigned char* block, std::size_t size) { release(block, block_capacity(size)); }

// A block for `to` bytes that begins with the first bytes of `block`, which held `from` bytes and is gone or returned.
[[nodiscard]] inline unsigned char* resize_block(unsigned char* block, std::size_t from, std::size_t to) {
  if (block_capacity(from) == block_capacity(to)) return block;
  unsigned char* moved = take_block(to);
  std::memcpy(moved, block, std::min(from, to));
  release_block(block, from);
  return moved;
}

}  // namespace leat::keyspace
