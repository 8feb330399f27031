#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <vector>

// Every byte of data that the keyspace holds goes through here, so that its size is known at any moment and can be limited.
// Memory may be freed by another thread than the one that took it.
namespace leat::keyspace {

// What the threads took and gave back. Each writes its own line and any may read the sum: no locked instruction.
class MemoryMeter {
 public:
  // Bytes in use now, the allocator's own rounding included.
  [[nodiscard]] static std::int64_t used();
  static void add(std::int64_t bytes) {
    std::atomic<std::int64_t>& mine = *own;
    mine.store(mine.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kThreadsMax = 256;
  struct alignas(64) Line {
    std::atomic<std::int64_t> bytes{0};
  };
  static std::array<Line, kThreadsMax> lines;
  static std::atomic<std::size_t> threads;
  static std::atomic<std::int64_t>* claim();
  inline static thread_local std::atomic<std::int64_t>* own = claim();
};

// What malloc uses for `size` bytes: glibc's chunks are of 16 bytes, 8 of which are its own.
[[nodiscard]] constexpr std::size_t rounded_size(std::size_t size) {
  const std::size_t chunk = (size + 8 + 15) & ~std::size_t{15};
  return chunk < 32 ? 32 : chunk;
}

[[nodiscard]] inline void* allocate(std::size_t size) {
  void* memory = ::operator new(size);
  MemoryMeter::add(static_cast<std::int64_t>(rounded_size(size)));
  return memory;
}
// `size` as it was asked for.
inline void release(void* memory, std::size_t size) {
  if (memory == nullptr) return;
  MemoryMeter::add(-static_cast<std::int64_t>(rounded_size(size)));
  ::operator delete(memory);
}

// Zeroed memory for arrays, at once however large: the system zeroes each page of a large one when it is first touched.
[[nodiscard]] void* allocate_zeroed(std::size_t size);
// What allocate_zeroed returned, and `size` as it was asked for.
void release_zeroed(void* memory, std::size_t size);
// Gives pages back early: the bytes from `from` to `to` of that memory, both multiples of the page size, will not be used again.
// They are counted until the release.
void discard_zeroed(void* memory, std::size_t size, std::size_t from, std::size_t to);

template <class T>
struct Allocator {
  using value_type = T;
  Allocator() = default;
  template <class U>
  Allocator(const Allocator<U>& /*other*/) {}  // NOLINT(google-explicit-constructor)
  // T may be a pointer. NOLINTBEGIN(bugprone-sizeof-expression)
  T* allocate(std::size_t count) { return static_cast<T*>(keyspace::allocate(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { release(memory, count * sizeof(T)); }
  // NOLINTEND(bugprone-sizeof-expression)
  template <class U>
  bool operator==(const Allocator<U>& /*other*/) const {
    return true;
  }
};

// A base whose derived classes are counted when made with `new`.
struct Counted {
  static void* operator new(std::size_t size) { return allocate(size); }
  static void operator delete(void* memory, std::size_t size) { release(memory, size); }
};

using String = std::basic_string<char, std::char_traits<char>, Allocator<char>>;
template <class T>
using Vector = std::vector<T, Allocator<T>>;

}  // namespace leat::keyspace
