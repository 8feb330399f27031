// Appending, committing and reading.
#include <gmock/gmock.h>

#include "tests/log/node.h"
#include "tests/runtime/homes.h"

namespace leat::log::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr MonoTime kNever = MonoTime::max();

LEAT_LOG_TEST(Partition, ReadsBackEveryRecordOfManySegments, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 200));
  EXPECT_GT(m.log().segment_count(), 10U);
  std::vector<std::string> expected;
  for (int i = 0; i < 200; ++i) expected.push_back(fmt::format("k-{}", i));
  EXPECT_EQ(keys_of(co_await consume(m.log(), Offset(0))), expected);
  EXPECT_EQ(keys_of(co_await consume(m.log(), Offset(0), 300)), expected) << "in small reads";
  EXPECT_EQ(keys_of(co_await consume(m.log(), Offset(0), 1)), expected) << "one batch at a time";
  EXPECT_EQ(keys_of(co_await copy_all(m.log(), Offset(0))), expected);
  for (int from = 0; from <= 200; ++from) {
    const auto found = co_await consume(m.log(), Offset(from));
    CO_REQUIRE(found && found->size() == static_cast<std::size_t>(200 - from));
    EXPECT_TRUE(found->empty() || found->front().offset == Offset(from));
  }
}

LEAT_LOG_TEST(Partition, FindsRecordsInsideBatchesAndSetsTheirOffsetsAndEpoch, m.node.epoch = LeaderEpoch(6)) {
  for (int i = 0; i < 20; ++i) EXPECT_EQ(append(m.log(), batch_of(fmt::format("b{}", i), 5))->base, Offset(5 * i));
  EXPECT_TRUE(co_await m.log().wait_committed(Offset(100), kNever));
  const auto found = co_await consume(m.log(), Offset(53));
  CO_REQUIRE(found && found->size() == 47);
  EXPECT_EQ(found->front().offset, Offset(53));
  EXPECT_EQ(found->front().record.key, "b10-3");
  EXPECT_EQ(found->front().epoch, LeaderEpoch(7));
}

LEAT_LOG_TEST(Partition, RefusesOffsetsBelowTheStartAndAboveTheHighWatermark, m.node.options.flush_max = 1h) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  EXPECT_TRUE(append(m.log(), batch_of("uncommitted")));
  EXPECT_EQ(code_of((co_await m.log().read(Offset(6), {}))), Errc::offset_out_of_range);
  EXPECT_EQ(code_of((co_await m.log().read(Offset(-1), {}))), Errc::offset_out_of_range);
  EXPECT_EQ((co_await m.log().read(Offset(5), {}))->range.length, 0U) << "the high watermark itself is fine";
  EXPECT_TRUE(co_await m.log().delete_records(Offset(3)));
  EXPECT_EQ(code_of((co_await m.log().read(Offset(2), {}))), Errc::offset_out_of_range);
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(3))), ElementsAre("k-3", "k-4"));
}

LEAT_LOG_TEST(Partition, ReturnsALargeFirstBatchOnlyWhenItIsAllowedTo, {}) {
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("small")));
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("large", 1, 600)));
  EXPECT_EQ((co_await m.log().read(Offset(1), {.bytes_max = 100, .whole_batch = false}))->range.length, 0U);
  EXPECT_GT((co_await m.log().read(Offset(1), {.bytes_max = 100, .whole_batch = true}))->range.length, 600U);
  EXPECT_LE((co_await m.log().read(Offset(0), {.bytes_max = 150, .whole_batch = true}))->range.length, 150U);
}

LEAT_LOG_TEST(Commit, ShowsNothingBeforeItsFlush, {}) {
  m.faults().sync_latency = {5ms, 5ms};
  EXPECT_EQ(append(m.log(), batch_of("a"))->end, Offset(1));
  EXPECT_EQ(m.log().log_end(), Offset(1));
  EXPECT_EQ(m.log().high_watermark(), Offset(0));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), ElementsAre());
  EXPECT_THAT(keys_of(co_await copy_all(m.log(), Offset(0), true)), ElementsAre("a"));
  EXPECT_TRUE(co_await m.log().wait_committed(Offset(1), kNever));
  EXPECT_EQ(m.log().high_watermark(), Offset(1));
  EXPECT_EQ(m.log().flushed(), Offset(1));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), ElementsAre("a"));
}

LEAT_LOG_TEST(Commit, FlushesWhatNobodyWaitsForWithinItsTime, m.node.options.flush_max = 10ms) {
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  co_await runtime::sleep_for(5ms);
  EXPECT_EQ(m.log().flushed(), Offset(0)) << "nobody waits, so it is not hurried";
  co_await runtime::sleep_for(20ms);
  EXPECT_EQ(m.log().flushed(), Offset(1));
}

