#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>

#include "runtime/shard.h"
#include "runtime/task.h"

// Waiting, on one shard: sleeping, notification, scopes of spawned tasks, counted reservations. None is thread-safe; each
// belongs to the shard that uses it. Woken coroutines run from the loop, never inside the call that wakes them.
namespace leat::runtime {

// Returns at or after the time, on the same shard.
Task<> sleep_until(MonoTime deadline);
Task<> sleep_for(Duration duration);

// A queue of coroutines that wait to be told. Must outlive its waiters.
class Notifier {
 public:
  class Waiter;

  Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Wakes everyone who waits now.
  void notify_all();
  // Wakes who waited longest. False when nobody waits.
  bool notify_one();
  [[nodiscard]] bool has_waiters() const { return head_ != nullptr; }

  // co_await wait(): returns when notified.
  [[nodiscard]] Waiter wait();
  // co_await wait_until(t): true when notified, false when `deadline` came first.
  [[nodiscard]] Waiter wait_until(MonoTime deadline);

 private:
  void push(Waiter& waiter);
  void remove(Waiter& waiter);

  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
};

class Notifier::Waiter final : private Timer {
 public:
  Waiter(Notifier& notifier, std::optional<MonoTime> deadline) : notifier_(notifier), deadline_(deadline) {}
  ~Waiter() override;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting);
  bool await_resume() const noexcept { return notified_; }

 private:
  friend class Notifier;
  void fire() override;

  Notifier& notifier_;
  std::optional<MonoTime> deadline_;
  std::coroutine_handle<> awaiting_;
  Waiter* next_ = nullptr;
  Waiter* previous_ = nullptr;
  bool queued_ = false;
  bool notified_ = false;
};

// Runs tasks side by side on this shard and lets their owner wait for the last one. A task that throws ends the process:
// tasks catch what they expect.
class TaskScope {
 public:
  TaskScope() = default;
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;
  ~TaskScope();  // nothing runs any more: the owner has joined

  // Starts `task` now, inside this call, up to its first wait.
  void spawn(Task<> task);
  // Returns when no spawned task is left.
  Task<> join();
  [[nodiscard]] std::size_t running() const { return running_; }

 private:
  struct Detached;
  static Detached run(TaskScope& scope, Task<> task);

  std::size_t running_ = 0;
  Notifier idle_;
};

// A budget of units (bytes, requests) that callers reserve before they use it and release after. First come, first
// served: a large reservation is not overtaken by small ones.
class Budget {
 public:
  explicit Budget(std::size_t limit) : limit_(limit) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  // Returns once `amount` (at most the limit) is reserved.
  Task<> reserve(std::size_t amount);
  // Reserves now or returns false.
  [[nodiscard]] bool try_reserve(std::size_t amount);
  void release(std::size_t amount);

  [[nodiscard]] std::size_t limit() const { return limit_; }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] bool is_waited_for() const { return !waiters_.empty(); }

 private:
  struct Waiter;
  void admit();

  std::size_t limit_;
  std::size_t used_ = 0;
  std::deque<Waiter*> waiters_;
};

// A reservation that releases itself.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Budget& budget, std::size_t amount) : budget_(&budget), amount_(amount) {}
  Reservation(Reservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), amount_(std::exchange(other.amount_, 0)) {}
  Reservation& operator=(Reservation&& other) noexcept {
    if (this != &other) {
      reset();
      budget_ = std::exchange(other.budget_, nullptr);
      amount_ = std::exchange(other.amount_, 0);
    }
    return *this;
  }
  ~Reservation() { reset(); }
  [[nodiscard]] std::size_t amount() const { return amount_; }
  void reset() {
    if (budget_ != nullptr) budget_->release(amount_);
    budget_ = nullptr;
    amount_ = 0;
  }

 private:
  Budget* budget_ = nullptr;
  std::size_t amount_ = 0;
};

}  // namespace leat::runtime
