#include "runtime/sync.h"

#include <cassert>

#include "base/logging.h"

namespace leat::runtime {
namespace {

// Suspends its coroutine until a time.
class Sleep final : private Timer {
 public:
  explicit Sleep(MonoTime deadline) : deadline_(deadline) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    Shard::current().timers().arm(*this, deadline_);
  }
  void await_resume() const noexcept {}

 private:
  void fire() override { Shard::current().resume_later(awaiting_); }

  MonoTime deadline_;
  std::coroutine_handle<> awaiting_;
};

}  // namespace

Task<> sleep_until(MonoTime deadline) { co_await Sleep(deadline); }
Task<> sleep_for(Duration duration) { co_await Sleep(Shard::current().now() + duration); }

void Notifier::notify_all() {
  while (notify_one()) {}
}

bool Notifier::notify_one() {
  if (head_ == nullptr) return false;
  Waiter& waiter = *head_;
  remove(waiter);
  waiter.cancel();
  waiter.notified_ = true;
  Shard::current().resume_later(waiter.awaiting_);
  return true;
}

Notifier::Waiter Notifier::wait() { return {*this, std::nullopt}; }
Notifier::Waiter Notifier::wait_until(MonoTime deadline) { return {*this, deadline}; }

void Notifier::push(Waiter& waiter) {
  waiter.queued_ = true;
  waiter.previous_ = tail_;
  (tail_ != nullptr ? tail_->next_ : head_) = &waiter;
  tail_ = &waiter;
}

void Notifier::remove(Waiter& waiter) {
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : head_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : tail_) = waiter.previous_;
  waiter.next_ = nullptr;
  waiter.previous_ = nullptr;
  waiter.queued_ = false;
}

Notifier::Waiter::~Waiter() {
  if (queued_) notifier_.remove(*this);
}

void Notifier::Waiter::await_suspend(std::coroutine_handle<> awaiting) {
  awaiting_ = awaiting;
  notifier_.push(*this);
  if (deadline_) Shard::current().timers().arm(*this, *deadline_);
}

void Notifier::Waiter::fire() {
  notifier_.remove(*this);
  Shard::current().resume_later(awaiting_);
}

// A coroutine that nobody awaits: starts at once and frees itself at its end.
struct TaskScope::Detached {
  struct promise_type : CachedFrame {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const {
      try {
        throw;
      } catch (const std::exception& e) {
        log_error("runtime", "a task ended with an exception nobody expected: {}", e.what());
      } catch (...) {
        log_error("runtime", "a task ended with an exception nobody expected");
      }
      std::terminate();
    }
  };
};

TaskScope::~TaskScope() { assert(running_ == 0); }

TaskScope::Detached TaskScope::run(TaskScope& scope, Task<> task) {
  {
    // The task's frame ends here, before the scope is told: what it borrowed from the scope's owner is let go first.
    Task<> owned = std::move(task);
    co_await owned;
  }
  if (--scope.running_ == 0) scope.idle_.notify_all();
}

void TaskScope::spawn(Task<> task) {
  ++running_;
  run(*this, std::move(task));
}

Task<> TaskScope::join() {
  while (running_ > 0) co_await idle_.wait();
}

struct Budget::Waiter {
  std::size_t amount;
  Notifier admitted;
};

Task<> Budget::reserve(std::size_t amount) {
  assert(amount <= limit_);
  if (try_reserve(amount)) co_return;
  Waiter waiter{.amount = amount, .admitted = {}};
  waiters_.push_back(&waiter);
  co_await waiter.admitted.wait();
}

bool Budget::try_reserve(std::size_t amount) {
  if (!waiters_.empty() || used_ + amount > limit_) return false;
  used_ += amount;
  return true;
}

void Budget::release(std::size_t amount) {
  assert(used_ >= amount);
  used_ -= amount;
  admit();
}

void Budget::admit() {
  while (!waiters_.empty() && used_ + waiters_.front()->amount <= limit_) {
    used_ += waiters_.front()->amount;
    waiters_.front()->admitted.notify_one();
    waiters_.pop_front();
  }
}

}  // namespace leat::runtime
