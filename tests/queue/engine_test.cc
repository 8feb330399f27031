#include "queue/engine.h"

#include <gtest/gtest.h>

namespace leat::queue {
namespace {

using std::chrono::seconds;

// An engine with a log and an index that work at once, and a clock that the test moves.
class EngineTest : public ::testing::Test {
 protected:
  void start(const QueueSettings& settings, const EngineLimits& limits = {}) {
    settings_ = settings;
    limits_ = limits;
    restart(std::nullopt);
  }
  // All that was decided is durable; the engine is not.
  void restart(std::optional<IndexMark> mark) {
    if (engine_) keep_events();
    engine_ = std::make_unique<Engine>(settings_, Offset(0), mark, limits_);
    for (const auto& [time, event] : journal_) engine_->load(event, time);
    engine_->finish_loading(Offset(0), end(), now());
    work();
  }
  void send(MessageFacts facts = {}) {
    facts.offset = end();
    facts.sent = now().wall;
    groups_.emplace_back(facts.group);
    log_.push_back(facts);
    log_.back().group = groups_.back();
    work();
  }
  void send_group(std::string_view group) { send({.offset = {}, .group = group, .has_group = true}); }
  void send_many(int count, const MessageFacts& facts = {}) {
    for (int i = 0; i < count; ++i) send(facts);
  }
  // Everything that a host does by itself.
  void work() {
    for (;;) {
      engine_->tick(now());
      const auto from = engine_->wants_messages();
      const bool reads = from && *from < end();
      if (reads) engine_->read_ahead(std::span(log_).subspan(static_cast<std::size_t>(from->value())), end(), now());
      const IndexWork work = engine_->take_index_work();
      keep_events();
      if (work.clear) index_.clear();
      for (const IndexEntry& entry : work.puts) index_[entry.key] = entry.value;
      for (const IndexLoad& load : work.loads) answer(load);
      for (const std::string& key : engine_->take_index_erases()) index_.erase(key);
      if (!reads && work.loads.empty()) return;
    }
  }
  void answer(const IndexLoad& load) {
    IndexLoaded loaded{load.id, {}, false};
    for (auto at = index_.lower_bound(load.from); at != index_.end() && at->first < load.to; ++at) {
      loaded.has_more = loaded.entries.size() == load.count_max;
      if (loaded.has_more) break;
      loaded.entries.push_back({at->first, at->second});
    }
    engine_->index_loaded(loaded, now());
  }
  void keep_events() {
    for (Event& event : engine_->take_events()) journal_.emplace_back(engine_->time(), std::move(event));
  }
  // Offsets of what is received.
  std::vector<std::int64_t> receive(std::size_t count = 1, Duration lease = seconds(30)) {
    std::vector<std::int64_t> out;
    for (const Engine::Leased& leased : engine_->receive(count, lease, now())) out.push_back(leased.offset.value());
    work();
    return out;
  }
  [[nodiscard]] Receipt receipt(std::int64_t offset) const {
    return {PartitionIndex(0), Offset(offset), engine_->rewinds(), engine_->deliveries_of(Offset(offset))};
  }
  void acknowledge(std::int64_t offset) {
    EXPECT_TRUE(engine_->acknowledge(receipt(offset), now())) << offset;
    work();
  }
  void release(std::int64_t offset, std::optional<Milliseconds> delay = Milliseconds(0), std::string_view why = {}) {
    EXPECT_TRUE(engine_->release(receipt(offset), delay, why, now())) << offset;
    work();
  }
  void pass(Duration time) {
    passed_ += time;
    work();
  }
  [[nodiscard]] Time now() const {
    return {MonoTime(passed_), Timestamp(1'000'000 + std::chrono::duration_cast<Milliseconds>(passed_).count())};
  }
  [[nodiscard]] Offset end() const { return Offset(static_cast<std::int64_t>(log_.size())); }

