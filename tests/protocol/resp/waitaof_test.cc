#include <gtest/gtest.h>

#include "tests/protocol/resp/home.h"
#include "tests/protocol/resp/node.h"

// WAITAOF on a keyspace that is journalled and flushed by the interval.
namespace leat::resp::testing {
namespace {

using runtime::Task;
using runtime::sim::SimWorld;
using namespace std::chrono_literals;

constexpr std::string_view kFlushed = "*2\r\n:1\r\n:0\r\n";
constexpr std::string_view kNotFlushed = "*2\r\n:0\r\n:0\r\n";

// What the client got after `words` by the end of some of the world's time; "" as long as it waits.
Task<std::string> ask(Recorder& client, std::string line, Duration patience = 200ms) {
  client.execute(line);
  std::string got;
  for (Duration waited{}; waited < patience && got.empty(); waited += 1ms) {
    co_await runtime::sleep_for(1ms);
    got = client.take();
  }
  co_return got;
}

Task<> live(SimWorld& world, Durability durability, Task<> (*body)(SimWorld&, Node&)) {
  Node node(world, durability);
  const Status started = co_await node.start();
  if (!started) ADD_FAILURE() << started.error().message;
  if (started) co_await body(world, node);
  co_await node.stop();
}

void run(Task<> (*body)(SimWorld&, Node&), Durability durability = Durability::interval) {
  SimWorld world(1);
  world.run([&] { return live(world, durability, body); });
}

TEST(Waitaof, AsksForAFlushAndAnswersWhenItIsDone) {
  run([](SimWorld& world, Node& node) -> Task<> {
    Recorder client(node.executor());
    world.files().faults().sync_latency = {20ms, 20ms};
    EXPECT_EQ(co_await ask(client, "SET a 1"), "+OK\r\n");
    EXPECT_EQ(co_await ask(client, "WAITAOF 1 0 0", 15ms), "") << "a flush takes 20 ms";
    co_await runtime::sleep_for(50ms);
    EXPECT_EQ(client.take(), kFlushed) << "long before the interval of a second";
    EXPECT_EQ(co_await ask(client, "WAITAOF 1 0 0", 2ms), kFlushed) << "nothing is left to wait for";
    EXPECT_EQ(co_await ask(client, "SET a 2"), "+OK\r\n");
    EXPECT_EQ(co_await ask(client, "WAITAOF 0 0 0", 2ms), kNotFlushed) << "it tells what is so";
  });
}

TEST(Waitaof, WaitsOnlyForChangesOfItsOwnConnection) {
  run([](SimWorld& world, Node& node) -> Task<> {
    Recorder writer(node.executor());
    Recorder reader(node.executor());
    world.files().faults().sync_latency = {50ms, 50ms};
    EXPECT_EQ(co_await ask(writer, "SET a 1"), "+OK\r\n");
    EXPECT_EQ(co_await ask(reader, "WAITAOF 1 0 0", 2ms), kFlushed);
    EXPECT_EQ(co_await ask(writer, "WAITAOF 1 0 10"), kNotFlushed);
    EXPECT_EQ(co_await ask(writer, "WAITAOF 1 0 0"), kFlushed) << "the wait before it is forgotten";
  });
}

TEST(Waitaof, WithAWriteInTheSameTurnAndManyWaitingAllAreAnsweredInOrder) {
  run([](SimWorld& world, Node& node) -> Task<> {
    Recorder first(node.executor());
    Recorder second(node.executor());
    world.files().faults().sync_latency = {5ms, 20ms};
    first.execute("SET a 1");
    first.execute("WAITAOF 1 0 0");
    co_await runtime::sleep_for(2ms);
    second.execute("SET b 1");
    second.execute("WAITAOF 1 0 0");
    co_await runtime::sleep_for(100ms);
    EXPECT_EQ(first.take(), fmt::format("+OK\r\n{}", kFlushed));
    EXPECT_EQ(second.take(), fmt::format("+OK\r\n{}", kFlushed));
  });
}

TEST(Waitaof, ForReplicasItWaitsUntilItsTime) {
  run([](SimWorld&, Node& node) -> Task<> {
    Recorder client(node.executor());
    client.execute("SET a 1");
    EXPECT_EQ(co_await ask(client, "WAITAOF 1 1 50", 40ms), "+OK\r\n");
    co_await runtime::sleep_for(40ms);
    EXPECT_EQ(client.take(), "") << "the disk has it, but no replica";
    co_await runtime::sleep_for(20ms);
    EXPECT_EQ(client.take(), kFlushed);
  });
}

TEST(Waitaof, InATransactionItTellsWhatIsSo) {
  run([](SimWorld& world, Node& node) -> Task<> {
    Recorder client(node.executor());
    world.files().faults().sync_latency = {20ms, 20ms};
    EXPECT_EQ(co_await ask(client, "SET a 1"), "+OK\r\n");
    client.execute("MULTI");
    client.execute("WAITAOF 1 0 0");
    EXPECT_EQ(co_await ask(client, "EXEC", 2ms), "+OK\r\n+QUEUED\r\n*1\r\n*2\r\n:0\r\n:0\r\n");
    EXPECT_EQ(co_await ask(client, "WAITAOF 1 0 0"), kFlushed);
    client.execute("MULTI");
    client.execute("WAITAOF 1 0 0");
    EXPECT_EQ(co_await ask(client, "EXEC", 2ms), "+OK\r\n+QUEUED\r\n*1\r\n*2\r\n:1\r\n:0\r\n");
    EXPECT_EQ((co_await ask(client, "EVAL return{redis.call('waitaof',1,0,0)} 0")).substr(0, 4), "-ERR");
  });
}

TEST(Waitaof, OnAFullDiskItsTimeEndsAndTheAnswerIsNo) {
  run([](SimWorld& world, Node& node) -> Task<> {
    Recorder client(node.executor());
    world.files().faults().capacity = 0;
    client.execute("SET a 1");
    EXPECT_EQ(co_await ask(client, "WAITAOF 1 0 50"), "") << "the reply to SET waits for space";
    world.files().faults().capacity = std::uint64_t{1} << 40;
    co_await runtime::sleep_for(1s);
    EXPECT_EQ(client.take(), fmt::format("+OK\r\n{}", kNotFlushed));
    EXPECT_EQ(co_await ask(client, "WAITAOF 1 0 0"), kFlushed);
  });
}

TEST(Waitaof, WhenAFlushFailsItSaysSo) {
  run([](SimWorld& world, Node& node) -> Task<> {
    Recorder client(node.executor());
    EXPECT_EQ(co_await ask(client, "SET a 1"), "+OK\r\n");
    world.files().faults().failing_syncs = 1;
    EXPECT_EQ((co_await ask(client, "WAITAOF 1 0 0")).substr(0, 8), "-MISCONF");
    EXPECT_EQ((co_await ask(client, "WAITAOF 1 0 0")).substr(0, 8), "-MISCONF");
  });
}

TEST(Waitaof, WhereNothingIsKeptItIsRefused) {
  Home home;
  TestClient& client = home.client();
  EXPECT_EQ(client("WAITAOF 1 0 0"),
            "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n");
  EXPECT_EQ(client("WAITAOF 0 0 0"), kNotFlushed);
  EXPECT_EQ(client("WAITAOF 2 0 0"), "-ERR value is out of range, value must between 0 and 1\r\n");
  EXPECT_EQ(client("WAITAOF 0 -1 0"), "-ERR value is out of range, must be positive\r\n");
  EXPECT_EQ(client("WAITAOF 0 0 -1"), "-ERR timeout is negative\r\n");
  EXPECT_EQ(client("WAITAOF 0 0 x"), "-ERR timeout is not an integer or out of range\r\n");
}

// Power fails right after the answer, and after one more change that nobody waits for.
class AnsweredThenOff {
 public:
  explicit AnsweredThenOff(std::uint64_t seed) : seed_(seed) {}

