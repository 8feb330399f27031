#include <map>

#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

// KIP-11, KIP-140, KIP-290.
namespace leat::kafka {
namespace {

using security::Grant;
using security::Operation;
using security::PatternType;
using security::Permission;
using security::ResourceType;

// Codes that stand for more than one thing, in filters only.
constexpr std::int8_t kAny = 1;
constexpr std::int8_t kMatch = 2;
// Of resource types: Kafka's clients do not know those that are leat's own, so to them `any` means Kafka's. This means all.
constexpr std::int8_t kEveryType = 127;
constexpr std::int8_t kOwnTypes = 64;  // their codes begin here

// What a code of the protocol means, in both directions.
template <class T>
struct Code {
  std::int8_t code;
  T value;
};
constexpr Code<ResourceType> kTypes[] = {{2, ResourceType::topic},
                                         {3, ResourceType::group},
                                         {4, ResourceType::cluster},
                                         {5, ResourceType::transactional_id},
                                         {kOwnTypes, ResourceType::queue},
                                         {kOwnTypes + 1, ResourceType::key},
                                         {kOwnTypes + 2, ResourceType::lock},
                                         {kOwnTypes + 3, ResourceType::channel}};
constexpr Code<PatternType> kPatterns[] = {{3, PatternType::literal}, {4, PatternType::prefixed}};
constexpr Code<Permission> kPermissions[] = {{2, Permission::deny}, {3, Permission::allow}};
constexpr Code<Operation> kOperations[] = {{2, Operation::all},
                                           {3, Operation::read},
                                           {4, Operation::write},
                                           {5, Operation::create},
                                           {6, Operation::remove},
                                           {7, Operation::alter},
                                           {8, Operation::describe},
                                           {9, Operation::cluster_action},
                                           {10, Operation::describe_configs},
                                           {11, Operation::alter_configs},
                                           {12, Operation::idempotent_write}};

template <class T>
std::optional<T> meaning(std::span<const Code<T>> codes, std::int8_t code) {
  for (const auto& known : codes) {
    if (known.code == code) return known.value;
  }
  return std::nullopt;
}
template <class T>
std::int8_t code_of(std::span<const Code<T>> codes, T value) {
  for (const auto& known : codes) {
    if (known.value == value) return known.code;
  }
  std::unreachable();
}

OrRefusal<Grant> grant_of(const CreateAclsRequest::AclCreation& creation) {
  const auto type = meaning<ResourceType>(kTypes, creation.resource_type);
  const auto pattern = meaning<PatternType>(kPatterns, creation.resource_pattern_type);
  const auto operation = meaning<Operation>(kOperations, creation.operation);
  const auto permission = meaning<Permission>(kPermissions, creation.permission_type);
  if (!type || !pattern || !operation || !permission)
    return refuse(ErrorCode::kInvalidRequest, "the resource type, pattern, operation or permission is none to create");
  Grant grant{.principal = std::string(creation.principal),
              .host = std::string(creation.host),
              .permission = *permission,
              .operation = *operation,
              .type = *type,
              .pattern = *pattern,
              .name = std::string(creation.resource_name)};
  if (const Status status = check_grant(grant); !status)
    return refuse(ErrorCode::kInvalidRequest, status.error().message);
  return grant;
}

// What DescribeAcls and DeleteAcls look for. Owns its texts: it goes to another shard.
struct Filter {
  std::optional<ResourceType> type;
  bool is_for_kafka = false;  // without a type: only those that Kafka has
  std::optional<std::string> name;
  std::int8_t pattern = kAny;
  std::optional<std::string> principal;
  std::optional<std::string> host;
  std::optional<Operation> operation;
  std::optional<Permission> permission;

  [[nodiscard]] bool matches(const Grant& grant) const {
    return matches_type(grant.type) && matches_name(grant) && (!principal || *principal == grant.principal) &&
           (!host || *host == grant.host) && (!operation || *operation == grant.operation) &&
           (!permission || *permission == grant.permission);
  }

