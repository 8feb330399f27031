#pragma once

#include <vector>

#include "runtime/shard.h"
#include "security/audit_log.h"
#include "security/policy.h"
#include "security/quota_meters.h"

namespace leat::security {

// Who issues tokens besides leat. Immutable: one may serve all shards.
class TokenIssuer {
 public:
  TokenIssuer() = default;
  TokenIssuer(const TokenIssuer&) = delete;
  TokenIssuer& operator=(const TokenIssuer&) = delete;
  virtual ~TokenIssuer() = default;

  // Whom it names, without an address. May take milliseconds: call it on the I/O pool. Error: permission_denied, in words for a
  // log.
  [[nodiscard]] virtual Result<Principal> owner_of(std::string_view token, Timestamp now) const = 0;
};

// Hears of each new policy of the shard that it was added on.
class PolicyListener {
 public:
  virtual ~PolicyListener() = default;
  virtual void policy_changed() = 0;
};

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
  void set(PolicyPtr policy);
  // From here on `listener` hears of each policy that is set on this shard, until it is removed there.
  void add(PolicyListener& listener);
  void remove(PolicyListener& listener);

  // What was used of the quotas, on all shards together.
  [[nodiscard]] QuotaMeters& meters() const { return *meters_; }

  // Before shards serve; without it nothing is audited.
  void set_audit(std::shared_ptr<AuditLog> audit) { audit_ = std::move(audit); }
  [[nodiscard]] AuditLog& audit() const { return *audit_; }
  // As allows(), and a refusal is audited: for what a client asked for, not for what lists leave out.
  [[nodiscard]] bool admits(std::string_view protocol, const Principal& principal, Operation operation,
                            const Resource& resource) const;

  // Whose bearer token it is of those that leat gave out; without an address. Error: permission_denied, in words for a log.
  [[nodiscard]] Result<Principal> owner_of(std::string_view token, Timestamp now) const;
  // Whether what proved the principal still does: it has not expired, and a token of leat's has not been revoked.
  [[nodiscard]] bool holds(const Principal& principal, Timestamp now) const;
  // nullptr: nobody else issues tokens.
  [[nodiscard]] const std::shared_ptr<const TokenIssuer>& token_issuer() const {
    return issuers_[runtime::Shard::current().id().value()];
  }
  // Who else issues tokens; may be set again at any time, on the shard whose it becomes.
  void set_token_issuer(std::shared_ptr<const TokenIssuer> issuer) {
    issuers_[runtime::Shard::current().id().value()] = std::move(issuer);
  }

  [[nodiscard]] Decision authorize(const Principal& principal, Operation operation,
                                   const Resource& resource) const override {
    return current()->authorize(principal, operation, resource);
  }
  [[nodiscard]] Decision authorize_any(const Principal& principal, Operation operation,
                                       ResourceType type) const override {
    return current()->authorize_any(principal, operation, type);
  }
  [[nodiscard]] Decision authorize_prefix(const Principal& principal, Operation operation, ResourceType type,
                                          std::string_view prefix) const override {
    return current()->authorize_prefix(principal, operation, type, prefix);
  }

 private:
  std::vector<PolicyPtr> by_shard_;
  std::vector<std::vector<PolicyListener*>> listeners_;      // by shard
  std::vector<std::shared_ptr<const TokenIssuer>> issuers_;  // by shard; nullptr: nobody else
  std::string secret_;
  std::shared_ptr<AuditLog> audit_;
  std::unique_ptr<QuotaMeters> meters_ = std::make_unique<QuotaMeters>();
};

}  // namespace leat::security
