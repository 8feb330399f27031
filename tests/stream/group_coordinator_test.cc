#include "stream/group_coordinator.h"

#include <gtest/gtest.h>

#include "log/store.h"
#include "runtime/sim.h"
#include "tests/stream/group_support.h"

namespace leat::stream {
namespace {

using namespace testing;
using runtime::Task;
using runtime::sim::SimDisk;
using runtime::sim::SimOptions;
using runtime::sim::SimWorld;

const TopicPartition kJournal{Uuid::from_random(1, 2), PartitionIndex(0)};

// A machine with the journal on its disk and a coordinator for it.
struct Machine {
  explicit Machine(std::uint64_t seed = 1, SimDisk disk = {}) : world(seed, options_with(std::move(disk))) {
    world.files().faults().sync_latency = {1ms, 1ms};
  }
  static SimOptions options_with(SimDisk disk) {
    SimOptions options;
    options.disk = std::move(disk);
    return options;
  }
  void run(Task<> (*scenario)(Machine&)) {
    world.run([this, scenario] { return scenario(*this); });
  }

  SimWorld world;
  std::unique_ptr<log::Store> store;
  std::shared_ptr<log::Partition> journal;
  std::unique_ptr<GroupCoordinator> groups;
  GroupConfig config;
  log::FlushPolicy flush = log::FlushPolicy::commit;
};

Task<Status> open_journal(Machine& machine, LeaderEpoch epoch = LeaderEpoch(0)) {
  log::StoreOptions options;
  options.folder = "data";
  machine.store = std::make_unique<log::Store>(options, machine.world.files());
  machine.store->start();
  if (!machine.world.files().exists(log::partition_folder("data", kJournal))) {
    LEAT_CO_CHECK(log::create_partitions(machine.world.files(), "data", {kJournal}));
  }
  log::LogConfig config;
  config.flush = machine.flush;
  config.compact = true;
  LEAT_CO_TRY(log::Partition * opened, co_await machine.store->open(kJournal, config, epoch, std::nullopt, false));
  machine.journal = opened->shared_from_this();
  co_return Status();
}

Task<> start(Machine& machine, LeaderEpoch epoch = LeaderEpoch(0)) {
  const Status opened = co_await open_journal(machine, epoch);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    co_return;
  }
  machine.groups = std::make_unique<GroupCoordinator>(machine.journal, machine.config);
  machine.groups->start();
  co_await machine.groups->wait_loaded();
}

Task<> stop(Machine& machine) {
  co_await machine.groups->stop();
  machine.groups.reset();
  machine.journal.reset();
  (void)co_await machine.store->stop();
  machine.store.reset();
}

OffsetCommitCommand commit_of(std::string group, int partition, std::int64_t offset) {
  OffsetCommitCommand command;
  command.group_id = std::move(group);
  command.partitions.push_back({"t", PartitionIndex(partition), Offset(offset)});
  return command;
}

Task<std::int64_t> fetch(GroupCoordinator& groups, std::string group, int partition) {
  OffsetFetchCommand command{std::move(group), std::vector<TopicPartitions>()};
  command.topics->push_back({"t", {PartitionIndex(partition)}});
  const OffsetFetchReply reply = co_await groups.fetch_offsets(std::move(command));
  EXPECT_EQ(reply.error, GroupError::none);
  co_return reply.topics.empty() ? -2 : reply.topics[0].partitions[0].offset.value();
}

// The outcome of a request that runs beside the scenario.
template <class Reply>
using Outcome = std::optional<Reply>;

Task<> commit_beside(GroupCoordinator& groups, OffsetCommitCommand command, Outcome<OffsetCommitReply>& outcome) {
  outcome = co_await groups.commit_offsets(std::move(command));
}
Task<> join_beside(GroupCoordinator& groups, JoinCommand command, Outcome<JoinReply>& outcome) {
  outcome = co_await groups.join(std::move(command));
}

Task<> commit_and_come_back(Machine& machine) {
  co_await start(machine);
  const OffsetCommitReply reply = co_await machine.groups->commit_offsets(commit_of("g", 3, 42));
  EXPECT_EQ(reply.error, GroupError::none);
  EXPECT_EQ(co_await fetch(*machine.groups, "g", 3), 42);
  co_await stop(machine);
  co_await start(machine, LeaderEpoch(1));
  EXPECT_EQ(co_await fetch(*machine.groups, "g", 3), 42);
  EXPECT_EQ(machine.groups->damaged_records(), 0u);
  co_await stop(machine);
}
TEST(GroupCoordinator, CommittedOffsetsAreThereAfterARestart) { Machine().run(commit_and_come_back); }

Task<> join_sync_and_come_back(Machine& machine) {
  co_await start(machine);
  const JoinReply joined =
      co_await machine.groups->join(Driver::join_command(""));  // the initial delay passes by itself
  EXPECT_EQ(joined.error, GroupError::none);
  EXPECT_EQ(joined.generation, Generation(1));
  SyncCommand sync{"g", Generation(1), joined.member_id};
  sync.assignments.push_back({joined.member_id, bytes_of("mine")});
  const SyncReply synced = co_await machine.groups->sync(std::move(sync));
  EXPECT_EQ(as_text(synced.assignment), "mine");
  co_await stop(machine);

  co_await start(machine, LeaderEpoch(1));
  const HeartbeatReply alive = co_await machine.groups->heartbeat({"g", Generation(1), joined.member_id});
  EXPECT_EQ(alive.error, GroupError::none);
  const DescribeGroupReply described = co_await machine.groups->describe({"g"});
  EXPECT_EQ(described.state, GroupState::stable);
  co_await runtime::sleep_for(11s);  // its session ends without anyone asking
  const DescribeGroupReply later = co_await machine.groups->describe({"g"});
  EXPECT_EQ(later.state, GroupState::empty);
  co_await stop(machine);
}
TEST(GroupCoordinator, MembershipSurvivesARestartAndTimesOutByItself) { Machine().run(join_sync_and_come_back); }

Task<> many_at_once(Machine& machine) {
  co_await start(machine);
  runtime::TaskScope scope;
  std::vector<Outcome<OffsetCommitReply>> outcomes(100);
  const std::uint64_t before = machine.store->stats().appended_batches.value();
  for (int i = 0; i < 100; ++i) {
    const auto at = static_cast<std::size_t>(i);
    scope.spawn(commit_beside(*machine.groups, commit_of(fmt::format("g{}", i), i, i), outcomes[at]));
  }
  co_await scope.join();
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome && outcome->error == GroupError::none);
  EXPECT_EQ(machine.store->stats().appended_batches.value() - before, 1u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(co_await fetch(*machine.groups, fmt::format("g{}", i), i), i);
  co_await stop(machine);
}
TEST(GroupCoordinator, WhatIsDecidedInOneTurnIsOneAppend) { Machine().run(many_at_once); }

Task<> replies_wait(Machine& machine) {
  co_await start(machine);
  machine.world.files().faults().sync_latency = {50ms, 50ms};
  runtime::TaskScope scope;
  Outcome<OffsetCommitReply> outcome;
  const MonoTime begun = machine.world.now();
  scope.spawn(commit_beside(*machine.groups, commit_of("g", 0, 1), outcome));
  const HeartbeatReply heartbeat = co_await machine.groups->heartbeat({"g", Generation(1), "m"});
  EXPECT_EQ(heartbeat.error, GroupError::unknown_member_id);
  EXPECT_LT(machine.world.now() - begun, 50ms) << "a heartbeat waits for no disk";
  EXPECT_FALSE(outcome);
  EXPECT_EQ(co_await fetch(*machine.groups, "g", 0), 1);
  EXPECT_GE(machine.world.now() - begun, 50ms) << "what is not committed is not shown";
  co_await scope.join();
  EXPECT_EQ(outcome->error, GroupError::none);
  co_await stop(machine);
}
TEST(GroupCoordinator, RepliesThatShowAnEventWaitForItsFlush) { Machine().run(replies_wait); }

Task<> stopping(Machine& machine) {
  co_await start(machine);
  runtime::TaskScope scope;
  Outcome<JoinReply> join;
  Outcome<OffsetCommitReply> commit;
  scope.spawn(join_beside(*machine.groups, Driver::join_command(""), join));
  scope.spawn(commit_beside(*machine.groups, commit_of("h", 0, 7), commit));
  co_await machine.groups->stop();
  co_await scope.join();
  EXPECT_EQ(join->error, GroupError::coordinator_not_available);
  EXPECT_EQ(commit->error, GroupError::none) << "what was decided is committed and acknowledged";
  const HeartbeatReply refused = co_await machine.groups->heartbeat({"g", Generation(1), "m"});
  EXPECT_EQ(refused.error, GroupError::coordinator_not_available);
  co_await stop(machine);
}
TEST(GroupCoordinator, StopLetsOutWhatIsDecidedAndRefusesTheRest) { Machine().run(stopping); }

Task<> while_loading(Machine& machine) {
  co_await start(machine);
  co_await machine.groups->commit_offsets(commit_of("g", 0, 0));
  co_await stop(machine);
  (void)co_await open_journal(machine, LeaderEpoch(1));
  machine.groups = std::make_unique<GroupCoordinator>(machine.journal, machine.config);
  machine.groups->start();
  EXPECT_EQ((co_await machine.groups->commit_offsets(commit_of("g", 0, 1))).error,
            GroupError::coordinator_load_in_progress);
  EXPECT_EQ((co_await machine.groups->sync({"g"})).error, GroupError::rebalance_in_progress);
  EXPECT_EQ((co_await machine.groups->heartbeat({"g"})).error, GroupError::none);
  co_await machine.groups->wait_loaded();
  EXPECT_EQ((co_await machine.groups->commit_offsets(commit_of("g", 0, 1))).error, GroupError::none);
  co_await stop(machine);
}
TEST(GroupCoordinator, SaysThatItLoadsInTheWaysClientsUnderstand) { Machine().run(while_loading); }

Task<> failed_flush(Machine& machine) {
  co_await start(machine);
  co_await machine.groups->commit_offsets(commit_of("h", 0, 1));
  runtime::TaskScope scope;
  Outcome<JoinReply> join;
  scope.spawn(join_beside(*machine.groups, Driver::join_command(""), join));
  machine.world.files().faults().failing_syncs = 1000;
  const OffsetCommitReply commit = co_await machine.groups->commit_offsets(commit_of("h", 0, 2));
  EXPECT_EQ(commit.error, GroupError::coordinator_not_available);
  co_await scope.join();
  EXPECT_EQ(join->error, GroupError::coordinator_not_available) << "everyone starts over";
  EXPECT_EQ(machine.groups->failures(), 1u);
  EXPECT_EQ(machine.groups->engine(), nullptr);
  machine.world.files().faults().failing_syncs = 0;
  co_await runtime::sleep_for(3s);
  const GroupError error = (co_await machine.groups->commit_offsets(commit_of("h", 0, 3))).error;
  EXPECT_TRUE(error == GroupError::coordinator_not_available || error == GroupError::coordinator_load_in_progress);
  co_await stop(machine);

  co_await start(machine, LeaderEpoch(1));
  EXPECT_GE(co_await fetch(*machine.groups, "h", 0), 1);
  co_await stop(machine);
}
TEST(GroupCoordinator, AFailedFlushDropsTheEngineAndNothingAcknowledgedIsLost) { Machine().run(failed_flush); }

Task<> full_disk(Machine& machine) {
  co_await start(machine);
  const JoinReply joined = co_await machine.groups->join(Driver::join_command(""));
  SyncCommand sync{"g", Generation(1), joined.member_id};
  co_await machine.groups->sync(std::move(sync));
  const HeartbeatCommand beat{"g", Generation(1), joined.member_id};

  machine.world.files().faults().capacity = 0;
  runtime::TaskScope scope;
  Outcome<OffsetCommitReply> first;
  scope.spawn(commit_beside(*machine.groups, commit_of("h", 0, 1), first));
  for (int i = 0; i < 20; ++i) {
    co_await runtime::sleep_for(2s);
    EXPECT_EQ((co_await machine.groups->heartbeat(beat)).error, GroupError::none) << "consumers go on";
    const OffsetCommitReply refused = co_await machine.groups->commit_offsets(commit_of("h", 0, 2));
    EXPECT_EQ(refused.error, GroupError::coordinator_not_available) << "with a clear error";
  }
  EXPECT_FALSE(first);
  machine.world.files().faults().capacity = std::uint64_t{1} << 40;
  co_await scope.join();
  EXPECT_EQ(first->error, GroupError::none);
  EXPECT_EQ((co_await machine.groups->commit_offsets(commit_of("h", 0, 3))).error, GroupError::none);
  EXPECT_EQ(co_await fetch(*machine.groups, "h", 0), 3);
  EXPECT_EQ((co_await machine.groups->heartbeat(beat)).error, GroupError::none);
  EXPECT_EQ(machine.groups->failures(), 0u);
  co_await stop(machine);
}
TEST(GroupCoordinator, AFullDiskRefusesCommitsKeepsGroupsAndEndsWhenThereIsSpace) { Machine().run(full_disk); }

Task<> damaged_record(Machine& machine) {
  co_await start(machine);
  co_await machine.groups->commit_offsets(commit_of("g", 0, 1));
  log::BatchBuilder builder;
  builder.add({Timestamp(1), as_bytes("no key of ours"), as_bytes("x"), {}});
  builder.add({Timestamp(1), std::nullopt, as_bytes("x"), {}});
  const Bytes batch = builder.build().value();
  EXPECT_TRUE(machine.journal->append({log::decode_batch_header(batch).value(), batch, {}}, Timestamp(1)));
  co_await machine.groups->commit_offsets(commit_of("g", 1, 2));
  co_await stop(machine);
  co_await start(machine, LeaderEpoch(1));
  EXPECT_EQ(machine.groups->damaged_records(), 1u) << "the other key looks like one of another group protocol";
  EXPECT_EQ(co_await fetch(*machine.groups, "g", 0), 1);
  EXPECT_EQ(co_await fetch(*machine.groups, "g", 1), 2);
  co_await stop(machine);
}
TEST(GroupCoordinator, RecordsItCannotReadAreSkippedAndCounted) { Machine().run(damaged_record); }

// ---- Power loss -----------------------------------------------------------------------------------------------------

// What was acknowledged to clients, for each partition of a topic.
std::map<int, std::int64_t> acknowledged;
std::map<int, std::int64_t> asked;

Task<> commit_until_off(GroupCoordinator& groups, int partition) {
  for (std::int64_t offset = acknowledged[partition] + 1;; ++offset) {
    asked[partition] = offset;
    const OffsetCommitReply reply = co_await groups.commit_offsets(commit_of("g", partition, offset));
    if (reply.error != GroupError::none) co_return;
    acknowledged[partition] = offset;
  }
}

Task<> commit_and_lose_power(Machine& machine) {
  const Status opened = co_await open_journal(machine);
  if (!opened) {  // the power may go while it opens
    (void)co_await machine.store->stop();
    co_return;
  }
  machine.groups = std::make_unique<GroupCoordinator>(machine.journal, machine.config);
  machine.groups->start();
  runtime::TaskScope scope;
  while (!machine.world.files().is_off() && machine.groups->engine() == nullptr) co_await runtime::sleep_for(1ms);
  if (machine.groups->engine() != nullptr) {
    for (int partition = 0; partition < 4; ++partition) scope.spawn(commit_until_off(*machine.groups, partition));
  }
  co_await scope.join();
  co_await machine.groups->stop();
  (void)co_await machine.store->stop();
}

Task<> expect_acknowledged(Machine& machine) {
  co_await start(machine, LeaderEpoch(1));
  for (const auto& [partition, offset] : acknowledged) {
    const std::int64_t found = co_await fetch(*machine.groups, "g", partition);
    EXPECT_GE(found, offset == 0 ? -1 : offset);
    EXPECT_LE(found, asked[partition]);
  }
  co_await stop(machine);
}

TEST(GroupCoordinator, AcknowledgedOffsetsSurviveAPowerLossAtAnyMoment) {
  int with_acknowledged = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    acknowledged.clear();
    asked.clear();
    Machine machine(seed);
    machine.world.files().power_off_after(10 + seed * 2 % 200);
    machine.run(commit_and_lose_power);
    const SimDisk disk = machine.world.files().crash(seed);
    machine.groups.reset();
    machine.journal.reset();
    machine.store.reset();
    for (const auto& [partition, offset] : acknowledged) with_acknowledged += offset > 0;
    Machine(seed, disk).run(expect_acknowledged);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(with_acknowledged, 100);
}

}  // namespace
}  // namespace leat::stream
