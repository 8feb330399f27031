#include "security/authorize.h"

#include <gtest/gtest.h>

namespace leat::security {
namespace {

// Refuses one principal, to prove that handlers see what the object behind the interface decides.
class DenyOne final : public Authorizer {
 public:
  Decision authorize(const Principal& principal, Operation operation, const Resource& resource) const override {
    const bool denied = principal.name == "User:eve" && operation == Operation::write && resource.name == "payments";
    return denied ? Decision::denied : Decision::allowed;
  }
  Decision authorize_any(const Principal&, Operation, ResourceType) const override { return Decision::allowed; }
  Decision authorize_prefix(const Principal&, Operation, ResourceType, std::string_view) const override {
    return Decision::allowed;
  }
};

TEST(Authorize, AllowsEverythingToEveryoneForNow) {
  const auto authorizer = allow_all();
  for (const auto type :
       {ResourceType::cluster, ResourceType::topic, ResourceType::group, ResourceType::transactional_id}) {
    for (int operation = 0; operation <= static_cast<int>(Operation::idempotent_write); ++operation) {
      EXPECT_TRUE(authorizer->allows(Principal::anonymous(), static_cast<Operation>(operation), {type, "any"}));
    }
  }
}

TEST(Authorize, TheObjectBehindTheInterfaceDecides) {
  const DenyOne authorizer;
  const Principal eve{"User:eve"};
  EXPECT_FALSE(authorizer.allows(eve, Operation::write, {ResourceType::topic, "payments"}));
  EXPECT_TRUE(authorizer.allows(eve, Operation::read, {ResourceType::topic, "payments"}));
  EXPECT_TRUE(authorizer.allows(Principal::anonymous(), Operation::write, {ResourceType::topic, "payments"}));
}

TEST(Authorize, EveryOperationAndResourceTypeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int operation = 0; operation <= static_cast<int>(Operation::idempotent_write); ++operation) {
    names.insert(to_string(static_cast<Operation>(operation)));
  }
  EXPECT_EQ(names.size(), 10U);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_string(ResourceType::transactional_id), "transactional id");
}

}  // namespace
}  // namespace leat::security
