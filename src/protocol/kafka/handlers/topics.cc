#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

using security::Operation;

// The first versions of which clients know that a quota may be exceeded (KIP-599).
constexpr std::int16_t kCreateRefusedFrom = 6;
constexpr std::int16_t kDeleteRefusedFrom = 5;
constexpr std::int16_t kGrowRefusedFrom = 3;

// --- on the shard of the topic service ---

runtime::Task<Result<catalog::Topic>> create_at_service(stream::TopicService* service, catalog::NewTopic topic) {
  co_return co_await service->create(std::move(topic));
}

runtime::Task<Status> remove_at_service(stream::TopicService* service, std::string name) {
  co_return co_await service->remove(std::move(name));
}

runtime::Task<Status> grow_at_service(stream::TopicService* service, std::string name, std::int32_t total) {
  co_return co_await service->add_partitions(std::move(name), total);
}

// --- on the connection's shard ---

// Names that a request has more than once.
template <class Names>
std::set<std::string_view> repeated(const Names& names) {
  std::set<std::string_view> seen;
  std::set<std::string_view> again;
  for (const std::string_view name : names) {
    if (!seen.insert(name).second) again.insert(name);
  }
  return again;
}

template <class Items>
std::vector<std::string_view> names_of(const Items& items) {
  std::vector<std::string_view> names;
  for (const auto& item : items) names.push_back(item.name);
  return names;
}

// Whether replicas that a client chose can be had: there is one node.
OrRefusal<> check_replicas(const Request& request, const std::vector<std::int32_t>& replicas) {
  const std::int32_t node = request.node().node.value();
  if (replicas.empty()) {
    return refuse(ErrorCode::kInvalidReplicaAssignment,
                  "The manual partition assignment includes an empty replica list.");
  }
  for (const std::int32_t replica : replicas) {
    if (replica == node) continue;
    return refuse(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("The manual partition assignment includes broker {}, but no such broker is registered: "
                              "this cluster is node {} alone.",
                              replica, node));
  }
  if (replicas.size() > 1) {
    return refuse(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("The manual partition assignment includes the broker {} more than once.", node));
  }
  return {};
}

using Creatable = CreateTopicsRequest::CreatableTopic;

