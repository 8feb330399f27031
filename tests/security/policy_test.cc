#include "security/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace leat::security {
namespace {

User user(std::string name) {
  User made;
  made.name = std::move(name);
  made.scram.emplace(ScramMechanism::sha256,
                     scram_credential(ScramMechanism::sha256, "a password", "a salt of bytes", kScramIterationsMin));
  return made;
}

PolicyPtr policy_of(std::vector<std::string> names, std::vector<Grant> grants, std::set<std::string> super_users = {}) {
  Policy::Users users;
  for (const std::string& name : names) users.emplace(name, user(name));
  return std::make_shared<const Policy>(catalog::Revision(1), std::move(users), std::move(grants),
                                        std::move(super_users));
}

bool allows(const PolicyPtr& policy, const Principal& who, Operation operation, ResourceType type,
            std::string_view name) {
  return policy->authorize(who, operation, {type, name}) == Decision::allowed;
}

Grant on_topic(std::string principal, Operation operation, std::string name, PatternType pattern = PatternType::literal,
               Permission permission = Permission::allow) {
  return {.principal = std::move(principal),
          .permission = permission,
          .operation = operation,
          .type = ResourceType::topic,
          .pattern = pattern,
          .name = std::move(name)};
}

const Principal kAlice{"User:alice", "10.0.0.1"};

TEST(Policy, IsOpenWithoutUsersAndClosedFromTheFirstOneOn) {
  EXPECT_TRUE(allows(policy_of({}, {}), Principal::anonymous(), Operation::alter, ResourceType::cluster, kClusterName));
  const auto policy = policy_of({"alice"}, {});
  EXPECT_FALSE(allows(policy, Principal::anonymous(), Operation::describe, ResourceType::topic, "orders"));
  EXPECT_FALSE(allows(policy, kAlice, Operation::describe, ResourceType::topic, "orders"));
  EXPECT_FALSE(allows(Policy::closed(), Principal::anonymous(), Operation::describe, ResourceType::topic, "orders"));
}

TEST(Policy, AGrantHoldsForItsPrincipalItsHostItsOperationAndItsResourceOnly) {
  Grant grant = on_topic("User:alice", Operation::write, "orders");
  grant.host = "10.0.0.1";
  const auto policy = policy_of({"alice", "bob"}, {grant});
  EXPECT_TRUE(allows(policy, kAlice, Operation::write, ResourceType::topic, "orders"));
  EXPECT_TRUE(allows(policy, kAlice, Operation::describe, ResourceType::topic, "orders"));  // what writing needs
  EXPECT_FALSE(allows(policy, kAlice, Operation::read, ResourceType::topic, "orders"));
  EXPECT_FALSE(allows(policy, kAlice, Operation::write, ResourceType::topic, "orders2"));
  EXPECT_FALSE(allows(policy, kAlice, Operation::write, ResourceType::group, "orders"));
  EXPECT_FALSE(allows(policy, {"User:alice", "10.0.0.2"}, Operation::write, ResourceType::topic, "orders"));
  EXPECT_FALSE(allows(policy, {"User:bob", "10.0.0.1"}, Operation::write, ResourceType::topic, "orders"));
}

TEST(Policy, DenialsWinAndDenyNoMoreThanTheySay) {
  const auto policy =
      policy_of({"alice"}, {on_topic("User:alice", Operation::all, "*"),
                            on_topic("User:*", Operation::read, "secret.", PatternType::prefixed, Permission::deny)});
  EXPECT_TRUE(allows(policy, kAlice, Operation::read, ResourceType::topic, "orders"));
  EXPECT_FALSE(allows(policy, kAlice, Operation::read, ResourceType::topic, "secret.plans"));
  EXPECT_TRUE(allows(policy, kAlice, Operation::describe, ResourceType::topic, "secret.plans"));
}

TEST(Policy, SuperUsersMayDoEverything) {
  const auto policy = policy_of(
      {"root"}, {on_topic("User:root", Operation::all, "*", PatternType::literal, Permission::deny)}, {"root"});
  EXPECT_TRUE(allows(policy, {"User:root", ""}, Operation::alter, ResourceType::cluster, kClusterName));
  EXPECT_TRUE(allows(policy, {"User:root", ""}, Operation::write, ResourceType::topic, "orders"));
}

TEST(Policy, SomeResourceMayBeAllowedWithoutAll) {
  const auto policy =
      policy_of({"alice"}, {on_topic("User:alice", Operation::write, "orders.", PatternType::prefixed)});
  EXPECT_EQ(policy->authorize_any(kAlice, Operation::write, ResourceType::topic), Decision::allowed);
  EXPECT_EQ(policy->authorize_any(kAlice, Operation::read, ResourceType::topic), Decision::denied);
  EXPECT_EQ(policy->authorize_any({"User:bob", ""}, Operation::write, ResourceType::topic), Decision::denied);
}

// All grants, one after the other, without an index.
Decision by_the_book(const std::vector<Grant>& grants, const Principal& who, Operation operation,
                     const Resource& resource) {
  bool allowed = false;
  for (const Grant& grant : grants) {
    if (!grant.covers(resource) || !grant.applies_to(who, operation)) continue;
    if (grant.permission == Permission::deny) return Decision::denied;
    allowed = true;
  }
  return allowed ? Decision::allowed : Decision::denied;
}

TEST(Policy, DecidesAsIfEachGrantWereLookedAt) {
  const std::vector<std::string> names = {"a", "ab", "abc", "b", "*", "abcd", ""};
  const std::vector<std::string> principals = {"User:alice", "User:bob", "User:*"};
  std::size_t allowed = 0;
  std::size_t denied = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::vector<Grant> grants;
    for (std::size_t i = below(12); i > 0; --i) {
      grants.push_back({.principal = principals[below(3)],
                        .host = below(3) == 0 ? "10.0.0.1" : "*",
                        .permission = below(4) == 0 ? Permission::deny : Permission::allow,
                        .operation = static_cast<Operation>(below(11)),
                        .type = static_cast<ResourceType>(below(4)),
                        .pattern = static_cast<PatternType>(below(2)),
                        .name = names[below(6)]});
    }
    const auto policy = policy_of({"alice", "bob"}, grants);
    for (int i = 0; i < 200; ++i) {
      const Principal who{principals[below(2)], below(2) == 0 ? "10.0.0.1" : "10.0.0.2"};
      const auto operation = static_cast<Operation>(below(10));
      const Resource resource{static_cast<ResourceType>(below(4)), names[below(7)]};
      const Decision expected = by_the_book(grants, who, operation, resource);
      ASSERT_EQ(policy->authorize(who, operation, resource), expected) << "seed " << seed;
      ++(expected == Decision::allowed ? allowed : denied);
    }
  }
  EXPECT_GT(allowed, 1000U);
  EXPECT_GT(denied, 1000U);
}

