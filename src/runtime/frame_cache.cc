#include "runtime/frame_cache.h"

#include <array>
#include <new>

namespace leat::runtime {
namespace {

constexpr std::size_t kStep = 64;

// AddressSanitizer shall see the use of a frame that has ended.
#if __has_feature(address_sanitizer)
constexpr bool kIsOn = false;
#else
constexpr bool kIsOn = true;
#endif

struct Free {
  Free* next;
};

class FrameCache {
 public:
  constexpr FrameCache() = default;
  FrameCache(const FrameCache&) = delete;
  FrameCache& operator=(const FrameCache&) = delete;
  ~FrameCache() {
    for (std::size_t index = 0; index < by_size_.size(); ++index) {
      while (void* frame = take(index)) ::operator delete(frame);
    }
    left_ = 0;
  }

  void* take(std::size_t index) {
    Free* frame = by_size_[index];
    if (frame == nullptr) return nullptr;
    by_size_[index] = frame->next;
    left_ += size_of(index);
    return frame;
  }
  bool give(void* frame, std::size_t index) {
    if (left_ < size_of(index)) return false;
    by_size_[index] = new (frame) Free{by_size_[index]};
    left_ -= size_of(index);
    return true;
  }

  static std::size_t index_of(std::size_t size) { return (size - 1) / kStep; }
  static std::size_t size_of(std::size_t index) { return (index + 1) * kStep; }

 private:
  std::array<Free*, kCachedFrameSizeMax / kStep> by_size_{};
  std::size_t left_ = kCachedFramesBytesMax;
};

constinit thread_local FrameCache cache;

}  // namespace

void* allocate_frame(std::size_t size) {
  if (!kIsOn || size > kCachedFrameSizeMax) return ::operator new(size);
  const std::size_t index = FrameCache::index_of(size);
  if (void* frame = cache.take(index)) return frame;
  return ::operator new(FrameCache::size_of(index));
}

void free_frame(void* frame, std::size_t size) noexcept {
  if (kIsOn && size <= kCachedFrameSizeMax && cache.give(frame, FrameCache::index_of(size))) return;
  ::operator delete(frame);
}

}  // namespace leat::runtime
