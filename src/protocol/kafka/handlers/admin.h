#pragma once

#include <expected>
#include <span>
#include <string>
#include <utility>

#include "catalog/topics.h"
#include "protocol/kafka/request.h"
#include "runtime/task.h"

// What the handlers that look at and change topics have in common.
namespace leat::kafka {

// The code for an error of a change to topics or their settings.
[[nodiscard]] inline ErrorCode admin_error_code(Errc code) {
  if (code == Errc::version_conflict) return ErrorCode::kRequestTimedOut;  // it may be tried again
  if (code == Errc::too_large) return ErrorCode::kInvalidRequest;
  return to_error_code(code);
}

// Why something was refused for one topic or resource of a request.
struct Refusal {
  ErrorCode code = ErrorCode::kUnknownServerError;
  std::string message;

  Refusal(ErrorCode why, std::string text) : code(why), message(std::move(text)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): an engine's error is a reason
  Refusal(Error error) : code(admin_error_code(error.code)), message(std::move(error.message)) {}
};
template <class T = void>
using OrRefusal = std::expected<T, Refusal>;

[[nodiscard]] inline std::unexpected<Refusal> refuse(ErrorCode code, std::string message) {
  return std::unexpected(Refusal(code, std::move(message)));
}
[[nodiscard]] inline std::unexpected<Refusal> refuse_access(ErrorCode code) {
  return refuse(code, "Authorization failed.");
}
[[nodiscard]] inline std::unexpected<Refusal> refuse_unknown(std::string_view topic) {
  return refuse(ErrorCode::kUnknownTopicOrPartition, fmt::format("there is no topic '{}'", topic));
}
// Clients may read leat's own topics, nothing else.
[[nodiscard]] inline std::unexpected<Refusal> refuse_internal(std::string_view topic) {
  return refuse(ErrorCode::kInvalidTopicException, fmt::format("'{}' is an internal topic", topic));
}

// Puts an outcome into a part of a reply that has a code and a message.
template <class Reply, class T>
void set_outcome(const Request& request, Reply& reply, const OrRefusal<T>& outcome) {
  reply.error_code = outcome ? ErrorCode::kNone : request.count(outcome.error().code);
  reply.error_message.reset();
  if (!outcome) reply.error_message = outcome.error().message;
}

// To be called before partitions are created or deleted (KIP-599). Versions from `refused_from` on are refused when more than the
// quota was used before; clients of older ones only have to wait.
[[nodiscard]] inline OrRefusal<> charge_mutations(Request& request, std::size_t partitions, std::int16_t refused_from) {
  security::QuotaAccount& account = request.connection.quotas;
  if (request.version < refused_from) {
    request.hold(account.charge_mutations(partitions));
    return {};
  }
  const Duration wait = account.try_mutations(partitions);
  if (wait <= Duration{0}) return {};
  request.hold(wait);
  return refuse(ErrorCode::kThrottlingQuotaExceeded, "The throttling quota has been exceeded.");
}

// When a request's own time limit ends.
[[nodiscard]] inline MonoTime deadline_of(const Request& request, std::int32_t timeout_ms) {
  return request.shard().streams.shard().now() + Milliseconds(std::clamp(timeout_ms, 0, 3'600'000));
}
// Whether a change of several may still begin. One that asks for no wait at all is tried all the same.
[[nodiscard]] inline OrRefusal<> check_time(const Request& request, std::int32_t timeout_ms, MonoTime deadline) {
  if (timeout_ms <= 0 || request.shard().streams.shard().now() < deadline) return {};
  return refuse(ErrorCode::kRequestTimedOut, "the request's time was over before this was begun");
}

// Creates a topic through the node's topic service; on return every shard knows it.
[[nodiscard]] runtime::Task<OrRefusal<catalog::Topic>> create_topic(const Request& request, catalog::NewTopic topic);

// A topic whose `partitions` partitions live on this node. Refused: a count that no topic can have.
[[nodiscard]] OrRefusal<catalog::NewTopic> topic_on_this_node(const Request& request, std::string_view name,
                                                              std::int64_t partitions);

[[nodiscard]] inline std::vector<std::int32_t> node_numbers(const std::vector<NodeId>& nodes) {
  std::vector<std::int32_t> numbers;
  for (const NodeId node : nodes) numbers.push_back(node.value());
  return numbers;
}

// Takes the leader from partitions that do not serve, as Kafka does for those on a failed disk: producers then choose other
// partitions. `topics` are those of a Metadata or DescribeTopicPartitions response.
template <class Topics>
runtime::Task<> mark_offline(const Request& request, Topics& topics) {
  const auto offline = co_await stream::offline_partitions(request.node().streams);
  if (offline.empty()) co_return;
  for (auto& topic : topics) {
    for (auto& partition : topic.partitions) {
      if (!offline.contains({topic.topic_id, PartitionIndex(partition.partition_index)})) continue;
      partition.error_code = request.count(ErrorCode::kLeaderNotAvailable);
      partition.offline_replicas = partition.replica_nodes;
      partition.leader_id = -1;
    }
  }
}

// Kafka's bit field of what this client may do (AclOperation's codes as bit numbers).
[[nodiscard]] inline std::int32_t authorized_operations(const Request& request, security::ResourceType type,
                                                        std::string_view name) {
  using security::Operation;
  struct Bit {
    Operation operation;
    int number;
    bool of_topics;
    bool of_groups;
    bool of_cluster;
  };
  constexpr Bit kBits[] = {
      {Operation::read, 3, true, true, false},
      {Operation::write, 4, true, false, false},
      {Operation::create, 5, true, false, true},
      {Operation::remove, 6, true, true, false},
      {Operation::alter, 7, true, false, true},
      {Operation::describe, 8, true, true, true},
      {Operation::cluster_action, 9, false, false, true},
      {Operation::describe_configs, 10, true, false, true},
      {Operation::alter_configs, 11, true, false, true},
      {Operation::idempotent_write, 12, false, false, true},
  };
  std::int32_t field = 0;
  for (const Bit& bit : kBits) {
    const bool applies = (type == security::ResourceType::topic && bit.of_topics) ||
                         (type == security::ResourceType::group && bit.of_groups) ||
                         (type == security::ResourceType::cluster && bit.of_cluster);
    if (applies && request.sees(bit.operation, type, name)) field |= 1 << bit.number;
  }
  return field;
}

}  // namespace leat::kafka
