#include "base/bytes.h"

#include <cstdlib>
#include <new>
#include <vector>

namespace leat {
namespace {

constexpr std::size_t kCachedBlockMin = std::size_t{64} << 10;

// Blocks of at least kCachedBlockMin that this thread freed and may hand out again, in power-of-two sizes.
class BlockCache {
 public:
  BlockCache() = default;
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  ~BlockCache() {
    for (auto& list : by_size_)
      for (std::byte* block : list) std::free(block);
    alive_ = false;
  }

  std::byte* take(std::size_t capacity) {
    auto& list = by_size_[index_of(capacity)];
    if (list.empty()) return nullptr;
    std::byte* block = list.back();
    list.pop_back();
    held_ -= capacity;
    return block;
  }
  bool give(std::byte* block, std::size_t capacity) {
    if (!alive_ || held_ + capacity > Bytes::kCachedBytesMax) return false;
    by_size_[index_of(capacity)].push_back(block);
    held_ += capacity;
    return true;
  }

 private:
  static std::size_t index_of(std::size_t capacity) { return static_cast<std::size_t>(std::countr_zero(capacity)); }

  std::array<std::vector<std::byte*>, 64> by_size_;
  std::size_t held_ = 0;
  bool alive_ = true;
};

thread_local BlockCache block_cache;

std::size_t capacity_for(std::size_t size) {
  return size < kCachedBlockMin ? (size + 15) / 16 * 16 : std::bit_ceil(size);
}

std::byte* allocate(std::size_t capacity) {
  if (capacity >= kCachedBlockMin) {
    if (std::byte* block = block_cache.take(capacity)) return block;
  }
  auto* block = static_cast<std::byte*>(std::malloc(capacity));
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

Bytes Bytes::uninitialized(std::size_t size) {
  Bytes bytes;
  bytes.resize(size);
  return bytes;
}

Bytes Bytes::copy_of(BytesView source) {
  Bytes bytes = uninitialized(source.size());
  if (!source.empty()) std::memcpy(bytes.data_, source.data(), source.size());
  return bytes;
}

void Bytes::append(BytesView source) {
  if (source.empty()) return;
  const std::size_t old_size = size_;
  resize(size_ + source.size());
  std::memcpy(data_ + old_size, source.data(), source.size());
}

void Bytes::resize(std::size_t size) {
  if (size > capacity_) grow_to(std::max(size, capacity_ * 2));
  size_ = size;
}

void Bytes::grow_to(std::size_t wanted) {
  const std::size_t capacity = capacity_for(wanted);
  std::byte* block = allocate(capacity);
  if (size_ > 0) std::memcpy(block, data_, size_);
  const std::size_t size = size_;
  release();
  data_ = block;
  size_ = size;
  capacity_ = capacity;
}

void Bytes::release() {
  if (data_ == nullptr) return;
  if (capacity_ < kCachedBlockMin || !block_cache.give(data_, capacity_)) std::free(data_);
  data_ = nullptr;
  size_ = 0;
  capacity_ = 0;
}

}  // namespace leat
