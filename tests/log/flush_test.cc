// Group commit, failed flushes, and full disks.
#include <gmock/gmock.h>

#include "tests/log/node.h"
#include "tests/runtime/homes.h"

namespace leat::log::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr std::uint64_t kRoomy = std::uint64_t{1} << 40;

Task<> append_and_wait(Partition& log, std::string key, Status& outcome, std::size_t size = 20) {
  const auto appended = co_await append_committed(log, batch_of(key, 1, size));
  outcome = appended ? Status{} : Status(fail(appended.error()));
}

LEAT_LOG_TEST(GroupCommit, AFewRoundsServeManyWaitersOfManyPartitions, m.node.configs.resize(50)) {
  m.faults().sync_latency = {1ms, 1ms};
  runtime::TaskScope scope;
  std::vector<Status> outcomes(500, fail(Errc::internal, "never answered"));
  const std::uint64_t before = m.node.store->stats().flushes.value();
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    scope.spawn(append_and_wait(m.log(i % 50), fmt::format("k{}", i), outcomes[i]));
  co_await scope.join();
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome);
  EXPECT_LE(m.node.store->stats().flushes.value() - before, 3U);
  for (std::size_t n = 0; n < 50; ++n) EXPECT_EQ(m.log(n).high_watermark(), Offset(10));
}

LEAT_LOG_TEST(GroupCommit, WhatIsAppendedDuringARoundIsInTheNext, {}) {
  m.faults().sync_latency = {10ms, 10ms};
  runtime::TaskScope scope;
  Status first;
  Status second;
  scope.spawn(append_and_wait(m.log(), "a", first));
  co_await runtime::sleep_for(5ms);
  const std::uint64_t before = m.node.store->stats().flushes.value();
  scope.spawn(append_and_wait(m.log(), "b", second));
  co_await scope.join();
  EXPECT_TRUE(first && second);
  EXPECT_EQ(m.node.store->stats().flushes.value() - before, 2U);
}

LEAT_LOG_TEST(GroupCommit, ManyFilesAreOneSyncOfAll, (m.node.configs.resize(20), m.node.options.sync_all_above = 8)) {
  runtime::TaskScope scope;
  std::vector<Status> outcomes(20, fail(Errc::internal, "never answered"));
  const std::uint64_t before = m.world.files().operations();
  for (std::size_t i = 0; i < 20; ++i) scope.spawn(append_and_wait(m.log(i), "k", outcomes[i]));
  co_await scope.join();
  for (const Status& outcome : outcomes) EXPECT_TRUE(outcome);
  EXPECT_LE(m.world.files().operations() - before, 20U + 2 + 20 * 6) << "writes, the sync, and later the manifests";
  EXPECT_GE(m.node.store->stats().flushed_files.value(), 20U);
}

LEAT_LOG_TEST(FailedFlush, TakesThePartitionOfflineAndTellsEveryWaiter, m.node.configs.resize(2)) {
  EXPECT_TRUE(co_await fill(m.log(0), "before", 3));
  EXPECT_TRUE(co_await fill(m.log(1), "other", 3));
  co_await runtime::sleep_for(1s);  // the manifests are written
  runtime::TaskScope scope;
  std::vector<Status> outcomes(5);
  m.faults().failing_syncs = 1;
  for (std::size_t i = 0; i < 5; ++i) scope.spawn(append_and_wait(m.log(0), "lost", outcomes[i]));
  co_await scope.join();
  for (const Status& outcome : outcomes) EXPECT_EQ(code_of(outcome), Errc::io);
  EXPECT_TRUE(m.log(0).offline());
  EXPECT_EQ(m.log(0).high_watermark(), Offset(3));
  EXPECT_EQ(code_of(append(m.log(0), batch_of("x"))), Errc::io);
  EXPECT_EQ(code_of((co_await m.log(0).read(Offset(0), {}))), Errc::io);
  EXPECT_EQ(code_of((co_await m.log(0).flush())), Errc::io);
  EXPECT_EQ(code_of((co_await m.log(0).delete_records(Offset(1)))), Errc::io);
  EXPECT_EQ(m.node.store->stats().failed_flushes.value(), 1U);
  EXPECT_EQ(m.node.store->stats().offline_partitions.value(), 1);
  EXPECT_TRUE(co_await fill(m.log(1), "still serves", 3));
}

