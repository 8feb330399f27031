#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

using security::Operation;

constexpr std::int8_t kBrokers = 1;
constexpr std::int8_t kControllers = 2;
constexpr std::int32_t kPartitionsPerResponseMax = 2000;

using TopicReply = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;

// The topics that a request is about, in name order and from the cursor on.
std::set<std::string_view> topics_asked_for(const Request& request, const DescribeTopicPartitionsRequest& message,
                                            const catalog::TopicsSnapshot& known) {
  std::set<std::string_view> names;
  if (message.topics.empty()) {
    for (const auto& [name, topic] : known.topics()) {
      if (request.sees(security::Operation::describe, security::ResourceType::topic, name)) names.insert(name);
    }
  }
  for (const auto& topic : message.topics) names.insert(topic.name);
  if (message.cursor) names.erase(names.begin(), names.lower_bound(message.cursor->topic_name));
  return names;
}

bool is_valid(const DescribeTopicPartitionsRequest& message) {
  if (!message.cursor) return true;
  if (message.cursor->partition_index < 0) return false;
  return message.topics.empty() ||
         std::ranges::find(message.topics, message.cursor->topic_name,
                           &DescribeTopicPartitionsRequest::TopicRequest::name) != message.topics.end();
}

ErrorCode why_not(const Request& request, std::string_view name, const catalog::Topic* topic) {
  if (!request.allows_topic(Operation::describe, name)) return ErrorCode::kTopicAuthorizationFailed;
  if (!catalog::check_topic_name(name)) return ErrorCode::kInvalidTopicException;
  return topic == nullptr ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kNone;
}

// Partitions [first, end) of a topic.
void describe(const Request& request, const catalog::Topic& topic, std::size_t first, std::size_t end,
              TopicReply& reply) {
  reply.topic_id = topic.entry.id;
  reply.is_internal = topic.entry.internal;
  reply.topic_authorized_operations = authorized_operations(request, security::ResourceType::topic, topic.entry.name);
  for (std::size_t i = first; i < end; ++i) {
    const catalog::PartitionAssignment& assignment = topic.assignments[i];
    auto& partition = reply.partitions.emplace_back();
    partition.partition_index = static_cast<std::int32_t>(i);
    partition.leader_id = assignment.leader.value();
    partition.leader_epoch = assignment.leader_epoch.value();
    partition.replica_nodes = node_numbers(assignment.replicas);
    partition.isr_nodes = node_numbers(assignment.isr);
    partition.eligible_leader_replicas.emplace();
    partition.last_known_elr.emplace();
  }
}

}  // namespace

runtime::Task<DescribeClusterResponse> handle_describe_cluster(Request& request, DescribeClusterRequest message) {
  DescribeClusterResponse response;
  if (message.endpoint_type != kBrokers) {
    const bool known = message.endpoint_type == kControllers;
    response.error_code =
        request.count(known ? ErrorCode::kMismatchedEndpointType : ErrorCode::kUnsupportedEndpointType);
    response.error_message = known ? "this listener serves brokers' requests, not controllers'"
                                   : fmt::format("there are no endpoints of type {}", message.endpoint_type);
    co_return response;
  }
  const Endpoint& endpoint = request.connection.endpoint;
  response.cluster_id = request.node().cluster_id;
  response.controller_id = request.node().node.value();
  response.brokers.push_back({request.node().node.value(), endpoint.host, endpoint.port, std::nullopt, false});
  if (message.include_cluster_authorized_operations) {
    response.cluster_authorized_operations =
        request.sees_cluster(Operation::describe)
            ? authorized_operations(request, security::ResourceType::cluster, security::kClusterName)
            : 0;
  }
  co_return response;
}

runtime::Task<DescribeTopicPartitionsResponse> handle_describe_topic_partitions(
    Request& request, DescribeTopicPartitionsRequest message) {
  DescribeTopicPartitionsResponse response;
  if (!is_valid(message)) {
    for (const auto& asked : message.topics) {
      auto& reply = response.topics.emplace_back();
      reply.name = std::string(asked.name);
      reply.error_code = request.count(ErrorCode::kInvalidRequest);
    }
    co_return response;
  }
  const catalog::TopicsPtr known = request.shard().streams.topics();
  auto left = static_cast<std::size_t>(std::clamp(message.response_partition_limit, 1, kPartitionsPerResponseMax));
  for (const std::string_view name : topics_asked_for(request, message, *known)) {
    const catalog::Topic* topic = known->find(name);
    const ErrorCode code = why_not(request, name, topic);
    if (left == 0) {
      response.next_cursor = {std::string(name), 0};
      break;
    }
    auto& reply = response.topics.emplace_back();
    reply.name = std::string(name);
    reply.error_code = request.count(code);
    if (code != ErrorCode::kNone) continue;
    const bool resumed = message.cursor && message.cursor->topic_name == name;
    const std::size_t count = topic->assignments.size();
    const std::size_t first =
        std::min(count, resumed ? static_cast<std::size_t>(message.cursor->partition_index) : std::size_t{0});
    const std::size_t end = std::min(count, first + left);
    describe(request, *topic, first, end, reply);
    left -= end - first;
    if (end < count) {
      response.next_cursor = {std::string(name), static_cast<std::int32_t>(end)};
      break;
    }
  }
  co_await mark_offline(request, response.topics);
  co_return response;
}

}  // namespace leat::kafka
