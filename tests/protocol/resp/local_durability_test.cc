#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/resp/local_commands.h"
#include "tests/protocol/resp/node.h"
#include "tests/protocol/resp/served.h"

// Commands of callers inside the server on a keyspace with journals: what they tell is kept as was promised.
namespace leat::resp::testing {
namespace {

using runtime::Task;
using runtime::sim::SimWorld;
using namespace std::chrono_literals;

using Outcome = std::optional<Result<ReplyValue>>;

struct Kept {
  SimWorld& world;
  Node& node;
  LocalCommands& local;

  [[nodiscard]] bool is_journalled() { return node.executor().journal()->added_bytes() == 0; }
  [[nodiscard]] bool is_committed() {
    return is_journalled() && node.executor().journal()->is_committed(node.executor().journal()->end());
  }
};

Task<> call(Kept& kept, std::string line, Outcome& outcome, std::shared_ptr<Cancellation> cancellation = nullptr) {
  outcome = co_await kept.local.run(split(line), {.cancellation = std::move(cancellation)});
}

Task<Outcome> ask(Kept& kept, std::string line) { co_return co_await kept.local.run(split(line)); }

Task<> live(SimWorld& world, Durability durability, Task<> (*body)(Kept&)) {
  Node node(world, durability);
  const Status started = co_await node.start();
  if (!started) ADD_FAILURE() << started.error().message;
  if (started) {
    LocalCommands local(node.executor());
    Kept kept{world, node, local};
    co_await body(kept);
    local.begin_stop();
    co_await node.executor().stop();
    co_await local.stop();
  }
  co_await node.stop();
}

void run(Task<> (*body)(Kept&), Durability durability) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    SimWorld world(seed);
    world.run([&] { return live(world, durability, body); });
    if (::testing::Test::HasFailure()) return;
  }
}

void expect_reply(const Outcome& outcome, const ReplyValue& expected) {
  ASSERT_TRUE(outcome.has_value());
  ASSERT_TRUE(outcome->has_value()) << outcome->error().message;
  EXPECT_EQ(**outcome, expected);
}

void expect_cancelled(const Outcome& outcome) {
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->has_value());
  EXPECT_EQ(outcome->error().code, Errc::cancelled);
}

void write_two(LocalUnit& unit) {
  EXPECT_EQ(unit.run({"SET", "a", "1"}), text("OK"));
  EXPECT_EQ(unit.run({"SET", "b", "2"}), text("OK"));
}

TEST(LocalDurability, ACallReturnsWhenItsChangeIsCommitted) {
  run(
      [](Kept& kept) -> Task<> {
        kept.world.files().faults().sync_latency = {20ms, 20ms};
        Outcome set;
        runtime::TaskScope tasks;
        tasks.spawn(call(kept, "SET a 1", set));
        co_await runtime::sleep_for(10ms);
        EXPECT_FALSE(set) << "a flush takes 20 ms";
        EXPECT_EQ(kept.node.executor().clients().size(), 1u);
        co_await tasks.join();
        expect_reply(set, text("OK"));
        EXPECT_TRUE(kept.is_committed());
        const Status unit = co_await kept.local.run_unit(write_two);
        EXPECT_TRUE(unit);
        EXPECT_TRUE(kept.is_committed());
      },
      Durability::commit);
}

TEST(LocalDurability, ACallReturnsWhenItsChangeIsJournalled) {
  run(
      [](Kept& kept) -> Task<> {
        const Outcome set = co_await ask(kept, "SET a 1");
        expect_reply(set, text("OK"));
        EXPECT_TRUE(kept.is_journalled());
        const std::uint64_t before = kept.node.executor().stats().units_journalled.value();
        const Status unit = co_await kept.local.run_unit(write_two);
        EXPECT_TRUE(unit);
        EXPECT_TRUE(kept.is_journalled());
        EXPECT_EQ(kept.node.executor().stats().units_journalled.value(), before + 1) << "all or none";
      },
      Durability::interval);
}

