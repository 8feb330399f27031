#include "protocol/resp/tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/resp/home.h"

namespace leat::resp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string invalidate(std::string_view key) {
  return fmt::format(">2\r\n$10\r\ninvalidate\r\n*1\r\n${}\r\n{}\r\n", key.size(), key);
}

TestClient& tracking_client(Home& home, std::string_view options = "") {
  TestClient& client = home.client();
  client("HELLO 3");
  EXPECT_EQ(client(fmt::format("CLIENT TRACKING ON{}", options)), "+OK\r\n");
  return client;
}

TEST(Tracking, TellsWhoHasReadAKeyOnceThatItChanged) {
  Home home;
  TestClient& reader = tracking_client(home);
  TestClient& writer = home.client();
  reader("GET k");
  writer("SET k 1");
  EXPECT_EQ(reader.got(), invalidate("k"));
  writer("SET k 2");
  EXPECT_THAT(reader.got(), IsEmpty());
}

TEST(Tracking, TellsAClientOfItsOwnChangeBehindTheReply) {
  Home home;
  TestClient& client = tracking_client(home);
  client("GET k");
  EXPECT_EQ(client.pipeline({"SET k 1", "PING"}), "+OK\r\n" + invalidate("k") + "+PONG\r\n");
  client("GET k");
  EXPECT_EQ(client.pipeline({"MULTI", "SET k 2", "SET k 3", "EXEC"}),
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n" + invalidate("k"));
}

TEST(Tracking, ToldNotToSaysNothingOfOwnChanges) {
  Home home;
  TestClient& client = tracking_client(home, " NOLOOP");
  client("GET k");
  EXPECT_EQ(client("SET k 1"), "+OK\r\n");
}

TEST(Tracking, TellsOfKeysThatExpire) {
  Home home;
  TestClient& reader = tracking_client(home);
  TestClient& other = home.client();
  other("SET k v PX 10");
  reader("GET k");
  home.run_for(std::chrono::milliseconds(20));
  other("GET k");
  EXPECT_EQ(reader.got(), invalidate("k"));
}

TEST(Tracking, RemembersNoMoreKeysThanItMayAndTellsOfThoseThatGo) {
  Settings settings;
  settings.tracking_keys_max = 10;
  Home home(std::move(settings));
  TestClient& reader = tracking_client(home);
  for (int i = 0; i < 100; ++i) {
    reader(fmt::format("GET key:{}", i));
    EXPECT_LE(home.executor().tracking().keys(), 10u);
  }
  EXPECT_EQ(home.executor().tracking().keys(), 10u);
  EXPECT_EQ(home.executor().tracking().items(), 10u);
  TestClient& writer = home.client();
  int told = 0;
  for (int i = 0; i < 100; ++i) {
    writer(fmt::format("SET key:{} v", i));
    if (!reader.got().empty()) ++told;
  }
  EXPECT_EQ(told, 10);
}

TEST(Tracking, SaysWhatHadToLeaveTheTable) {
  Settings settings;
  settings.tracking_keys_max = 1;
  Home home(std::move(settings));
  TestClient& first = tracking_client(home);
  TestClient& second = tracking_client(home);
  first("GET a");
  const std::string reply = second("GET b");
  const std::string told = first.got();
  // One of the two had to go.
  EXPECT_TRUE((reply == "_\r\n" && told == invalidate("a")) || (reply == "_\r\n" + invalidate("b") && told.empty()))
      << reply << told;
}

TEST(Tracking, RemembersWhatClientsReadUntilItChangesWhoeverStops) {
  Home home;
  TestClient& a = tracking_client(home);
  TestClient& b = tracking_client(home);
  a("GET k");
  b("GET k");
  EXPECT_EQ(home.executor().tracking().items(), 2u);
  a("CLIENT TRACKING OFF");
  home.leave(b);
  EXPECT_EQ(home.executor().tracking().clients(), 0u);
  EXPECT_EQ(home.executor().tracking().keys(), 1u);
  a("SET k 1");
  EXPECT_EQ(home.executor().tracking().keys(), 0u);
  EXPECT_EQ(home.executor().tracking().items(), 0u);
}

TEST(Tracking, BroadcastsKeysOfPrefixesTogetherAtTheEndOfATurn) {
  Home home;
  TestClient& listener = tracking_client(home, " BCAST PREFIX a PREFIX b NOLOOP");
  TestClient& writer = home.client();
  writer.pipeline({"SET a2 1", "SET a1 1", "SET c 1", "SET b1 1", "SET a2 2"});
  EXPECT_EQ(listener.got(),
            ">2\r\n$10\r\ninvalidate\r\n*2\r\n$2\r\na1\r\n$2\r\na2\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\nb1\r\n");
  EXPECT_EQ(listener("SET a1 7"), "+OK\r\n");
  EXPECT_EQ(home.executor().tracking().keys(), 0u);
}

TEST(Tracking, RedirectsToASubscriberOfTheOldProtocol) {
  Home home;
  TestClient& listener = home.client();
  listener("SUBSCRIBE __redis__:invalidate");
  TestClient& reader = home.client();
  reader(fmt::format("CLIENT TRACKING ON REDIRECT {}", listener.client().id()));
  reader("GET k");
  home.client()("SET k 1");
  EXPECT_EQ(listener.got(), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\nk\r\n");
  EXPECT_THAT(reader.got(), IsEmpty());
  home.leave(listener);
  reader("GET k");
  home.client()("SET k 2");
  EXPECT_THAT(reader("CLIENT TRACKINGINFO"), HasSubstr("broken_redirect"));
}

TEST(Tracking, OptsInForOneCommandOrTransaction) {
  Home home;
  TestClient& reader = tracking_client(home, " OPTIN");
  reader("GET a");
  reader.pipeline({"CLIENT CACHING YES", "GET b", "GET c"});
  TestClient& writer = home.client();
  writer("MSET a 1 b 1 c 1");
  EXPECT_EQ(reader.got(), invalidate("b"));
  reader.pipeline({"CLIENT CACHING YES", "MULTI", "GET a", "GET b", "EXEC", "GET c"});
  writer("MSET a 1 b 1 c 1");
  EXPECT_EQ(reader.got(), invalidate("a") + invalidate("b"));
}

TEST(Tracking, TellsEveryClientWhenAllIsFlushed) {
  Home home;
  TestClient& reader = tracking_client(home);
  reader("GET k");
  home.world().on_shard(0, [&] { home.executor().tracking().flushed(); });
  EXPECT_EQ(reader.got(), ">2\r\n$10\r\ninvalidate\r\n_\r\n");
  EXPECT_EQ(home.executor().tracking().keys(), 0u);
}

}  // namespace
}  // namespace leat::resp
