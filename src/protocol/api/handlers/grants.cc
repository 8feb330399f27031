#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/api/grant_json.h"
#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/policy_calls.h"

namespace leat::api {

using security::Grant;

namespace {

// Those of a request's body. Error: one that cannot be.
Outcome<std::vector<Grant>> grants_in(const Request& request) {
  const std::string principal = request.body->at("principal");
  std::vector<Grant> grants;
  for (const Json& rule : request.body->at("grants")) {
    Grant& grant = grants.emplace_back(grant_of(principal, rule));
    if (const Status checked = check_grant(grant); !checked) return refuse(checked.error());
  }
  return grants;
}

// What orders grants, and names one of them.
std::string name_of(const Grant& grant) {
  return fmt::format("{} {} {} {} {} {} {}", grant.principal, security::word_of(grant.type), to_string(grant.pattern),
                     grant.name, security::word_of(grant.operation), to_string(grant.permission), grant.host);
}

}  // namespace

Answer list_grants(Request& request) {
  const security::PolicyPtr policy = request.node().policies.current();
  std::map<std::string, const Grant*> in_order;
  for (const Grant& grant : policy->grants()) {
    if (!request.has("principal") || grant.principal == request.text("principal"))
      in_order.emplace(name_of(grant), &grant);
  }
  Page page(request);
  for (const auto& [name, grant] : in_order) {
    if (!page.add(name, [&] { return json_of(*grant); })) break;
  }
  co_return page.response();
}

Answer add_grants(Request& request) {
  LEAT_CO_TRY(std::vector<Grant> grants, grants_in(request));
  std::string principal = grants.front().principal;
  API_CHECK(co_await add_grants(request, std::move(principal), std::move(grants)));
  co_return empty_response();
}

Answer remove_grants(Request& request) {
  LEAT_CO_TRY(std::vector<Grant> grants, grants_in(request));
  std::string principal = grants.front().principal;
  API_TRY(const std::size_t removed, co_await remove_grants(request, std::move(principal), std::move(grants)));
  co_return json_response(200, {{"removed", removed}});
}

}  // namespace leat::api
