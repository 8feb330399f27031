#include "protocol/resp/outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/resp/home.h"

namespace leat::resp {
namespace {

using ::testing::HasSubstr;

Settings limited(OutputLimit pubsub) {
  Settings settings;
  settings.output_limits.pubsub = pubsub;
  return settings;
}

TEST(OutputLimits, AreWrittenAndReadAsInRedis) {
  EXPECT_EQ(format_output_limits({}), "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  const auto changed = parse_output_limits("pubsub 1mb 2k 3 normal 5 0 0", {});
  ASSERT_TRUE(changed);
  EXPECT_EQ(format_output_limits(*changed), "normal 5 0 0 slave 268435456 67108864 60 pubsub 1048576 2000 3");
  EXPECT_EQ(parse_output_limits("pubsub 1mb", {}).error().message,
            "Wrong number of arguments in buffer limit configuration.");
  EXPECT_EQ(parse_output_limits("foo 1 1 1", {}).error().message,
            "Invalid client class specified in buffer limit configuration.");
  EXPECT_EQ(parse_output_limits("slave 1mb -1 1", {}).error().message,
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
}

TEST(Outputs, EndTheConnectionOfASubscriberAtTheHardLimit) {
  Home home(limited({.hard = 1000}));
  TestClient& slow = home.client();
  TestClient& sender = home.client();
  slow("SUBSCRIBE c");
  slow.set_stalled(true);
  const std::string payload(100, 'x');
  int sent = 0;
  while (sent < 20 && sender({"PUBLISH", "c", payload}) == ":1\r\n") ++sent;
  EXPECT_TRUE(slow.closed());
  EXPECT_EQ(sent, 8);  // of 132 bytes each: the eighth reaches the limit
  EXPECT_EQ(home.executor().stats().output_limit_disconnections.value(), 1u);
  EXPECT_EQ(slow.unsent(), 0u);
}

TEST(Outputs, EndTheConnectionOfASubscriberThatIsAboveTheSoftLimitForTooLong) {
  Home home(limited({.hard = 100'000, .soft = 200, .soft_for = std::chrono::seconds(10)}));
  TestClient& slow = home.client();
  TestClient& sender = home.client();
  slow("SUBSCRIBE c");
  slow.set_stalled(true);
  const std::string payload(300, 'x');
  sender({"PUBLISH", "c", payload});
  home.run_for(std::chrono::seconds(9));
  EXPECT_FALSE(slow.closed());
  slow.set_stalled(false);  // the break that begins the time anew
  slow.set_stalled(true);
  sender({"PUBLISH", "c", payload});
  home.run_for(std::chrono::seconds(9));
  EXPECT_FALSE(slow.closed());
  home.run_for(std::chrono::seconds(2));
  EXPECT_TRUE(slow.closed());
  EXPECT_EQ(home.executor().stats().output_limit_disconnections.value(), 1u);
}

TEST(Outputs, DropMessagesForASlowSubscriberIfThatIsThePolicy) {
  Settings settings = limited({.hard = 1000, .soft = 10, .soft_for = std::chrono::seconds(1)});
  settings.slow_subscriber = SlowSubscriber::drop;
  Home home(std::move(settings));
  TestClient& slow = home.client();
  TestClient& sender = home.client();
  slow("SUBSCRIBE c");
  slow.set_stalled(true);
  const std::string payload(100, 'x');
  for (int i = 0; i < 20; ++i) sender({"PUBLISH", "c", payload});
  home.run_for(std::chrono::seconds(5));
  EXPECT_FALSE(slow.closed());
  EXPECT_EQ(home.executor().stats().dropped_messages.value(), 13u);
  slow.set_stalled(false);
  EXPECT_EQ(slow.got().size(), 7 * 132u);
  sender({"PUBLISH", "c", "last"});
  EXPECT_THAT(slow.got(), HasSubstr("last"));
}

TEST(Outputs, LimitWhatAMonitorDoesNotTake) {
  Home home(limited({.hard = 10'000}));
  TestClient& monitor = home.client();
  TestClient& other = home.client();
  monitor("MONITOR");
  monitor.set_stalled(true);
  for (int i = 0; i < 300; ++i) other("GET k");
  EXPECT_TRUE(monitor.closed());
}

TEST(Outputs, LeaveAloneWhoAskedForALargeReply) {
  Home home(limited({.hard = 10'000}));
  TestClient& client = home.client();
  client({"SET", "k", std::string(100'000, 'x')});
  client.set_stalled(true);
  client("GET k");
  EXPECT_FALSE(client.closed());
}

TEST(Outputs, CountTheMemoryOfAllClientsBuffers) {
  Home home;
  TestClient& a = home.client();
  TestClient& b = home.client();
  EXPECT_EQ(home.executor().outputs().memory(), 0u);
  a({"SET", "k", std::string(1000, 'x')});
  a.set_stalled(true);
  b.set_stalled(true);
  a("GET k");
  b("GET k");
  EXPECT_GE(home.executor().outputs().memory(), 2000u);
  EXPECT_GE(home.executor().memory_used(), home.executor().outputs().memory());
  home.leave(a);
  EXPECT_LT(home.executor().outputs().memory(), 2000u);
  b.set_stalled(false);
  EXPECT_LT(home.executor().outputs().memory(), 1000u);
}

}  // namespace
}  // namespace leat::resp
