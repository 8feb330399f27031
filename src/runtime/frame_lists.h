#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include "runtime/frame_cache.h"

namespace leat::runtime {

// Blocks of memory of one thread, in steps of sizes up to kCachedFrameSizeMax: what is given back is handed out again for the
// same step. Holds at most kCachedFramesBytesMax.
class FrameLists {
 public:
  constexpr FrameLists() = default;
  FrameLists(const FrameLists&) = delete;
  FrameLists& operator=(const FrameLists&) = delete;
  ~FrameLists() {
    for (Free*& list : by_step_) {
      while (list != nullptr) ::operator delete(std::exchange(list, list->next));
    }
    left_ = 0;  // a thread's last frames end after its lists
  }

  void* allocate(std::size_t size) {
    const std::size_t step = step_of(size);
    Free* const frame = by_step_[step];
    if (frame == nullptr) return ::operator new(size_of(step));
    by_step_[step] = frame->next;
    left_ += size_of(step);
    return frame;
  }

  void free(void* frame, std::size_t size) noexcept {
    const std::size_t step = step_of(size);
    if (left_ < size_of(step)) return ::operator delete(frame);
    by_step_[step] = new (frame) Free{by_step_[step]};
    left_ -= size_of(step);
  }

  [[nodiscard]] std::size_t held() const { return kCachedFramesBytesMax - left_; }

 private:
  static constexpr std::size_t kStep = 64;
  struct Free {
    Free* next;
  };

  static std::size_t step_of(std::size_t size) { return (size - 1) / kStep; }
  static std::size_t size_of(std::size_t step) { return (step + 1) * kStep; }

  std::array<Free*, kCachedFrameSizeMax / kStep> by_step_{};
  std::size_t left_ = kCachedFramesBytesMax;
};

}  // namespace leat::runtime