TEST(LocalDurability, AFullDiskKeepsCallsWaitingAndUnitsFromWriting) {
  run(
      [](Kept& kept) -> Task<> {
        const Outcome before = co_await ask(kept, "SET a 0");
        expect_reply(before, text("OK"));
        kept.world.files().faults().capacity = 0;
        Outcome set;
        runtime::TaskScope tasks;
        tasks.spawn(call(kept, "SET a 1", set));
        co_await runtime::sleep_for(100ms);
        EXPECT_FALSE(set) << "it is not in the journal";
        const auto refused = [](LocalUnit& unit) {
          EXPECT_NE(unit.run({"SET", "a", "2"}).failure(), nullptr);
          EXPECT_EQ(unit.run({"GET", "a"}), text("1"));
        };
        tasks.spawn([](Kept& in, std::function<void(LocalUnit&)> decide) -> Task<> {
          const Status status = co_await in.local.run_unit(std::move(decide));
          EXPECT_TRUE(status);
        }(kept, refused));
        co_await runtime::sleep_for(10ms);
        kept.world.files().faults().capacity = std::uint64_t{1} << 40;
        co_await tasks.join();
        expect_reply(set, text("OK"));
        EXPECT_TRUE(kept.is_journalled());
      },
      Durability::interval);
}

TEST(LocalDurability, AStopBeforeTheCommitCancels) {
  run(
      [](Kept& kept) -> Task<> {
        kept.world.files().faults().sync_latency = {20ms, 20ms};
        Outcome set;
        runtime::TaskScope tasks;
        tasks.spawn(call(kept, "SET a 1", set));
        co_await runtime::sleep_for(5ms);
        kept.local.begin_stop();
        co_await kept.node.executor().stop();
        co_await kept.local.stop();
        co_await tasks.join();
        expect_cancelled(set);
      },
      Durability::commit);
}

TEST(LocalDurability, ALockIsNotGivenToACallerThatLeft) {
  run(
      [](Kept& kept) -> Task<> {
        const Outcome token = co_await ask(kept, "LOCK.ACQUIRE l TTL 60000");
        const std::int64_t* held = (*token)->integer();
        if (held == nullptr) co_return ADD_FAILURE();
        const auto cancellation = std::make_shared<Cancellation>();
        Outcome leaves;
        Outcome stays;
        runtime::TaskScope tasks;
        tasks.spawn(call(kept, "LOCK.ACQUIRE l TTL 60000 WAIT 50000 OWNER gone", leaves, cancellation));
        tasks.spawn(call(kept, "LOCK.ACQUIRE l TTL 60000 WAIT 50000 OWNER here", stays));
        co_await runtime::sleep_for(5ms);
        co_await kept.local.cancel(cancellation);
        const Outcome released = co_await ask(kept, fmt::format("LOCK.RELEASE l {}", *held));
        expect_reply(released, integer(1));
        co_await tasks.join();
        expect_cancelled(leaves);
        EXPECT_NE((*stays)->integer(), nullptr);
        const Outcome info = co_await ask(kept, "LOCK.INFO l");
        EXPECT_EQ((*info)->map()->pairs.at(1), std::pair(text("owner"), text("here")));
        EXPECT_TRUE(kept.node.executor().locks().is_committed(kept.node.executor().locks().journal_end()));
      },
      Durability::interval);
}

// While the waiting call's first turn is held back for the commit of another's lock.
TEST(LocalDurability, ALockThatComesWhileItsCallIsHeldBackIsToldWhenItIsCommitted) {
  run(
      [](Kept& kept) -> Task<> {
        const Outcome token = co_await ask(kept, "LOCK.ACQUIRE l TTL 60000");
        const std::int64_t* held = (*token)->integer();
        if (held == nullptr) co_return ADD_FAILURE();
        kept.world.files().faults().sync_latency = {20ms, 20ms};
        Outcome other;
        Outcome waits;
        Outcome released;
        runtime::TaskScope tasks;
        tasks.spawn(call(kept, "LOCK.ACQUIRE other TTL 60000", other));
        tasks.spawn(call(kept, "LOCK.ACQUIRE l TTL 60000 WAIT 50000", waits));
        co_await runtime::sleep_for(5ms);
        tasks.spawn(call(kept, fmt::format("LOCK.RELEASE l {}", *held), released));
        co_await tasks.join();
        expect_reply(released, integer(1));
        if (!waits->has_value()) co_return ADD_FAILURE() << waits->error().message;
        EXPECT_NE((*waits)->integer(), nullptr);
      },
      Durability::interval);
}

TEST(LocalDurability, ALockCannotBeBoundToACall) {
  run(
      [](Kept& kept) -> Task<> {
        const Outcome bound = co_await ask(kept, "LOCK.ACQUIRE l TTL 60000 ONCLOSE");
        EXPECT_NE((*bound)->failure(), nullptr);
        const Outcome info = co_await ask(kept, "LOCK.INFO l");
        expect_reply(info, ReplyValue{});
      },
      Durability::interval);
}

}  // namespace
}  // namespace leat::resp::testing
