#pragma once

#include <cstdint>
#include <string_view>

// Bytes as rows of bits; bit 0 is the highest of the first byte.
namespace leat::keyspace::bits {

inline constexpr std::uint64_t kNone = ~std::uint64_t{0};

[[nodiscard]] inline bool get(std::string_view bytes, std::uint64_t bit) {
  return (static_cast<unsigned char>(bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0;
}
inline void set(char* bytes, std::uint64_t bit, bool value) {
  const auto mask = static_cast<unsigned char>(0x80U >> (bit % 8));
  const auto byte = static_cast<unsigned char>(bytes[bit / 8]);
  bytes[bit / 8] = static_cast<char>(value ? byte | mask : byte & ~mask);
}

// How many bits of the bytes are ones.
[[nodiscard]] std::uint64_t count(std::string_view bytes);
// And of [from, to), which are within them.
[[nodiscard]] std::uint64_t count(std::string_view bytes, std::uint64_t from, std::uint64_t to);

// The first bit of [from, to) that is `value`, or kNone.
[[nodiscard]] std::uint64_t find(std::string_view bytes, bool value, std::uint64_t from, std::uint64_t to);

// An unsigned integer of `width` bits (64 at most) that begins at `bit`. Behind the end there are zeros.
[[nodiscard]] std::uint64_t load(std::string_view bytes, std::uint64_t bit, unsigned width);
// The lowest `width` bits of `value`, to bytes that are there.
void store(char* bytes, std::uint64_t bit, unsigned width, std::uint64_t value);

}  // namespace leat::keyspace::bits
