#pragma once

#include <vector>

#include "runtime/shard.h"
#include "security/policy.h"

namespace leat::security {

// The policy as each shard knows it: what handlers ask.
class Policies final : public Authorizer {
 public:
  // Nothing is allowed until the first set(). `secret`, at least 32 random bytes, is what stands behind credentials of users that
  // there are not (see scram_decoy): the same on every shard, or they would tell that there are none.
  Policies(std::size_t shards, std::string secret);

  // The one that this shard has; never null.
  [[nodiscard]] const PolicyPtr& current() const { return by_shard_[runtime::Shard::current().id().value()]; }
  [[nodiscard]] const std::string& secret() const { return secret_; }
  // On the shard whose it becomes.
  void set(PolicyPtr policy) { by_shard_[runtime::Shard::current().id().value()] = std::move(policy); }

  [[nodiscard]] Decision authorize(const Principal& principal, Operation operation,
                                   const Resource& resource) const override {
    return current()->authorize(principal, operation, resource);
  }
  [[nodiscard]] Decision authorize_any(const Principal& principal, Operation operation,
                                       ResourceType type) const override {
    return current()->authorize_any(principal, operation, type);
  }

 private:
  std::vector<PolicyPtr> by_shard_;
  std::string secret_;
};

}  // namespace leat::security