// A second fsync succeeds without the pages that the first one lost.
LEAT_LOG_TEST(FailedFlush, NoLaterFlushCommitsWhatWasLost, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "before", 3));
  co_await runtime::sleep_for(1s);
  m.faults().sync_latency = {10ms, 10ms};
  m.faults().failing_syncs = 1;
  runtime::TaskScope scope;
  std::vector<Status> outcomes(2);
  scope.spawn(append_and_wait(m.log(), "in the failing round", outcomes[0], 9000));
  co_await runtime::sleep_for(5ms);
  scope.spawn(append_and_wait(m.log(), "waits for the next round", outcomes[1], 9000));
  co_await scope.join();
  EXPECT_FALSE(outcomes[0]);
  EXPECT_FALSE(outcomes[1]);
  co_await runtime::sleep_for(1s);
  EXPECT_EQ(m.log().flushed(), Offset(3));
  EXPECT_EQ(m.log().recovery_point().offset, Offset(3)) << "the checkpoint does not vouch for what was lost";

  // The next process reads the disk, not the cache that still has the lost pages.
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_FALSE(m.log().offline());
  EXPECT_EQ(m.log().log_end(), Offset(3));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(3));
}

LEAT_LOG_TEST(FailedFlush, OfAllFilesAtOnceHitsOnlyThosePartitionsThatLostSomething,
              (m.node.configs.resize(12), m.node.options.sync_all_above = 2)) {
  for (std::size_t n = 0; n < 12; ++n) EXPECT_TRUE(co_await fill(m.log(n), "before", 1));
  co_await runtime::sleep_for(1s);
  LogConfig os = m.config();
  os.flush = FlushPolicy::os;
  m.log(10).reconfigure(os);
  EXPECT_TRUE(append(m.log(10), batch_of("not in the round")));
  runtime::TaskScope scope;
  std::vector<Status> outcomes(10);
  m.faults().failing_syncs = 1;
  for (std::size_t i = 0; i < 10; ++i) scope.spawn(append_and_wait(m.log(i), "lost", outcomes[i]));
  co_await scope.join();
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_FALSE(outcomes[i]);
    EXPECT_TRUE(m.log(i).offline());
  }
  EXPECT_FALSE(co_await m.log(10).flush()) << "its pages were lost as well, and its own flush says so";
  EXPECT_TRUE(co_await fill(m.log(11), "went on", 3)) << "it had nothing to lose";
}

Task<> append_again_and_again(Partition& log, int times) {
  for (int i = 0; i < times; ++i) {
    const auto appended = co_await append_committed(log, batch_of("again"));
    EXPECT_TRUE(appended);
    co_await runtime::sleep_for(std::chrono::microseconds(10));
  }
}

LEAT_LOG_TEST(GroupCommit, ARoundWaitsForThoseWhomTheLastOneServed, {}) {
  m.faults().sync_latency = {1ms, 1ms};
  constexpr int kClients = 16;
  constexpr int kTimes = 50;
  const auto before = m.node.store->stats().flushes.value();
  runtime::TaskScope clients;
  for (int i = 0; i < kClients; ++i) clients.spawn(append_again_and_again(m.log(), kTimes));
  co_await clients.join();
  const auto rounds = m.node.store->stats().flushes.value() - before;
  EXPECT_LE(rounds, kTimes + kTimes / 5) << "nearly everyone is in every round";
}

Task<Duration> time_alone(Partition& log) {
  const MonoTime start = runtime::Shard::current().now();
  co_await append_again_and_again(log, 50);
  co_return runtime::Shard::current().now() - start;
}

LEAT_LOG_TEST(GroupCommit, WhoeverIsAloneWaitsForNobody, {}) {
  m.faults().sync_latency = {1ms, 1ms};
  const Duration before = co_await time_alone(m.log());
  runtime::TaskScope many;
  for (int i = 0; i < 16; ++i) many.spawn(append_again_and_again(m.log(), 5));
  co_await many.join();
  EXPECT_LE(co_await time_alone(m.log()), before + 3ms) << "the first one may have waited for others, once";
}