LEAT_LOG_TEST(Interval, ShowsAppendsAtOnceAndFlushesThemInTime, m.config().flush = FlushPolicy::interval) {
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  EXPECT_EQ(m.log().high_watermark(), Offset(1));
  EXPECT_TRUE(co_await m.log().wait_committed(Offset(1), kNever));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), ElementsAre("a"));
  EXPECT_EQ(m.log().flushed(), Offset(0));
  co_await runtime::sleep_for(m.node.options.flush_interval + 50ms);
  EXPECT_EQ(m.log().flushed(), Offset(1));
}

LEAT_LOG_TEST(Os, ShowsAppendsAtOnceAndFlushesOnlyWhenAsked, m.config().flush = FlushPolicy::os) {
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  EXPECT_EQ(m.log().high_watermark(), Offset(1));
  co_await runtime::sleep_for(1h);
  EXPECT_EQ(m.log().flushed(), Offset(0));
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_EQ(m.log().flushed(), Offset(1));
}

LEAT_LOG_TEST(Os, FlushesASegmentThatIsSealed, m.config().flush = FlushPolicy::os) {
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(50ms);
  EXPECT_EQ(m.log().flushed(), Offset(1));
  EXPECT_TRUE(m.log().segments().front()->seal_durable);
}

LEAT_LOG_TEST(Flush, CoversASegmentThatWasJustSealed, m.config().flush = FlushPolicy::os) {
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_EQ(m.log().flushed(), Offset(1));
}

LEAT_LOG_TEST(Reconfigure, ToALaxerPolicyShowsWhatWasAppended, m.node.options.flush_max = 1h) {
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  LogConfig config = m.config();
  config.flush = FlushPolicy::os;
  m.log().reconfigure(config);
  EXPECT_EQ(m.log().high_watermark(), Offset(1));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), ElementsAre("a"));
}

LEAT_LOG_TEST(WaitCommitted, EndsAtItsDeadlineAndTheRecordIsCommittedLater, {}) {
  m.faults().sync_latency = {100ms, 100ms};
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  const Status waited = co_await m.log().wait_committed(Offset(1), m.world.now() + 20ms);
  EXPECT_EQ(code_of(waited), Errc::timed_out);
  EXPECT_TRUE(co_await m.log().wait_committed(Offset(1), kNever));
}

LEAT_LOG_TEST(Roll, HappensBySize, m.config().segment_bytes = 500) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(append(m.log(), batch_of(fmt::format("k{}", i))));
    for (const auto& segment : m.log().segments()) EXPECT_LE(segment->size, 500U);
  }
  EXPECT_TRUE(append(m.log(), batch_of("larger than a segment", 1, 900)));
  EXPECT_EQ(m.log().segments().back()->base, Offset(20)) << "it has one of its own";
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(21));
}

LEAT_LOG_TEST(Roll, HappensByAge, (m.config().segment_ms = 60'000)) {
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("a")));
  co_await runtime::sleep_for(59s);
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("b")));
  EXPECT_EQ(m.log().segment_count(), 1U);
  co_await runtime::sleep_for(2s);
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("c")));
  EXPECT_EQ(m.log().segment_count(), 2U);
  co_await runtime::sleep_for(75s);
  EXPECT_EQ(m.log().segment_count(), 3U) << "without an append too";
  EXPECT_EQ(m.log().segments().back()->size, 0U);
  co_await runtime::sleep_for(300s);
  EXPECT_EQ(m.log().segment_count(), 3U) << "an empty segment stays";
}

class CountingWatch final : public ProgressWatch {
 public:
  void on_progress() override { ++count; }
  int count = 0;
};

LEAT_LOG_TEST(ProgressWatch, IsToldOfCommitsUntilItIsGone, {}) {
  CountingWatch first;
  m.log().watch(first);
  {
    CountingWatch second;
    CountingWatch third;
    m.log().watch(second);
    m.log().watch(third);
    m.log().watch(third);
    EXPECT_TRUE(append(m.log(), batch_of("a")));
    EXPECT_EQ(first.count + second.count + third.count, 0) << "not committed yet";
    EXPECT_TRUE(co_await m.log().flush());
    EXPECT_EQ(first.count, 1);
    EXPECT_EQ(second.count, 1);
    EXPECT_EQ(third.count, 1) << "registered twice, told once";
  }
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("b")));
  EXPECT_EQ(first.count, 2);
  m.log().take_offline({Errc::io, "a test"});
  EXPECT_EQ(first.count, 3);
}

LEAT_LOG_TEST(ProgressWatch, MovesToAnotherPartitionAndOutlivesIt, m.node.configs.resize(2)) {
  CountingWatch watch;
  m.log(0).watch(watch);
  m.log(1).watch(watch);
  EXPECT_TRUE(co_await append_committed(m.log(0), batch_of("a")));
  EXPECT_EQ(watch.count, 0);
  EXPECT_TRUE(co_await append_committed(m.log(1), batch_of("a")));
  EXPECT_EQ(watch.count, 1);
  EXPECT_TRUE(co_await m.node.stop());
}

