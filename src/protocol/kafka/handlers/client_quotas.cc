#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

// KIP-546.
namespace leat::kafka {
namespace {

using security::Operation;
using security::QuotaChanges;
using security::QuotaEntity;
using security::QuotaKey;
using security::QuotaPart;

// How a component of a filter matches.
constexpr std::int8_t kExact = 0;
constexpr std::int8_t kDefault = 1;
constexpr std::int8_t kAnyName = 2;

constexpr std::string_view kPercentage = "request_percentage";

// --- What is asked ---

using Entry = AlterClientQuotasRequest::EntryData;

OrRefusal<QuotaEntity> entity_of(const Entry& entry) {
  QuotaEntity entity;
  for (const auto& [type, name] : entry.entity) {
    const auto part = security::quota_part_of(type);
    if (!part) {
      return refuse(ErrorCode::kInvalidRequest,
                    fmt::format("'{}' is no type of quota: there are user, client-id and ip", type));
    }
    if (!entity.emplace(*part, name ? std::optional(std::string(*name)) : std::nullopt).second)
      return refuse(ErrorCode::kInvalidRequest, fmt::format("there is more than one {}", type));
  }
  if (const Status checked = check_quota_entity(entity); !checked)
    return refuse(ErrorCode::kInvalidRequest, checked.error().message);
  return entity;
}

OrRefusal<QuotaChanges> changes_of(const QuotaEntity& entity, const Entry& entry) {
  QuotaChanges changes;
  for (const auto& op : entry.ops) {
    if (op.key == kPercentage) {
      return refuse(ErrorCode::kInvalidRequest, fmt::format("there is no {}: leat counts requests, so set {}",
                                                            kPercentage, to_string(QuotaKey::request_rate)));
    }
    const auto key = security::quota_key_of(op.key);
    if (!key) return refuse(ErrorCode::kInvalidRequest, fmt::format("there is no quota '{}'", op.key));
    if (!changes.emplace(*key, op.remove ? std::nullopt : std::optional(op.value)).second)
      return refuse(ErrorCode::kInvalidRequest, fmt::format("{} is changed more than once", op.key));
    if (op.remove) continue;
    if (const Status checked = check_quota_limit(entity, *key, op.value); !checked)
      return refuse(ErrorCode::kInvalidRequest, checked.error().message);
  }
  return changes;
}

// What DescribeClientQuotas looks for.
struct Filter {
  struct Component {
    QuotaPart part{};
    std::int8_t match_type = kExact;
    std::string_view name;
  };
  std::vector<Component> components;
  bool strict = false;  // nothing that has parts which no component names

  [[nodiscard]] bool matches(const QuotaEntity& entity) const {
    if (strict && (components.empty() || entity.size() != components.size())) return false;
    return std::ranges::all_of(components, [&](const Component& component) {
      const auto part = entity.find(component.part);
      if (part == entity.end()) return false;
      if (component.match_type == kAnyName) return true;
      if (component.match_type == kDefault) return !part->second;
      return part->second && *part->second == component.name;
    });
  }
};

OrRefusal<Filter> filter_of(const DescribeClientQuotasRequest& message) {
  Filter filter{.components = {}, .strict = message.strict};
  std::set<QuotaPart> parts;
  for (const auto& component : message.components) {
    if (component.entity_type.empty()) return refuse(ErrorCode::kInvalidRequest, "a component has no type");
    const auto part = security::quota_part_of(component.entity_type);
    if (!part) {
      return refuse(ErrorCode::kUnsupportedVersion,
                    fmt::format("'{}' is no type of quota: there are user, client-id and ip", component.entity_type));
    }
    if (!parts.insert(*part).second)
      return refuse(ErrorCode::kInvalidRequest, fmt::format("there is more than one {}", component.entity_type));
    if (component.match_type < kExact || component.match_type > kAnyName)
      return refuse(ErrorCode::kInvalidRequest, fmt::format("{} is no way to match", component.match_type));
    if (component.match_type == kExact && !component.match)
      return refuse(ErrorCode::kInvalidRequest, "a component that matches exactly has no name");
    filter.components.push_back({*part, component.match_type, component.match.value_or("")});
  }
  if (parts.size() > 1 && parts.contains(QuotaPart::ip))
    return refuse(ErrorCode::kInvalidRequest, "an address is looked for by itself, without a user or client id");
  return filter;
}

// --- on the shard of the policy service ---

runtime::Task<Status> change_at_service(security::PolicyService* service, QuotaEntity entity, QuotaChanges changes) {
  co_return co_await service->change_quotas(std::move(entity), std::move(changes));
}

// --- on the connection's shard ---

runtime::Task<OrRefusal<>> alter(const Request& request, const Entry& entry, bool validate_only) {
  if (!request.allows_cluster(Operation::alter_configs))
    co_return refuse_access(ErrorCode::kClusterAuthorizationFailed);
  LEAT_CO_TRY(QuotaEntity entity, entity_of(entry));
  LEAT_CO_TRY(QuotaChanges changes, changes_of(entity, entry));
  if (validate_only) co_return OrRefusal<>{};
  const std::string name = to_string(entity);
  const KafkaNode& node = request.node();
  Status status = co_await runtime::call_on(node.topics_shard, change_at_service, &node.users, std::move(entity),
                                            std::move(changes));
  if (!status) co_return std::unexpected(Refusal(std::move(status.error())));
  request.audit_change("quotas", name, "changed");
  co_return OrRefusal<>{};
}

std::optional<std::string> owned(const std::optional<std::string_view>& text) {
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

}  // namespace

runtime::Task<AlterClientQuotasResponse> handle_alter_client_quotas(Request& request,
                                                                    AlterClientQuotasRequest message) {
  AlterClientQuotasResponse response;
  for (const Entry& entry : message.entries) {
    const OrRefusal<> outcome = co_await alter(request, entry, message.validate_only);
    auto& reply = response.entries.emplace_back();
    for (const auto& [type, name] : entry.entity) reply.entity.push_back({std::string(type), owned(name)});
    set_outcome(request, reply, outcome);
  }
  co_return response;
}

runtime::Task<DescribeClientQuotasResponse> handle_describe_client_quotas(Request& request,
                                                                          DescribeClientQuotasRequest message) {
  DescribeClientQuotasResponse response;
  const OrRefusal<Filter> filter = request.allows_cluster(Operation::describe_configs)
                                       ? filter_of(message)
                                       : refuse_access(ErrorCode::kClusterAuthorizationFailed);
  set_outcome(request, response, filter);
  if (!filter) {
    response.entries.reset();
    co_return response;
  }
  for (const auto& [entity, limits] : request.node().policies.current()->quotas().all()) {
    if (!filter->matches(entity)) continue;
    auto& reply = response.entries->emplace_back();
    for (const auto& [part, name] : entity) reply.entity.push_back({std::string(to_string(part)), name});
    for (const auto& [key, limit] : limits) reply.values.push_back({std::string(to_string(key)), limit});
  }
  co_return response;
}

}  // namespace leat::kafka
