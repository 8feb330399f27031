#include "catalog/documents.h"

#include <nlohmann/json.hpp>

#include "catalog/document.h"

namespace leat::catalog {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;

// Whatever text is in it, it can be written: JSON is UTF-8, and what is not is replaced.
std::string write(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

Document reader(std::string_view key, std::string_view value) { return {key, value, kDocumentVersion}; }

std::vector<NodeId> node_ids(const std::vector<std::int64_t>& numbers) {
  std::vector<NodeId> nodes;
  for (const std::int64_t number : numbers) nodes.emplace_back(static_cast<std::int32_t>(number));
  return nodes;
}

Json node_list(const std::vector<NodeId>& nodes) {
  Json list = Json::array();
  for (const NodeId node : nodes) list.push_back(node.value());
  return list;
}

}  // namespace

std::string topic_key(std::string_view name) { return fmt::format("{}{}", kTopicsPrefix, name); }
std::string assignments_key(const TopicId& id) { return fmt::format("{}{}", kAssignmentsPrefix, id); }
std::string topic_name_key(std::string_view form) { return fmt::format("{}{}", kTopicNamesPrefix, form); }
std::string deleted_topic_key(const TopicId& id) { return fmt::format("{}{}", kDeletedTopicsPrefix, id); }
std::string node_key(NodeId node) { return fmt::format("{}{}", kNodesPrefix, node); }

std::string encode_topic(const TopicEntry& topic) {
  return write({{"v", kDocumentVersion},
                {"name", topic.name},
                {"id", topic.id.to_string()},
                {"partitions", topic.partitions},
                {"internal", topic.internal},
                {"config", Json(Json::object_t(topic.config.begin(), topic.config.end()))},
                {"created", topic.created.value()}});
}

Result<TopicEntry> decode_topic(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  TopicEntry topic;
  topic.name = read.text("name");
  topic.id = read.uuid("id");
  topic.partitions = static_cast<std::int32_t>(read.integer("partitions", 1, kPartitionsPerTopicMax));
  topic.internal = read.flag("internal");
  topic.config = read.text_map("config");
  topic.created = Timestamp(read.integer("created", -1, INT64_MAX));
  if (key != topic_key(topic.name)) read.wrong(fmt::format("it is for topic '{}'", topic.name));
  return read.result(std::move(topic));
}

std::string encode_assignments(const std::vector<PartitionAssignment>& assignments) {
  Json leaders = Json::array();
  Json epochs = Json::array();
  Json replicas = Json::array();
  Json isr = Json::array();
  for (const PartitionAssignment& partition : assignments) {
    leaders.push_back(partition.leader.value());
    epochs.push_back(partition.leader_epoch.value());
    replicas.push_back(node_list(partition.replicas));
    isr.push_back(node_list(partition.isr));
  }
  return write({{"v", kDocumentVersion},
                {"leaders", std::move(leaders)},
                {"epochs", std::move(epochs)},
                {"replicas", std::move(replicas)},
                {"isr", std::move(isr)}});
}

Result<std::vector<PartitionAssignment>> decode_assignments(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  const auto leaders = read.integers("leaders", -1, INT32_MAX);
  const auto epochs = read.integers("epochs", 0, INT32_MAX);
  const auto replicas = read.integer_lists("replicas", 0, INT32_MAX);
  const auto isr = read.integer_lists("isr", 0, INT32_MAX);
  std::vector<PartitionAssignment> assignments;
  const std::size_t count = leaders.size();
  if (epochs.size() != count || replicas.size() != count || isr.size() != count) {
    read.wrong("its lists differ in length");
    return read.result(std::move(assignments));
  }
  for (std::size_t i = 0; i < count; ++i) {
    PartitionAssignment& partition = assignments.emplace_back();
    partition.leader = NodeId(static_cast<std::int32_t>(leaders[i]));
    partition.leader_epoch = LeaderEpoch(static_cast<std::int32_t>(epochs[i]));
    partition.replicas = node_ids(replicas[i]);
    partition.isr = node_ids(isr[i]);
  }
  return read.result(std::move(assignments));
}

std::string encode_deleted_topic(const DeletedTopic& topic) {
  return write({{"v", kDocumentVersion}, {"name", topic.name}, {"partitions", topic.partitions}});
}

Result<DeletedTopic> decode_deleted_topic(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  DeletedTopic topic;
  topic.name = read.text("name");
  topic.partitions = static_cast<std::int32_t>(read.integer("partitions", 1, kPartitionsPerTopicMax));
  LEAT_TRY(topic.id, id_of_key(key, kDeletedTopicsPrefix));
  return read.result(std::move(topic));
}

std::string encode_topic_name(std::string_view name) { return write({{"v", kDocumentVersion}, {"name", name}}); }

Result<std::string> decode_topic_name(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  return read.result(read.text("name"));
}

std::string encode_cluster_id(const Uuid& id) { return write({{"v", kDocumentVersion}, {"id", id.to_string()}}); }

Result<Uuid> decode_cluster_id(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  return read.result(read.uuid("id"));
}

std::string encode_node(const NodeEntry& node) {
  return write({{"v", kDocumentVersion}, {"id", node.id.value()}, {"registered", node.registered.value()}});
}

Result<NodeEntry> decode_node(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  NodeEntry node;
  node.id = NodeId(static_cast<std::int32_t>(read.integer("id", 0, INT32_MAX)));
  node.registered = Timestamp(read.integer("registered", -1, INT64_MAX));
  return read.result(node);
}

std::string encode_next_producer_id(ProducerId next) {
  return write({{"v", kDocumentVersion}, {"next", next.value()}});
}

Result<ProducerId> decode_next_producer_id(std::string_view key, std::string_view value) {
  Document read = reader(key, value);
  return read.result(ProducerId(read.integer("next", 0, INT64_MAX)));
}

Result<Uuid> id_of_key(std::string_view key, std::string_view prefix) {
  auto id = Uuid::parse(key.substr(std::min(prefix.size(), key.size())));
  if (!id || id->is_zero()) return fail(Errc::corrupt, fmt::format("catalog key '{}' ends in no id", key));
  return *id;
}

}  // namespace leat::catalog
