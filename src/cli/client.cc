#include "cli/client.h"

#include <thread>

#include "protocol/kafka/messages/find_coordinator.h"
#include "protocol/kafka/messages/list_offsets.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;

constexpr int kCoordinatorTries = 50;
constexpr int kLeaderTries = 50;
constexpr Milliseconds kRetryPause{100};

// What a person can do about the codes that are met in practice; empty for the others.
std::string_view advice(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownTopicOrPartition: return "see `leat topic list`, or create it with `leat topic create`";
    case ErrorCode::kTopicAlreadyExists: return "see it with `leat topic describe`, or choose another name";
    case ErrorCode::kInvalidTopicException: return "a name has 1 to 249 letters, digits, dots, underscores and hyphens";
    case ErrorCode::kMessageTooLarge: return "send smaller records, or raise max.message.bytes with `leat topic alter`";
    case ErrorCode::kTopicAuthorizationFailed:
    case ErrorCode::kGroupAuthorizationFailed:
    case ErrorCode::kClusterAuthorizationFailed:
    case ErrorCode::kTransactionalIdAuthorizationFailed:
      return "be somebody who may, with --server USER@HOST:PORT, or have it granted with `leat grant add`";
    case ErrorCode::kNonEmptyGroup: return "stop its consumers first; `leat group describe` shows them";
    case ErrorCode::kGroupIdNotFound: return "see `leat group list`";
    case ErrorCode::kUnknownMemberId: return "the group has members: stop its consumers first";
    case ErrorCode::kKafkaStorageError: return "see the server's log; `leat doctor` checks disk and limits";
    case ErrorCode::kOffsetOutOfRange: return "see the offsets there are with `leat topic describe`";
    case ErrorCode::kInvalidReplicationFactor: return "one node holds one replica";
    default: return "";
  }
}

TopicPartitions partitions_of(const kafka::MetadataResponse::MetadataResponseTopic& answer) {
  TopicPartitions topic{answer.name.value_or(""), answer.topic_id, answer.is_internal, {}};
  for (const auto& p : answer.partitions)
    topic.partitions.push_back({p.partition_index, p.leader_id, p.leader_epoch, p.replica_nodes, p.isr_nodes});
  std::ranges::sort(topic.partitions, {}, &TopicPartitions::Partition::index);
  return topic;
}

}  // namespace

Error server_error(std::string_view attempt, ErrorCode code, const std::optional<std::string>& said) {
  std::string message = fmt::format("{}: ", attempt);
  message += said && !said->empty() ? fmt::format("{} ({})", *said, to_string(code)) : std::string(to_string(code));
  if (const auto what = advice(code); !what.empty()) message += fmt::format("; {}", what);
  const bool missing = code == ErrorCode::kUnknownTopicOrPartition || code == ErrorCode::kGroupIdNotFound;
  return {missing ? Errc::not_found : Errc::io, std::move(message)};
}

bool is_retriable(ErrorCode code) {
  switch (code) {
    case ErrorCode::kLeaderNotAvailable:
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kRequestTimedOut:
    case ErrorCode::kNetworkException:
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kNotCoordinator:
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kNotEnoughReplicasAfterAppend:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kUnknownLeaderEpoch:
    case ErrorCode::kOffsetNotAvailable:
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kThrottlingQuotaExceeded: return true;
    default: return false;
  }
}

Result<std::unique_ptr<Client>> Client::connect(const std::string& server) {
  LEAT_TRY(Address address, parse_address(server));
  std::unique_ptr<Client> client(new Client(std::move(address)));
  if (auto connection = client->any(); !connection) return leat::fail(std::move(connection.error()));
  return client;
}

Result<Connection*> Client::at(const Address& address) {
  auto& slot = connections_[address];
  if (slot == nullptr || !slot->usable()) {
    slot.reset();
    LEAT_TRY(slot, Connection::open(address, kConnectTimeout));
  }
  return slot.get();
}

Result<Connection*> Client::any() { return at(bootstrap_); }

Result<Connection*> Client::broker(std::int32_t id) {
  const auto found = brokers_.find(id);
  if (found == brokers_.end()) return leat::fail(Errc::not_found, fmt::format("no broker has the id {}", id));
  return at(found->second);
}

void Client::forget(std::int32_t id) {
  if (const auto found = brokers_.find(id); found != brokers_.end()) connections_.erase(found->second);
}

