#pragma once

#include <optional>
#include <vector>

#include "base/types.h"

namespace leat::runtime {

class TimerQueue;

// Something that happens once at a time, unless it is cancelled first. Lives in its owner and must not move while armed;
// destroying it cancels it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();

  [[nodiscard]] bool armed() const { return queue_ != nullptr; }
  [[nodiscard]] MonoTime deadline() const { return deadline_; }
  void cancel();

 protected:
  // Called on the shard whose queue it was armed in, at or after the deadline; the timer is no longer armed and may be
  // armed again or destroyed from here.
  virtual void fire() = 0;

 private:
  friend class TimerQueue;
  TimerQueue* queue_ = nullptr;
  std::size_t index_ = 0;
  MonoTime deadline_{};
};

// One shard's timers, earliest first; timers of the same deadline fire in an unspecified but repeatable order.
class TimerQueue {
 public:
  // Arms `timer` (which is not armed). Logarithmic in the number of armed timers, as is cancelling.
  void arm(Timer& timer, MonoTime deadline);
  // Fires every timer due at `now`. Returns how many fired.
  std::size_t fire_due(MonoTime now);
  [[nodiscard]] std::optional<MonoTime> next_deadline() const;

 private:
  friend class Timer;
  void remove(Timer& timer);
  void place(std::size_t index, Timer* timer);
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);

  std::vector<Timer*> heap_;
};

}  // namespace leat::runtime
