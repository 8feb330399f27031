#include <charconv>

#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/broker_configs.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

using security::Operation;

// Kafka's ConfigResource.Type.
constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kBrokerResource = 4;

std::unexpected<Refusal> refuse_type(std::int8_t type) {
  return refuse(ErrorCode::kInvalidRequest, fmt::format("Unsupported resource type: {}", type));
}

// --- describing ---

using ConfigReply = DescribeConfigsResponse::DescribeConfigsResourceResult;
using Described = OrRefusal<std::vector<ConfigReply>>;

std::vector<DescribeConfigsResponse::DescribeConfigsSynonym> synonyms_of(
    const std::vector<catalog::ConfigSynonym>& synonyms) {
  std::vector<DescribeConfigsResponse::DescribeConfigsSynonym> replies;
  for (const auto& [name, value, source] : synonyms) replies.push_back({name, value, static_cast<std::int8_t>(source)});
  return replies;
}

bool is_asked_for(const DescribeConfigsRequest::DescribeConfigsResource& resource, std::string_view key) {
  const auto& keys = resource.configuration_keys;
  return !keys || keys->empty() || std::ranges::find(*keys, key) != keys->end();
}

ConfigReply describe_one(const DescribeConfigsRequest& message, std::string_view name, std::string value,
                         catalog::ConfigType type, const std::vector<catalog::ConfigSynonym>& synonyms,
                         std::string_view documentation) {
  ConfigReply reply;
  reply.name = std::string(name);
  reply.value = std::move(value);
  reply.config_source = static_cast<std::int8_t>(synonyms.front().source);
  reply.config_type = static_cast<std::int8_t>(type);
  if (message.include_synonyms) reply.synonyms = synonyms_of(synonyms);
  reply.documentation.reset();
  if (message.include_documentation) reply.documentation = std::string(documentation);
  return reply;
}

Described describe_topic(const Request& request, const DescribeConfigsRequest& message,
                         const DescribeConfigsRequest::DescribeConfigsResource& resource) {
  if (!request.allows_topic(Operation::describe_configs, resource.resource_name))
    return refuse_access(ErrorCode::kTopicAuthorizationFailed);
  LEAT_CHECK(catalog::check_topic_name(resource.resource_name));
  const catalog::Topic* topic = request.topics().find(resource.resource_name);
  if (topic == nullptr) return refuse_unknown(resource.resource_name);
  std::vector<ConfigReply> replies;
  for (auto& config : catalog::describe_topic_config(request.node().topics.defaults(), topic->entry.config)) {
    if (!is_asked_for(resource, config.key->name)) continue;
    replies.push_back(describe_one(message, config.key->name, std::move(config.value), config.key->type,
                                   config.synonyms, config.key->documentation));
  }
  return replies;
}

Described describe_broker(const Request& request, const DescribeConfigsRequest& message,
                          const DescribeConfigsRequest::DescribeConfigsResource& resource) {
  if (!request.allows_cluster(Operation::describe_configs))
    return refuse_access(ErrorCode::kClusterAuthorizationFailed);
  const std::string_view name = resource.resource_name;
  // No name means what was set for all brokers at run time: nothing can be.
  if (name.empty()) return std::vector<ConfigReply>();
  std::int32_t id = -1;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id);
  if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) {
    return refuse(ErrorCode::kInvalidRequest, fmt::format("Broker id must be an integer, but it is: {}", name));
  }
  if (id != request.node().node.value()) {
    return refuse(ErrorCode::kInvalidRequest,
                  fmt::format("Unexpected broker id, expected {} or empty string, but received {}",
                              request.node().node.value(), name));
  }
  std::vector<ConfigReply> replies;
  for (BrokerConfig& config : broker_configs(request)) {
    if (!is_asked_for(resource, config.name)) continue;
    replies.push_back(describe_one(message, config.name, std::move(config.value), config.type, config.synonyms,
                                   config.documentation));
    replies.back().read_only = true;
  }
  return replies;
}

Described describe(const Request& request, const DescribeConfigsRequest& message,
                   const DescribeConfigsRequest::DescribeConfigsResource& resource) {
  if (resource.resource_type == kTopicResource) return describe_topic(request, message, resource);
  if (resource.resource_type == kBrokerResource) return describe_broker(request, message, resource);
  return refuse_type(resource.resource_type);
}

// --- changing ---

// On the shard of the topic service.
runtime::Task<Status> replace_at_service(stream::TopicService* service, std::string name, catalog::ConfigMap config) {
  co_return co_await service->replace_config(std::move(name), std::move(config));
}
runtime::Task<Status> alter_at_service(stream::TopicService* service, std::string name,
                                       std::vector<catalog::ConfigChange> changes) {
  co_return co_await service->alter_config(std::move(name), std::move(changes));
}

// On the connection's shard, from here on.

// The topic whose settings may be changed. The pointer lives until the next wait.
OrRefusal<const catalog::Topic*> check_alterable(const Request& request, std::int8_t type, std::string_view name) {
  if (type == kBrokerResource) {
    if (!request.allows_cluster(Operation::alter_configs)) return refuse_access(ErrorCode::kClusterAuthorizationFailed);
    return refuse(ErrorCode::kInvalidRequest,
                  "the server's settings cannot be changed while it runs: set them in leat.toml and restart it");
  }
  if (type != kTopicResource) return refuse_type(type);
  if (!request.allows_topic(Operation::alter_configs, name)) return refuse_access(ErrorCode::kTopicAuthorizationFailed);
  LEAT_CHECK(catalog::check_topic_name(name));
  const catalog::Topic* topic = request.topics().find(name);
  if (topic == nullptr) return refuse_unknown(name);
  if (topic->entry.internal) return refuse_internal(name);
  return topic;
}

