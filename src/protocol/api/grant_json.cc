#include "protocol/api/grant_json.h"

#include <nlohmann/json.hpp>

namespace leat::api {

using security::Grant;

Json json_of(const Grant& grant) {
  return {{"principal", grant.principal},
          {"operation", security::word_of(grant.operation)},
          {"type", security::word_of(grant.type)},
          {"name", grant.name},
          {"pattern", to_string(grant.pattern)},
          {"permission", to_string(grant.permission)},
          {"host", grant.host}};
}

Grant grant_of(const std::string& principal, const Json& rule) {
  Grant grant;
  grant.principal = principal;
  grant.operation = security::operation_of(rule.at("operation").get<std::string>()).value();
  grant.type = security::resource_type_of(rule.at("type").get<std::string>()).value();
  const bool is_cluster = grant.type == security::ResourceType::cluster;
  grant.name = rule.value("name", std::string(is_cluster ? security::kClusterName : ""));
  if (rule.value("pattern", "literal") == "prefixed") grant.pattern = security::PatternType::prefixed;
  if (rule.value("permission", "allow") == "deny") grant.permission = security::Permission::deny;
  grant.host = rule.value("host", std::string(security::kAnyHost));
  return grant;
}

}  // namespace leat::api