// The number of partitions that a manual assignment makes.
OrRefusal<std::int64_t> assigned_partitions(const Request& request, const Creatable& wanted) {
  if (wanted.replication_factor != -1) {
    return refuse(ErrorCode::kInvalidRequest,
                  "A manual partition assignment was specified, but replication factor was not set to -1.");
  }
  if (wanted.num_partitions != -1) {
    return refuse(ErrorCode::kInvalidRequest,
                  "A manual partition assignment was specified, but numPartitions was not set to -1.");
  }
  std::set<std::int32_t> partitions;
  for (const auto& assignment : wanted.assignments) {
    if (!partitions.insert(assignment.partition_index).second) {
      return refuse(
          ErrorCode::kInvalidReplicaAssignment,
          fmt::format("Found multiple manual partition assignments for partition {}", assignment.partition_index));
    }
    LEAT_CHECK(check_replicas(request, assignment.broker_ids));
  }
  const auto count = static_cast<std::int64_t>(partitions.size());
  if (*partitions.begin() != 0 || *partitions.rbegin() != count - 1) {
    return refuse(ErrorCode::kInvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence");
  }
  return count;
}

OrRefusal<std::int64_t> partitions_wanted(const Request& request, const Creatable& wanted) {
  if (!wanted.assignments.empty()) return assigned_partitions(request, wanted);
  if (wanted.replication_factor < -1 || wanted.replication_factor == 0) {
    return refuse(ErrorCode::kInvalidReplicationFactor,
                  "Replication factor must be larger than 0, or -1 to use the default value.");
  }
  if (wanted.num_partitions < -1 || wanted.num_partitions == 0)
    return refuse(ErrorCode::kInvalidPartitions, "Number of partitions was set to an invalid non-positive value.");
  if (wanted.replication_factor > 1) {
    return refuse(ErrorCode::kInvalidReplicationFactor,
                  fmt::format("Unable to replicate the partition {} time(s): this cluster has one node.",
                              wanted.replication_factor));
  }
  return wanted.num_partitions == -1 ? request.node().options.default_partitions : wanted.num_partitions;
}

OrRefusal<catalog::ConfigMap> config_wanted(const Creatable& wanted) {
  catalog::ConfigMap config;
  for (const auto& [name, value] : wanted.configs) {
    if (!value) continue;  // the default
    if (!config.emplace(name, *value).second)
      return refuse(ErrorCode::kInvalidConfig, fmt::format("{} is set twice", name));
  }
  return config;
}

// Only a topic that is to be validated but not created needs this: creating finds out by itself.
OrRefusal<> check_collision(const catalog::TopicsSnapshot& known, std::string_view name) {
  const std::string form = catalog::collision_form(name);
  for (const auto& [other, topic] : known.topics()) {
    if (catalog::collision_form(other) != form) continue;
    return refuse(ErrorCode::kInvalidTopicException,
                  fmt::format("Topic '{}' collides with existing topic: {}", name, other));
  }
  return {};
}

// What is to be created, checked as far as this shard can.
OrRefusal<catalog::NewTopic> check_creatable(const Request& request, const Creatable& wanted, bool repeats) {
  if (!request.sees_cluster(Operation::create) && !request.allows_topic(Operation::create, wanted.name))
    return refuse_access(ErrorCode::kTopicAuthorizationFailed);
  if (repeats) return refuse(ErrorCode::kInvalidRequest, "Duplicate topic name.");
  LEAT_CHECK(catalog::check_topic_name(wanted.name));
  if (request.topics().find(wanted.name) != nullptr)
    return refuse(ErrorCode::kTopicAlreadyExists, fmt::format("Topic '{}' already exists.", wanted.name));
  LEAT_TRY(const std::int64_t partitions, partitions_wanted(request, wanted));
  LEAT_TRY(catalog::NewTopic topic, topic_on_this_node(request, wanted.name, partitions));
  LEAT_TRY(topic.config, config_wanted(wanted));
  LEAT_CHECK(catalog::check_new_topic(request.node().topics.defaults(), topic));
  return topic;
}

using CreateReply = CreateTopicsResponse::CreatableTopicResult;

// Tells what was created, to those who may know its settings.
void describe_created(const Request& request, const catalog::ConfigMap& config, std::size_t partitions,
                      CreateReply& reply) {
  if (!request.sees(Operation::describe_configs, security::ResourceType::topic, reply.name)) {
    reply.topic_config_error_code = request.count(ErrorCode::kTopicAuthorizationFailed);
    return;
  }
  reply.num_partitions = static_cast<std::int32_t>(partitions);
  reply.replication_factor = 1;
  for (const auto& described : catalog::describe_topic_config(request.node().topics.defaults(), config)) {
    reply.configs->push_back(
        {std::string(described.key->name), described.value, false, static_cast<std::int8_t>(described.source), false});
  }
}

runtime::Task<OrRefusal<>> create_one(Request& request, const Creatable& wanted, bool repeats, bool validate_only,
                                      CreateReply& reply) {
  LEAT_CO_TRY(catalog::NewTopic topic, check_creatable(request, wanted, repeats));
  if (validate_only) {
    LEAT_CO_CHECK(check_collision(request.topics(), wanted.name));
    describe_created(request, topic.config, topic.replicas.size(), reply);
    co_return OrRefusal<>();
  }
  LEAT_CO_CHECK(charge_mutations(request, topic.replicas.size(), kCreateRefusedFrom));
  LEAT_CO_TRY(const catalog::Topic created, co_await create_topic(request, std::move(topic)));
  reply.topic_id = created.entry.id;
  describe_created(request, created.entry.config, created.assignments.size(), reply);
  co_return OrRefusal<>();
}

// A topic to delete, by name or by id.
struct Deletable {
  std::optional<std::string_view> name;
  Uuid id;
};

std::vector<Deletable> topics_to_delete(const DeleteTopicsRequest& message) {
  std::vector<Deletable> wanted;
  for (const std::string_view name : message.topic_names) wanted.push_back({name, {}});
  for (const auto& topic : message.topics) wanted.push_back({topic.name, topic.topic_id});
  return wanted;
}

OrRefusal<catalog::TopicEntry> check_deletable(const Request& request, const Deletable& wanted) {
  if (!wanted.name && wanted.id.is_zero())
    return refuse(ErrorCode::kInvalidRequest, "Neither topic name nor id were specified.");
  if (wanted.name && !wanted.id.is_zero())
    return refuse(ErrorCode::kInvalidRequest, "You may not specify both topic name and topic id.");
  const catalog::Topic* topic = find_topic(request, wanted.name.value_or(""), wanted.id);
  const std::string_view name = topic != nullptr ? std::string_view(topic->entry.name) : wanted.name.value_or("");
  if ((topic != nullptr || wanted.name) && !request.allows_topic(Operation::remove, name))
    return refuse_access(ErrorCode::kTopicAuthorizationFailed);
  if (topic == nullptr) {
    if (wanted.name) return refuse_unknown(*wanted.name);
    return refuse(ErrorCode::kUnknownTopicId, fmt::format("there is no topic with id {}", wanted.id));
  }
  if (topic->entry.internal) return refuse_internal(name);
  return topic->entry;
}

using DeleteReply = DeleteTopicsResponse::DeletableTopicResult;

runtime::Task<OrRefusal<>> delete_one(Request& request, const Deletable& wanted, DeleteReply& reply) {
  LEAT_CO_TRY(const catalog::TopicEntry topic, check_deletable(request, wanted));
  LEAT_CO_CHECK(charge_mutations(request, static_cast<std::size_t>(topic.partitions), kDeleteRefusedFrom));
  LEAT_CO_CHECK(
      co_await runtime::call_on(request.node().topics_shard, remove_at_service, &request.node().topics, topic.name));
  reply.name = topic.name;
  reply.topic_id = topic.id;
  co_return OrRefusal<>();
}

using Growing = CreatePartitionsRequest::CreatePartitionsTopic;

OrRefusal<> check_growing(const Request& request, const Growing& wanted, bool repeats) {
  if (!request.allows_topic(Operation::alter, wanted.name)) return refuse_access(ErrorCode::kTopicAuthorizationFailed);
  if (repeats) return refuse(ErrorCode::kInvalidRequest, "Duplicate topic name.");
  const catalog::Topic* topic = request.topics().find(wanted.name);
  if (topic == nullptr) return refuse_unknown(wanted.name);
  if (topic->entry.internal) return refuse_internal(wanted.name);
  const std::int32_t before = topic->entry.partitions;
  if (wanted.count == before) {
    return refuse(ErrorCode::kInvalidPartitions, fmt::format("Topic already has {} partition(s).", before));
  }
  if (wanted.count < before) {
    return refuse(ErrorCode::kInvalidPartitions,
                  fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.", wanted.name,
                              before, wanted.count));
  }
  LEAT_CHECK(topic_on_this_node(request, wanted.name, wanted.count));
  if (!wanted.assignments) return {};
  const std::size_t added = static_cast<std::size_t>(wanted.count - before);
  if (wanted.assignments->size() != added) {
    return refuse(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("Attempted to add {} additional partition(s), but {} assignment(s) were specified.",
                              added, wanted.assignments->size()));
  }
  for (const auto& assignment : *wanted.assignments) LEAT_CHECK(check_replicas(request, assignment.broker_ids));
  return {};
}