LEAT_LOG_TEST(Epochs, AreFoundByOffsetAndEndWhereTheNextOneBegins, {}) {
  EXPECT_EQ(m.log().epoch_at(Offset(0)), kNoEpoch);
  EXPECT_TRUE(co_await fill(m.log(), "a", 7));
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_TRUE(co_await m.node.stop());
    EXPECT_TRUE(co_await m.node.start());
  }
  EXPECT_TRUE(co_await fill(m.log(), "b", 5));
  using End = std::pair<LeaderEpoch, Offset>;
  EXPECT_EQ(m.log().leader_epoch(), LeaderEpoch(2));
  EXPECT_EQ(m.log().epoch_at(Offset(6)), LeaderEpoch(0));
  EXPECT_EQ(m.log().epoch_at(Offset(7)), LeaderEpoch(2));
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(0)), End(LeaderEpoch(0), Offset(7)));
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(1)), End(LeaderEpoch(0), Offset(7))) << "no record has epoch 1";
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(2)), End(LeaderEpoch(2), Offset(12)));
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(3)), std::nullopt);
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(-1)), std::nullopt);
}

LEAT_LOG_TEST(VisitHeaders, SeesEveryBatchFromAnOffsetOnUncommittedOnesToo, m.node.options.flush_max = 1h) {
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(append(m.log(), batch_of(fmt::format("b{}", i), 3)));
  EXPECT_GT(m.log().segment_count(), 3U);
  for (const int from : {0, 1, 90, 177, 179}) {
    std::vector<std::int64_t> bases;
    EXPECT_TRUE(co_await m.log().visit_headers(
        Offset(from), [&](const BatchHeader& header) { bases.push_back(header.base_offset.value()); }));
    std::vector<std::int64_t> expected;
    for (int base = from / 3 * 3; base < 180; base += 3) expected.push_back(base);
    EXPECT_EQ(bases, expected) << from;
  }
}

LEAT_LOG_TEST(AppendReplicated, TakesBatchesAsTheyAreAndRefusesGaps, {}) {
  const auto batch_at = [](std::int64_t base, int epoch) {
    Bytes batch = batch_of(fmt::format("at-{}", base), 2);
    store_be(batch.data(), base);
    store_be(batch.data() + 12, std::int32_t{epoch});
    return batch;
  };
  Bytes two = batch_at(0, 3);
  two.append(batch_at(2, 5));
  EXPECT_TRUE(m.log().append_replicated(two));
  EXPECT_EQ(m.log().log_end(), Offset(4));
  EXPECT_EQ(code_of(m.log().append_replicated(batch_at(2, 5))), Errc::invalid_argument) << "a gap back";
  EXPECT_EQ(code_of(m.log().append_replicated(batch_at(5, 5))), Errc::invalid_argument) << "a gap";
  EXPECT_EQ(code_of(m.log().append_replicated(batch_at(4, 4))), Errc::invalid_argument) << "an older epoch";
  EXPECT_EQ(code_of(m.log().append_replicated(batch_at(4, 5).view().first(70))), Errc::invalid_argument);
  Bytes broken = batch_at(4, 5);
  broken.data()[broken.size() - 1] ^= std::byte{1};
  EXPECT_EQ(code_of(m.log().append_replicated(broken)), Errc::corrupt_message);
  EXPECT_EQ(m.log().log_end(), Offset(4));
  EXPECT_TRUE(co_await m.log().flush());
  const auto found = co_await consume(m.log(), Offset(0));
  EXPECT_THAT(keys_of(found), ElementsAre("at-0-0", "at-0-1", "at-2-0", "at-2-1"));
  EXPECT_EQ(m.log().epoch_at(Offset(1)), LeaderEpoch(3));
  EXPECT_EQ(m.log().epoch_at(Offset(2)), LeaderEpoch(5));
}

LEAT_LOG_TEST(Remove, TellsWaitersAndLeavesNoFolder, m.node.options.flush_max = 1h) {
  m.faults().sync_latency = {10ms, 10ms};
  EXPECT_TRUE(append(m.log(), batch_of("a")));
  const std::string folder = m.node.folder();
  runtime::TaskScope scope;
  Status waited;
  const auto wait = [](Partition& log, Status& outcome) -> Task<> {
    outcome = co_await log.wait_committed(Offset(1), kNever);
  };
  scope.spawn(wait(m.log(), waited));
  EXPECT_TRUE(co_await m.node.store->remove(partition_id(0)));
  co_await scope.join();
  EXPECT_EQ(code_of(waited), Errc::not_found);
  EXPECT_EQ(code_of(append(m.log(), batch_of("b"))), Errc::not_found);
  EXPECT_FALSE(m.world.files().exists(folder));
  EXPECT_EQ(m.node.store->find(partition_id(0)), nullptr);
  EXPECT_EQ(code_of((co_await m.node.store->remove(partition_id(0)))), Errc::not_found);
}

}  // namespace
}  // namespace leat::log::testing
