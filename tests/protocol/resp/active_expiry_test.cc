#include "protocol/resp/active_expiry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/resp/home.h"

namespace leat::resp {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Keys that are there, whether or not their time has come.
std::size_t keys_of(Home& home) { return home.executor().keyspace().database(0).size(); }

TEST(ActiveExpiry, KeysGoThoughNobodyAsksForThem) {
  Home home;
  TestClient& client = home.client();
  client("SET a 1 PX 50");
  client("SET b 1 PX 5000");
  client("SET c 1");
  EXPECT_EQ(keys_of(home), 3U);
  home.run_for(60ms);
  EXPECT_EQ(keys_of(home), 2U);
  home.run_for(5s);
  EXPECT_EQ(keys_of(home), 1U);
  EXPECT_EQ(home.executor().keyspace().stats().expired_keys.value(), 2U);
}

TEST(ActiveExpiry, AnEarlierTimeThatComesLaterCounts) {
  Home home;
  TestClient& client = home.client();
  client("SET a 1 EX 1000");
  client("SET b 1 EX 1000");
  client("PEXPIRE b 20");
  home.run_for(30ms);
  EXPECT_EQ(keys_of(home), 1U);
  client("PERSIST a");
  home.run_for(2000s);
  EXPECT_EQ(keys_of(home), 1U);
}

TEST(ActiveExpiry, FieldsOfHashesGoToo) {
  Home home;
  TestClient& client = home.client();
  client("HSET h f 1 g 2");
  EXPECT_EQ(client("HPEXPIRE h 20 FIELDS 2 f g"), "*2\r\n:1\r\n:1\r\n");
  home.run_for(30ms);
  EXPECT_EQ(keys_of(home), 0U);
}

TEST(ActiveExpiry, TellsThatKeysExpired) {
  Settings settings;
  settings.event_classes = *parse_event_classes("KEA");
  Home home(settings);
  TestClient& listener = home.client();
  listener("SUBSCRIBE __keyevent@0__:expired");
  TestClient& client = home.client();
  client("SET gone 1 PX 20");
  (void)listener.got();
  home.run_for(30ms);
  EXPECT_THAT(listener.got(), HasSubstr("$4\r\ngone\r\n"));
}

TEST(ActiveExpiry, ManyKeysAtOnceGoALittleAtATime) {
  Home home;
  TestClient& client = home.client();
  for (int i = 0; i < 20'000; ++i) client(fmt::format("SET key:{} 1 PXAT 1700000100000", i));
  ASSERT_EQ(keys_of(home), 20'000U);
  home.run_for(100s - Milliseconds(home.executor().shard().wall_now().value() - 1'700'000'000'000));
  home.run_for(2ms);
  // A part is gone, and the others wait for their turn.
  EXPECT_LT(keys_of(home), 20'000U);
  EXPECT_GT(keys_of(home), 10'000U);
  home.run_for(1s);
  EXPECT_EQ(keys_of(home), 0U);
}

TEST(ActiveExpiry, NothingIsArmedWhenNothingExpires) {
  Home home;
  TestClient& client = home.client();
  client("SET a 1");
  EXPECT_FALSE(home.executor().active_expiry().armed());
  client("SET b 1 PX 10");
  EXPECT_TRUE(home.executor().active_expiry().armed());
  home.run_for(20ms);
  EXPECT_FALSE(home.executor().active_expiry().armed());
}

TEST(ActiveExpiry, WhileItIsOffKeysGoWhenTheyAreAskedFor) {
  Home home;
  home.executor().active_expiry().set_enabled(false);
  TestClient& client = home.client();
  client("SET a 1 PX 10");
  home.run_for(1s);
  EXPECT_EQ(keys_of(home), 1U);
  EXPECT_EQ(client("GET a"), "$-1\r\n");
  EXPECT_EQ(keys_of(home), 0U);
  client("SET b 1 PX 10");
  home.executor().active_expiry().set_enabled(true);
  home.run_for(1s);
  EXPECT_EQ(keys_of(home), 0U);
}

}  // namespace
}  // namespace leat::resp
