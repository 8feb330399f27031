#include "protocol/resp/channel_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/resp/served.h"

// Messages of the keyspace's channels on another shard, and on its own.
namespace leat::resp::testing {
namespace {

using pubsub::Kind;
using runtime::Task;
using ::testing::ElementsAre;
using namespace std::chrono_literals;

struct Heard final : RelayReceiver {
  std::vector<std::string> lines;
  std::uint64_t dropped = 0;

  void deliver(const RelayedMessage& message) override {
    const std::string_view by = message.kind == Kind::pattern ? message.pattern : "-";
    lines.push_back(fmt::format("{} {} {}", by, message.channel, message.payload));
  }
  void lost(std::uint64_t count) override {
    lines.push_back("lost");
    dropped += count;
  }
  std::vector<std::string> take() { return std::exchange(lines, {}); }
};

Task<> wait_for(Heard& heard, std::size_t count) {
  for (int i = 0; i < 2000 && heard.lines.size() < count; ++i) co_await runtime::sleep_for(1ms);
}

Task<> messages(Served& served) {
  Heard heard;
  ChannelRelay relay(*served.server, heard);
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "news"));
  EXPECT_TRUE(co_await relay.subscribe(Kind::pattern, "n*"));
  EXPECT_EQ(co_await served.reply("PUBLISH news one"), integer(2));
  EXPECT_EQ(co_await served.reply("PUBLISH notes two"), integer(1));
  EXPECT_EQ(co_await served.reply("PUBLISH other three"), integer(0));
  EXPECT_EQ(co_await served.reply("SPUBLISH news four"), integer(0));
  co_await wait_for(heard, 3);
  EXPECT_THAT(heard.take(), ElementsAre("- news one", "n* news one", "n* notes two"));
  co_await relay.stop();
}

// Many at once travel together: they come whole and in their order.
Task<> order(Served& served) {
  constexpr int kRounds = 20;
  constexpr int kMessages = 50;
  Heard heard;
  ChannelRelay relay(*served.server, heard);
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "a"));
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "b"));
  std::vector<std::string> expected;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < kMessages; ++i)
      expected.push_back(fmt::format("- {} {}", i % 2 == 0 ? "a" : "b", round * kMessages + i));
    const Status done = co_await served.local().run_unit([round](LocalUnit& unit) {
      for (int i = 0; i < kMessages; ++i)
        (void)unit.run({"PUBLISH", i % 2 == 0 ? "a" : "b", std::to_string(round * kMessages + i)});
    });
    EXPECT_TRUE(done);
  }
  co_await wait_for(heard, expected.size());
  EXPECT_EQ(heard.take(), expected);
  co_await relay.stop();
}

Task<ReplyValue> subscribers(Served& served) {
  const ReplyValue counts = co_await served.reply("PUBSUB NUMSUB c");
  co_return counts.array() != nullptr&& counts.array()->size() == 2 ? counts.array()->at(1) : ReplyValue{};
}

Task<> interests(Served& served) {
  Heard heard;
  Heard others;
  ChannelRelay relay(*served.server, heard);
  ChannelRelay other(*served.server, others);
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
  EXPECT_EQ(relay.interested(Kind::channel, "c"), 2u);
  EXPECT_EQ(co_await subscribers(served), integer(1)) << "one subscriber a relay, however many are interested";
  EXPECT_TRUE(co_await other.subscribe(Kind::channel, "c"));
  EXPECT_EQ(co_await subscribers(served), integer(2));
  co_await relay.unsubscribe(Kind::channel, "c");
  co_await relay.unsubscribe(Kind::pattern, "c");
  EXPECT_EQ(co_await served.reply("PUBLISH c 1"), integer(2)) << "one is still interested";
  co_await wait_for(heard, 1);
  co_await relay.unsubscribe(Kind::channel, "c");
  EXPECT_EQ(co_await subscribers(served), integer(1));
  co_await relay.unsubscribe(Kind::channel, "c");
  EXPECT_EQ(co_await served.reply("PUBLISH c 2"), integer(1));
  co_await wait_for(others, 2);
  EXPECT_THAT(heard.take(), ElementsAre("- c 1"));
  EXPECT_THAT(others.take(), ElementsAre("- c 1", "- c 2"));
  co_await relay.stop();
  co_await other.stop();
}