OrRefusal<> check_new_key(std::set<std::string_view>& seen, std::string_view name) {
  if (seen.insert(name).second) return {};
  return refuse(ErrorCode::kInvalidRequest, fmt::format("Error due to duplicate config keys: {}", name));
}

std::unexpected<Refusal> refuse_null(std::string_view name) {
  return refuse(ErrorCode::kInvalidRequest, fmt::format("Null value not supported for : {}", name));
}

OrRefusal<catalog::ConfigMap> config_wanted(const AlterConfigsRequest::AlterConfigsResource& resource) {
  std::set<std::string_view> seen;
  catalog::ConfigMap config;
  for (const auto& [name, value] : resource.configs) {
    LEAT_CHECK(check_new_key(seen, name));
    if (!value) return refuse_null(name);
    config.emplace(name, *value);
  }
  return config;
}

OrRefusal<std::vector<catalog::ConfigChange>> changes_wanted(
    const IncrementalAlterConfigsRequest::AlterConfigsResource& resource) {
  std::set<std::string_view> seen;
  std::vector<catalog::ConfigChange> changes;
  for (const auto& [name, operation, value] : resource.configs) {
    LEAT_CHECK(check_new_key(seen, name));
    if (operation < 0 || operation > static_cast<std::int8_t>(catalog::ConfigOperation::subtract))
      return refuse(ErrorCode::kInvalidRequest, fmt::format("Unsupported operation type: {}", operation));
    const auto known = static_cast<catalog::ConfigOperation>(operation);
    if (!value && known != catalog::ConfigOperation::remove) return refuse_null(name);
    changes.push_back({std::string(name), known, std::string(value.value_or(""))});
  }
  return changes;
}

runtime::Task<OrRefusal<>> alter(Request& request, const AlterConfigsRequest::AlterConfigsResource& resource,
                                 bool validate_only) {
  LEAT_CO_CHECK(check_alterable(request, resource.resource_type, resource.resource_name));
  LEAT_CO_TRY(catalog::ConfigMap config, config_wanted(resource));
  LEAT_CO_CHECK(catalog::validate_topic_config(request.node().topics.defaults(), config));
  if (validate_only) co_return OrRefusal<>();
  LEAT_CO_CHECK(co_await runtime::call_on(request.node().topics_shard, replace_at_service, &request.node().topics,
                                          std::string(resource.resource_name), std::move(config)));
  co_return OrRefusal<>();
}

runtime::Task<OrRefusal<>> alter(Request& request, const IncrementalAlterConfigsRequest::AlterConfigsResource& resource,
                                 bool validate_only) {
  LEAT_CO_TRY(const catalog::Topic* topic, check_alterable(request, resource.resource_type, resource.resource_name));
  LEAT_CO_TRY(std::vector<catalog::ConfigChange> changes, changes_wanted(resource));
  LEAT_CO_CHECK(catalog::apply_config_changes(request.node().topics.defaults(), topic->entry.config, changes));
  if (validate_only) co_return OrRefusal<>();
  LEAT_CO_CHECK(co_await runtime::call_on(request.node().topics_shard, alter_at_service, &request.node().topics,
                                          std::string(resource.resource_name), std::move(changes)));
  co_return OrRefusal<>();
}

// AlterConfigs and IncrementalAlterConfigs differ in what they do to one resource.
template <class Response, class Message>
runtime::Task<Response> alter_all(Request& request, const Message& message) {
  std::map<std::pair<std::int8_t, std::string_view>, int> times;
  for (const auto& resource : message.resources) ++times[{resource.resource_type, resource.resource_name}];
  Response response;
  for (const auto& resource : message.resources) {
    auto& reply = response.responses.emplace_back();
    reply.resource_type = resource.resource_type;
    reply.resource_name = std::string(resource.resource_name);
    OrRefusal<> outcome;
    if (times[{resource.resource_type, resource.resource_name}] > 1) {
      outcome = refuse(ErrorCode::kInvalidRequest, "Each resource must appear at most once.");
    } else {
      outcome = co_await alter(request, resource, message.validate_only);
    }
    set_outcome(request, reply, outcome);
  }
  co_return response;
}

}  // namespace

runtime::Task<DescribeConfigsResponse> handle_describe_configs(Request& request, DescribeConfigsRequest message) {
  DescribeConfigsResponse response;
  std::set<std::pair<std::int8_t, std::string_view>> seen;
  for (const auto& resource : message.resources) {
    if (!seen.emplace(resource.resource_type, resource.resource_name).second) continue;
    auto& reply = response.results.emplace_back();
    reply.resource_type = resource.resource_type;
    reply.resource_name = std::string(resource.resource_name);
    Described described = describe(request, message, resource);
    set_outcome(request, reply, described);
    if (described) reply.configs = std::move(*described);
  }
  co_return response;
}

runtime::Task<AlterConfigsResponse> handle_alter_configs(Request& request, AlterConfigsRequest message) {
  co_return co_await alter_all<AlterConfigsResponse>(request, message);
}

runtime::Task<IncrementalAlterConfigsResponse> handle_incremental_alter_configs(
    Request& request, IncrementalAlterConfigsRequest message) {
  co_return co_await alter_all<IncrementalAlterConfigsResponse>(request, message);
}

}  // namespace leat::kafka
