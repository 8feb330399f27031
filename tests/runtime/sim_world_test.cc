#include <gtest/gtest.h>

#include <stdexcept>

#include "runtime/call.h"
#include "runtime/network.h"
#include "runtime/sim.h"
#include "runtime/sync.h"
#include "tests/runtime/homes.h"

namespace leat::runtime::sim {
namespace {

using namespace std::chrono_literals;

Task<> note(std::string& log, char name) {
  log += name;
  co_return;
}

Task<> send_letters(Shard& target, std::string& log, char name) {
  for (int i = 0; i < 10; ++i) {
    co_await call_on(target, note, std::ref(log), name);
    co_await run_blocking([] {});
  }
}

Task<> send_from(Shard& sender, Shard& target, std::string& log, char name) {
  co_await call_on(sender, send_letters, std::ref(target), std::ref(log), name);
}

Task<> race(SimWorld& world, std::string& log) {
  const auto shards = world.shards();
  TaskScope scope;
  scope.spawn(send_from(*shards[1], *shards[0], log, 'a'));
  scope.spawn(send_from(*shards[2], *shards[0], log, 'b'));
  co_await scope.join();
}

struct Outcome {
  std::string log;
  std::uint64_t trace = 0;
  std::uint64_t steps = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome run_race(std::uint64_t seed) {
  SimWorld world(seed, {.shards = 3});
  Outcome run;
  world.run([&] { return race(world, run.log); });
  run.trace = world.trace();
  run.steps = world.steps();
  return run;
}

TEST(SimWorld, TheSameSeedGivesTheSameRun) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(run_race(seed), run_race(seed));
}

TEST(SimWorld, OtherSeedsGiveOtherOrders) {
  std::set<std::string> logs;
  std::set<std::uint64_t> traces;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Outcome run = run_race(seed);
    EXPECT_EQ(std::ranges::count(run.log, 'a'), 10);
    EXPECT_EQ(run.log.size(), 20U);
    logs.insert(run.log);
    traces.insert(run.trace);
  }
  EXPECT_GT(logs.size(), 10U);
  EXPECT_EQ(traces.size(), 20U);
}

Task<> wait_for_nothing() {
  Notifier never;
  co_await never.wait();
}

TEST(SimWorld, ATaskThatWaitsForNothingIsReported) {
  SimWorld world(1);
  EXPECT_THROW(world.run([] { return wait_for_nothing(); }), std::logic_error);
}

Task<> sleep_long(int& naps) {
  for (int i = 0; i < 24; ++i) {
    co_await sleep_for(1h);
    ++naps;
  }
}

TEST(SimWorld, VirtualTimePassesWithoutWaiting) {
  SimWorld world(1);
  int naps = 0;
  world.start([&] { return sleep_long(naps); });
  const MonoTime start = world.now();
  world.run_for(90min);
  EXPECT_EQ(naps, 1);
  EXPECT_EQ(world.now() - start, 90min);
  EXPECT_FALSE(world.finished());
  world.run_for(24h);
  EXPECT_EQ(naps, 24);
  EXPECT_TRUE(world.finished());
  EXPECT_FALSE(world.step()) << "nothing is left";
}

TEST(SimWorld, RunUntilIdleLeavesTimersAlone) {
  SimWorld world(1);
  int naps = 0;
  world.start([&] { return sleep_long(naps); });
  world.run_until_idle();
  EXPECT_EQ(naps, 0);
  world.run_for(24h + 1min);
  EXPECT_TRUE(world.finished());
}

TEST(SimWorld, TheWallClockJumpsAndTheMonotonicOneDoesNot) {
  SimWorld world(1, {.shards = 2});
  const MonoTime mono = world.now();
  world.set_wall_clock(Timestamp(5'000));
  for (Shard* shard : world.shards()) EXPECT_EQ(shard->wall_now(), Timestamp(5'000));
  EXPECT_EQ(world.now(), mono);
  world.run_for(2s);
  EXPECT_EQ(world.wall_now(), Timestamp(7'000));
}

Task<> sync_once(SimFileSystem& files, Duration& took) {
  auto file = files.open("a", OpenMode::create);
  const MonoTime start = Shard::current().now();
  const Status synced = co_await run_blocking([&file] { return (*file)->sync(); });
  EXPECT_TRUE(synced);
  took = Shard::current().now() - start;
}

TEST(SimWorld, ASlowSyncTakesVirtualTimeOfItsThreadOnly) {
  SimWorld world(1);
  world.files().faults().sync_latency = {5ms, 5ms};
  Duration took{};
  world.run([&] { return sync_once(world.files(), took); });
  EXPECT_GE(took, 5ms);
  EXPECT_LT(took, 7ms);
}

Task<> sync_side_by_side(SimFileSystem& files, std::array<Duration, 6>& took) {
  TaskScope scope;
  for (Duration& one : took) scope.spawn(sync_once(files, one));
  co_await scope.join();
}

TEST(SimWorld, ThePoolHasOnlySoManyThreads) {
  SimWorld world(1, {.io_threads = 2});
  world.files().faults().sync_latency = {5ms, 5ms};
  std::array<Duration, 6> took{};
  world.run([&] { return sync_side_by_side(world.files(), took); });
  EXPECT_GE(*std::ranges::max_element(took), 15ms);
  EXPECT_LT(*std::ranges::min_element(took), 7ms);
}

struct Witness {
  ~Witness() { ++destroyed; }
  int& destroyed;
};

Task<> write_forever(int& rounds, int& destroyed) {
  const Witness witness{destroyed};
  while (true) {
    co_await run_blocking([&rounds] { ++rounds; });
    co_await sleep_for(1ms);
  }
}

TEST(SimWorld, AnAbandonedWorldRunsNothingMoreNotEvenDestructors) {
  static int rounds = 0;
  static int destroyed = 0;
  auto world = std::make_unique<SimWorld>(1);
  world->start([] { return write_forever(rounds, destroyed); });
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(world->step());
  const int before = rounds;
  EXPECT_GT(before, 0);
  world.reset();
  EXPECT_EQ(rounds, before);
  EXPECT_EQ(destroyed, 0);
}

// A journal of lines that acknowledges a line when it is synced. The smallest thing that can break its promise.
Task<> append_lines(SimFileSystem& files, int& acknowledged) {
  auto file = files.open("journal", OpenMode::create);
  if (!file || !files.sync_directory("/")) co_return;
  std::uint64_t end = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string line = fmt::format("line {:03}\n", i);
    const Status synced = co_await run_blocking([&]() -> Status {
      LEAT_CHECK((*file)->write_at(as_bytes(line), end));
      return (*file)->sync();
    });
    if (!synced) co_return;
    end += line.size();
    acknowledged = i + 1;
  }
}

int lost_lines(std::uint64_t seed, bool lying) {
  SimWorld world(seed);
  world.files().faults().ignore_file_sync = lying;
  world.files().power_off_after(seed % 40);
  int acknowledged = 0;
  world.run([&] { return append_lines(world.files(), acknowledged); });
  SimWorld next(seed, {.disk = world.files().crash(seed)});
  const auto bytes = read_file(next.files(), "journal", 1 << 20);
  const std::string text(bytes ? as_text(*bytes) : "");
  int lost = 0;
  for (int i = 0; i < acknowledged; ++i) lost += !text.contains(fmt::format("line {:03}\n", i));
  return lost;
}

TEST(SimWorld, WhatWasAcknowledgedAfterASyncIsThereAfterEveryPowerLoss) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) EXPECT_EQ(lost_lines(seed, false), 0) << "seed " << seed;
}

TEST(SimWorld, ADiskThatLiesIsCaughtWithinAHundredSeeds) {
  int caught = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) caught += lost_lines(seed, true) > 0;
  EXPECT_GT(caught, 20);
}

Task<> accept_one(Listener& listener, std::unique_ptr<Socket>& server) {
  auto accepted = co_await listener.accept();
  CO_REQUIRE(accepted.has_value());
  server = (*accepted)->attach();
}

Task<> read_and_note(Socket& socket, std::string& outcome) {
  std::byte byte{};
  const auto count = co_await socket.read_some(MutableBytes(&byte, 1));
  outcome = count ? std::to_string(*count) : std::string(to_string(count.error().code));
}

Task<> break_a_connection(SimWorld& world) {
  Network& network = Shard::current().network();
  auto listener = network.listen("localhost", 9092);
  CO_REQUIRE(listener.has_value());
  std::unique_ptr<Socket> server;
  TaskScope scope;
  scope.spawn(accept_one(**listener, server));
  const std::string host = "localhost";
  auto client = co_await network.connect(host, 9092);
  CO_REQUIRE(client.has_value());
  co_await scope.join();
  EXPECT_EQ(world.connections(), 1U);
  std::string at_client;
  std::string at_server;
  scope.spawn(read_and_note(**client, at_client));
  scope.spawn(read_and_note(*server, at_server));
  co_await sleep_for(1ms);
  world.cut(0);
  co_await scope.join();
  EXPECT_EQ(at_client, "io");
  EXPECT_EQ(at_server, "io");
  EXPECT_EQ(world.connections(), 0U);
}

TEST(SimWorld, ACutConnectionFailsAtBothEnds) {
  SimWorld world(1);
  world.run([&] { return break_a_connection(world); });
}

TEST(SimWorld, OnShardMakesAShardTheCurrentOne) {
  SimWorld world(1, {.shards = 2});
  world.on_shard(1, [&] { EXPECT_EQ(&Shard::current(), world.shards()[1]); });
  EXPECT_FALSE(Shard::is_current(*world.shards()[1]));
}

}  // namespace
}  // namespace leat::runtime::sim
