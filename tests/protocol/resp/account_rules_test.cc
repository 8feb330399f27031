#include "protocol/resp/acl/account_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/resp/words.h"

namespace leat::resp {
namespace {

using security::Account;
using security::Grant;
using security::KeptPassword;
using security::Operation;
using security::PatternType;
using security::Permission;
using security::ResourceType;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::string_view kName = "app";

Account user_with(std::vector<Grant> grants, std::string_view command_rules = "") {
  Account account;
  account.user.emplace();
  account.user->name = kName;
  account.user->password_hash = "kept";
  account.user->command_rules = command_rules;
  for (Grant& grant : grants) grant.principal = security::principal_of(kName);
  account.grants = std::move(grants);
  return account;
}

Status apply(Account& account, std::string_view rules) {
  const std::vector<std::string_view> words = split_words(rules);
  std::optional<KeptPassword> password;
  if (const auto given = password_in(words)) password = KeptPassword{.scram = {}, .hash = std::string(*given)};
  return apply_rules(account, kName, words, password);
}

Account applied(Account account, std::string_view rules) {
  const Status status = apply(account, rules);
  EXPECT_TRUE(status) << status.error().message;
  return account;
}

// "read key:app:*", for people.
std::vector<std::string> said(const Account& account) {
  std::vector<std::string> texts;
  for (const Grant& grant : account.grants) {
    EXPECT_EQ(grant.principal, security::principal_of(kName));
    texts.push_back(fmt::format("{}{} {}:{}{}{}", grant.permission == Permission::deny ? "deny " : "",
                                word_of(grant.operation), word_of(grant.type), grant.name,
                                grant.pattern == PatternType::prefixed ? "*" : "",
                                grant.host == security::kAnyHost ? "" : " from " + grant.host));
  }
  return texts;
}

Grant key(Operation operation, std::string name, PatternType pattern = PatternType::literal) {
  return {.operation = operation, .type = ResourceType::key, .pattern = pattern, .name = std::move(name)};
}

TEST(AccountRules, ANewUserHasWhatTheRulesSayAndNoMore) {
  const Account made = applied({}, "on >secret ~app:* %R~all %W~in\\* &news +@all -@dangerous");
  ASSERT_TRUE(made.user);
  EXPECT_EQ(made.user->name, kName);
  EXPECT_EQ(made.user->password_hash, "secret");
  EXPECT_EQ(made.user->command_rules, "+@all -@dangerous");
  EXPECT_THAT(said(made), UnorderedElementsAre("read key:app:*", "write key:app:*", "read key:all", "write key:in*",
                                               "read channel:news", "write channel:news"));
  const auto is_name = [](const Grant& grant) { return grant.name == "in*" && grant.pattern == PatternType::literal; };
  EXPECT_TRUE(std::ranges::any_of(made.grants, is_name)) << "an escaped star is a name's";
  const Account nobody = applied({}, "");
  EXPECT_FALSE(nobody.user->has_password());
  EXPECT_EQ(nobody.user->command_rules, "-@all");
  EXPECT_THAT(nobody.grants, IsEmpty());
}

TEST(AccountRules, WhatWasGrantedToANameBeforeItsUserWasThereIsNotPartOfTheRules) {
  Account account = user_with(
      {key(Operation::read, "old"), {.operation = Operation::read, .type = ResourceType::topic, .name = "t"}});
  account.user.reset();
  EXPECT_THAT(said(applied(account, "on >secret ~new +@all")),
              UnorderedElementsAre("read topic:t", "read key:new", "write key:new"));
}

TEST(AccountRules, RulesAddUpAndEverythingElseStays) {
  Grant denial = key(Operation::write, "app:x");
  denial.permission = Permission::deny;
  Grant near = key(Operation::read, "near");
  near.host = "10.0.0.7";
  const Account before = user_with({key(Operation::all, "app:", PatternType::prefixed),
                                    denial,
                                    near,
                                    key(Operation::describe, "seen"),
                                    {.operation = Operation::all, .type = ResourceType::topic, .name = "t"}});
  const std::vector<std::string> all{"all key:app:*", "deny write key:app:x", "read key:near from 10.0.0.7",
                                     "describe key:seen", "all topic:t"};
  EXPECT_EQ(said(applied(before, "")), all);
  EXPECT_EQ(said(applied(before, "on >new +@all -get")), all);
  EXPECT_EQ(said(applied(before, "~app:* %R~app:*")), all) << "that is granted already";
  std::vector<std::string> more = all;
  more.insert(more.end(), {"read key:near", "write key:near"});
  EXPECT_EQ(said(applied(before, "~near")), more) << "from one address is less than from all";
  EXPECT_THAT(said(applied(before, "resetkeys")),
              ElementsAre("deny write key:app:x", "describe key:seen", "all topic:t"));
  EXPECT_THAT(said(applied(before, "resetkeys %R~app:*")),
              ElementsAre("deny write key:app:x", "describe key:seen", "all topic:t", "read key:app:*"));
  EXPECT_THAT(said(applied(before, "resetkeys ~app:*")),
              ElementsAre("all key:app:*", "deny write key:app:x", "describe key:seen", "all topic:t"));
  EXPECT_EQ(applied(before, "").user->command_rules, "");
  EXPECT_EQ(applied(before, "-@all +get").user->command_rules, "-@all +get");
  EXPECT_EQ(applied(user_with({}, "-@all +get"), "+set").user->command_rules, "-@all +get +set");
  EXPECT_EQ(applied(user_with({}, "-@all +get"), "+@all").user->command_rules, "");
}

TEST(AccountRules, AllKeysContainTheOthers) {
  const Account all = applied(user_with({key(Operation::read, "a")}), "allkeys ");
  EXPECT_THAT(said(all), UnorderedElementsAre("read key:a", "read key:*", "write key:*"));
  EXPECT_THAT(said(applied(all, "~b")), UnorderedElementsAre("read key:a", "read key:*", "write key:*"));
  EXPECT_THAT(said(applied(all, "resetkeys")), IsEmpty());
  EXPECT_THAT(said(applied(user_with({}), "allchannels")), UnorderedElementsAre("read channel:*", "write channel:*"));
}

TEST(AccountRules, ChannelsThatAreOnlyListenedToStaySo) {
  const Grant listens{.operation = Operation::read, .type = ResourceType::channel, .name = "news"};
  const Account before = user_with({listens});
  EXPECT_THAT(said(applied(before, "&other")),
              UnorderedElementsAre("read channel:news", "read channel:other", "write channel:other"));
  EXPECT_THAT(said(applied(before, "&news")), UnorderedElementsAre("read channel:news", "write channel:news"));
  EXPECT_THAT(said(applied(before, "resetchannels")), IsEmpty());
}

TEST(AccountRules, PasswordsAreReplacedAndTakenAway) {
  EXPECT_EQ(applied(user_with({}), ">new").user->password_hash, "new");
  EXPECT_FALSE(applied(user_with({}), "resetpass").user->has_password());
  EXPECT_EQ(applied(user_with({}), "resetpass >new").user->password_hash, "new");
  const Account reset = applied(user_with({key(Operation::read, "a")}, "-@all +get"), "reset");
  EXPECT_FALSE(reset.user->has_password());
  EXPECT_THAT(reset.grants, IsEmpty());
  EXPECT_EQ(reset.user->command_rules, "-@all");
  EXPECT_EQ(applied(user_with({}), "reset on >new ~* +@all").user->password_hash, "new");
}

TEST(AccountRules, RulesThatAreKeptSayTheSameWhenTheyAreReadAgain) {
  for (const std::string_view rule : {"+get|x +@all", "+get|a b", "+get|\t", "~a b", "&a b"}) {
    Account account = user_with({});
    EXPECT_FALSE(apply_rules(account, kName, std::vector{rule}, std::nullopt)) << rule;
  }
  for (const char* rules : {"-@all +get|x", "+@all -@dangerous +info", "-@all +@read -keys +config|get"}) {
    const Account once = applied(user_with({}), rules);
    EXPECT_EQ(applied(once, "").user->command_rules, once.user->command_rules) << rules;
  }
}

TEST(AccountRules, RightsAreLimited) {
  std::string rules;
  for (int i = 0; i < 999; ++i) rules += fmt::format("~k{} ", i);
  Account account = applied(user_with({}), rules);
  EXPECT_EQ(account.grants.size(), 1998U);
  EXPECT_EQ(applied(account, "+get").grants.size(), 1998U);
  EXPECT_FALSE(apply(account, "~one ~two ~three"));
}

TEST(AccountRules, WhatUsersOfLeatCannotBeIsRefused) {
  for (const char* rules : {"off", "nopass", ">a >b", "<kept", "!abc", "(+get ~a)", "~a*b", "~?", "&*x", "~\\*", "%X~a",
                            "+nonsense", "-@nonsense", "~* ~a", "whatever", "reset >new"}) {
    Account account = user_with({});
    const Status status = apply(account, rules);
    ASSERT_FALSE(status) << rules;
    EXPECT_EQ(status.error().code, Errc::invalid_argument);
  }
  Account account;
  EXPECT_FALSE(apply(account, ">secret ~* +@all")) << "off, with a password";
}

}  // namespace
}  // namespace leat::resp
