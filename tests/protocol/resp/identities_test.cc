#include "protocol/resp/identities.h"

#include <gtest/gtest.h>

#include "tests/protocol/resp/granted_home.h"

namespace leat::resp {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kNoAuth = "-NOAUTH Authentication required.\r\n";
constexpr std::string_view kWrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
constexpr std::string_view kNoKey =
    "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";

std::string bulk(std::string_view text) { return fmt::format("${}\r\n{}\r\n", text.size(), text); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// A connection of who may change users.
TestClient& administrator(GrantedHome& home) {
  home.add_user("root");
  home.grant("root", "alter cluster");
  return home.client("root");
}

// Of a command that waits for users to be changed.
std::string later(GrantedHome& home, TestClient& client, std::string_view line) {
  std::string reply = client(line);
  if (!reply.empty()) return reply;
  home.home().run_for(1s);
  return client.got();
}

TEST(Identities, WithoutAUserAllIsOpen) {
  GrantedHome home;
  home.deny("*", "all key:*");
  TestClient& client = home.client();
  EXPECT_EQ(client("SET a 1"), kOk);
  EXPECT_EQ(client("ACL WHOAMI"), bulk("default"));
  EXPECT_EQ(client("AUTH alice pencil"), kWrong);
  EXPECT_EQ(client("AUTH default anything"), kOk);
  EXPECT_TRUE(client.client().acl->is_unrestricted());
}

TEST(Identities, TheFirstUserClosesWhatIsOpen) {
  GrantedHome home;
  TestClient& before = home.client();
  TestClient& by_default = home.client();
  ASSERT_EQ(by_default("AUTH default anything"), kOk);
  TestClient& listener = home.client();
  ASSERT_TRUE(contains(listener("SUBSCRIBE news"), "subscribe"));
  TestClient& monitor = home.client();
  ASSERT_EQ(monitor("MONITOR"), kOk);
  TestClient& waiting = home.client();
  ASSERT_EQ(waiting("BLPOP list 0"), "");
  home.add_user("alice");
  for (TestClient* client : {&before, &by_default}) {
    for (const char* line : {"GET a", "PING", "ECHO x", "MULTI", "FLUSHALL", "EVAL return(1) 0", "SUBSCRIBE c"})
      EXPECT_EQ((*client)(line), kNoAuth) << line;
    EXPECT_TRUE(contains((*client)("HELLO 3"), "-NOAUTH HELLO must be called"));
    EXPECT_EQ((*client)("RESET"), "+RESET\r\n");
    EXPECT_EQ((*client)("GET a"), kNoAuth);
  }
  (void)listener.got();
  EXPECT_TRUE(listener.closed());
  EXPECT_TRUE(monitor.closed());
  home.grant("alice", "read,write key:*");
  ASSERT_EQ(home.client("alice")("RPUSH list x"), ":1\r\n");
  EXPECT_EQ(waiting.got(), kNoAuth) << "it does not get what it waited for";
}

TEST(Identities, TheDefaultUserLetsNobodyInWithoutAPassword) {
  GrantedHome home;
  home.add_user("alice");
  TestClient& client = home.client();
  EXPECT_EQ(client("AUTH default anything"), kWrong);
  EXPECT_TRUE(contains(client("AUTH anything"), "without any password configured"));
  EXPECT_EQ(client("GET a"), kNoAuth);
}

TEST(Identities, StrangersMayDoWhatIsGrantedToAll) {
  GrantedHome home;
  home.add_user("alice");
  home.grant("*", "read key:public:*");
  TestClient& client = home.client();
  EXPECT_EQ(client("GET public:1"), "$-1\r\n");
  EXPECT_EQ(client("PING"), "+PONG\r\n");
  EXPECT_TRUE(contains(client("HELLO 2"), "redis"));
  for (const char* line : {"SET public:1 x", "GET other", "INFO", "SUBSCRIBE c", "FLUSHALL"})
    EXPECT_EQ(client(line), kNoAuth) << line;
  EXPECT_EQ(client("ACL WHOAMI"), bulk("ANONYMOUS"));
  EXPECT_TRUE(home.executor().acl_log().entries().empty()) << "strangers fill no log";
  EXPECT_EQ(
      client.pipeline({"MULTI", "GET public:1", "GET other", "EXEC"}),
      "+OK\r\n+QUEUED\r\n" + std::string(kNoAuth) + "-EXECABORT Transaction discarded because of previous errors.\r\n");
  home.take_back("*");
  EXPECT_EQ(client("GET public:1"), kNoAuth);
  EXPECT_EQ(client("PING"), kNoAuth);
}

TEST(Identities, APasswordOfRedisKeepsStrangersOut) {
  GrantedHome home({.password = "secret"});
  home.add_user("alice");
  home.grant("*", "read key:public:*");
  TestClient& client = home.client();
  EXPECT_EQ(client("GET public:1"), kNoAuth);
  EXPECT_EQ(client("AUTH wrong"), kWrong);
  EXPECT_EQ(client("AUTH secret"), "") << "after a failure it waits";
  home.home().run_for(1s);
  EXPECT_EQ(client.got(), kOk);
  EXPECT_EQ(client("SET anything x"), kOk);
  EXPECT_EQ(client("ACL WHOAMI"), bulk("default"));
  TestClient& alice = home.client("alice");
  EXPECT_EQ(alice("GET public:1"), "$-1\r\n");
  EXPECT_EQ(alice("GET anything"), kNoKey);
  // Without the password the default user is nobody again.
  ASSERT_EQ(client("CONFIG SET requirepass no"), kOk);
  TestClient& other = home.client();
  EXPECT_EQ(other("GET public:1"), kNoAuth);
  ASSERT_EQ(client({"CONFIG", "SET", "requirepass", ""}), kOk);
  for (TestClient* each : {&client, &other}) {
    EXPECT_EQ((*each)("GET public:1"), "$-1\r\n");
    EXPECT_EQ((*each)("GET anything"), kNoAuth);
  }
}

TEST(Identities, UsersAreWhoTheirPasswordsSay) {
  GrantedHome home;
  home.add_user("alice");
  home.grant("alice", "read,write key:a*");
  TestClient& client = home.client();
  EXPECT_EQ(client("AUTH alice wrong"), kWrong);
  EXPECT_EQ(client("GET a"), kNoAuth);
  home.home().run_for(1s);
  EXPECT_EQ(client("AUTH alice pencil"), kOk);
  EXPECT_EQ(client("ACL WHOAMI"), bulk("alice"));
  EXPECT_EQ(client("SET a 1"), kOk);
  EXPECT_EQ(client("SET b 1"), kNoKey);
  EXPECT_EQ(client("RESET"), "+RESET\r\n");
  EXPECT_EQ(client("GET a"), kNoAuth);
  home.home().run_for(1s);
  const std::string welcome = client("HELLO 3 AUTH alice pencil SETNAME worker");
  EXPECT_TRUE(welcome.starts_with("%7\r\n")) << welcome;
  EXPECT_EQ(client("CLIENT GETNAME"), bulk("worker"));
  home.home().run_for(1s);
  EXPECT_EQ(client("HELLO 2 AUTH alice wrong SETNAME other"), kWrong);
  EXPECT_EQ(client("ACL WHOAMI"), bulk("alice")) << "who fails stays who it is";
  EXPECT_EQ(client("CLIENT GETNAME"), bulk("worker"));
  const security::Logins& logins = *home.executor().identities().logins();
  EXPECT_EQ(logins.stats().succeeded.value(), 2U);
  EXPECT_EQ(logins.stats().failed.value(), 2U);
  EXPECT_EQ(home.executor().acl_log().entries().front().reason, "auth");
}

TEST(Identities, FailuresSlowDownNamesThatThereAreNotToo) {
  for (const char* line : {"AUTH alice wrong", "AUTH nobody wrong", "HELLO 3 AUTH nobody wrong", "AUTH redis wrong"}) {
    GrantedHome home;
    ASSERT_EQ(home.client()("ACL SETUSER redis on >right +@all ~*"), kOk);
    home.add_user("alice");
    TestClient& client = home.client();
    TestClient& other = home.client();
    EXPECT_EQ(client(line), kWrong) << line;
    EXPECT_EQ(client(line), "") << "it waits";
    EXPECT_TRUE(client.client().is_blocked());
    EXPECT_EQ(other("PING"), kNoAuth) << "others do not";
    // Nor does another name.
    if (std::string_view(line) != "AUTH redis wrong") EXPECT_EQ(other("AUTH redis right"), kOk);
    home.home().run_for(1s);
    EXPECT_EQ(client.got(), kWrong) << line;
    EXPECT_FALSE(client.client().is_blocked());
  }
}

TEST(Identities, ThoseOfRedisKeepTheirRules) {
  GrantedHome home;
  ASSERT_EQ(home.client()("ACL SETUSER redis on >right +@all ~r*"), kOk);
  TestClient& root = administrator(home);
  ASSERT_EQ(root("ACL SETUSER redis -flushall"), kOk);
  TestClient& client = home.client();
  EXPECT_EQ(client("AUTH redis right"), kOk);
  EXPECT_EQ(client("SET r 1"), kOk);
  EXPECT_EQ(client("SET a 1"), kNoKey);
  EXPECT_TRUE(contains(client("FLUSHALL"), "-NOPERM"));
  // A name is one user's: leat's.
  home.add_user("redis");
  EXPECT_EQ(client("SET r 1"), kNoAuth);
  EXPECT_EQ(client("AUTH redis right"), kWrong);
  home.home().run_for(1s);
  EXPECT_EQ(client("AUTH redis pencil"), kOk);
  EXPECT_EQ(client("SET r 1"), kNoKey);
  EXPECT_EQ(later(home, root, "ACL SETUSER redis %R~b"), kOk);
  EXPECT_EQ(client("GET b"), "$-1\r\n");
  EXPECT_EQ(later(home, root, "ACL DELUSER redis"), ":1\r\n");
  EXPECT_EQ(client("GET b"), kNoAuth);
  EXPECT_EQ(later(home, client, "AUTH redis right"), kWrong) << "whom leat's took the name of is gone for good";
}

TEST(Identities, SetUserMakesUsersOfLeatOnceThereIsOne) {
  GrantedHome home;
  TestClient& root = administrator(home);
  ASSERT_EQ(later(home, root, "ACL SETUSER app on >secret ~app:* %R~all &news* +@all -set"), kOk);
  ASSERT_NE(home.find_user("app"), nullptr);
  EXPECT_TRUE(home.find_user("app")->has_password());
  EXPECT_EQ(home.executor().users().find("app"), nullptr) << "it is none of Redis's";
  TestClient& app = home.client();
  EXPECT_EQ(app("AUTH app secret"), kOk);
  EXPECT_EQ(app("GET app:1"), "$-1\r\n");
  EXPECT_EQ(app("INCR app:1"), ":1\r\n");
  EXPECT_EQ(app("GET all"), "$-1\r\n");
  EXPECT_EQ(app("INCR all"), kNoKey);
  EXPECT_EQ(app("PUBLISH news:1 x"), ":0\r\n");
  EXPECT_TRUE(contains(app("PUBLISH other x"), "-NOPERM"));
  EXPECT_TRUE(contains(app("SET app:1 x"), "-NOPERM")) << "a rule of commands";
  EXPECT_TRUE(contains(app("CONFIG GET *"), "-NOPERM")) << "no rule gives rights on the server";
  EXPECT_TRUE(contains(app("ACL SETUSER app +set"), "-NOPERM"));
  // What is changed holds on connections that are there.
  ASSERT_EQ(later(home, root, "ACL SETUSER app +set -incr resetkeys ~other"), kOk);
  EXPECT_EQ(app("SET other 1"), kOk);
  EXPECT_EQ(app("GET app:1"), kNoKey);
  EXPECT_TRUE(contains(app("INCR other"), "-NOPERM"));
  const std::string shown = root("ACL LIST");
  EXPECT_TRUE(contains(shown, "user app on ~other resetchannels &news* ")) << shown;
  EXPECT_TRUE(contains(shown, "-incr")) << shown;
  EXPECT_TRUE(contains(root("ACL DRYRUN app INCR other"), "no permissions to run the 'incr' command"));
}

TEST(Identities, SetUserOfLeatIsNotForTransactionsNorForWhatItCannotSay) {
  GrantedHome home;
  TestClient& root = administrator(home);
  EXPECT_EQ(root.pipeline({"MULTI", "ACL SETUSER app on", "EXEC"}),
            "+OK\r\n+QUEUED\r\n*1\r\n-ERR users of leat cannot be changed inside a transaction\r\n");
  for (const char* rule : {"off", "nopass", "~a?", "&a[bc]", "(~a +get)", "nonsense", "#abc", "<secret"}) {
    EXPECT_TRUE(contains(root({"ACL", "SETUSER", "app", rule}), "-ERR Error in ACL SETUSER modifier")) << rule;
    EXPECT_EQ(home.find_user("app"), nullptr) << rule;
  }
  EXPECT_TRUE(contains(root("ACL SETUSER app >secret +@all"), "add 'on'"));
  EXPECT_TRUE(contains(root({"ACL", "SETUSER", "app", "on", ">"}), "-ERR "));
  EXPECT_EQ(root({"ACL", "SETUSER", "*", "on"}).substr(0, 5), "-ERR ");
  EXPECT_EQ(home.find_user("app"), nullptr);
  home.add_user("app");
  EXPECT_TRUE(contains(root("ACL DELUSER app ghost"), "one after the other"));
  EXPECT_NE(home.find_user("app"), nullptr);
}

TEST(Identities, UsersOfLeatAreNotForUsersOfRedisToChange) {
  GrantedHome home;
  ASSERT_EQ(home.client()("ACL SETUSER redis on >right +@all ~* &*"), kOk);
  ASSERT_EQ(home.client()("CONFIG SET requirepass word"), kOk);
  home.add_user("root");
  home.grant("root", "alter cluster");
  home.add_user("bob");
  home.grant("bob", "read key:*");
  TestClient& redis = home.client();
  ASSERT_EQ(redis("AUTH redis right"), kOk);
  TestClient& by_default = home.client();
  ASSERT_EQ(by_default("AUTH word"), kOk);
  for (TestClient* client : {&redis, &by_default, &home.client("bob")}) {
    for (const char* line :
         {"ACL SETUSER root >mine", "ACL SETUSER other on", "ACL DELUSER root", "ACL DELUSER bob root"})
      EXPECT_EQ(later(home, *client, line).substr(0, 8), "-NOPERM ") << line;
  }
  EXPECT_EQ(home.find_user("other"), nullptr);
  ASSERT_NE(home.find_user("root"), nullptr);
  EXPECT_NE(home.find_user("bob"), nullptr);
  EXPECT_EQ(redis("ACL SETUSER redis -get"), kOk) << "themselves they may change";
  EXPECT_TRUE(contains(redis("GET a"), "-NOPERM"));
}

TEST(Identities, WhoLosesTheRightWhileAChangeWaitsChangesNothing) {
  GrantedHome home;
  TestClient& root = administrator(home);
  EXPECT_EQ(root("ACL SETUSER app on ~* +@all"), "");
  home.take_back("root");
  home.home().run_for(1s);
  EXPECT_TRUE(contains(root.got(), "-NOPERM"));
  EXPECT_EQ(home.find_user("app"), nullptr);
}

TEST(Identities, ChangesUnderWayAreLimited) {
  GrantedHome home;
  home.add_user("root");
  home.grant("root", "alter cluster");
  std::vector<TestClient*> clients;
  for (int i = 0; i < 101; ++i) clients.push_back(&home.client("root"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ((*clients[i])(fmt::format("ACL SETUSER app{} on", i)), "");
  EXPECT_EQ((*clients[100])("ACL SETUSER app100 on"),
            "-ERR too many changes of users are under way, try again later\r\n");
  home.home().run_for(1s);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(clients[i]->got(), kOk);
  EXPECT_EQ(later(home, *clients[100], "ACL SETUSER app100 on"), kOk);
}

TEST(Identities, WhoAsksForAChangeMayLeaveMeanwhile) {
  GrantedHome home;
  TestClient& root = administrator(home);
  EXPECT_EQ(root("ACL SETUSER app on >secret ~* +@all"), "");
  home.home().leave(root);
  home.home().run_for(1s);
  EXPECT_NE(home.find_user("app"), nullptr);
}

TEST(Identities, WhoIsRemovedIsNobody) {
  GrantedHome home;
  home.add_user("alice");
  home.add_user("bob");
  home.grant("alice", "read,write key:* channel:*");
  TestClient& client = home.client("alice");
  TestClient& listener = home.client("alice");
  ASSERT_TRUE(contains(listener("PSUBSCRIBE n*"), "psubscribe"));
  ASSERT_EQ(client("MULTI"), kOk);
  ASSERT_EQ(client("SET a 1"), "+QUEUED\r\n");
  home.remove_user("alice");
  EXPECT_EQ(client("EXEC"), "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n");
  EXPECT_EQ(client("GET a"), kNoAuth);
  (void)listener.got();
  EXPECT_TRUE(listener.closed());
  // Not even when there is one of that name again.
  home.add_user("alice");
  EXPECT_EQ(client("GET a"), kNoAuth);
}

TEST(Identities, WhoIsRemovedWhileThePasswordIsLookedAtIsNotLetIn) {
  GrantedHome home;
  home.add_user("alice");
  home.add_user("bob");
  TestClient& client = home.client();
  EXPECT_EQ(client("AUTH alice wrong"), kWrong);
  EXPECT_EQ(client("AUTH alice pencil"), "") << "after a failure it has to wait";
  home.remove_user("alice");
  home.home().run_for(1s);
  EXPECT_EQ(client.got(), kWrong);
  EXPECT_EQ(client("GET a"), kNoAuth);
}

TEST(Identities, AConnectionMayEndWhileItsPasswordIsLookedAt) {
  GrantedHome home;
  home.add_user("alice");
  TestClient& client = home.client();
  EXPECT_EQ(client("AUTH alice wrong"), kWrong);
  EXPECT_EQ(client("AUTH alice pencil"), "");
  home.home().leave(client);
  home.home().run_for(1s);
  EXPECT_EQ(home.executor().identities().logins()->stats().succeeded.value(), 1U);
}

TEST(Identities, TransactionsAreAskedAgainWhenTheyRun) {
  GrantedHome home;
  home.add_user("alice");
  home.grant("alice", "read,write key:a key:b");
  TestClient& client = home.client("alice");
  EXPECT_EQ(
      client.pipeline({"MULTI", "SET a 1", "SET c 1", "EXEC"}),
      "+OK\r\n+QUEUED\r\n" + std::string(kNoKey) + "-EXECABORT Transaction discarded because of previous errors.\r\n");
  EXPECT_EQ(client.pipeline({"MULTI", "SET a 1", "SET b 1"}), "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
  home.deny("alice", "write key:a");
  const std::string reply = client("EXEC");
  EXPECT_TRUE(contains(reply, "no permission to touch the specified keys")) << reply;
  EXPECT_TRUE(reply.ends_with("+OK\r\n")) << reply;
  EXPECT_EQ(client("GET a"), "$-1\r\n");
  EXPECT_EQ(client("GET b"), bulk("1"));
  EXPECT_EQ(client.pipeline({"MULTI", "AUTH alice pencil", "EXEC"}),
            "+OK\r\n+QUEUED\r\n*1\r\n-ERR users of leat cannot be authenticated inside a transaction\r\n");
}

TEST(Identities, WhoWaitsIsAskedAgainWhenItsTurnComes) {
  GrantedHome home;
  home.add_user("alice");
  home.grant("alice", "read,write key:list");
  home.add_user("bob");
  home.grant("bob", "read,write key:list");
  TestClient& alice = home.client("alice");
  ASSERT_EQ(alice("BLPOP list 0"), "");
  TestClient& bob = home.client("bob");
  home.take_back("alice");
  EXPECT_EQ(bob("RPUSH list x"), ":1\r\n");
  EXPECT_EQ(alice.got(), kNoKey);
  EXPECT_EQ(bob("LRANGE list 0 -1"), "*1\r\n" + bulk("x")) << "nothing was taken";
}

TEST(Identities, WhoMayNoLongerListenIsCutOff) {
  GrantedHome home;
  home.add_user("alice");
  home.grant("alice", "read channel:* key:*");
  home.grant("alice", "alter cluster");
  TestClient& channel = home.client("alice");
  TestClient& pattern = home.client("alice");
  TestClient& shard = home.client("alice");
  TestClient& monitor = home.client("alice");
  TestClient& tracker = home.client("alice");
  (void)channel("SUBSCRIBE news");
  (void)pattern("PSUBSCRIBE n*");
  (void)shard("SSUBSCRIBE news");
  (void)monitor("MONITOR");
  (void)tracker("HELLO 3");
  ASSERT_EQ(tracker("CLIENT TRACKING on BCAST"), kOk);
  home.deny("alice", "read channel:news2");
  (void)pattern.got();
  EXPECT_TRUE(pattern.closed());
  EXPECT_FALSE(channel.closed() || shard.closed() || monitor.closed() || tracker.closed());
  home.deny("alice", "alter cluster");
  (void)monitor.got();
  EXPECT_TRUE(monitor.closed());
  home.deny("alice", "read key:secret");
  (void)tracker.got();
  EXPECT_TRUE(tracker.closed());
  home.take_back("alice");
  (void)channel.got();
  EXPECT_TRUE(channel.closed());
  EXPECT_TRUE(shard.closed());
}

TEST(Identities, AclCommandsShowUsersOfLeat) {
  GrantedHome home;
  home.add_user("alice");
  home.add_user("root");
  home.grant("root", "all cluster key:* channel:*");
  home.grant("alice", "read,write key:a[1]*");
  home.grant("alice", "read key:b");
  home.grant("alice", "write key:c?");
  home.grant("*", "read channel:news*");
  TestClient& root = home.client("root");
  EXPECT_EQ(root("ACL USERS"), "*3\r\n" + bulk("alice") + bulk("default") + bulk("root"));
  const std::string shown = root("ACL GETUSER alice");
  EXPECT_TRUE(contains(shown, bulk("~a\\[1\\]* %R~b %W~c\\?"))) << shown;
  EXPECT_TRUE(contains(shown, bulk("&news*"))) << shown;
  EXPECT_TRUE(contains(shown, "-config|set") || contains(shown, "-@admin")) << shown;
  const std::string listed = root("ACL LIST");
  EXPECT_TRUE(contains(listed, "user root on ~* &* +@all\r\n")) << listed;
  EXPECT_TRUE(contains(listed, "user default on nopass ")) << listed;
  EXPECT_EQ(root("ACL DRYRUN alice GET b"), kOk);
  EXPECT_EQ(root("ACL DRYRUN alice SET b 1"), bulk("This user has no permissions to access the 'b' key"));
  EXPECT_EQ(root("ACL DRYRUN alice FLUSHALL"), bulk("This user has no permissions to run the 'flushall' command"));
  EXPECT_EQ(root("ACL DRYRUN alice PUBLISH news x"), bulk("This user has no permissions to access the 'news' channel"));
  EXPECT_EQ(root("ACL DRYRUN nobody GET b"), "-ERR User 'nobody' not found\r\n");
  EXPECT_EQ(root("CLIENT KILL USER alice"), ":0\r\n");
}

TEST(Identities, RefusalsAreInTheLog) {
  GrantedHome home;
  home.add_user("alice");
  TestClient& client = home.client("alice");
  (void)client("GET secret");
  (void)client("CONFIG GET x");
  (void)client("SUBSCRIBE news");
  const auto& entries = home.executor().acl_log().entries();
  ASSERT_EQ(entries.size(), 3U);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"channel", "news"}, {"command", "config|get"}, {"key", "secret"}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(entries[i].reason, expected[i].first);
    EXPECT_EQ(entries[i].object, expected[i].second);
    EXPECT_EQ(entries[i].user, "alice");
  }
}

}  // namespace
}  // namespace leat::resp
