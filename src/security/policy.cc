#include "security/policy.h"

namespace leat::security {

Policy::Policy(catalog::Revision revision, Users users, std::vector<Grant> grants, std::set<std::string> super_users)
    : open_(users.empty()), revision_(revision), users_(std::move(users)), grants_(std::move(grants)) {
  for (const std::string& name : super_users) super_users_.insert(principal_of(name));
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

Result<PolicyPtr> Policy::from(const catalog::Snapshot& snapshot, const std::set<std::string>& super_users) {
  Users users;
  std::vector<Grant> grants;
  for (const catalog::Entry& entry : snapshot.entries) {
    if (entry.key.starts_with(kUsersPrefix)) {
      LEAT_TRY(User user, decode_user(entry.key, entry.value));
      std::string name = user.name;
      users.emplace(std::move(name), std::move(user));
    } else {
      LEAT_TRY(std::vector<Grant> some, decode_grants(entry.key, entry.value));
      std::ranges::move(some, std::back_inserter(grants));
    }
  }
  return std::make_shared<const Policy>(snapshot.revision, std::move(users), std::move(grants), super_users);
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
  bool allowed = false;
  bool denied = false;
  for_each_covering(resource, [&](const Grant* grant) {
    if (!grant->applies_to(principal, operation)) return;
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
  for (const Grant& grant : grants_) {
    const bool allows =
        grant.type == type && grant.permission == Permission::allow && grant.applies_to(principal, operation);
    if (allows && !is_denied(grant)) return Decision::allowed;
  }
  return Decision::denied;
}

std::vector<std::string> policy_prefixes() { return {std::string(kUsersPrefix), std::string(kGrantsPrefix)}; }

}  // namespace leat::security
