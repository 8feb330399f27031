#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "protocol/resp/acl/users.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

std::string set(Users& users, std::vector<std::string_view> rules) { return users.set("alice", rules); }

Denial check(const Users& users, std::vector<std::string_view> words) {
  const Command* command = find_command(words[0]);
  if (!command->subcommands.empty()) command = find_subcommand(*command, words[1]);
  return users.find("alice")->check(*command, words).denial;
}

TEST(Acl, NewUserMayDoNothing) {
  Users users;
  ASSERT_EQ(set(users, {}), "");
  EXPECT_EQ(check(users, {"get", "k"}), Denial::command);
  EXPECT_EQ(users.authenticate("alice", ""), nullptr);
  EXPECT_EQ(users.find("alice")->selectors().front().rules(), "resetchannels -@all");
}

TEST(Acl, PasswordsAreKeptAsHashesAndCanBeRemoved) {
  Users users;
  ASSERT_EQ(set(users, {"on", ">secret", ">other"}), "");
  EXPECT_NE(users.authenticate("alice", "secret"), nullptr);
  EXPECT_EQ(users.authenticate("alice", "wrong"), nullptr);
  EXPECT_EQ(users.find("alice")->passwords().front(),
            "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
  ASSERT_EQ(set(users, {"<secret"}), "");
  EXPECT_EQ(users.authenticate("alice", "secret"), nullptr);
  EXPECT_NE(users.authenticate("alice", "other"), nullptr);
  ASSERT_EQ(set(users, {"off"}), "");
  EXPECT_EQ(users.authenticate("alice", "other"), nullptr);
}

TEST(Acl, CommandsCategoriesSubcommandsAndFirstArguments) {
  Users users;
  ASSERT_EQ(set(users, {"+@read", "-mget", "+config|get", "+select|0", "allkeys"}), "");
  EXPECT_EQ(check(users, {"get", "k"}), Denial::none);
  EXPECT_EQ(check(users, {"mget", "k"}), Denial::command);
  EXPECT_EQ(check(users, {"set", "k", "v"}), Denial::command);
  EXPECT_EQ(check(users, {"config", "get", "*"}), Denial::none);
  EXPECT_EQ(check(users, {"config", "set", "a", "b"}), Denial::command);
  EXPECT_EQ(check(users, {"select", "0"}), Denial::none);
  EXPECT_EQ(check(users, {"select", "1"}), Denial::command);
  EXPECT_EQ(users.find("alice")->selectors().front().commands(), "-@all +@read +config|get -mget +select|0");
}

TEST(Acl, KeysAreForReadingOrWriting) {
  Users users;
  ASSERT_EQ(set(users, {"+@all", "~both:*", "%R~read:*", "%W~write:*"}), "");
  EXPECT_EQ(check(users, {"get", "read:1"}), Denial::none);
  EXPECT_EQ(check(users, {"set", "read:1", "v"}), Denial::key);
  EXPECT_EQ(check(users, {"set", "write:1", "v"}), Denial::none);
  EXPECT_EQ(check(users, {"set", "write:1", "v", "GET"}), Denial::key);
  EXPECT_EQ(check(users, {"mget", "both:1", "other"}), Denial::key);
  EXPECT_EQ(check(users, {"copy", "read:1", "write:1"}), Denial::none);
  EXPECT_EQ(check(users, {"copy", "write:1", "read:1"}), Denial::key);
}

TEST(Acl, ChannelsMatchAndPatternsMustBeThoseOfRules) {
  Users users;
  ASSERT_EQ(set(users, {"+@pubsub", "&news.*"}), "");
  EXPECT_EQ(check(users, {"publish", "news.1", "m"}), Denial::none);
  EXPECT_EQ(check(users, {"publish", "other", "m"}), Denial::channel);
  EXPECT_EQ(check(users, {"psubscribe", "news.*"}), Denial::none);
  EXPECT_EQ(check(users, {"psubscribe", "news.1"}), Denial::channel);
}

TEST(Acl, SelectorsAreWholeAlternatives) {
  Users users;
  ASSERT_EQ(set(users, {"+get", "~a*", "(+set", "~b*)"}), "");
  EXPECT_EQ(check(users, {"get", "a1"}), Denial::none);
  EXPECT_EQ(check(users, {"set", "b1", "v"}), Denial::none);
  EXPECT_EQ(check(users, {"set", "a1", "v"}), Denial::key);
  EXPECT_EQ(check(users, {"get", "b1"}), Denial::key);
  EXPECT_EQ(set(users, {"(+get"}), "ERR Unmatched parenthesis in acl selector starting at '(+get'.");
}

TEST(Acl, OneBadRuleChangesNothing) {
  Users users;
  ASSERT_EQ(set(users, {"+get", "allkeys"}), "");
  EXPECT_EQ(set(users, {"+set", "nonsense"}), "ERR Error in ACL SETUSER modifier 'nonsense': Syntax error");
  EXPECT_EQ(check(users, {"set", "k", "v"}), Denial::command);
}

TEST(Acl, RulesThatAreToldMakeTheSameUser) {
  for (const std::vector<std::string_view>& rules : std::vector<std::vector<std::string_view>>{
           {"on", ">p", "+@all", "-@dangerous", "~*"},
           {"nopass", "+@string", "+@hash", "-get", "%R~x", "&c", "+config|get"},
           {"+@all", "-config|set", "allchannels", "(~a +get)", "(%W~b -@all +@list)"}}) {
    Users users;
    ASSERT_EQ(set(users, rules), "");
    const User& first = *users.find("alice");
    const std::vector<std::string> told = first.rules();
    const std::vector<std::string_view> words(told.begin(), told.end());
    ASSERT_EQ(users.set("bob", words), "");
    const User& second = *users.find("bob");
    EXPECT_EQ(second.rules(), told);
    for (const RuledCommand& ruled : ruled_commands()) {
      std::vector<std::string_view> call;
      if (ruled.container != nullptr) call.push_back(ruled.container->name);
      call.push_back(ruled.command->name);
      call.resize(std::max(call.size(), static_cast<std::size_t>(std::abs(ruled.command->arity))), "x");
      EXPECT_EQ(first.check(*ruled.command, call).denial, second.check(*ruled.command, call).denial) << ruled.name;
    }
  }
}

TEST(Acl, DefaultUserMayDoEverythingUntilItHasAPassword) {
  Users users;
  EXPECT_TRUE(users.is_open());
  EXPECT_TRUE(users.default_user().is_unrestricted());
  users.set_default_password("secret");
  EXPECT_FALSE(users.is_open());
  EXPECT_NE(users.authenticate("default", "secret"), nullptr);
  EXPECT_EQ(users.authenticate("default", ""), nullptr);
  keyspace::Effects effects;
  users.write(effects);
  EXPECT_TRUE(effects.empty());
}

}  // namespace
}  // namespace leat::resp
