#include "runtime/timers.h"

namespace leat::runtime {

Timer::~Timer() { cancel(); }

void Timer::cancel() {
  if (queue_ != nullptr) queue_->remove(*this);
}

void TimerQueue::arm(Timer& timer, MonoTime deadline) {
  timer.cancel();
  timer.queue_ = this;
  timer.deadline_ = deadline;
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

std::size_t TimerQueue::fire_due(MonoTime now) {
  std::size_t fired = 0;
  while (!heap_.empty() && heap_.front()->deadline_ <= now) {
    Timer* due = heap_.front();
    remove(*due);
    due->fire();
    ++fired;
  }
  return fired;
}

std::optional<MonoTime> TimerQueue::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->deadline_;
}

void TimerQueue::remove(Timer& timer) {
  const std::size_t index = timer.index_;
  timer.queue_ = nullptr;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

void TimerQueue::place(std::size_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::sift_up(std::size_t index) {
  Timer* moving = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->deadline_ <= moving->deadline_) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, moving);
}

void TimerQueue::sift_down(std::size_t index) {
  Timer* moving = heap_[index];
  while (true) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (moving->deadline_ <= heap_[child]->deadline_) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, moving);
}

}  // namespace leat::runtime
