// Users with all that proves them, as they are stored, and how a policy finds them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "security/base64.h"
#include "security/password.h"
#include "security/policy.h"
#include "security/random.h"
#include "security/token.h"

namespace leat::security {
namespace {

constexpr Timestamp kNow{1'000'000};

Policy policy_of(std::vector<User> users, std::vector<Grant> grants = {}) {
  Policy::Users by_name;
  for (User& user : users) {
    std::string name = user.name;
    by_name.emplace(std::move(name), std::move(user));
  }
  return {catalog::Revision(1), std::move(by_name), std::move(grants), {}};
}

User whole_user() {
  User user{.name = "ada lovelace"};
  user.scram.emplace(ScramMechanism::sha256,
                     scram_credential(ScramMechanism::sha256, "pw", "salt", kScramIterationsMin));
  user.tokens.push_back(make_token("for the night", kNow, Timestamp(2'000'000)).token);
  user.tokens.push_back(make_token("", kNow, kNoTimestamp).token);
  user.access_keys.push_back(make_access_key("sdk \"one\"", kNow));
  user.roles = {"clerks", "ops"};
  user.created = Timestamp(5);
  user.modified = Timestamp(6);
  return user;
}

TEST(Credentials, AUserIsReadAsItWasWritten) {
  const User user = whole_user();
  const auto read = decode_user(user_key(user.name), encode_user(user));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode_user(*read), encode_user(user));
  EXPECT_EQ(read->roles, user.roles);
  EXPECT_EQ(read->tokens[0].expires, Timestamp(2'000'000));
  EXPECT_EQ(read->access_keys[0].secret, user.access_keys[0].secret);
}

TEST(Credentials, UsersOfEarlierServersHaveOnlyPasswords) {
  const auto read = decode_user("users/bob", R"({"v":1,"name":"bob","scram":[],"created":1,"modified":2})");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->tokens.empty() && read->access_keys.empty() && read->roles.empty() && read->password_hash.empty());
}

TEST(Credentials, WhatCannotBeIsDamage) {
  for (const std::string_view wrong : {
           R"("tokens":[{"id":"a","hash":"AAAA","note":"","created":1,"expires":-1}])",
           R"("tokens":[{"id":"a","hash":"?","note":"","created":1,"expires":-1}])",
           R"("tokens":{})",
           R"("access_keys":[{"id":"a"}])",
           R"("roles":[1])",
           R"("roles":["*"])",
           R"("password_hash":"pa55w0rd")",
       }) {
    const auto read = decode_user(
        "users/bob", fmt::format(R"({{"v":1,"name":"bob","scram":[],"created":1,"modified":2,{}}})", wrong));
    EXPECT_EQ(read.error().code, Errc::corrupt) << wrong;
    EXPECT_EQ(read.error().message.find("pa55w0rd"), std::string::npos);
  }
}

TEST(Credentials, TheTextOfATokenIsNotInTheUser) {
  const NewToken made = make_token("", kNow, kNoTimestamp);
  EXPECT_TRUE(made.text.starts_with("leat_" + made.token.id + "_"));
  EXPECT_GE(made.text.size(), 60U);
  User user{.name = "ada"};
  user.tokens.push_back(made.token);
  const std::string secret = made.text.substr(made.text.rfind('_') + 1);
  EXPECT_EQ(encode_user(user).find(secret), std::string::npos);
  EXPECT_NE(make_token("", kNow, kNoTimestamp).text, made.text);
}

TEST(Credentials, ATokenFindsItsUserUntilItExpires) {
  const NewToken lasting = make_token("", kNow, kNoTimestamp);
  const NewToken short_lived = make_token("", kNow, Timestamp(kNow.value() + 10));
  User ada{.name = "ada"};
  ada.tokens = {lasting.token, short_lived.token};
  const Policy policy = policy_of({ada, User{.name = "bob"}});
  EXPECT_EQ(policy.find_token(lasting.text, Timestamp(INT64_MAX))->user->name, "ada");
  EXPECT_TRUE(policy.find_token(short_lived.text, Timestamp(kNow.value() + 9)));
  EXPECT_FALSE(policy.find_token(short_lived.text, Timestamp(kNow.value() + 10)));
  for (const std::string& wrong : {lasting.text + "x", lasting.text.substr(1), std::string(), lasting.token.hash,
                                   lasting.token.id, std::string("leat_")})
    EXPECT_FALSE(policy.find_token(wrong, kNow));
}

