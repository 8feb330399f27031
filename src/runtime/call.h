#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/shard.h"
#include "runtime/task.h"

// Calls that leave the shard and come back to it: to another shard, or to a thread that may block.
namespace leat::runtime {

namespace detail {

// Holds what a call returned or threw, on its way back.
template <class T>
class CallOutcome {
 public:
  template <class F>
  void run(F&& f) noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        std::forward<F>(f)();
        value_.emplace();
      } else {
        value_.emplace(std::forward<F>(f)());
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  T take() {
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  struct Nothing {};
  std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> value_;
  std::exception_ptr failure_;
};

}  // namespace detail

// co_await run_blocking(f): f(), called on the I/O pool; the awaiting coroutine goes on on its own shard. `f` is not a
// coroutine and whatever it captures by reference outlives the await (it does, when it lives in the awaiting frame).
template <std::invocable F>
class [[nodiscard]] BlockingCall : private Work {
 public:
  using T = std::invoke_result_t<F&>;
  explicit BlockingCall(F f) : f_(std::move(f)) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    home_ = &Shard::current();
    this->Work::run = [](Work* work) {
      auto* call = static_cast<BlockingCall*>(work);
      call->outcome_.run(call->f_);
      call->Work::run = [](Work* back) { static_cast<BlockingCall*>(back)->awaiting_.resume(); };
      call->home_->send(*call);
    };
    home_->send_blocking(*this);
  }
  T await_resume() { return outcome_.take(); }

 private:
  F f_;
  std::coroutine_handle<> awaiting_;
  Shard* home_ = nullptr;
  detail::CallOutcome<T> outcome_;
};

template <std::invocable F>
BlockingCall<F> run_blocking(F f) {
  return BlockingCall<F>(std::move(f));
}

// co_await call_on(shard, function, args...): awaits the Task function(args...) on `shard`, then goes on on the caller's
// shard. `function` is a named coroutine function (or a callable without state); `args` are moved to the other shard and
// live there until the task ends, so a coroutine that takes them by reference may. Calls sent from one shard to another
// start in the order they were sent. On the caller's own shard the task starts at once.
template <class Function, class... Args>
class [[nodiscard]] ShardCall : private Work {
 public:
  using TaskType = std::invoke_result_t<Function&, Args&...>;
  using T = decltype(std::declval<TaskType>().await_resume());

  ShardCall(Shard& target, Function function, Args... args)
      : target_(target), function_(std::move(function)), args_(std::move(args)...) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    home_ = &Shard::current();
    if (home_ == &target_) {
      start();
      return;
    }
    this->Work::run = [](Work* work) { static_cast<ShardCall*>(work)->start(); };
    target_.send(*this);
  }
  T await_resume() {
    if constexpr (std::is_void_v<T>) {
      if (failure_) std::rethrow_exception(failure_);
    } else {
      if (failure_) std::rethrow_exception(failure_);
      return std::move(*value_);
    }
  }

 private:
  struct Nothing {};
  struct Driver {
    struct promise_type : CachedFrame {
      Driver get_return_object() const noexcept { return {}; }
      std::suspend_never initial_suspend() const noexcept { return {}; }
      std::suspend_never final_suspend() const noexcept { return {}; }
      void return_void() const noexcept {}
      void unhandled_exception() const noexcept { std::terminate(); }
    };
  };

  void start() { drive(*this); }

  static Driver drive(ShardCall& call) {
    try {
      // The task and its frame end before the caller may go on and free what they borrowed.
      TaskType task = std::apply(call.function_, call.args_);
      if constexpr (std::is_void_v<T>) {
        co_await task;
      } else {
        call.value_.emplace(co_await task);
      }
    } catch (...) {
      call.failure_ = std::current_exception();
    }
    finish(call);
  }
  static void finish(ShardCall& call) {
    if (call.home_ == &call.target_) {
      call.home_->resume_later(call.awaiting_);
      return;
    }
    call.Work::run = [](Work* back) { static_cast<ShardCall*>(back)->awaiting_.resume(); };
    call.home_->send(call);
  }

  Shard& target_;
  Function function_;
  std::tuple<Args...> args_;
  std::coroutine_handle<> awaiting_;
  Shard* home_ = nullptr;
  std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> value_;
  std::exception_ptr failure_;
};

template <class Function, class... Args>
ShardCall<std::decay_t<Function>, std::decay_t<Args>...> call_on(Shard& target, Function&& function, Args&&... args) {
  return {target, std::forward<Function>(function), std::forward<Args>(args)...};
}

}  // namespace leat::runtime
