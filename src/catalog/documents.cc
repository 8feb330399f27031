#include "catalog/documents.h"

#include <nlohmann/json.hpp>

namespace leat::catalog {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kDocumentVersion = 1;

// Whatever text is in it, it can be written: JSON is UTF-8, and what is not is replaced.
std::string write(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

// One document that is being read; remembers the first thing that is wrong with it.
class Reader {
 public:
  Reader(std::string_view key, std::string_view value) : key_(key) {
    json_ = Json::parse(value, nullptr, false);
    if (!json_.is_object()) {
      wrong("no JSON object");
      json_ = Json::object();
      return;
    }
    const std::int64_t version = integer("v", 1, INT32_MAX);
    if (!error_ && version > kDocumentVersion) {
      error_ =
          Error{Errc::unsupported, fmt::format("catalog entry '{}' has version {}, but this leat reads versions up to "
                                               "{}: a newer leat wrote it",
                                               key_, version, kDocumentVersion)};
    }
  }

  std::int64_t integer(const char* field, std::int64_t min, std::int64_t max) {
    const auto at = json_.find(field);
    return at == json_.end() ? (wrong(fmt::format("no '{}'", field)), 0) : integer(*at, field, min, max);
  }
  std::string text(const char* field) {
    const auto at = json_.find(field);
    if (at != json_.end() && at->is_string()) return at->get<std::string>();
    wrong(fmt::format("no text '{}'", field));
    return {};
  }
  bool flag(const char* field) {
    const auto at = json_.find(field);
    if (at != json_.end() && at->is_boolean()) return at->get<bool>();
    wrong(fmt::format("no flag '{}'", field));
    return false;
  }
  Uuid uuid(const char* field) {
    const std::string written = text(field);
    if (error_) return {};
    auto id = Uuid::parse(written);
    if (id && !id->is_zero()) return *id;
    wrong(fmt::format("'{}' is not an id", field));
    return {};
  }
  ConfigMap text_map(const char* field) {
    ConfigMap map;
    const auto at = json_.find(field);
    if (at == json_.end() || !at->is_object()) {
      wrong(fmt::format("no map '{}'", field));
      return map;
    }
    for (const auto& [name, value] : at->items()) {
      if (value.is_string()) {
        map.emplace(name, value.get<std::string>());
      } else {
        wrong(fmt::format("'{}' of '{}' is not text", name, field));
      }
    }
    return map;
  }
  // A list, empty when it is missing.
  const Json& list(const char* field) {
    const auto at = json_.find(field);
    if (at != json_.end() && at->is_array()) return *at;
    wrong(fmt::format("no list '{}'", field));
    return empty_;
  }
  std::int64_t integer(const Json& value, const char* field, std::int64_t min, std::int64_t max) {
    if (value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
      const auto number = value.get<std::int64_t>();
      if (number >= min && number <= max) return number;
    }
    wrong(fmt::format("'{}' is not an integer from {} to {}", field, min, max));
    return 0;
  }
  std::vector<NodeId> nodes(const Json& value, const char* field) {
    std::vector<NodeId> nodes;
    if (!value.is_array()) wrong(fmt::format("'{}' is not a list of nodes", field));
    if (error_) return nodes;
    for (const Json& node : value) nodes.emplace_back(static_cast<std::int32_t>(integer(node, field, 0, INT32_MAX)));
    return nodes;
  }
  void wrong(std::string_view what) {
    if (!error_) error_ = Error{Errc::corrupt, fmt::format("catalog entry '{}' cannot be read: {}", key_, what)};
  }
  [[nodiscard]] bool failed() const { return error_.has_value(); }

  template <class T>
  Result<T> result(T value) {
    if (error_) return fail(std::move(*error_));
    return value;
  }

 private:
  std::string_view key_;
  Json json_;
  Json empty_ = Json::array();
  std::optional<Error> error_;
};

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
  Reader read(key, value);
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
  Reader read(key, value);
  const Json& leaders = read.list("leaders");
  const Json& epochs = read.list("epochs");
  const Json& replicas = read.list("replicas");
  const Json& isr = read.list("isr");
  const std::size_t count = leaders.size();
  if (epochs.size() != count || replicas.size() != count || isr.size() != count)
    read.wrong("its lists differ in length");
  std::vector<PartitionAssignment> assignments;
  for (std::size_t i = 0; i < count && !read.failed(); ++i) {
    PartitionAssignment& partition = assignments.emplace_back();
    partition.leader = NodeId(static_cast<std::int32_t>(read.integer(leaders[i], "leaders", -1, INT32_MAX)));
    partition.leader_epoch = LeaderEpoch(static_cast<std::int32_t>(read.integer(epochs[i], "epochs", 0, INT32_MAX)));
    partition.replicas = read.nodes(replicas[i], "replicas");
    partition.isr = read.nodes(isr[i], "isr");
  }
  return read.result(std::move(assignments));
}

std::string encode_deleted_topic(const DeletedTopic& topic) {
  return write({{"v", kDocumentVersion}, {"name", topic.name}, {"partitions", topic.partitions}});
}

Result<DeletedTopic> decode_deleted_topic(std::string_view key, std::string_view value) {
  Reader read(key, value);
  DeletedTopic topic;
  topic.name = read.text("name");
  topic.partitions = static_cast<std::int32_t>(read.integer("partitions", 1, kPartitionsPerTopicMax));
  LEAT_TRY(topic.id, id_of_key(key, kDeletedTopicsPrefix));
  return read.result(std::move(topic));
}

std::string encode_topic_name(std::string_view name) { return write({{"v", kDocumentVersion}, {"name", name}}); }

Result<std::string> decode_topic_name(std::string_view key, std::string_view value) {
  Reader read(key, value);
  return read.result(read.text("name"));
}

std::string encode_cluster_id(const Uuid& id) { return write({{"v", kDocumentVersion}, {"id", id.to_string()}}); }

Result<Uuid> decode_cluster_id(std::string_view key, std::string_view value) {
  Reader read(key, value);
  return read.result(read.uuid("id"));
}

std::string encode_node(const NodeEntry& node) {
  return write({{"v", kDocumentVersion}, {"id", node.id.value()}, {"registered", node.registered.value()}});
}

Result<NodeEntry> decode_node(std::string_view key, std::string_view value) {
  Reader read(key, value);
  NodeEntry node;
  node.id = NodeId(static_cast<std::int32_t>(read.integer("id", 0, INT32_MAX)));
  node.registered = Timestamp(read.integer("registered", -1, INT64_MAX));
  return read.result(node);
}

std::string encode_next_producer_id(ProducerId next) {
  return write({{"v", kDocumentVersion}, {"next", next.value()}});
}

Result<ProducerId> decode_next_producer_id(std::string_view key, std::string_view value) {
  Reader read(key, value);
  return read.result(ProducerId(read.integer("next", 0, INT64_MAX)));
}

Result<Uuid> id_of_key(std::string_view key, std::string_view prefix) {
  auto id = Uuid::parse(key.substr(std::min(prefix.size(), key.size())));
  if (!id || id->is_zero()) return fail(Errc::corrupt, fmt::format("catalog key '{}' ends in no id", key));
  return *id;
}

}  // namespace leat::catalog