  using Offsets = std::vector<std::int64_t>;
  QueueSettings settings_;
  EngineLimits limits_;
  std::unique_ptr<Engine> engine_;
  std::vector<MessageFacts> log_;
  std::deque<std::string> groups_;
  std::vector<std::pair<Timestamp, Event>> journal_;
  std::map<std::string, std::string> index_;
  Duration passed_{0};
};

QueueSettings fifo() {
  QueueSettings settings;
  settings.order = Order::fifo;
  return settings;
}

QueueSettings with_dead_letters(QueueSettings settings, int deliveries_max) {
  settings.deliveries_max = deliveries_max;
  settings.dead_letter_queue = "dead";
  return settings;
}

constexpr EngineLimits kSmall{.read_ahead = 8,
                              .delivered_max = 1'000,
                              .delayed_in_memory = 8,
                              .runs_in_memory = 16,
                              .lane_runs_in_memory = 4,
                              .lanes_in_memory = 4,
                              .refill_entries = 2,
                              .cold_entries = 3,
                              .save_after = 50};

// ---- Unordered ------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, UnorderedWithOneConsumerDeliversEachOnceInOrder) {
  start({});
  send_many(5);
  for (std::int64_t offset = 0; offset < 5; ++offset) {
    ASSERT_EQ(receive(), Offsets{offset});
    acknowledge(offset);
  }
  EXPECT_EQ(receive(), Offsets{});
  EXPECT_EQ(engine_->floor(), Offset(5));
}

TEST_F(EngineTest, UnorderedWithManyConsumersASlowOneHoldsUpNobody) {
  start({});
  send_many(6);
  EXPECT_EQ(receive(1, seconds(1'000)), Offsets{0});
  for (std::int64_t offset = 1; offset < 6; ++offset) {
    ASSERT_EQ(receive(), Offsets{offset});
    acknowledge(offset);
  }
  EXPECT_EQ(engine_->floor(), Offset(0));
  acknowledge(0);
  EXPECT_EQ(engine_->floor(), Offset(6));
}

TEST_F(EngineTest, UnorderedWithOneConsumerThatDiesItsMessagesComeAgain) {
  start({});
  send_many(3);
  EXPECT_EQ(receive(3), (Offsets{0, 1, 2}));
  pass(seconds(29));
  EXPECT_EQ(receive(3), Offsets{});
  pass(seconds(1));
  EXPECT_EQ(receive(3), (Offsets{0, 1, 2}));
  EXPECT_EQ(engine_->deliveries_of(Offset(1)), 2U);
}

TEST_F(EngineTest, UnorderedWithManyConsumersTheDeadOnesMessagesGoToOthers) {
  start({});
  send_many(1'000);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(receive().size(), 1U);  // consumers that vanish
  for (std::int64_t offset = 500; offset < 1'000; ++offset) {
    ASSERT_EQ(receive(), Offsets{offset});
    acknowledge(offset);
  }
  pass(seconds(31));
  for (int i = 0; i < 500; ++i) {
    const Offsets got = receive();
    ASSERT_EQ(got.size(), 1U);
    acknowledge(got[0]);
  }
  EXPECT_EQ(engine_->floor(), Offset(1'000));
}

// ---- FIFO -----------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, FifoWithOneConsumerKeepsTheOrderOfEachGroup) {
  start(fifo());
  for (int i = 0; i < 3; ++i) {
    send_group("a");
    send_group("b");
  }
  EXPECT_EQ(receive(), Offsets{0});
  EXPECT_EQ(receive(), Offsets{1});
  EXPECT_EQ(receive(), Offsets{});
  acknowledge(0);
  EXPECT_EQ(receive(), Offsets{2});
  acknowledge(1);
  EXPECT_EQ(receive(10), (Offsets{3, 5}));
}

TEST_F(EngineTest, FifoWithManyConsumersRunsGroupsSideBySide) {
  start(fifo());
  for (int i = 0; i < 4; ++i) {
    send_group("a");
    send_group("b");
    send_group("c");
  }
  EXPECT_EQ(receive(), Offsets{0});
  EXPECT_EQ(receive(), Offsets{1});
  EXPECT_EQ(receive(), Offsets{2});
  EXPECT_EQ(receive(), Offsets{});
  acknowledge(1);
  EXPECT_EQ(receive(), Offsets{4});
}

TEST_F(EngineTest, FifoWithOneConsumerThatDiesTheGroupGoesOnWhereItStood) {
  start(fifo());
  for (int i = 0; i < 3; ++i) send_group("a");
  EXPECT_EQ(receive(2), (Offsets{0, 1}));
  pass(seconds(31));
  EXPECT_EQ(receive(3), (Offsets{0, 1, 2}));
}

TEST_F(EngineTest, FifoWithManyConsumersADeadOneHoldsUpOnlyItsGroup) {
  start(fifo());
  for (int i = 0; i < 3; ++i) {
    send_group("a");
    send_group("b");
  }
  EXPECT_EQ(receive(), Offsets{0});
  for (const std::int64_t offset : {1, 3, 5}) {
    ASSERT_EQ(receive(), Offsets{offset});
    acknowledge(offset);
  }
  EXPECT_EQ(receive(), Offsets{});
  pass(seconds(31));
  EXPECT_EQ(receive(10), (Offsets{0, 2, 4}));
}

TEST_F(EngineTest, FifoAReceiptIsGoodNoLongerThanItsLease) {
  start(fifo());
  send_group("a");
  EXPECT_EQ(receive(), Offsets{0});
  pass(seconds(31));
  EXPECT_EQ(engine_->acknowledge(receipt(0), now()).error().code, Errc::stale_epoch);
  start({});
  EXPECT_EQ(receive(), Offsets{0});
  pass(seconds(31));
  EXPECT_TRUE(engine_->acknowledge(receipt(0), now()));
}

TEST_F(EngineTest, FifoAFailedMessageComesBeforeTheRestOfItsGroup) {
  start(fifo());
  for (int i = 0; i < 3; ++i) send_group("a");
  EXPECT_EQ(receive(), Offsets{0});
  release(0, Milliseconds(500));
  EXPECT_EQ(receive(), Offsets{});
  pass(Milliseconds(500));
  EXPECT_EQ(receive(2), (Offsets{0, 1}));
}

// ---- Failures -------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, APoisonMessageHarmsNobodyAndEndsAsADeadLetterAtTheLimit) {
  for (const bool ordered : {false, true}) {
    log_.clear(), journal_.clear(), index_.clear(), engine_.reset();
    start(with_dead_letters(ordered ? fifo() : QueueSettings(), 3));
    for (const std::string_view group : {"poisoned", "b", "c", "b", "c"}) send_group(group);
    std::set<std::int64_t> done;
    for (int i = 0; i < 30; ++i) {
      const Offsets got = receive();
      if (got.empty()) break;
      if (got[0] == 0) {
        release(0, Milliseconds(0), "it is poison");
      } else {
        EXPECT_TRUE(done.insert(got[0]).second);
        acknowledge(got[0]);
      }
    }
    EXPECT_EQ(done.size(), 4U);
    EXPECT_EQ(engine_->deliveries_of(Offset(0)), 3U);
    const auto letters = engine_->take_dead_letters();
    ASSERT_EQ(letters.size(), 1U);
    EXPECT_EQ(letters[0].deliveries, 3U);
    EXPECT_EQ(letters[0].reason, "it is poison");
    EXPECT_EQ(engine_->take_dead_letters().size(), 0U);
    engine_->not_moved(Offset(0));
    EXPECT_EQ(engine_->take_dead_letters().size(), 1U);
    engine_->moved(Offset(0), now());
    EXPECT_EQ(engine_->floor(), Offset(5));
  }
}

TEST_F(EngineTest, ADeadLetterIsNamedOnceAfterARewind) {
  start(with_dead_letters({}, 1));
  send();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(receive(), Offsets{0});
    release(0);
    if (i == 0) engine_->rewind(Offset(0), now());
    work();
  }
  EXPECT_EQ(engine_->take_dead_letters().size(), 1U);
}

TEST_F(EngineTest, BackoffDoublesUpToItsMaximum) {
  QueueSettings settings;
  settings.backoff = Backoff::exponential;
  settings.backoff_base = Milliseconds(100);
  settings.backoff_max = Milliseconds(1'000);
  start(settings);
  send();
  for (const std::int64_t most : {100, 200, 400, 800, 1'000, 1'000}) {
    ASSERT_EQ(receive(), Offsets{0});
    release(0, std::nullopt);
    pass(Milliseconds(most / 2 - 1));
    ASSERT_EQ(receive(), Offsets{}) << most;
    pass(Milliseconds(most - most / 2 + 1));
  }
  EXPECT_EQ(receive(), Offsets{0});
}

TEST_F(EngineTest, DeliveryCountsAndAcknowledgementsSurviveARestartLeasesDoNot) {
  start({});
  send_many(3);
  EXPECT_EQ(receive(3), (Offsets{0, 1, 2}));
  acknowledge(1);
  restart(std::nullopt);
  EXPECT_EQ(receive(3), (Offsets{0, 2}));
  EXPECT_EQ(engine_->deliveries_of(Offset(2)), 2U);
  restart(std::nullopt);
  EXPECT_EQ(receive(3), (Offsets{0, 2}));
  EXPECT_EQ(engine_->deliveries_of(Offset(0)), 3U);
}

TEST_F(EngineTest, ARetrysDelaySurvivesARestart) {
  start({});
  send();
  EXPECT_EQ(receive(), Offsets{0});
  release(0, Milliseconds(5'000));
  restart(std::nullopt);
  pass(Milliseconds(4'999));
  EXPECT_EQ(receive(), Offsets{});
  pass(Milliseconds(1));
  EXPECT_EQ(receive(), Offsets{0});
}

// ---- Time -----------------------------------------------------------------------------------------------------------

TEST_F(EngineTest, DelaysOfAnyLengthAreOrderedByDueTime) {
  for (const EngineLimits& limits : {EngineLimits(), kSmall}) {
    log_.clear(), journal_.clear(), index_.clear(), engine_.reset();
    start({}, limits);
    std::map<Timestamp, std::int64_t> by_due;
    const Timestamp base = now().wall;
    for (std::int64_t i = 0; i < 60; ++i) {
      // From a second to three years.
      const Timestamp due = base + (1'000 + (i * 37 % 60) * 1'600'000'000LL);
      by_due.emplace(due, i);
      send({.offset = {}, .due = due});
    }
    for (const auto& [due, offset] : by_due) {
      const std::int64_t left = due - now().wall;
      pass(Milliseconds(left - 1));
      ASSERT_EQ(receive(), Offsets{}) << offset;
      const auto next = engine_->next_deadline(now());
      ASSERT_TRUE(next);
      EXPECT_EQ(*next, now().mono + Milliseconds(1));
      pass(Milliseconds(1));
      ASSERT_EQ(receive(), Offsets{offset});
      acknowledge(offset);
    }
  }
}

TEST_F(EngineTest, WhatHasExpiredIsNeverDelivered) {
  start({});
  send({.offset = {}, .expires = now().wall + 100});
  send();
  send({.offset = {}, .expires = now().wall + 100});
  EXPECT_EQ(receive(), Offsets{0});
  release(0);
  pass(Milliseconds(100));
  EXPECT_EQ(receive(10), Offsets{1});
  acknowledge(1);
  EXPECT_EQ(engine_->floor(), Offset(3));
}

TEST_F(EngineTest, AClockThatGoesBackStopsNoConsumerAndWakesNobodyInVain) {
  start({});
  send();
  EXPECT_EQ(receive(), Offsets{0});
  release(0, Milliseconds(1'000));
  const Time back{now().mono, now().wall - 3'600'000};
  const auto next = engine_->next_deadline(back);
  ASSERT_TRUE(next);
  EXPECT_GE(*next, back.mono + seconds(10));
  send();
  EXPECT_EQ(engine_->receive(1, seconds(1), back).size(), 1U);
}

// ---- Priority, fairness, limits -------------------------------------------------------------------------------------

TEST_F(EngineTest, PrioritiesAreStrict) {
  QueueSettings settings;
  settings.priorities = true;
  start(settings);
  for (const std::uint8_t priority : {0, 3, 9, 3, 0, 9}) send({.offset = {}, .priority = priority});
  EXPECT_EQ(receive(10), (Offsets{2, 5, 1, 3, 0, 4}));
}

TEST_F(EngineTest, LowPrioritiesDoNotStarveWithAgeing) {
  QueueSettings settings;
  settings.priorities = true;
  settings.ageing = Milliseconds(100);
  for (const bool retried : {false, true}) {
    log_.clear(), journal_.clear(), index_.clear(), engine_.reset();
    start(settings);
    send({.offset = {}, .priority = 0});
    if (retried) {
      EXPECT_EQ(receive(), Offsets{0});
      release(0);
    }
    bool delivered = false;
    for (int i = 0; i < 30 && !delivered; ++i) {
      send({.offset = {}, .priority = 9});
      pass(Milliseconds(100));
      delivered = receive() == Offsets{0};
    }
    EXPECT_TRUE(delivered) << retried;
  }
}

TEST_F(EngineTest, AFloodOfOneGroupLetsOthersThrough) {
  for (const EngineLimits& limits : {EngineLimits(), kSmall}) {
    log_.clear(), journal_.clear(), index_.clear(), engine_.reset();
    start({}, limits);
    for (int i = 0; i < 300; ++i) send_group("flood");
    send_group("other");
    const Offsets got = receive(2);
    EXPECT_TRUE(std::ranges::count(got, 300) == 1) << limits.read_ahead;
  }
}

TEST_F(EngineTest, NoMoreAreInFlightThanMayBe) {
  QueueSettings settings;
  settings.in_flight_max = 3;
  start(settings);
  send_many(10);
  EXPECT_EQ(receive(10).size(), 3U);
  EXPECT_TRUE(engine_->is_full());
  EXPECT_EQ(receive(10).size(), 0U);
  acknowledge(1);
  EXPECT_EQ(receive(10), Offsets{3});
}

TEST_F(EngineTest, NoMoreOfAGroupAreInFlightThanMayBe) {
  for (const Order order : {Order::unordered, Order::fifo}) {
    log_.clear(), journal_.clear(), index_.clear(), engine_.reset();
    QueueSettings settings;
    settings.order = order;
    settings.group_in_flight_max = 2;
    start(settings);
    for (int i = 0; i < 10; ++i) send_group("a");
    EXPECT_EQ(receive(10).size(), 2U);
    EXPECT_EQ(receive(10).size(), 0U);
  }
}

TEST_F(EngineTest, ARaisedLimitOfAGroupTakesEffectAtOnce) {
  QueueSettings settings;
  settings.group_in_flight_max = 1;
  start(settings);
  for (int i = 0; i < 10; ++i) send_group("a");
  EXPECT_EQ(receive(10).size(), 1U);
  settings.group_in_flight_max = 4;
  engine_->configure(settings, now());
  EXPECT_EQ(receive(10).size(), 3U);
}

TEST_F(EngineTest, RatesOfQueuesAndGroupsHold) {
  for (const bool by_group : {false, true}) {
    log_.clear(), journal_.clear(), index_.clear(), engine_.reset();
    QueueSettings settings = fifo();
    (by_group ? settings.group_rate_max : settings.rate_max) = 5;
    start(settings);
    for (int i = 0; i < 100; ++i) send_group("a");
    std::size_t total = 0;
    for (int i = 0; i < 40; ++i) {
      for (const std::int64_t offset : receive(10)) {
        acknowledge(offset);
        ++total;
      }
      pass(Milliseconds(100));
    }
    EXPECT_GE(total, 5U + 18) << by_group;
    EXPECT_LE(total, 5U + 20) << by_group;
  }
}

TEST_F(EngineTest, GroupsFlowWhileAllThatFitInMemoryAreBlocked) {
  start(fifo(), kSmall);
  for (int i = 0; i < 40; ++i) send_group(fmt::format("g{}", i));
  for (int i = 0; i < 40; ++i) {
    const Offsets got = receive();
    ASSERT_EQ(got.size(), 1U) << i;
    release(got[0], Milliseconds(3'600'000));
  }
  EXPECT_EQ(receive(), Offsets{});
}

TEST_F(EngineTest, WhenVeryManyAreHeldOnlyTheyAreDeliveredAgain) {
  EngineLimits limits;
  limits.delivered_max = 3;
  start({}, limits);
  send_many(5);
  EXPECT_EQ(receive(10).size(), 3U);
  EXPECT_FALSE(engine_->has_ready(now()));
  release(1);
  EXPECT_TRUE(engine_->has_ready(now()));
  EXPECT_EQ(receive(10), Offsets{1});
  acknowledge(0);
  EXPECT_EQ(receive(10), Offsets{3});
}

// ---- All at once ----------------------------------------------------------------------------------------------------

TEST_F(EngineTest, APurgeTakesWhatIsLeasedDelayedAndReady) {
  start({});
  send_many(3);
  send({.offset = {}, .due = now().wall + 1'000});
  EXPECT_EQ(receive(), Offsets{0});
  const Receipt old = receipt(0);
  engine_->purge(end(), now());
  send();
  EXPECT_EQ(engine_->acknowledge(old, now()).error().code, Errc::not_found);
  pass(seconds(100));
  EXPECT_EQ(receive(10), Offsets{4});
}

TEST_F(EngineTest, ARewindDeliversAcknowledgedMessagesAgainAndOldReceiptsAreNoGood) {
  start({});
  send_many(4);
  EXPECT_EQ(receive(4).size(), 4U);
  for (const std::int64_t offset : {0, 1, 2}) acknowledge(offset);
  const Receipt old = receipt(3);
  engine_->rewind(Offset(1), now());
  work();
  EXPECT_EQ(engine_->acknowledge(old, now()).error().code, Errc::not_found);
  EXPECT_EQ(receive(10), (Offsets{1, 2, 3}));
  EXPECT_EQ(engine_->deliveries_of(Offset(2)), 1U);
}

TEST_F(EngineTest, AFullIndexIsUsedAfterARestartAndNothingIsReadTwice) {
  start({}, kSmall);
  for (int i = 0; i < 200; ++i) send_group(fmt::format("g{}", i % 7));
  const auto stored = index_.find(std::string(kMarkKey));
  ASSERT_NE(stored, index_.end());
  const auto mark = decode_mark(stored->second);
  ASSERT_TRUE(mark);
  EXPECT_GT(mark->covered, Offset(100));
  restart(*mark);
  std::set<std::int64_t> got;
  while (got.size() < 200) {
    const Offsets more = receive(10);
    ASSERT_FALSE(more.empty()) << got.size();
    for (const std::int64_t offset : more) {
      EXPECT_TRUE(got.insert(offset).second);
      acknowledge(offset);
    }
  }
  EXPECT_EQ(engine_->floor(), Offset(200));
}

TEST_F(EngineTest, AGroupLongerThanAnyKeyIsDelivered) {
  start({}, kSmall);
  const std::string group(200'000, 'g');
  for (int i = 0; i < 100; ++i) send_group(i % 2 == 0 ? group : "short");
  std::size_t got = 0;
  for (Offsets more = receive(10); !more.empty(); more = receive(10)) {
    for (const std::int64_t offset : more) acknowledge(offset);
    got += more.size();
  }
  EXPECT_EQ(got, 100U);
}

TEST_F(EngineTest, AnEntryOfTheIndexThatCannotBeReadLosesNothing) {
  start({}, kSmall);
  for (int i = 0; i < 200; ++i) send_group(fmt::format("g{}", i % 3));
  ASSERT_FALSE(index_.empty());
  for (auto& [key, value] : index_)
    if (key != kMarkKey) value = "broken";
  std::set<std::int64_t> got;
  for (Offsets more = receive(10); !more.empty(); more = receive(10)) {
    for (const std::int64_t offset : more) {
      EXPECT_TRUE(got.insert(offset).second);
      acknowledge(offset);
    }
  }
  EXPECT_EQ(got.size(), 200U);
}

}  // namespace
}  // namespace leat::queue