 private:
  [[nodiscard]] bool matches_type(ResourceType of) const {
    if (type) return *type == of;
    return !is_for_kafka || code_of<ResourceType>(kTypes, of) < kOwnTypes;
  }
  [[nodiscard]] bool matches_name(const Grant& grant) const {
    const auto wanted = meaning<PatternType>(kPatterns, pattern);
    if (wanted && *wanted != grant.pattern) return false;
    if (!name) return true;
    if (pattern == kMatch) return grant.covers({grant.type, *name});
    return *name == grant.name;
  }
};

template <class T>
bool read_code(std::span<const Code<T>> codes, std::int8_t code, std::optional<T>& into) {
  into = meaning(codes, code);
  return into.has_value() || code == kAny;
}

template <class Message>
OrRefusal<Filter> filter_of(const Message& message) {
  const auto owned = [](const std::optional<std::string_view>& text) {
    return text ? std::optional(std::string(*text)) : std::nullopt;
  };
  Filter filter{.is_for_kafka = message.resource_type_filter == kAny,
                .name = owned(message.resource_name_filter),
                .pattern = message.pattern_type_filter,
                .principal = owned(message.principal_filter),
                .host = owned(message.host_filter)};
  const bool names_type = read_code<ResourceType>(kTypes, message.resource_type_filter, filter.type);
  const bool is_known = (names_type || message.resource_type_filter == kEveryType) &&
                        read_code<Operation>(kOperations, message.operation, filter.operation) &&
                        read_code<Permission>(kPermissions, message.permission_type, filter.permission) &&
                        message.pattern_type_filter >= kAny && message.pattern_type_filter <= 4;
  if (is_known) return filter;
  return refuse(ErrorCode::kInvalidRequest, "the resource type, pattern, operation or permission is not known");
}

// --- on the shard of the policy service ---

runtime::Task<Status> add_at_service(security::PolicyService* service, Grant grant) {
  std::string principal = grant.principal;
  co_return co_await service->add_grants(std::move(principal), {std::move(grant)});
}

runtime::Task<Result<std::vector<Grant>>> remove_at_service(security::PolicyService* service, std::string principal,
                                                            Filter filter) {
  co_return co_await service->remove_grants(std::move(principal),
                                            [&filter](const Grant& grant) { return filter.matches(grant); });
}

// --- on the connection's shard ---

// Why a change of grants is refused.
Refusal why_not(Error error) {
  const bool is_asked_wrongly = error.code == Errc::permission_denied || error.code == Errc::too_large;
  if (is_asked_wrongly) return {ErrorCode::kInvalidRequest, std::move(error.message)};
  return {std::move(error)};
}

runtime::Task<OrRefusal<>> create(const Request& request, const CreateAclsRequest::AclCreation& creation) {
  if (!request.allows_cluster(Operation::alter)) co_return refuse_access(ErrorCode::kClusterAuthorizationFailed);
  LEAT_CO_TRY(Grant grant, grant_of(creation));
  const KafkaNode& node = request.node();
  const std::string principal = grant.principal;
  const std::string text = describe(grant);
  Status status = co_await runtime::call_on(node.topics_shard, add_at_service, &node.users, std::move(grant));
  if (!status) co_return std::unexpected(why_not(std::move(status.error())));
  request.audit_change("grants", principal, fmt::format("added: {}", text));
  co_return OrRefusal<>{};
}

runtime::Task<OrRefusal<std::vector<Grant>>> remove(const Request& request,
                                                    const DeleteAclsRequest::DeleteAclsFilter& message) {
  if (!request.allows_cluster(Operation::alter)) co_return refuse_access(ErrorCode::kClusterAuthorizationFailed);
  LEAT_CO_TRY(const Filter filter, filter_of(message));
  const KafkaNode& node = request.node();
  std::set<std::string> principals;
  for (const Grant& grant : node.policies.current()->grants()) {
    if (filter.matches(grant)) principals.insert(grant.principal);
  }
  std::vector<Grant> removed;
  for (const std::string& principal : principals) {
    auto some = co_await runtime::call_on(node.topics_shard, remove_at_service, &node.users, principal, filter);
    if (!some) co_return std::unexpected(why_not(std::move(some.error())));
    for (const Grant& grant : *some)
      request.audit_change("grants", principal, fmt::format("removed: {}", describe(grant)));
    std::ranges::move(*some, std::back_inserter(removed));
  }
  co_return removed;
}

}  // namespace

runtime::Task<CreateAclsResponse> handle_create_acls(Request& request, CreateAclsRequest message) {
  CreateAclsResponse response;
  for (const auto& creation : message.creations)
    set_outcome(request, response.results.emplace_back(), co_await create(request, creation));
  co_return response;
}

runtime::Task<DeleteAclsResponse> handle_delete_acls(Request& request, DeleteAclsRequest message) {
  DeleteAclsResponse response;
  for (const auto& filter : message.filters) {
    auto& reply = response.filter_results.emplace_back();
    const auto removed = co_await remove(request, filter);
    set_outcome(request, reply, removed);
    if (!removed) continue;
    for (const Grant& grant : *removed) {
      auto& acl = reply.matching_acls.emplace_back();
      acl.error_message.reset();
      acl.resource_type = code_of<ResourceType>(kTypes, grant.type);
      acl.resource_name = grant.name;
      acl.pattern_type = code_of<PatternType>(kPatterns, grant.pattern);
      acl.principal = grant.principal;
      acl.host = grant.host;
      acl.operation = code_of<Operation>(kOperations, grant.operation);
      acl.permission_type = code_of<Permission>(kPermissions, grant.permission);
    }
  }
  co_return response;
}

runtime::Task<DescribeAclsResponse> handle_describe_acls(Request& request, DescribeAclsRequest message) {
  DescribeAclsResponse response;
  OrRefusal<Filter> filter = filter_of(message);
  if (!request.allows_cluster(Operation::describe)) filter = refuse_access(ErrorCode::kClusterAuthorizationFailed);
  set_outcome(request, response, filter);
  if (!filter) co_return response;
  const security::PolicyPtr policy = request.node().policies.current();
  std::map<std::tuple<ResourceType, PatternType, std::string_view>, std::vector<const Grant*>> resources;
  for (const Grant& grant : policy->grants()) {
    if (filter->matches(grant)) resources[{grant.type, grant.pattern, grant.name}].push_back(&grant);
  }
  for (const auto& [resource, grants] : resources) {
    auto& reply = response.resources.emplace_back();
    reply.resource_type = code_of<ResourceType>(kTypes, std::get<ResourceType>(resource));
    reply.pattern_type = code_of<PatternType>(kPatterns, std::get<PatternType>(resource));
    reply.resource_name = std::string(std::get<std::string_view>(resource));
    for (const Grant* grant : grants) {
      reply.acls.push_back({grant->principal, grant->host, code_of<Operation>(kOperations, grant->operation),
                            code_of<Permission>(kPermissions, grant->permission)});
    }
  }
  co_return response;
}

}  // namespace leat::kafka