TEST(Credentials, AnAccessKeyFindsItsUserAndItsSecret) {
  const User ada = whole_user();
  const Policy policy = policy_of({ada});
  const auto found = policy.find_access_key(ada.access_keys[0].id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user->name, ada.name);
  EXPECT_EQ(found->key->secret.size(), 40U);
  EXPECT_FALSE(policy.find_access_key(ada.access_keys[0].id.substr(1)));
  EXPECT_TRUE(policy.has_access_keys());
}

TEST(Credentials, LimitsAreKept) {
  User user = whole_user();
  EXPECT_TRUE(check_user(user));
  user.roles.assign(kRolesMax + 1, "r");
  EXPECT_EQ(check_user(user).error().code, Errc::too_large);
  user = whole_user();
  user.tokens.assign(kTokensMax + 1, user.tokens[0]);
  EXPECT_EQ(check_user(user).error().code, Errc::too_large);
  user = whole_user();
  user.access_keys.assign(kAccessKeysMax + 1, user.access_keys[0]);
  EXPECT_EQ(check_user(user).error().code, Errc::too_large);
  user = whole_user();
  user.tokens[0].note.assign(kNoteBytesMax + 1, 'n');
  EXPECT_EQ(check_user(user).error().code, Errc::invalid_argument);
  user = whole_user();
  user.roles = {"*"};
  EXPECT_EQ(check_user(user).error().code, Errc::invalid_name);
  user = whole_user();
  user.password_hash = "$2b$";
  EXPECT_EQ(check_user(user).error().code, Errc::invalid_argument);
}

Grant on_topic(std::string principal, Permission permission, std::string name) {
  return {.principal = std::move(principal),
          .permission = permission,
          .operation = Operation::read,
          .type = ResourceType::topic,
          .name = std::move(name)};
}

// A user with roles may do what one without them may who was granted each of the roles' grants itself.
TEST(Credentials, GrantsOfARoleAreThoseOfEachWhoHasIt) {
  const std::vector<std::string> roles = {"r1", "r2", "r3"};
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    User ada{.name = "ada"};
    std::vector<std::string> brought;  // by a token
    for (const std::string& role : roles) {
      if (random() % 3 == 0) ada.roles.push_back(role);
      if (random() % 3 == 0) brought.push_back(role_principal_of(role));
    }
    std::vector<Grant> by_role;
    std::vector<Grant> by_name;
    for (int i = 0; i < 6; ++i) {
      const std::string& role = roles[random() % roles.size()];
      const auto permission = random() % 4 == 0 ? Permission::deny : Permission::allow;
      const std::string topic = fmt::format("t{}", random() % 3);
      by_role.push_back(on_topic(role_principal_of(role), permission, topic));
      const bool has = std::ranges::find(ada.roles, role) != ada.roles.end() ||
                       std::ranges::find(brought, role_principal_of(role)) != brought.end();
      if (has) by_name.push_back(on_topic("User:ada", permission, topic));
    }
    const Policy roles_policy = policy_of({ada}, by_role);
    const Policy names_policy = policy_of({User{.name = "ada"}}, by_name);
    Principal who{"User:ada", "10.0.0.1"};
    const Principal plain = who;
    who.roles = brought;
    for (const std::string_view topic : {"t0", "t1", "t2"}) {
      ASSERT_EQ(roles_policy.authorize(who, Operation::read, {ResourceType::topic, topic}),
                names_policy.authorize(plain, Operation::read, {ResourceType::topic, topic}))
          << "seed " << seed << ", " << topic;
    }
    ASSERT_EQ(roles_policy.authorize_any(who, Operation::read, ResourceType::topic),
              names_policy.authorize_any(plain, Operation::read, ResourceType::topic))
        << "seed " << seed;
  }
}

TEST(Credentials, AUserNamedAsARoleHasNothingOfIt) {
  const Policy policy = policy_of({User{.name = "ops"}}, {on_topic("Role:ops", Permission::allow, "t")});
  EXPECT_EQ(policy.authorize({"User:ops", ""}, Operation::read, {ResourceType::topic, "t"}), Decision::denied);
  EXPECT_EQ(user_of("Role:ops"), "");
  EXPECT_EQ(role_of("Role:ops"), "ops");
}

}  // namespace
}  // namespace leat::security
