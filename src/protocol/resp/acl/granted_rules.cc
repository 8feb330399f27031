#include "protocol/resp/acl/granted_rules.h"

#include <fmt/format.h>

#include "protocol/resp/acl/grant_pattern.h"
#include "protocol/resp/acl/wants.h"

namespace leat::resp {
namespace {

using security::Decision;
using security::Grant;
using security::Operation;
using security::Principal;
using security::ResourceType;

// Of a grant on keys or channels; empty: it is for neither reading nor writing.
std::string rule_of(const Grant& grant, bool reads, bool writes) {
  if (!reads && !writes) return {};
  if (grant.type == ResourceType::channel) return '&' + pattern_of(grant);
  return fmt::format("{}~{}", reads && writes ? "" : reads ? "%R" : "%W", pattern_of(grant));
}

bool is_allowed(Want want, bool describes, bool alters) {
  if (want == Want::alter_cluster) return alters;
  return want != Want::describe_cluster || describes;
}

}  // namespace

Selector granted_rules(const security::Policy& policy, const security::User& user) {
  Principal who{security::principal_of(user.name), ""};
  for (const std::string& role : user.roles) who.roles.push_back(security::role_principal_of(role));
  const auto allows = [&](Operation operation) {
    return policy.authorize(who, operation, {ResourceType::cluster, security::kClusterName}) == Decision::allowed;
  };
  const auto allows_all = [&](ResourceType type) {
    return policy.authorize_prefix(who, Operation::read, type, "") == Decision::allowed &&
           policy.authorize_prefix(who, Operation::write, type, "") == Decision::allowed;
  };
  const bool describes = allows(Operation::describe);
  const bool alters = allows(Operation::alter);
  Selector rules;
  // What a rule says already is not taken again.
  if (allows_all(ResourceType::key)) (void)rules.apply("~*");
  if (allows_all(ResourceType::channel)) (void)rules.apply("&*");
  for (const Grant& grant : policy.grants()) {
    if (grant.permission == security::Permission::deny) continue;
    if (grant.type != ResourceType::key && grant.type != ResourceType::channel) continue;
    who.host = grant.host;
    const std::string rule =
        rule_of(grant, grant.applies_to(who, Operation::read), grant.applies_to(who, Operation::write));
    if (!rule.empty()) (void)rules.apply(rule);
  }
  rules.apply_commands(user.command_rules);
  for (const RuledCommand& command : ruled_commands()) {
    const bool is_container = command.command->handler == nullptr;
    if (!is_container && !is_allowed(want_of(command), describes, alters)) (void)rules.apply('-' + command.name);
  }
  return rules;
}

}  // namespace leat::resp