runtime::Task<OrRefusal<>> grow_one(Request& request, const Growing& wanted, bool repeats, bool validate_only) {
  LEAT_CO_CHECK(check_growing(request, wanted, repeats));
  if (validate_only) co_return OrRefusal<>();
  const catalog::Topic* topic = request.topics().find(wanted.name);
  const std::int32_t added = topic == nullptr ? 0 : std::max(0, wanted.count - topic->entry.partitions);
  LEAT_CO_CHECK(charge_mutations(request, static_cast<std::size_t>(added), kGrowRefusedFrom));
  const Status grown = co_await runtime::call_on(request.node().topics_shard, grow_at_service, &request.node().topics,
                                                 std::string(wanted.name), wanted.count);
  if (grown) co_return OrRefusal<>();
  // Another request may have been faster.
  if (grown.error().code == Errc::invalid_argument)
    co_return refuse(ErrorCode::kInvalidPartitions, grown.error().message);
  co_return std::unexpected(Refusal(grown.error()));
}

}  // namespace

OrRefusal<catalog::NewTopic> topic_on_this_node(const Request& request, std::string_view name,
                                                std::int64_t partitions) {
  if (partitions < 1 || partitions > catalog::kPartitionsPerTopicMax) {
    return refuse(ErrorCode::kInvalidPartitions,
                  fmt::format("a topic has 1 to {} partitions, not {}", catalog::kPartitionsPerTopicMax, partitions));
  }
  catalog::NewTopic topic;
  topic.name = std::string(name);
  topic.replicas = catalog::replicas_on(request.node().node, static_cast<std::int32_t>(partitions));
  return topic;
}

