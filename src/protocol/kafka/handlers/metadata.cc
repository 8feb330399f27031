#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

using security::Operation;
using Topics = std::vector<MetadataResponse::MetadataResponseTopic>;

// Topic ids and null names are part of the schema from version 10 on, but were not served before version 12.
constexpr std::int16_t kTopicIdsFrom = 12;

bool is_asked_for_all(const Request& request, const MetadataRequest& message) {
  return !message.topics || (request.version == 0 && message.topics->empty());
}

void add_topic(Topics& topics, const Request& request, const MetadataRequest& message, const catalog::Topic& topic) {
  auto& reply = topics.emplace_back();
  reply.name = topic.entry.name;
  reply.topic_id = topic.entry.id;
  reply.is_internal = topic.entry.internal;
  reply.partitions.reserve(topic.assignments.size());
  for (const catalog::PartitionAssignment& assignment : topic.assignments) {
    auto& partition = reply.partitions.emplace_back();
    partition.partition_index = static_cast<std::int32_t>(reply.partitions.size()) - 1;
    partition.leader_id = assignment.leader.value();
    partition.leader_epoch = assignment.leader_epoch.value();
    partition.replica_nodes = node_numbers(assignment.replicas);
    partition.isr_nodes = node_numbers(assignment.isr);
  }
  if (message.include_topic_authorized_operations) {
    reply.topic_authorized_operations = authorized_operations(request, security::ResourceType::topic, topic.entry.name);
  }
}

void add_error(Topics& topics, const Request& request, std::optional<std::string_view> name, const Uuid& id,
               ErrorCode code) {
  auto& reply = topics.emplace_back();
  reply.error_code = request.count(code);
  reply.topic_id = id;
  reply.is_internal = name && catalog::is_internal_topic(*name);
  if (name) {
    reply.name = std::string(*name);
  } else if (request.version >= kTopicIdsFrom) {
    reply.name.reset();
  }
}

void add_all(Topics& topics, const Request& request, const MetadataRequest& message) {
  const catalog::TopicsPtr known = request.shard().streams.topics();
  for (const auto& [name, topic] : known->topics()) {
    if (request.sees(Operation::describe, security::ResourceType::topic, name))
      add_topic(topics, request, message, *topic);
  }
}

void add_by_id(Topics& topics, const Request& request, const MetadataRequest& message, const Uuid& id) {
  const catalog::Topic* topic = request.topics().find(id);
  if (topic == nullptr) return add_error(topics, request, std::nullopt, id, ErrorCode::kUnknownTopicId);
  if (!request.allows_topic(Operation::describe, topic->entry.name))
    return add_error(topics, request, std::nullopt, id, ErrorCode::kTopicAuthorizationFailed);
  add_topic(topics, request, message, *topic);
}

// Creates a topic because somebody asked for it. kNone: it is there now.
runtime::Task<ErrorCode> auto_create(Request& request, std::string_view name) {
  if (!request.sees_cluster(Operation::create) && !request.allows_topic(Operation::create, name))
    co_return ErrorCode::kTopicAuthorizationFailed;
  auto topic = topic_on_this_node(request, name, request.node().options.default_partitions);
  if (!topic) co_return topic.error().code;
  // No version of this request can be told that a quota is exceeded: the client waits.
  request.hold(request.connection.quotas.charge_mutations(topic->replicas.size()));
  const auto created = co_await create_topic(request, std::move(*topic));
  if (created || created.error().code == ErrorCode::kTopicAlreadyExists) co_return ErrorCode::kNone;
  co_return created.error().code;
}

runtime::Task<> add_by_name(Topics& topics, Request& request, const MetadataRequest& message, std::string_view name) {
  if (!request.allows_topic(Operation::describe, name)) {
    add_error(topics, request, name, {}, ErrorCode::kTopicAuthorizationFailed);
    co_return;
  }
  ErrorCode code = ErrorCode::kNone;
  if (request.topics().find(name) == nullptr) {
    const bool may_create = request.node().options.auto_create_topics && message.allow_auto_topic_creation &&
                            !catalog::is_internal_topic(name);
    code = ErrorCode::kUnknownTopicOrPartition;
    if (!catalog::check_topic_name(name)) {
      code = ErrorCode::kInvalidTopicException;
    } else if (may_create) {
      code = co_await auto_create(request, name);
    }
  }
  // A topic that was there a moment ago may be gone by now.
  const catalog::Topic* topic = request.topics().find(name);
  if (topic == nullptr && code == ErrorCode::kNone) code = ErrorCode::kUnknownTopicOrPartition;
  if (topic == nullptr) {
    add_error(topics, request, name, {}, code);
  } else {
    add_topic(topics, request, message, *topic);
  }
}

runtime::Task<> add_named(Topics& topics, Request& request, const MetadataRequest& message) {
  std::set<std::string_view> names;
  std::set<Uuid> ids;
  for (const auto& asked : *message.topics) {
    if (request.version < kTopicIdsFrom && (!asked.name || !asked.topic_id.is_zero())) {
      add_error(topics, request, asked.name, asked.topic_id, ErrorCode::kInvalidRequest);
    } else if (!asked.topic_id.is_zero()) {
      if (ids.insert(asked.topic_id).second) add_by_id(topics, request, message, asked.topic_id);
    } else if (!asked.name) {
      add_error(topics, request, asked.name, {}, ErrorCode::kInvalidRequest);
    } else if (names.insert(*asked.name).second) {
      co_await add_by_name(topics, request, message, *asked.name);
    }
  }
}

}  // namespace

runtime::Task<MetadataResponse> handle_metadata(Request& request, MetadataRequest message) {
  MetadataResponse response;
  const Endpoint& endpoint = request.connection.endpoint;
  response.brokers.push_back({request.node().node.value(), endpoint.host, endpoint.port, std::nullopt});
  response.cluster_id = request.node().cluster_id;
  response.controller_id = request.node().node.value();
  if (is_asked_for_all(request, message)) {
    add_all(response.topics, request, message);
  } else {
    co_await add_named(response.topics, request, message);
  }
  co_await mark_offline(request, response.topics);
  if (message.include_cluster_authorized_operations) {
    response.cluster_authorized_operations =
        request.sees_cluster(Operation::describe)
            ? authorized_operations(request, security::ResourceType::cluster, security::kClusterName)
            : 0;
  }
  co_return response;
}

}  // namespace leat::kafka
