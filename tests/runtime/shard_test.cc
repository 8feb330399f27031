#include <stdexcept>

#include "runtime/call.h"
#include "runtime/sync.h"
#include "tests/runtime/homes.h"

namespace leat::runtime {
namespace {

using testing::InEachHome;
using namespace std::chrono_literals;

class ShardContract : public InEachHome {};

Task<> sleep_and_note(Duration duration, int name, std::vector<int>& order) {
  const MonoTime start = Shard::current().now();
  co_await sleep_for(duration);
  EXPECT_GE(Shard::current().now() - start, duration);
  order.push_back(name);
}

Task<> sleep_side_by_side(std::vector<int>& order) {
  TaskScope scope;
  scope.spawn(sleep_and_note(30ms, 3, order));
  scope.spawn(sleep_and_note(10ms, 1, order));
  scope.spawn(sleep_and_note(20ms, 2, order));
  EXPECT_EQ(scope.running(), 3U);
  co_await scope.join();
  EXPECT_EQ(scope.running(), 0U);
}

TEST_P(ShardContract, SleepersWakeInTheOrderOfTheirDeadlinesAndNotBefore) {
  std::vector<int> order;
  run([&] { return sleep_side_by_side(order); });
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

struct CountingTimer : Timer {
  explicit CountingTimer(int& counter) : count(counter) {}
  void fire() override { ++count; }
  int& count;
};

Task<> arm_and_cancel(int& kept, int& cancelled) {
  CountingTimer a(kept);
  CountingTimer b(cancelled);
  const MonoTime now = Shard::current().now();
  Shard::current().timers().arm(a, now + 5ms);
  Shard::current().timers().arm(b, now + 1ms);
  EXPECT_TRUE(b.armed());
  b.cancel();
  EXPECT_FALSE(b.armed());
  {
    CountingTimer gone(cancelled);
    Shard::current().timers().arm(gone, now + 2ms);
  }
  co_await sleep_for(10ms);
  EXPECT_FALSE(a.armed());
}

TEST_P(ShardContract, ATimerFiresOnceUnlessCancelledOrDestroyed) {
  int kept = 0;
  int cancelled = 0;
  run([&] { return arm_and_cancel(kept, cancelled); });
  EXPECT_EQ(kept, 1);
  EXPECT_EQ(cancelled, 0);
}

Task<> wait_and_note(Notifier& notifier, int name, std::vector<int>& order) {
  co_await notifier.wait();
  order.push_back(name);
}

Task<> notify_waiters(std::vector<int>& order) {
  Notifier notifier;
  EXPECT_FALSE(notifier.notify_one());
  TaskScope scope;
  for (int i = 1; i <= 3; ++i) scope.spawn(wait_and_note(notifier, i, order));
  EXPECT_TRUE(notifier.notify_one());
  EXPECT_TRUE(order.empty()) << "woken inside the call that wakes";
  notifier.notify_all();
  EXPECT_FALSE(notifier.has_waiters());
  EXPECT_TRUE(order.empty());
  co_await scope.join();
}

TEST_P(ShardContract, NotifiedWaitersRunFromTheLoopLongestWaitingFirst) {
  std::vector<int> order;
  run([&] { return notify_waiters(order); });
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

Task<> wait_with_deadline(Notifier& notifier, Duration limit, std::optional<bool>& notified) {
  notified = co_await notifier.wait_until(Shard::current().now() + limit);
}

Task<> time_out_and_notify(std::optional<bool>& early, std::optional<bool>& late) {
  Notifier notifier;
  TaskScope scope;
  scope.spawn(wait_with_deadline(notifier, 2ms, early));
  co_await scope.join();
  EXPECT_FALSE(notifier.has_waiters());
  scope.spawn(wait_with_deadline(notifier, 1h, late));
  notifier.notify_all();
  co_await scope.join();
}

TEST_P(ShardContract, WaitUntilTellsWhetherItWasNotified) {
  std::optional<bool> early;
  std::optional<bool> late;
  run([&] { return time_out_and_notify(early, late); });
  EXPECT_EQ(early, false);
  EXPECT_EQ(late, true);
}

Task<> reserve_and_note(Budget& budget, std::size_t amount, int name, std::vector<int>& order) {
  co_await budget.reserve(amount);
  const Reservation reservation(budget, amount);
  order.push_back(name);
  co_await sleep_for(1ms);
}

Task<> compete_for_budget(std::vector<int>& order) {
  Budget budget(10);
  TaskScope scope;
  scope.spawn(reserve_and_note(budget, 6, 1, order));
  scope.spawn(reserve_and_note(budget, 9, 2, order));
  EXPECT_FALSE(budget.try_reserve(1)) << "a small reservation overtook a large one";
  scope.spawn(reserve_and_note(budget, 1, 3, order));
  scope.spawn(reserve_and_note(budget, 10, 4, order));
  EXPECT_EQ(budget.used(), 6U);
  co_await scope.join();
  EXPECT_EQ(budget.used(), 0U);
}

TEST_P(ShardContract, ABudgetAdmitsFirstComeFirstServed) {
  std::vector<int> order;
  run([&] { return compete_for_budget(order); });
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
}

Task<std::string> describe(std::string text, std::unique_ptr<int>& number) {
  co_await sleep_for(1ms);
  co_return fmt::format("{} {} on {}", text, *number, Shard::current().id());
}

Task<> throw_there() {
  co_await sleep_for(1ms);
  throw std::runtime_error("thrown there");
}

Task<> call_others(Shard& home, Shard& other) {
  EXPECT_EQ(co_await call_on(other, describe, std::string("number"), std::make_unique<int>(7)),
            fmt::format("number 7 on {}", other.id()));
  EXPECT_TRUE(Shard::is_current(home));
  EXPECT_EQ(co_await call_on(home, describe, std::string("mine"), std::make_unique<int>(8)),
            fmt::format("mine 8 on {}", home.id()));
  std::string caught;
  try {
    co_await call_on(other, throw_there);
  } catch (const std::runtime_error& e) {
    caught = e.what();
  }
  EXPECT_EQ(caught, "thrown there");
  EXPECT_TRUE(Shard::is_current(home));
}

TEST_P(ShardContract, CallOnRunsThereAndComesBackWithValuesAndExceptions) {
  run([&] { return call_others(shard(0), shard(1)); });
}

Task<> append(std::vector<int>& log, int value) {
  log.push_back(value);
  co_return;
}

Task<> append_from_here(Shard& target, std::vector<int>& log, int value) {
  co_await call_on(target, append, std::ref(log), value);
}

Task<> send_numbers(Shard& target, std::vector<int>& log, int first, int count) {
  TaskScope scope;
  for (int i = 0; i < count; ++i) {
    scope.spawn(append_from_here(target, log, first + i));
    if (i % 50 == 0) co_await sleep_for(100us);
  }
  co_await scope.join();
}

Task<> send_from_all(Shard& target, Shard& one, Shard& two, std::vector<int>& log) {
  TaskScope scope;
  scope.spawn(append_from_here(one, log, 0));  // of another shard's vector: only to have something in flight
  co_await scope.join();
  log.clear();
  auto first = call_on(one, send_numbers, std::ref(target), std::ref(log), 0, 500);
  co_await first;
  co_await call_on(two, send_numbers, std::ref(target), std::ref(log), 1000, 500);
}

TEST_P(ShardContract, CallsOfOneShardStartInTheOrderTheyWereSent) {
  std::vector<int> log;
  run([&] { return send_from_all(shard(0), shard(1), shard(2), log); });
  ASSERT_EQ(log.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(log));
}

Task<> flood(Shard& target, std::vector<int>& log, int first) { co_await send_numbers(target, log, first, 300); }

Task<> flood_from(Shard& sender, Shard& target, std::vector<int>& log, int first) {
  co_await call_on(sender, flood, std::ref(target), std::ref(log), first);
}

Task<> flood_side_by_side(Shard& target, Shard& one, Shard& two, std::vector<int>& log) {
  TaskScope scope;
  scope.spawn(flood_from(one, target, log, 0));
  scope.spawn(flood_from(two, target, log, 1000));
  co_await scope.join();
}

TEST_P(ShardContract, SendersSideBySideEachKeepTheirOrder) {
  std::vector<int> log;
  run([&] { return flood_side_by_side(shard(0), shard(1), shard(2), log); });
  ASSERT_EQ(log.size(), 600U);
  std::vector<int> low;
  std::vector<int> high;
  for (const int value : log) (value < 1000 ? low : high).push_back(value);
  EXPECT_EQ(low.size(), 300U);
  EXPECT_TRUE(std::ranges::is_sorted(low));
  EXPECT_TRUE(std::ranges::is_sorted(high));
}

Task<> block(Shard& home, bool same_thread_allowed) {
  int seen = 0;
  const auto here = ::pthread_self();
  const int answer = co_await run_blocking([&] {
    if (!same_thread_allowed) {
      EXPECT_EQ(::pthread_equal(here, ::pthread_self()), 0);
    }
    seen = 1;
    return 42;
  });
  EXPECT_EQ(answer, 42);
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(Shard::is_current(home));
  bool caught = false;
  try {
    co_await run_blocking([] { throw std::logic_error("blocked"); });
  } catch (const std::logic_error&) {
    caught = true;
  }
  EXPECT_TRUE(caught);
}

TEST_P(ShardContract, RunBlockingLeavesTheShardAndComesBack) {
  run([&] { return block(shard(0), !real()); });
}

struct Yield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const { Shard::current().resume_later(awaiting); }
  void await_resume() const noexcept {}
};

Task<> yield_and_note(int name, std::vector<int>& order) {
  for (int i = 0; i < 3; ++i) {
    order.push_back(name);
    co_await Yield{};
  }
}

Task<> take_turns(std::vector<int>& order) {
  TaskScope scope;
  scope.spawn(yield_and_note(1, order));
  scope.spawn(yield_and_note(2, order));
  co_await scope.join();
}

TEST_P(ShardContract, ResumeLaterIsFirstInFirstOut) {
  std::vector<int> order;
  run([&] { return take_turns(order); });
  EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2, 1, 2}));
}