Task<> subscribe_one(ChannelRelay& relay, bool& subscribed) {
  const Status done = co_await relay.subscribe(Kind::channel, "c");
  subscribed = done.has_value();
}

// Whoever comes last, on its return it gets everything, whatever the others' calls on their way do.
Task<> crossing(Served& served) {
  Heard heard;
  ChannelRelay relay(*served.server, heard);
  runtime::TaskScope tasks;
  bool first = false;
  bool second = false;
  tasks.spawn(subscribe_one(relay, first));
  tasks.spawn(relay.unsubscribe(Kind::channel, "c"));
  tasks.spawn(subscribe_one(relay, second));
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
  EXPECT_EQ(co_await served.reply("PUBLISH c x"), integer(1));
  co_await tasks.join();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_EQ(relay.interested(Kind::channel, "c"), 2u);
  co_await wait_for(heard, 1);
  EXPECT_THAT(heard.take(), ElementsAre("- c x"));
  co_await relay.stop();
}

Task<> overflow(Served& served) {
  constexpr std::size_t kMessages = 100;
  Heard heard;
  ChannelRelay relay(*served.server, heard, 4096);
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
  const std::string payload(200, 'p');
  const Status done = co_await served.local().run_unit([&](LocalUnit& unit) {
    for (std::size_t i = 0; i < kMessages; ++i) (void)unit.run({"PUBLISH", "c", payload});
    (void)unit.run({"PUBLISH", "c", "small"});
  });
  EXPECT_TRUE(done);
  for (int i = 0; i < 2000 && heard.dropped == 0; ++i) co_await runtime::sleep_for(1ms);
  EXPECT_EQ(heard.lines.size() - 1 + heard.dropped, kMessages + 1);
  EXPECT_GT(heard.lines.size(), 10u) << "what fits is delivered";
  EXPECT_LT(heard.lines.size(), 20u);
  EXPECT_EQ(heard.lines.back(), "lost") << "what would fit behind the gap is a part of it";
  EXPECT_EQ(served.server->stats().dropped_messages.value(), heard.dropped);
  heard.take();
  heard.dropped = 0;
  EXPECT_EQ(co_await served.reply("PUBLISH c small"), integer(1));
  EXPECT_EQ(co_await served.local().run({"PUBLISH", "c", std::string(5000, 'x')}), integer(1));
  for (int i = 0; i < 2000 && heard.dropped == 0; ++i) co_await runtime::sleep_for(1ms);
  EXPECT_THAT(heard.take(), ElementsAre("- c small", "lost")) << "one that never fits";
  EXPECT_EQ(heard.dropped, 1u);
  co_await relay.stop();
}

// While a batch is being delivered, more is published.
struct Echo final : RelayReceiver {
  pubsub::Hub* hub = nullptr;
  std::string payload;
  std::size_t delivered = 0;
  std::uint64_t dropped = 0;

  void deliver(const RelayedMessage& message) override {
    if (delivered++ == 0) hub->publish(message.channel, payload);
  }
  void lost(std::uint64_t count) override { dropped += count; }
};

Task<> overflow_on_the_way(Served& served) {
  if (!runtime::Shard::is_current(*served.home)) co_return;
  Echo echo;
  echo.hub = &served.server->executor().hub();
  echo.payload = std::string(3000, 'p');
  ChannelRelay relay(*served.server, echo, 4096);
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
  EXPECT_EQ(co_await served.local().run({"PUBLISH", "c", echo.payload}), integer(1));
  for (int i = 0; i < 2000 && echo.dropped == 0; ++i) co_await runtime::sleep_for(1ms);
  EXPECT_EQ(echo.delivered, 1u);
  EXPECT_EQ(echo.dropped, 1u) << "what is on its way takes room";
  co_await relay.stop();
}