runtime::Task<OrRefusal<catalog::Topic>> create_topic(const Request& request, catalog::NewTopic topic) {
  auto created = co_await runtime::call_on(request.node().topics_shard, create_at_service, &request.node().topics,
                                           std::move(topic));
  if (!created) co_return std::unexpected(Refusal(std::move(created.error())));
  co_return std::move(*created);
}

runtime::Task<CreateTopicsResponse> handle_create_topics(Request& request, CreateTopicsRequest message) {
  const MonoTime deadline = deadline_of(request, message.timeout_ms);
  const auto again = repeated(names_of(message.topics));
  std::set<std::string_view> answered;
  CreateTopicsResponse response;
  for (const Creatable& wanted : message.topics) {
    if (!answered.insert(wanted.name).second) continue;
    auto& reply = response.topics.emplace_back();
    reply.name = std::string(wanted.name);
    OrRefusal<> outcome = check_time(request, message.timeout_ms, deadline);
    if (outcome)
      outcome = co_await create_one(request, wanted, again.contains(wanted.name), message.validate_only, reply);
    set_outcome(request, reply, outcome);
  }
  co_return response;
}

runtime::Task<DeleteTopicsResponse> handle_delete_topics(Request& request, DeleteTopicsRequest message) {
  const MonoTime deadline = deadline_of(request, message.timeout_ms);
  std::map<std::pair<std::string_view, Uuid>, int> times;
  const std::vector<Deletable> topics = topics_to_delete(message);
  for (const Deletable& wanted : topics) ++times[{wanted.name.value_or(""), wanted.id}];
  DeleteTopicsResponse response;
  for (const Deletable& wanted : topics) {
    int& left = times[{wanted.name.value_or(""), wanted.id}];
    if (left == 0) continue;  // answered
    const bool repeats = std::exchange(left, 0) > 1;
    auto& reply = response.responses.emplace_back();
    reply.topic_id = wanted.id;
    reply.name.reset();
    if (wanted.name) reply.name = std::string(*wanted.name);
    OrRefusal<> outcome = check_time(request, message.timeout_ms, deadline);
    if (outcome && repeats)
      outcome = refuse(ErrorCode::kInvalidRequest, wanted.name ? "Duplicate topic name." : "Duplicate topic id.");
    if (outcome) outcome = co_await delete_one(request, wanted, reply);
    set_outcome(request, reply, outcome);
  }
  co_return response;
}

runtime::Task<CreatePartitionsResponse> handle_create_partitions(Request& request, CreatePartitionsRequest message) {
  const MonoTime deadline = deadline_of(request, message.timeout_ms);
  const auto again = repeated(names_of(message.topics));
  std::set<std::string_view> answered;
  CreatePartitionsResponse response;
  for (const Growing& wanted : message.topics) {
    if (!answered.insert(wanted.name).second) continue;
    auto& reply = response.results.emplace_back();
    reply.name = std::string(wanted.name);
    OrRefusal<> outcome = check_time(request, message.timeout_ms, deadline);
    if (outcome) outcome = co_await grow_one(request, wanted, again.contains(wanted.name), message.validate_only);
    set_outcome(request, reply, outcome);
  }
  co_return response;
}

}  // namespace leat::kafka
