#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/protocol/resp/home.h"

namespace leat::resp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Settings with_events(std::string_view letters) {
  Settings settings;
  settings.event_classes = parse_event_classes(letters).value();
  return settings;
}

TEST(Messages, ReachSubscribersInTheProtocolThatEachSpeaks) {
  Home home;
  TestClient& two = home.client();
  TestClient& three = home.client();
  TestClient& sender = home.client();
  EXPECT_EQ(two("SUBSCRIBE c"), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  three("HELLO 3");
  EXPECT_EQ(three("PSUBSCRIBE c*"), ">3\r\n$10\r\npsubscribe\r\n$2\r\nc*\r\n:1\r\n");
  EXPECT_EQ(sender("PUBLISH c hi"), ":2\r\n");
  EXPECT_EQ(two.got(), "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n");
  EXPECT_EQ(three.got(), ">4\r\n$8\r\npmessage\r\n$2\r\nc*\r\n$1\r\nc\r\n$2\r\nhi\r\n");
}

TEST(Messages, OfAConnectionThatIsGoneOrResetGoToNobody) {
  Home home;
  TestClient& a = home.client();
  TestClient& b = home.client();
  TestClient& sender = home.client();
  a("SUBSCRIBE c");
  b("SUBSCRIBE c");
  home.leave(a);
  EXPECT_EQ(sender("PUBLISH c x"), ":1\r\n");
  EXPECT_THAT(b.got(), HasSubstr("message"));
  EXPECT_EQ(b("RESET"), "+RESET\r\n");
  EXPECT_EQ(sender("PUBLISH c x"), ":0\r\n");
  EXPECT_EQ(b("GET k"), "$-1\r\n");
}

TEST(KeyspaceEvents, AreToldOnTheChannelsOfTheSetting) {
  Home home(with_events("E$x"));
  TestClient& listener = home.client();
  TestClient& other = home.client();
  listener("PSUBSCRIBE __key*");
  other("SET k v");
  EXPECT_EQ(listener.got(), "*4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n$18\r\n__keyevent@0__:set\r\n$1\r\nk\r\n");
  other("DEL k");
  EXPECT_THAT(listener.got(), IsEmpty());
}

TEST(KeyspaceEvents, TellNewAndMissedKeysOnlyWhenAskedFor) {
  Home home(with_events("Knm"));
  TestClient& listener = home.client();
  TestClient& other = home.client();
  listener("PSUBSCRIBE *");
  other("SET k v");
  EXPECT_EQ(listener.got(), "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$16\r\n__keyspace@0__:k\r\n$3\r\nnew\r\n");
  other("SET k w");
  EXPECT_THAT(listener.got(), IsEmpty());
  other("GET none");
  EXPECT_THAT(listener.got(), HasSubstr("$7\r\nkeymiss\r\n"));

  home.executor().settings().event_classes = parse_event_classes("KEA").value();
  home.executor().apply_settings();
  other("GET none");
  EXPECT_THAT(listener.got(), IsEmpty());
}

TEST(KeyspaceEvents, TellOfKeysThatExpire) {
  Home home(with_events("Ex"));
  TestClient& listener = home.client();
  TestClient& other = home.client();
  listener("SUBSCRIBE __keyevent@0__:expired");
  other("SET k v PX 10");
  home.run_for(std::chrono::milliseconds(20));
  other("GET k");
  EXPECT_THAT(listener.got(), HasSubstr("$1\r\nk\r\n"));
}

TEST(Monitor, ShowsCommandsWithoutSecretsOrThoseOfAdministrators) {
  Home home;
  TestClient& monitor = home.client();
  TestClient& other = home.client();
  EXPECT_EQ(monitor("MONITOR"), "+OK\r\n");
  other({"SET", "k", "a \"b\"\n\x01"});
  EXPECT_THAT(monitor.got(), HasSubstr("[0 10.0.0.1:1001] \"SET\" \"k\" \"a \\\"b\\\"\\n\\x01\"\r\n"));
  other("HELLO 2 AUTH default secret");
  EXPECT_THAT(monitor.got(), HasSubstr("\"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\"\r\n"));
  other("CLIENT LIST");
  EXPECT_THAT(monitor.got(), IsEmpty());
  EXPECT_EQ(monitor("GET k"), "-ERR Replica can't interact with the keyspace\r\n");
  monitor("RESET");
  monitor.got();
  other("GET k");
  EXPECT_THAT(monitor.got(), IsEmpty());
}

TEST(Pause, LetsWritesWaitUntilItsTimeIsOver) {
  Home home;
  TestClient& admin = home.client();
  TestClient& writer = home.client();
  admin("CLIENT PAUSE 1000 WRITE");
  EXPECT_THAT(writer("SET k 1"), IsEmpty());
  EXPECT_TRUE(writer.client().is_blocked());
  EXPECT_EQ(admin("GET k"), "$-1\r\n");
  home.run_for(std::chrono::milliseconds(1001));
  EXPECT_EQ(writer.got(), "+OK\r\n");
  EXPECT_EQ(writer.resumed(), 1);
  EXPECT_EQ(admin("GET k"), "$1\r\n1\r\n");
}

TEST(Pause, EndsWhenToldAndHoldsTransactionsThatWrite) {
  Home home;
  TestClient& admin = home.client();
  TestClient& writer = home.client();
  TestClient& gone = home.client();
  writer.pipeline({"MULTI", "GET k", "SET k 1"});
  admin("CLIENT PAUSE 100000 WRITE");
  EXPECT_THAT(gone("SET k 2"), IsEmpty());
  EXPECT_THAT(writer("EXEC"), IsEmpty());
  home.leave(gone);
  EXPECT_EQ(admin("CLIENT UNPAUSE"), "+OK\r\n");
  home.run_for(std::chrono::milliseconds(1));
  EXPECT_EQ(writer.got(), "*2\r\n$-1\r\n+OK\r\n");
}

TEST(ClientKill, TakesNothingForAClientThatWasBlocked) {
  Home home;
  TestClient& blocked = home.client();
  TestClient& other = home.client();
  blocked("BLPOP list 0");
  const std::string kill = fmt::format("CLIENT KILL ID {}", blocked.client().id());
  EXPECT_EQ(other.pipeline({kill, "RPUSH list a", "LLEN list"}), ":1\r\n:1\r\n:1\r\n");
  EXPECT_TRUE(blocked.closed());
  EXPECT_EQ(other("LLEN list"), ":1\r\n");
}

TEST(ClientReply, SuppressesRepliesAsAskedFor) {
  Home home;
  TestClient& client = home.client();
  EXPECT_EQ(client.pipeline({"CLIENT REPLY SKIP", "SET k 1", "GET k"}), "$1\r\n1\r\n");
  EXPECT_EQ(client.pipeline({"CLIENT REPLY OFF", "SET k 2", "GET k", "CLIENT REPLY ON", "GET k"}),
            "+OK\r\n$1\r\n2\r\n");
}

}  // namespace
}  // namespace leat::resp