Result<Connection*> Client::coordinator(const std::string& group) {
  kafka::FindCoordinatorRequest request;
  request.key = group;
  for (int left = kCoordinatorTries;; --left) {
    LEAT_TRY(Connection * asked, any());
    auto reply = asked->call<kafka::FindCoordinatorResponse>(request, kTimeout);
    if (!reply) return leat::fail(std::move(reply.error()));
    const ErrorCode code = reply->message.error_code;
    if (code == ErrorCode::kNone) return at(bootstrap_.with(reply->message.host, reply->message.port));
    if (left == 0 || !is_retriable(code))
      return leat::fail(server_error(fmt::format("cannot find who coordinates group '{}'", group), code,
                                     reply->message.error_message));
    std::this_thread::sleep_for(kRetryPause);
  }
}

Result<kafka::MetadataResponse> Client::metadata(const kafka::MetadataRequest& request) {
  LEAT_TRY(Connection * asked, any());
  LEAT_TRY(auto reply, asked->call<kafka::MetadataResponse>(request, kTimeout));
  brokers_.clear();
  for (const auto& b : reply.message.brokers) brokers_[b.node_id] = bootstrap_.with(b.host, b.port);
  return std::move(reply.message);
}

Result<std::vector<TopicPartitions>> Client::topics(const std::optional<std::vector<std::string>>& names) {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.topics = std::nullopt;
  if (names) {
    request.topics.emplace();
    for (const std::string& name : *names) request.topics->push_back({.name = name});
  }
  LEAT_TRY(const auto answer, metadata(request));
  std::vector<TopicPartitions> topics;
  for (const auto& t : answer.topics) {
    if (t.error_code != ErrorCode::kNone && t.error_code != ErrorCode::kLeaderNotAvailable)
      return leat::fail(server_error(fmt::format("topic '{}'", t.name.value_or("")), t.error_code));
    topics.push_back(partitions_of(t));
  }
  std::ranges::sort(topics, {}, &TopicPartitions::name);
  return topics;
}

Result<TopicPartitions> Client::topic(const std::string& name, bool create) {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = create;
  request.topics.emplace().push_back({.name = name});
  for (int left = kLeaderTries;; --left) {
    LEAT_TRY(const auto answer, metadata(request));
    if (answer.topics.size() != 1)
      return leat::fail(Errc::corrupt_message, "the server answered for another topic than the one that was asked for");
    const auto& found = answer.topics.front();
    const bool led = std::ranges::all_of(found.partitions, [](const auto& p) { return p.leader_id >= 0; });
    if (found.error_code == ErrorCode::kNone && led) return partitions_of(found);
    const bool soon = found.error_code == ErrorCode::kNone || found.error_code == ErrorCode::kLeaderNotAvailable ||
                      (create && found.error_code == ErrorCode::kUnknownTopicOrPartition);
    if (left == 0 && found.error_code == ErrorCode::kNone) return partitions_of(found);
    if (left == 0 || !soon) return leat::fail(server_error(fmt::format("topic '{}'", name), found.error_code));
    std::this_thread::sleep_for(kRetryPause);
  }
}

Result<std::map<std::int32_t, std::int64_t>> Client::offsets(const TopicPartitions& topic,
                                                             std::span<const std::int32_t> partitions,
                                                             std::int64_t timestamp) {
  std::map<std::int32_t, std::vector<std::int32_t>> by_leader;
  for (const std::int32_t wanted : partitions) {
    const auto found = std::ranges::find(topic.partitions, wanted, &TopicPartitions::Partition::index);
    if (found == topic.partitions.end())
      return leat::fail(Errc::invalid_argument, fmt::format("topic '{}' has no partition {}: it has {}", topic.name,
                                                            wanted, topic.partitions.size()));
    by_leader[found->leader].push_back(wanted);
  }
  std::map<std::int32_t, std::int64_t> offsets;
  for (const auto& [leader, indexes] : by_leader) {
    kafka::ListOffsetsRequest request;
    request.replica_id = -1;
    request.timeout_ms = static_cast<std::int32_t>(kTimeout.count());
    auto& asked = request.topics.emplace_back();
    asked.name = topic.name;
    for (const std::int32_t index : indexes) {
      auto& p = asked.partitions.emplace_back();
      p.partition_index = index;
      p.timestamp = timestamp;
    }
    LEAT_TRY(Connection * connection, broker(leader));
    LEAT_TRY(const auto reply, connection->call<kafka::ListOffsetsResponse>(request, kTimeout));
    for (const auto& t : reply.message.topics)
      for (const auto& p : t.partitions) {
        if (p.error_code != ErrorCode::kNone)
          return leat::fail(server_error(fmt::format("offsets of {}/{}", topic.name, p.partition_index), p.error_code));
        offsets[p.partition_index] = p.old_style_offsets.empty() ? p.offset : p.old_style_offsets.front();
      }
  }
  for (const std::int32_t wanted : partitions)
    if (!offsets.contains(wanted))
      return leat::fail(Errc::corrupt_message,
                        fmt::format("the server did not tell the offset of {}/{}", topic.name, wanted));
  return offsets;
}

}  // namespace leat::cli
