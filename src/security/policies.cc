#include "security/policies.h"

#include "security/token.h"

namespace leat::security {

Policies::Policies(std::size_t shards, std::string secret)
    : by_shard_(shards, Policy::closed()),
      listeners_(shards),
      issuers_(shards),
      secret_(std::move(secret)),
      audit_(std::make_shared<AuditLog>(shards, nullptr)) {}

void Policies::set(PolicyPtr policy) {
  const std::size_t shard = runtime::Shard::current().id().value();
  by_shard_[shard] = std::move(policy);
  for (PolicyListener* listener : listeners_[shard]) listener->policy_changed();
}

void Policies::add(PolicyListener& listener) {
  listeners_[runtime::Shard::current().id().value()].push_back(&listener);
}

void Policies::remove(PolicyListener& listener) {
  std::erase(listeners_[runtime::Shard::current().id().value()], &listener);
}

bool Policies::admits(std::string_view protocol, const Principal& principal, Operation operation,
                      const Resource& resource) const {
  if (allows(principal, operation, resource)) return true;
  audit_->refused(protocol, principal, operation, resource);
  return false;
}

bool Policies::holds(const Principal& principal, Timestamp now) const {
  if (principal.expires != kNoTimestamp && principal.expires <= now) return false;
  if (principal.token.empty()) return true;
  const User* user = current()->find_user(user_of(principal.name));
  return user != nullptr && std::ranges::find(user->tokens, principal.token, &Token::id) != user->tokens.end();
}

Result<Principal> Policies::owner_of(std::string_view token, Timestamp now) const {
  const auto owner = current()->find_token(token, now);
  if (!owner) return fail(Errc::permission_denied, "it is none that leat gave out, or has expired");
  Principal principal{principal_of(owner->user->name), ""};
  principal.token = owner->token->id;
  principal.expires = owner->token->expires;
  return principal;
}

}  // namespace leat::security