LEAT_LOG_TEST(FullDisk, RefusesAppendsAsAWholeAndGoesOnWhenThereIsSpace, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "before", 20));
  co_await runtime::sleep_for(1s);
  const auto free = m.world.files().free_space("/").value();
  m.faults().capacity = kRoomy - free + 50;  // half a batch fits
  const std::uint64_t size = m.log().size_bytes();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(code_of(append(m.log(), batch_of("refused"))), Errc::disk_full);
    EXPECT_EQ(m.log().log_end(), Offset(20));
    EXPECT_EQ(m.log().size_bytes(), size);
  }
  EXPECT_FALSE(m.log().offline());
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(20)) << "consumers go on";
  m.faults().capacity = kRoomy;
  EXPECT_TRUE(co_await fill(m.log(), "after", 10));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(18))),
              ElementsAre("before-18", "before-19", "after-0", "after-1", "after-2", "after-3", "after-4", "after-5",
                          "after-6", "after-7", "after-8", "after-9"));
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_end(), Offset(30));
  EXPECT_EQ(m.node.store->stats().cut_bytes.value(), 0U) << "no half batch was left behind";
}

LEAT_LOG_TEST(FullDisk, RecordsCanBeDeletedToMakeRoom, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "before", 100));
  co_await runtime::sleep_for(1s);
  const auto free = m.world.files().free_space("/").value();
  m.faults().capacity = kRoomy - free;  // not a byte is left
  EXPECT_EQ(code_of(append(m.log(), batch_of("refused"))), Errc::disk_full);
  EXPECT_TRUE(co_await m.log().delete_records(Offset(50)));
  EXPECT_LE(m.log().segment_count(), 8U);
  EXPECT_TRUE(co_await fill(m.log(), "after", 10)) << "there is room again";
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_start(), Offset(50));
  EXPECT_EQ(m.log().log_end(), Offset(110));
}

LEAT_LOG_TEST(FullDisk, JournalsGoOnFromTheirShareAndRecordsGetNoneOfIt, m.node.configs.resize(2)) {
  m.node.configs[1].journal = true;
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_TRUE(co_await fill(m.log(0), "before", 10));
  co_await runtime::sleep_for(1s);
  const auto free = m.world.files().free_space("/").value();
  m.faults().capacity = kRoomy - free;  // not a byte is left
  EXPECT_EQ(code_of(append(m.log(0), batch_of("refused"))), Errc::disk_full);
  EXPECT_TRUE(co_await fill(m.log(1), "journalled", 20));
  EXPECT_GT(m.world.files().free_space("/").value(), 0U);
  EXPECT_EQ(code_of(append(m.log(0), batch_of("refused"))), Errc::disk_full) << "the space is the journals'";
  Errc refused{};
  for (int i = 0; i < 10'000 && refused == Errc{}; ++i) {
    if (auto appended = append(m.log(1), batch_of("more")); !appended) refused = appended.error().code;
  }
  EXPECT_EQ(refused, Errc::disk_full) << "the share has an end";
  m.faults().capacity = kRoomy;
  co_await runtime::sleep_for(m.node.options.maintenance_interval + 1s);
  EXPECT_TRUE(co_await fill(m.log(0), "after", 10)) << "the share is back, and records are taken";
}

LEAT_LOG_TEST(FullDisk, ARestartServesWhatIsThere, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "before", 100));
  m.faults().capacity = 0;
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_FALSE(m.log().offline());
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(100));
  EXPECT_FALSE(append(m.log(), batch_of("refused")));
  m.faults().capacity = kRoomy;
  co_await runtime::sleep_for(m.node.options.maintenance_interval + 1s);
  EXPECT_TRUE(co_await fill(m.log(), "after", 10));
}

LEAT_LOG_TEST(Stop, MakesEverythingDurableUnderEveryPolicy, m.node.configs.resize(3)) {
  m.node.configs[1].flush = FlushPolicy::interval;
  m.node.configs[2].flush = FlushPolicy::os;
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  for (std::size_t n = 0; n < 3; ++n)
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(append(m.log(n), batch_of(fmt::format("k-{}", i))));
  EXPECT_TRUE(co_await m.node.stop());
  const runtime::sim::SimDisk disk = m.world.files().crash(7);  // the power goes when the process has ended
  Machine after(2, disk);
  after.node.configs.resize(3);
  after.run([](Machine& machine) -> Task<> {
    return started(machine, [](Machine& other) -> Task<> {
      for (std::size_t n = 0; n < 3; ++n) EXPECT_THAT(keys_of(co_await consume(other.log(n), Offset(0))), SizeIs(30));
      EXPECT_EQ(other.node.store->stats().recovered_partitions.value(), 0U) << "the stop was clean";
    });
  });
}

}  // namespace
}  // namespace leat::log::testing