TEST(Grants, AreStoredAndReadAgain) {
  std::vector<Grant> grants;
  for (int operation = 0; operation <= static_cast<int>(Operation::all); ++operation) {
    grants.push_back(on_topic("User:zoë, the 1st", static_cast<Operation>(operation), "orders %*"));
    grants.push_back({.principal = "User:zoë, the 1st",
                      .host = "::1",
                      .permission = Permission::deny,
                      .operation = static_cast<Operation>(operation),
                      .type = ResourceType::group,
                      .pattern = PatternType::prefixed,
                      .name = "g\"\n"});
  }
  const std::string key = grants_key("User:zoë, the 1st");
  EXPECT_EQ(key, "grants/User:zo%C3%AB,%20the%201st");
  const auto read = decode_grants(key, encode_grants("User:zoë, the 1st", grants));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, grants);
  for (const auto* damaged : {"", "{}", R"({"v":1})", R"({"v":1,"principal":"User:a","grants":[{}]})",
                              R"({"v":1,"principal":"User:b","grants":[]})"}) {
    const auto refused = decode_grants("grants/User:a", damaged);
    ASSERT_FALSE(refused) << damaged;
    EXPECT_EQ(refused.error().code, Errc::corrupt);
  }
  EXPECT_EQ(decode_grants("grants/User:a", R"({"v":2,"principal":"User:a","grants":[]})").error().code,
            Errc::unsupported);
}

TEST(Grants, ThatCannotBeKeptAreRefused) {
  const Grant sound = on_topic("User:alice", Operation::read, "orders");
  EXPECT_TRUE(check_grant(sound));
  EXPECT_TRUE(check_grant({.principal = "User:*"}));
  Grant bad = sound;
  bad.principal = "alice";
  EXPECT_FALSE(check_grant(bad));
  bad.principal = "User:" + std::string(kUserNameBytesMax + 1, 'x');
  EXPECT_FALSE(check_grant(bad));
  bad = sound;
  bad.name = "";
  EXPECT_FALSE(check_grant(bad));
  bad.name = "\xff";
  EXPECT_FALSE(check_grant(bad));
  bad = sound;
  for (const auto* host : {"", "localhost", "10.0.0", "010.0.0.1", "0:0:0:0:0:0:0:1", "::ffff:10.0.0.1x"}) {
    bad.host = host;
    EXPECT_FALSE(check_grant(bad)) << host;
  }
  for (const auto* host : {"*", "10.0.0.1", "::1", "2001:db8::1"}) {
    bad.host = host;
    EXPECT_TRUE(check_grant(bad)) << host;
  }
  bad = sound;
  bad.type = ResourceType::cluster;
  EXPECT_FALSE(check_grant(bad));
}

TEST(Users, AreStoredAndReadAgainWithoutTheirPasswords) {
  User alice = user("alice");
  alice.created = Timestamp(5);
  alice.modified = Timestamp(6);
  const std::string stored = encode_user(alice);
  EXPECT_THAT(stored, ::testing::Not(::testing::HasSubstr("a password")));
  const auto read = decode_user(user_key("alice"), stored);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "alice");
  EXPECT_EQ(read->created, Timestamp(5));
  EXPECT_EQ(read->modified, Timestamp(6));
  ASSERT_EQ(read->scram.size(), 1U);
  EXPECT_TRUE(scram_matches(ScramMechanism::sha256, read->scram.begin()->second, "a password"));
  EXPECT_EQ(decode_user(user_key("bob"), stored).error().code, Errc::corrupt);
}

TEST(Users, HaveNamesThatGrantsCanName) {
  for (const auto* name : {"alice", "zoë", "a b", "CN=x, O=y"}) EXPECT_TRUE(check_user_name(name)) << name;
  for (const std::string name : {"", "*", "ANONYMOUS", "a\nb", "\xff"}) EXPECT_FALSE(check_user_name(name)) << name;
  EXPECT_FALSE(check_user_name(std::string(kUserNameBytesMax + 1, 'a')));
}

}  // namespace
}  // namespace leat::security