  void run() {
    SimWorld world(seed_);
    world.run([&] { return write(world); });
    runtime::sim::SimOptions options;
    options.disk = world.files().crash(seed_);
    SimWorld next(seed_ + 1000, options);
    next.run([&] { return read(next); });
  }
  [[nodiscard]] bool lost_what_nobody_waited_for() const { return lost_; }

 private:
  Task<> write(SimWorld& world) {
    Node node(world, Durability::interval);
    EXPECT_TRUE((co_await node.start()).has_value());
    Recorder client(node.executor());
    EXPECT_EQ(co_await ask(client, "SET awaited 1"), "+OK\r\n");
    client.execute("WAITAOF 1 0 0");
    std::string answer;
    for (int i = 0; i < 500 && answer.empty(); ++i) {
      co_await runtime::sleep_for(100us);
      answer = client.take();
    }
    EXPECT_EQ(answer, kFlushed);
    EXPECT_EQ(co_await ask(client, "SET other 1"), "+OK\r\n");
    world.files().power_off_after(0);
    (void)co_await node.stop();
  }

  Task<> read(SimWorld& world) {
    Node node(world, Durability::interval);
    EXPECT_TRUE((co_await node.start()).has_value());
    Recorder client(node.executor());
    EXPECT_EQ(co_await ask(client, "GET awaited"), "$1\r\n1\r\n") << "seed " << seed_;
    lost_ = (co_await ask(client, "GET other")) == "$-1\r\n";
    (void)co_await node.stop();
  }

  std::uint64_t seed_;
  bool lost_ = false;
};

TEST(Waitaof, WhatItAnsweredForSurvivesAPowerFailure) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 20 && !::testing::Test::HasFailure(); ++seed) {
    AnsweredThenOff failure(seed);
    failure.run();
    lost += failure.lost_what_nobody_waited_for() ? 1 : 0;
  }
  EXPECT_GT(lost, 0) << "power failures that lose nothing prove nothing";
}

}  // namespace
}  // namespace leat::resp::testing
