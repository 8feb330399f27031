#pragma once

#include <cstddef>

// Memory of coroutine frames. A request runs through some twenty coroutines, always the same: each thread keeps the frames that
// end on it for the next ones of their size.
namespace leat::runtime {

inline constexpr std::size_t kCachedFrameSizeMax = 4096;                    // larger ones are the heap's
inline constexpr std::size_t kCachedFramesBytesMax = std::size_t{1} << 20;  // of one thread

[[nodiscard]] void* allocate_frame(std::size_t size);
// From any thread. `size` is what it was allocated with.
void free_frame(void* frame, std::size_t size) noexcept;

// What a promise derives from so that its coroutine's frame comes from here.
struct CachedFrame {
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) noexcept { free_frame(frame, size); }
};

}  // namespace leat::runtime
