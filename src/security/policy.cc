#include "security/policy.h"

#include "security/token.h"

namespace leat::security {

Policy::Policy(catalog::Revision revision, Users users, std::vector<Grant> grants, std::set<std::string> super_users,
               Quotas quotas)
    : open_(users.empty()),
      revision_(revision),
      users_(std::move(users)),
      grants_(std::move(grants)),
      quotas_(std::move(quotas)) {
  for (const std::string& name : super_users) super_users_.insert(principal_of(name));
  index_users();
  for (const Grant& grant : grants_) {
    Index& index = by_type_[grant.type];
    if (grant.pattern == PatternType::literal) {
      index.literal[grant.name].push_back(&grant);
    } else {
      index.prefixed[grant.name].push_back(&grant);
      index.prefix_sizes.insert(grant.name.size());
    }
  }
}

void Policy::index_users() {
  for (const auto& [name, user] : users_) {
    for (const Token& token : user.tokens) tokens_.emplace(token.hash, TokenOwner{&user, &token});
    for (const AccessKey& key : user.access_keys) access_keys_.emplace(key.id, KeyOwner{&user, &key});
    if (user.roles.empty()) continue;
    std::vector<std::string>& roles = roles_[principal_of(name)];
    for (const std::string& role : user.roles) roles.push_back(role_principal_of(role));
  }
}

Result<PolicyPtr> Policy::from(const catalog::Snapshot& snapshot, const std::set<std::string>& super_users) {
  Users users;
  std::vector<Grant> grants;
  Quotas::All quotas;
  for (const catalog::Entry& entry : snapshot.entries) {
    if (entry.key.starts_with(kUsersPrefix)) {
      LEAT_TRY(User user, decode_user(entry.key, entry.value));
      std::string name = user.name;
      users.emplace(std::move(name), std::move(user));
    } else if (entry.key.starts_with(kQuotasPrefix)) {
      LEAT_TRY(auto quota, decode_quota(entry.key, entry.value));
      quotas.insert(std::move(quota));
    } else {
      LEAT_TRY(std::vector<Grant> some, decode_grants(entry.key, entry.value));
      std::ranges::move(some, std::back_inserter(grants));
    }
  }
  return std::make_shared<const Policy>(snapshot.revision, std::move(users), std::move(grants), super_users,
                                        Quotas(std::move(quotas)));
}

PolicyPtr Policy::closed() {
  auto policy = std::make_shared<Policy>();
  policy->open_ = false;
  return policy;
}

const User* Policy::find_user(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : &found->second;
}

std::optional<Policy::TokenOwner> Policy::find_token(std::string_view text, Timestamp now) const {
  const auto found = tokens_.find(token_hash(text));
  if (found == tokens_.end() || found->second.token->is_expired(now)) return std::nullopt;
  return found->second;
}

std::optional<Policy::KeyOwner> Policy::find_access_key(std::string_view id) const {
  const auto found = access_keys_.find(id);
  return found == access_keys_.end() ? std::nullopt : std::optional(found->second);
}

std::span<const std::string> Policy::roles_of(const Principal& principal) const {
  const auto found = roles_.find(principal.name);
  return found == roles_.end() ? std::span<const std::string>() : found->second;
}

bool Policy::is_super(const Principal& principal) const { return super_users_.contains(principal.name); }

template <class F>
void Policy::for_each_covering(const Resource& resource, F visit) const {
  const auto index = by_type_.find(resource.type);
  if (index == by_type_.end()) return;
  const auto visit_all = [&](const ByName& names, std::string_view name) {
    const auto found = names.find(name);
    if (found != names.end()) std::ranges::for_each(found->second, visit);
  };
  visit_all(index->second.literal, resource.name);
  if (resource.name != kAnyName) visit_all(index->second.literal, kAnyName);
  for (const std::size_t size : index->second.prefix_sizes) {
    if (size > resource.name.size()) break;
    visit_all(index->second.prefixed, resource.name.substr(0, size));
  }
}

Decision Policy::authorize(const Principal& principal, Operation operation, const Resource& resource) const {
  if (is_open() || is_super(principal)) return Decision::allowed;
  const auto roles = roles_of(principal);
  bool allowed = false;
  bool denied = false;
  for_each_covering(resource, [&](const Grant* grant) {
    if (!grant->applies_to(principal, operation, roles)) return;
    (grant->permission == Permission::allow ? allowed : denied) = true;
  });
  return allowed && !denied ? Decision::allowed : Decision::denied;
}

Decision Policy::authorize_any(const Principal& principal, Operation operation, ResourceType type) const {
  if (is_open() || is_super(principal)) return Decision::allowed;
  const auto is_denied = [&](const Grant& allowing) {
    // A resource that the grant names: when that one is denied, so is the grant, though others that it covers may not be.
    return authorize(principal, operation, {type, allowing.name}) == Decision::denied;
  };
  const auto roles = roles_of(principal);
  for (const Grant& grant : grants_) {
    const bool allows =
        grant.type == type && grant.permission == Permission::allow && grant.applies_to(principal, operation, roles);
    if (allows && !is_denied(grant)) return Decision::allowed;
  }
  return Decision::denied;
}

Decision Policy::authorize_prefix(const Principal& principal, Operation operation, ResourceType type,
                                  std::string_view prefix) const {
  if (is_open() || is_super(principal)) return Decision::allowed;
  const auto roles = roles_of(principal);
  const auto covers_all = [](const Grant& grant) {
    return grant.pattern == PatternType::prefixed || grant.name == kAnyName;
  };
  bool allowed = false;
  bool denied = false;
  for_each_covering({type, prefix}, [&](const Grant* grant) {
    if (!grant->applies_to(principal, operation, roles)) return;
    if (grant->permission == Permission::deny) denied = true;
    allowed |= grant->permission == Permission::allow && covers_all(*grant);
  });
  if (!allowed || denied) return Decision::denied;
  const auto denies = [&](const Grant* grant) {
    return grant->permission == Permission::deny && grant->applies_to(principal, operation, roles);
  };
  const Index& index = by_type_.at(type);
  for (const ByName* names : {&index.literal, &index.prefixed}) {
    for (auto at = names->lower_bound(prefix); at != names->end() && at->first.starts_with(prefix); ++at) {
      if (std::ranges::any_of(at->second, denies)) return Decision::denied;
    }
  }
  return Decision::allowed;
}

std::vector<std::string> policy_prefixes() {
  return {std::string(kUsersPrefix), std::string(kGrantsPrefix), std::string(kQuotasPrefix)};
}

}  // namespace leat::security
