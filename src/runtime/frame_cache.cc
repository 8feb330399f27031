#include "runtime/frame_cache.h"

#include "runtime/frame_lists.h"

namespace leat::runtime {
namespace {

// AddressSanitizer shall see the use of a frame that has ended.
#if __has_feature(address_sanitizer)
constexpr bool kIsOn = false;
#else
constexpr bool kIsOn = true;
#endif

constinit thread_local FrameLists lists;

}  // namespace

void* allocate_frame(std::size_t size) {
  return kIsOn && size <= kCachedFrameSizeMax ? lists.allocate(size) : ::operator new(size);
}

void free_frame(void* frame, std::size_t size) noexcept {
  if (kIsOn && size <= kCachedFrameSizeMax) {
    lists.free(frame, size);
  } else {
    ::operator delete(frame);
  }
}

}  // namespace leat::runtime
