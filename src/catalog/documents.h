#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "catalog/topics.h"

// The entries' keys, and their values as versioned JSON (docs/formats/catalog.md). Decoding checks everything; `key` is
// named in errors. Errors: corrupt, unsupported (a newer leat wrote it).
namespace leat::catalog {

inline constexpr std::string_view kTopicsPrefix = "topics/";
inline constexpr std::string_view kAssignmentsPrefix = "assignments/";
inline constexpr std::string_view kTopicNamesPrefix = "topic-names/";
inline constexpr std::string_view kDeletedTopicsPrefix = "deleted-topics/";
inline constexpr std::string_view kNodesPrefix = "node/";
inline constexpr std::string_view kClusterIdKey = "cluster/id";
inline constexpr std::string_view kProducerIdsKey = "producer-ids/next";

[[nodiscard]] std::string topic_key(std::string_view name);
[[nodiscard]] std::string assignments_key(const TopicId& id);
[[nodiscard]] std::string topic_name_key(std::string_view collision_form);
[[nodiscard]] std::string deleted_topic_key(const TopicId& id);
[[nodiscard]] std::string node_key(NodeId node);

[[nodiscard]] std::string encode_topic(const TopicEntry& topic);
[[nodiscard]] Result<TopicEntry> decode_topic(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_assignments(const std::vector<PartitionAssignment>& assignments);
[[nodiscard]] Result<std::vector<PartitionAssignment>> decode_assignments(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_deleted_topic(const DeletedTopic& topic);
[[nodiscard]] Result<DeletedTopic> decode_deleted_topic(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_topic_name(std::string_view name);
[[nodiscard]] Result<std::string> decode_topic_name(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_cluster_id(const Uuid& id);
[[nodiscard]] Result<Uuid> decode_cluster_id(std::string_view key, std::string_view value);

struct NodeEntry {
  NodeId id;
  Timestamp registered = kNoTimestamp;
};
[[nodiscard]] std::string encode_node(const NodeEntry& node);
[[nodiscard]] Result<NodeEntry> decode_node(std::string_view key, std::string_view value);

[[nodiscard]] std::string encode_next_producer_id(ProducerId next);
[[nodiscard]] Result<ProducerId> decode_next_producer_id(std::string_view key, std::string_view value);

// The id at the end of a key.
[[nodiscard]] Result<Uuid> id_of_key(std::string_view key, std::string_view prefix);

}  // namespace leat::catalog
