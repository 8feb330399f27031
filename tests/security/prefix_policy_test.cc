#include <gtest/gtest.h>

#include <random>

#include "security/policy.h"

namespace leat::security {
namespace {

PolicyPtr policy_of(const std::vector<Grant>& grants, std::set<std::string> super_users = {}) {
  Policy::Users users;
  for (const std::string name : {"alice", "bob"}) {
    User user;
    user.name = name;
    users.emplace(name, std::move(user));
  }
  return std::make_shared<const Policy>(catalog::Revision(1), std::move(users), grants, std::move(super_users));
}

Grant on_keys(std::string name, PatternType pattern, Permission permission = Permission::allow) {
  return {.principal = "User:alice",
          .permission = permission,
          .operation = Operation::read,
          .type = ResourceType::key,
          .pattern = pattern,
          .name = std::move(name)};
}

const Principal kAlice{"User:alice", "10.0.0.1"};

bool allows(const PolicyPtr& policy, std::string_view prefix) {
  return policy->authorize_prefix(kAlice, Operation::read, ResourceType::key, prefix) == Decision::allowed;
}

TEST(PrefixPolicy, OneGrantHasToCoverAllNames) {
  const auto policy = policy_of({on_keys("session:", PatternType::prefixed), on_keys("a", PatternType::literal)});
  EXPECT_TRUE(allows(policy, "session:"));
  EXPECT_TRUE(allows(policy, "session:1"));
  EXPECT_FALSE(allows(policy, "session"));
  EXPECT_FALSE(allows(policy, ""));
  EXPECT_FALSE(allows(policy, "a"));
  EXPECT_TRUE(allows(policy_of({on_keys("*", PatternType::literal)}), ""));
}

TEST(PrefixPolicy, OneDenialOfAnyOfThemIsEnough) {
  for (const auto& [name, pattern] :
       {std::pair("session:secret", PatternType::literal), std::pair("session:s", PatternType::prefixed),
        std::pair("s", PatternType::prefixed), std::pair("*", PatternType::literal)}) {
    const auto policy = policy_of({on_keys("*", PatternType::literal), on_keys(name, pattern, Permission::deny)});
    EXPECT_FALSE(allows(policy, "session:")) << name;
    EXPECT_EQ(allows(policy, "other"), std::string_view(name) != "*") << name;
  }
}

TEST(PrefixPolicy, SuperUsersAndOpenPoliciesAllowAll) {
  EXPECT_TRUE(allows(policy_of({on_keys("*", PatternType::literal, Permission::deny)}, {"alice"}), ""));
  EXPECT_TRUE(allows(std::make_shared<const Policy>(), ""));
}

// All names of at most so many letters more. No grant has the letter z in its name, so who covers each of these covers all.
std::vector<std::string> names_from(const std::string& prefix, int letters) {
  std::vector<std::string> names{prefix};
  for (const char letter : {'a', 'b', 'z'}) {
    if (letters == 0) break;
    for (std::string& name : names_from(prefix + letter, letters - 1)) names.push_back(std::move(name));
  }
  return names;
}

TEST(PrefixPolicy, AllowsWhatIsAllowedForEachName) {
  const std::vector<std::string> words = {"a", "ab", "aba", "b", "*", "ba"};
  const std::vector<std::string> prefixes = {"", "a", "ab", "aba", "b", "z"};
  const std::vector<std::string> principals = {"User:alice", "User:bob", "User:*"};
  std::size_t allowed = 0;
  for (std::uint32_t seed = 1; seed <= 2000; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::vector<Grant> grants;
    for (std::size_t i = 1 + below(5); i > 0; --i) {
      grants.push_back({.principal = principals[below(3)],
                        .host = below(4) == 0 ? "10.0.0.1" : "*",
                        .permission = below(4) == 0 ? Permission::deny : Permission::allow,
                        .operation = below(3) == 0   ? Operation::all
                                     : below(2) == 0 ? Operation::read
                                                     : Operation::write,
                        .type = below(8) == 0 ? ResourceType::channel : ResourceType::key,
                        .pattern = static_cast<PatternType>(below(2)),
                        .name = words[below(words.size())]});
    }
    const auto policy = policy_of(grants);
    for (const std::string& prefix : prefixes) {
      const Principal who{principals[below(2)], below(2) == 0 ? "10.0.0.1" : "10.0.0.2"};
      const Operation operation = below(2) == 0 ? Operation::read : Operation::describe;
      const auto names = names_from(prefix, 4);
      const bool each = std::ranges::all_of(names, [&](const std::string& name) {
        return policy->authorize(who, operation, {ResourceType::key, name}) == Decision::allowed;
      });
      const Decision decision = policy->authorize_prefix(who, operation, ResourceType::key, prefix);
      ASSERT_EQ(decision == Decision::allowed, each) << "seed " << seed << ", prefix '" << prefix << "'";
      allowed += each ? 1 : 0;
    }
  }
  EXPECT_GT(allowed, 500U);
}

}  // namespace
}  // namespace leat::security
