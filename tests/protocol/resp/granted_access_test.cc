#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/acl/grant_pattern.h"

#include <gtest/gtest.h>

#include "tests/protocol/resp/granted_home.h"

namespace leat::resp {
namespace {

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kNoKey =
    "-NOPERM this user has no permissions to access one of the keys used as arguments\r\n";
constexpr std::string_view kNoChannel =
    "-NOPERM this user has no permissions to access one of the channels used as arguments\r\n";

std::string no_command(std::string_view name) {
  return fmt::format("-NOPERM this user has no permissions to run the '{}' command\r\n", name);
}

bool is_refused(std::string_view reply) { return reply.starts_with("-NOPERM"); }

// A user `alice`, and a connection of hers, and one of `root`, who may do everything.
struct Granted {
  GrantedHome home;
  TestClient* root;
  TestClient* alice;

  Granted() {
    home.add_user("alice");
    home.add_user("root");
    for (const char* all : {"all cluster", "all key:*", "all lock:*", "all channel:*", "all topic:*"})
      home.grant("root", all);
    root = &home.client("root");
    alice = &home.client("alice");
  }
  std::string operator()(std::string_view line) { return (*alice)(line); }
  // The reply with no other grants than these.
  std::string with(std::string_view grants, std::string_view line) {
    home.take_back("alice");
    if (!grants.empty()) home.grant("alice", grants);
    return (*alice)(line);
  }
};

TEST(GrantedAccess, KeysAreForReadingOrWriting) {
  Granted to;
  ASSERT_EQ((*to.root)("SET a 1"), kOk);
  EXPECT_EQ(to.with("", "GET a"), kNoKey);
  EXPECT_EQ(to.with("read key:a", "GET a"), "$1\r\n1\r\n");
  EXPECT_EQ(to("SET a 2"), kNoKey);
  EXPECT_EQ(to("GET ab"), kNoKey);
  EXPECT_EQ(to.with("write key:a", "SET a 2"), kOk);
  EXPECT_EQ(to("GET a"), kNoKey);
  EXPECT_EQ(to("SET a 3 GET"), kNoKey) << "it tells the old value";
  EXPECT_EQ(to("GETDEL a"), kNoKey);
  EXPECT_EQ(to("EXISTS a"), ":1\r\n") << "who may write may know that it is there";
  EXPECT_EQ(to.with("read,write key:a*", "MSET a 1 ab 2"), kOk);
  EXPECT_EQ(to("MSET ab 2 b 3"), kNoKey);
  EXPECT_EQ(to("COPY a ac"), ":1\r\n");
  EXPECT_EQ(to("RENAME a b"), kNoKey);
  to.home.deny("alice", "read key:ab");
  EXPECT_EQ(to("GET ab"), kNoKey);
  EXPECT_EQ(to("GET a"), "$1\r\n1\r\n");
  EXPECT_EQ(to.with("describe key:a", "EXISTS a"), ":1\r\n");
  EXPECT_EQ(to("STRLEN a"), ":1\r\n");
  EXPECT_EQ(to("WATCH a"), kNoKey) << "it tells when a key changes";
  EXPECT_EQ(to.with("read key:a", "WATCH a"), kOk);
}

TEST(GrantedAccess, KeysThatAreMadeUpNeedEachKeyOfThatKind) {
  Granted to;
  ASSERT_EQ((*to.root)("MSET secret-1 x weight-1 1"), kOk);
  ASSERT_EQ((*to.root)("RPUSH list 1"), ":1\r\n");
  EXPECT_EQ(to.with("read key:list", "SORT_RO list"), "*1\r\n$1\r\n1\r\n");
  EXPECT_EQ(to("SORT_RO list BY nosort GET secret-*"), kNoKey);
  EXPECT_EQ(to("SORT list BY weight-*"), kNoKey);
  EXPECT_EQ(to("SORT list BY nosort GET #"), "*1\r\n$1\r\n1\r\n");
  EXPECT_EQ(to.with("read key:list key:weight-*", "SORT_RO list BY weight-*"), "*1\r\n$1\r\n1\r\n");
  EXPECT_EQ(to("SORT_RO list BY weight-* LIMIT 0 GET GET secret-*"), kNoKey);
  EXPECT_EQ(to("SORT list STORE other"), kNoKey);
}

TEST(GrantedAccess, KeysStandWhereTheHandlerReadsThem) {
  Granted to;
  ASSERT_EQ((*to.root)("XGROUP CREATE hidden g 0 MKSTREAM"), kOk);
  to.home.grant("alice", "read,write key:streams* key:place");
  // A consumer, or a place, that is called as the word is behind which keys stand.
  EXPECT_EQ(to("XREADGROUP COUNT 1 GROUP g STREAMS STREAMS hidden >"), kNoKey);
  EXPECT_EQ(to("XREADGROUP COUNT 1 GROUP g streams STREAMS hidden >"), kNoKey);
  EXPECT_EQ(to("GEORADIUS place 0 0 1 km STORE place STORE hidden"), kNoKey);
  EXPECT_EQ(to("GEORADIUSBYMEMBER place m 1 km STOREDIST place STORE hidden"), kNoKey);
}

TEST(GrantedAccess, EveryKeyIsForWhoMayReadAll) {
  Granted to;
  ASSERT_EQ((*to.root)("MSET a:1 x b:1 y"), kOk);
  for (const char* line : {"SCAN 0", "KEYS *", "RANDOMKEY", "DBSIZE", "KEYS a*", "SCAN 0 MATCH *1"})
    EXPECT_TRUE(is_refused(to.with("read,write key:a:* key:b:1", line))) << line;
  EXPECT_EQ(to("KEYS *"), no_command("keys"));
  EXPECT_EQ(to("KEYS a:*"), "*1\r\n$3\r\na:1\r\n");
  EXPECT_FALSE(is_refused(to("SCAN 0 COUNT 1000 MATCH a:*")));
  EXPECT_TRUE(is_refused(to("SCAN 0 MATCH a:* MATCH *"))) << "the last one counts";
  EXPECT_TRUE(is_refused(to("KEYS [a]:*")));
  EXPECT_EQ(to("KEYS b:1"), "*1\r\n$3\r\nb:1\r\n");
  for (const char* line : {"SCAN 0", "KEYS *", "RANDOMKEY", "DBSIZE"})
    EXPECT_FALSE(is_refused(to.with("read key:*", line))) << line;
  to.home.deny("alice", "read key:a:1");
  EXPECT_TRUE(is_refused(to("DBSIZE")));
  for (const char* line : {"FLUSHDB", "FLUSHALL", "SWAPDB 0 1"}) {
    EXPECT_TRUE(is_refused(to.with("all key:*", line))) << line;
    EXPECT_EQ(to.with("alter cluster", line), kOk) << line;
  }
}

TEST(GrantedAccess, TheServerIsForWhoMayDescribeOrAlterTheCluster) {
  Granted to;
  for (const char* line :
       {"INFO", "CLIENT LIST", "CONFIG GET maxmemory", "SLOWLOG GET", "MEMORY STATS", "ROLE", "FUNCTION LIST"}) {
    EXPECT_TRUE(is_refused(to.with("all key:* channel:*", line))) << line;
    EXPECT_FALSE(is_refused(to.with("describe cluster", line))) << line;
    EXPECT_FALSE(is_refused(to.with("alter cluster", line))) << line;
  }
  for (const char* line : {"CONFIG SET maxmemory 0", "CLIENT KILL ID 0", "ACL LIST", "FUNCTION FLUSH", "SCRIPT FLUSH",
                           "SLOWLOG RESET", "CLIENT PAUSE 0", "LATENCY RESET"}) {
    EXPECT_TRUE(is_refused(to.with("describe cluster", line))) << line;
    EXPECT_FALSE(is_refused(to.with("alter cluster", line))) << line;
  }
  for (const char* line : {"PING", "ECHO x", "CLIENT SETNAME x", "CLIENT ID", "CLIENT INFO", "SELECT 0",
                           "COMMAND COUNT", "TIME", "ACL WHOAMI", "MULTI", "DISCARD", "CLIENT HELP"})
    EXPECT_FALSE(is_refused(to.with("", line))) << line;
}

TEST(GrantedAccess, WhoMayOnlyLookDoesNotSeeThePassword) {
  Granted to;
  ASSERT_EQ((*to.root)("CONFIG SET requirepass secret"), kOk);
  for (const char* line : {"CONFIG GET requirepass", "CONFIG GET *"}) {
    EXPECT_EQ(to.with("describe cluster", line).find("secret"), std::string::npos) << line;
    EXPECT_NE(to.with("alter cluster", line).find("secret"), std::string::npos) << line;
  }
}

TEST(GrantedAccess, ChannelsAreForListeningOrSending) {
  Granted to;
  EXPECT_EQ(to.with("", "SUBSCRIBE news"), kNoChannel);
  EXPECT_EQ(to("SPUBLISH news x"), kNoChannel);
  EXPECT_EQ(to.with("write channel:news", "PUBLISH news x"), ":0\r\n");
  EXPECT_EQ(to("SPUBLISH news x"), ":0\r\n");
  EXPECT_EQ(to("SUBSCRIBE news"), kNoChannel);
  EXPECT_EQ(to("PUBLISH other x"), kNoChannel);
  EXPECT_EQ(to("PUBSUB NUMSUB news"), "*2\r\n$4\r\nnews\r\n:0\r\n");
  EXPECT_EQ(to("PUBSUB NUMSUB news other"), kNoChannel);
  EXPECT_EQ(to("PUBSUB CHANNELS"), no_command("pubsub|channels"));
  EXPECT_EQ(to.with("describe channel:*", "PUBSUB CHANNELS"), "*0\r\n");
  EXPECT_EQ(to.with("read channel:news*", "PSUBSCRIBE *"), kNoChannel);
  for (const char* pattern : {"new*", "n?ws*", "[n]ews", "\\new*", "news*other* x*"})
    EXPECT_EQ(to(fmt::format("PSUBSCRIBE {}", pattern)), kNoChannel) << pattern;
  for (const char* pattern : {"news", "news*", "news.[ab]", "n\\ews?", "newsx"})
    EXPECT_FALSE(is_refused(to(fmt::format("PSUBSCRIBE {}", pattern)))) << pattern;
  (void)to("PUNSUBSCRIBE");
  to.home.deny("alice", "read channel:news.secret");
  EXPECT_EQ(to("PSUBSCRIBE news*"), kNoChannel) << "it would match what is denied";
}

TEST(GrantedAccess, ChannelsThatAreTopicsAreTopics) {
  GrantedHome home;
  home.add_user("alice");
  home.grant("alice", "read topic:orders channel:topic:*");
  home.grant("alice", "write topic:jobs");
  home.home().world().on_shard(0, [&] {
    const GrantedAccess access(home.policies(), {"User:alice", "10.0.0.1"}, true);
    const auto check = [&](std::vector<std::string_view> words) {
      return access.check(*find_command(words[0]), words).denial;
    };
    EXPECT_EQ(check({"subscribe", "topic:orders"}), Denial::none);
    EXPECT_EQ(check({"psubscribe", "topic:orders@earliest"}), Denial::none);
    EXPECT_EQ(check({"subscribe", "topic:jobs"}), Denial::channel);
    EXPECT_EQ(check({"psubscribe", "topic:jobs@*"}), Denial::channel);
    EXPECT_EQ(check({"publish", "topic:jobs", "x"}), Denial::none);
    EXPECT_EQ(check({"publish", "topic:orders", "x"}), Denial::channel);
    EXPECT_EQ(check({"ssubscribe", "topic:jobs"}), Denial::none) << "a sharded channel is no topic";
    EXPECT_TRUE(access.allows_channel("topic:orders", pubsub::Kind::channel));
    EXPECT_FALSE(access.allows_channel("topic:jobs", pubsub::Kind::pattern));
    const GrantedAccess without(home.policies(), {"User:alice", "10.0.0.1"}, false);
    EXPECT_EQ(
        without.check(*find_command("subscribe"), std::vector<std::string_view>{"subscribe", "topic:jobs"}).denial,
        Denial::none);
  });
}

TEST(GrantedAccess, LocksAreNoKeys) {
  Granted to;
  for (const char* line : {"LOCK.ACQUIRE l TTL 1000", "LOCK.RELEASE l 1", "LOCK.EXTEND l 1 TTL 1000"}) {
    EXPECT_EQ(to.with("all key:*", line), kNoKey) << line;
    EXPECT_EQ(to.with("describe lock:l", line), kNoKey) << line;
    EXPECT_EQ(to.with("write lock:m", line), kNoKey) << line;
    EXPECT_FALSE(is_refused(to.with("write lock:l", line))) << line;
  }
  EXPECT_EQ(to.with("write lock:l", "LOCK.ACQUIRE l m TTL 1000"), kNoKey);
  EXPECT_EQ(to.with("all key:*", "LOCK.INFO l"), kNoKey);
  EXPECT_FALSE(is_refused(to.with("describe lock:l", "LOCK.INFO l")));
}

TEST(GrantedAccess, BroadcastsTellOfKeysThatMayBeRead) {
  Granted to;
  ASSERT_TRUE(to.with("read key:a*", "HELLO 3").starts_with("%7"));
  EXPECT_EQ(to("CLIENT TRACKING on BCAST"), no_command("client|tracking"));
  EXPECT_EQ(to("CLIENT TRACKING on BCAST PREFIX b"), kNoKey);
  EXPECT_EQ(to("CLIENT TRACKING on BCAST PREFIX a1 PREFIX b"), kNoKey);
  EXPECT_EQ(to("CLIENT TRACKING on"), kOk);
  EXPECT_EQ(to("CLIENT TRACKING off"), kOk);
  EXPECT_EQ(to("CLIENT TRACKING on BCAST PREFIX a1"), kOk);
}

TEST(GrantedAccess, CodeRunsForWhoMayDoSomethingWithKeys) {
  Granted to;
  ASSERT_EQ((*to.root)("SET a 1"), kOk);
  EXPECT_EQ(to.with("read channel:*", "EVAL return(1) 0"), no_command("eval"));
  EXPECT_EQ(to.with("read key:a", "EVAL return(1) 0"), ":1\r\n");
  EXPECT_EQ(to("EVAL return(redis.call('get','a')) 0"), "$1\r\n1\r\n");
  EXPECT_NE(to("EVAL return(redis.call('set','a',2)) 0").find("can't access at least one of the keys"),
            std::string::npos);
  EXPECT_NE(to("EVAL return(redis.call('get','b')) 0").find("can't access"), std::string::npos);
  EXPECT_NE(to("EVAL return(redis.call('publish','c','x')) 0").find("can't publish"), std::string::npos);
  EXPECT_NE(to("EVAL return(redis.call('flushall')) 0").find("can't run this command"), std::string::npos);
  EXPECT_EQ(to("EVAL return(redis.call('get','a')) 1 a"), kNoKey) << "its keys are for changing";
  EXPECT_EQ(to("EVAL_RO return(redis.call('get',KEYS[1])) 1 a"), "$1\r\n1\r\n");
  EXPECT_EQ(to("EVAL return(redis.acl_check_cmd('set','a','x')) 0"), "$-1\r\n");
  ASSERT_EQ((*to.root)({"FUNCTION", "LOAD",
                        "#!lua name=lib\nredis.register_function('f', function(k) return redis.call('get','b') end)"}),
            "$3\r\nlib\r\n");
  EXPECT_NE(to("FCALL f 0").find("can't access"), std::string::npos);
  EXPECT_EQ(to("FUNCTION DELETE lib"), no_command("function|delete"));
}

TEST(GrantedAccess, WhoMayDoEverythingIsNotAskedAgain) {
  Granted to;
  EXPECT_TRUE(to.root->client().acl->is_unrestricted());
  EXPECT_FALSE(to.alice->client().acl->is_unrestricted());
  to.home.deny("root", "describe lock:l");
  EXPECT_FALSE(to.root->client().acl->is_unrestricted());
  EXPECT_EQ((*to.root)("LOCK.INFO l"), kNoKey);
}

TEST(LiteralPrefix, EndsWhereThePatternMayVary) {
  const auto check = [](std::string_view pattern, std::string_view text, bool is_name) {
    const LiteralPrefix prefix = literal_prefix(pattern);
    EXPECT_EQ(prefix.text, text) << pattern;
    EXPECT_EQ(prefix.is_name, is_name) << pattern;
  };
  check("", "", true);
  check("abc", "abc", true);
  check("ab*", "ab", false);
  check("*", "", false);
  check("a?c", "a", false);
  check("a[bc]", "a", false);
  check("a\\*b*", "a*b", false);
  check("a\\", "a\\", true);
  check("a]b", "a]b", true);
}

}  // namespace
}  // namespace leat::resp
