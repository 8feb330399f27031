#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/policy_calls.h"

namespace leat::api {
namespace {

using security::QuotaPart;

constexpr std::pair<QuotaPart, const char*> kParts[] = {
    {QuotaPart::user, "user"}, {QuotaPart::client_id, "client_id"}, {QuotaPart::ip, "ip"}};

Json json_of(const security::QuotaEntity& entity, const security::QuotaLimits& limits) {
  Json json{{"name", to_string(entity)}, {"limits", Json::object()}};
  for (const auto& [part, member] : kParts) {
    const auto found = entity.find(part);
    if (found != entity.end()) json[member] = found->second ? Json(*found->second) : Json();
  }
  for (const auto& [key, limit] : limits) json["limits"][to_string(key)] = limit;
  return json;
}

}  // namespace

Answer list_quotas(Request& request) {
  const security::PolicyPtr policy = request.node().policies.current();
  std::map<std::string, Json> in_order;
  for (const auto& [entity, limits] : policy->quotas().all())
    in_order.emplace(to_string(entity), json_of(entity, limits));
  Page page(request);
  for (const auto& [name, quota] : in_order) {
    if (!page.add(name, [&] { return quota; })) break;
  }
  co_return page.response();
}

Answer change_quotas(Request& request) {
  const Json& body = *request.body;
  security::QuotaEntity entity;
  for (const auto& [part, member] : kParts) {
    const auto found = body.find(member);
    if (found == body.end()) continue;
    entity.emplace(part, found->is_null() ? std::nullopt : std::optional(found->get<std::string>()));
  }
  security::QuotaChanges changes;
  for (const auto& [name, limit] : body.at("limits").items())
    changes.emplace(security::quota_key_of(name).value(),
                    limit.is_null() ? std::nullopt : std::optional(limit.get<double>()));
  API_CHECK(co_await change_quotas(request, std::move(entity), std::move(changes)));
  co_return empty_response();
}

}  // namespace leat::api