Task<> refusals(Served& served) {
  Heard heard;
  ChannelRelay relay(*served.server, heard);
  for (const Kind kind : {Kind::channel, Kind::pattern}) {
    const Status topic = co_await relay.subscribe(kind, "topic:orders");
    EXPECT_FALSE(topic);
    if (!topic) EXPECT_EQ(topic.error().code, Errc::invalid_argument);
  }
  const Status sharded = co_await relay.subscribe(Kind::shard, "c");
  EXPECT_FALSE(sharded);
  if (!sharded) EXPECT_EQ(sharded.error().code, Errc::invalid_argument);
  EXPECT_EQ(relay.interested(Kind::channel, "topic:orders"), 0u);
  co_await relay.stop();
  const Status late = co_await relay.subscribe(Kind::channel, "c");
  EXPECT_FALSE(late);
  if (!late) EXPECT_EQ(late.error().code, Errc::cancelled);
}

Task<> publish_on(Served& served, const bool& ends) {
  while (!ends) {
    const auto published = co_await served.local().run(split("PUBLISH c x"));
    if (!published) co_return;
  }
}

Task<> stop_in_the_midst(Served& served) {
  Heard heard;
  bool ends = false;
  runtime::TaskScope tasks;
  {
    ChannelRelay relay(*served.server, heard);
    EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
    for (int i = 0; i < 5; ++i) tasks.spawn(publish_on(served, ends));
    co_await wait_for(heard, 20);
    bool subscribed = false;
    tasks.spawn(subscribe_one(relay, subscribed));
    heard.take();
    co_await relay.stop();
    EXPECT_FALSE(subscribed);
    EXPECT_THAT(heard.take(), ElementsAre()) << "nothing comes once it stops";
    EXPECT_EQ(co_await subscribers(served), integer(0));
  }
  co_await runtime::sleep_for(2ms);
  ends = true;
  co_await tasks.join();
}

Task<> unsubscribe_in_the_midst(Served& served) {
  Heard heard;
  bool ends = false;
  runtime::TaskScope tasks;
  ChannelRelay relay(*served.server, heard);
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
    if (round == 0) {
      for (int i = 0; i < 5; ++i) tasks.spawn(publish_on(served, ends));
    }
    co_await wait_for(heard, 20);
    heard.take();
    co_await relay.unsubscribe(Kind::channel, "c");
    co_await runtime::sleep_for(1ms);
    EXPECT_THAT(heard.take(), ElementsAre()) << "nothing comes from the call on";
  }
  ends = true;
  co_await tasks.join();
  co_await relay.stop();
}

// The server's end is the end of publishing, not of those who listen.
Task<> stop_after_the_server(Served& served) {
  Heard heard;
  ChannelRelay relay(*served.server, heard);
  EXPECT_TRUE(co_await relay.subscribe(Kind::channel, "c"));
  EXPECT_EQ(co_await served.reply("PUBLISH c x"), integer(1));
  co_await served.stop();
  co_await wait_for(heard, 1);
  EXPECT_THAT(heard.take(), ElementsAre("- c x"));
  co_await relay.stop();
}

TEST(ChannelRelay, BringsMessagesOfChannelsAndPatterns) { in_each_world(messages); }
TEST(ChannelRelay, KeepsTheOrderOfPublishing) { in_each_world(order); }
TEST(ChannelRelay, IsOneSubscriberToANameAsLongAsSomebodyIsInterested) { in_each_world(interests); }
TEST(ChannelRelay, CallsThatCrossLeaveTheNameAsTheLastOneWantsIt) { in_each_world(crossing); }
TEST(ChannelRelay, DropsAndCountsWhatIsAboveItsLimit) { in_each_world(overflow); }
TEST(ChannelRelay, CountsWhatIsOnItsWay) { in_each_world(overflow_on_the_way); }
TEST(ChannelRelay, BringsNothingOnceNobodyIsInterested) { in_each_world(unsubscribe_in_the_midst); }
TEST(ChannelRelay, RefusesTopicsAndShardedChannels) { in_each_world(refusals); }
TEST(ChannelRelay, StopsInTheMidstOfMessages) { in_each_world(stop_in_the_midst); }
TEST(ChannelRelay, OutlastsTheServersStop) { in_each_world(stop_after_the_server); }

}  // namespace
}  // namespace leat::resp::testing