Task<> yield_until(const bool& done) {
  while (!done) co_await Yield{};
}

Task<> sleep_beside_a_busy_coroutine() {
  bool done = false;
  TaskScope scope;
  scope.spawn(yield_until(done));
  co_await sleep_for(5ms);
  co_await run_blocking([] {});
  done = true;
  co_await scope.join();
}

TEST_P(ShardContract, ACoroutineThatIsAlwaysReadyDoesNotStarveTimersOrSends) {
  run([] { return sleep_beside_a_busy_coroutine(); });
}

Task<> look_at_clocks_and_chance() {
  Shard& shard = Shard::current();
  std::set<std::uint64_t> drawn;
  for (int i = 0; i < 200; ++i) drawn.insert(shard.random());
  EXPECT_EQ(drawn.size(), 200U);
  const Timestamp wall = shard.wall_now();
  const MonoTime mono = shard.now();
  co_await sleep_for(5ms);
  EXPECT_GE(shard.wall_now() - wall, 4);
  EXPECT_GE(shard.now() - mono, 5ms);
}

TEST_P(ShardContract, ClocksGoOnAndRandomNumbersDiffer) {
  run([] { return look_at_clocks_and_chance(); });
}

Task<> fail_at_once() {
  throw std::runtime_error("main failed");
  co_return;
}

TEST_P(ShardContract, WhatMainThrowsComesOutOfRun) {
  EXPECT_THROW(run([] { return fail_at_once(); }), std::runtime_error);
}

LEAT_IN_EACH_HOME(ShardContract);

}  // namespace
}  // namespace leat::runtime
