#include "catalog/topics.h"

#include "catalog/documents.h"
#include "runtime/shard.h"

namespace leat::catalog {
namespace {

using runtime::Shard;
using runtime::Task;

// How often a change that lost a race against another one is tried again.
constexpr int kAttemptsMax = 64;
constexpr std::size_t kTopicNameBytesMax = 249;

std::unexpected<Error> no_topic(std::string_view name) {
  return fail(Errc::not_found, fmt::format("there is no topic '{}'", name));
}
std::unexpected<Error> too_busy(std::string_view name) {
  return fail(Errc::version_conflict, fmt::format("topic '{}' kept changing; try again", name));
}

Status check_partition_count(std::int64_t count) {
  if (count >= 1 && count <= kPartitionsPerTopicMax) return {};
  return fail(Errc::invalid_argument,
              fmt::format("a topic has 1 to {} partitions, not {}", kPartitionsPerTopicMax, count));
}

Status check_replicas(const std::vector<std::vector<NodeId>>& replicas) {
  for (const std::vector<NodeId>& nodes : replicas) {
    const std::set<NodeId> distinct(nodes.begin(), nodes.end());
    if (nodes.empty() || distinct.size() != nodes.size() || distinct.begin()->value() < 0) {
      return fail(Errc::invalid_argument, "a partition's replicas are one or more different nodes");
    }
  }
  return {};
}

std::vector<PartitionAssignment> fresh_assignments(const std::vector<std::vector<NodeId>>& replicas) {
  std::vector<PartitionAssignment> assignments;
  for (const std::vector<NodeId>& nodes : replicas)
    assignments.push_back({nodes.front(), LeaderEpoch(0), nodes, nodes});
  return assignments;
}

// Only names with '.' or '_' can collide; the others need no entry that stands guard.
bool can_collide(std::string_view name) { return name.find_first_of("._") != std::string_view::npos; }

// What one entry of a snapshot holds; nullptr when it is not there.
const Entry* find_entry(const Snapshot& snapshot, std::string_view key) {
  const auto at = std::ranges::find(snapshot.entries, key, &Entry::key);
  return at == snapshot.entries.end() ? nullptr : &*at;
}

Task<Result<StoredTopic>> read_topic(Catalog& catalog, std::string name) {
  const std::string key = topic_key(name);
  std::vector<std::string> prefixes{key};
  auto snapshot = co_await catalog.snapshot(std::move(prefixes));
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  const Entry* entry = find_entry(*snapshot, key);
  if (entry == nullptr) co_return no_topic(name);
  LEAT_CO_TRY(TopicEntry topic, decode_topic(entry->key, entry->value));
  co_return StoredTopic{std::move(topic), entry->modified};
}

struct StoredPartitions {
  std::vector<PartitionAssignment> partitions;
  Revision modified;
};

Task<Result<StoredPartitions>> read_assignments(Catalog& catalog, TopicId id) {
  std::vector<std::string> prefixes{assignments_key(id)};
  auto snapshot = co_await catalog.snapshot(std::move(prefixes));
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  if (snapshot->entries.empty()) co_return fail(Errc::not_found, fmt::format("there is no topic with id {}", id));
  const Entry& entry = snapshot->entries.front();
  LEAT_CO_TRY(auto partitions, decode_assignments(entry.key, entry.value));
  co_return StoredPartitions{std::move(partitions), entry.modified};
}

// Why a topic could not be created though its entries should have been absent.
Task<Result<Topic>> explain_conflict(Catalog& catalog, std::string name) {
  std::vector<std::string> prefixes{topic_key(name), topic_name_key(collision_form(name))};
  auto snapshot = co_await catalog.snapshot(std::move(prefixes));
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  if (find_entry(*snapshot, topic_key(name)) != nullptr) {
    co_return fail(Errc::exists, fmt::format("topic '{}' exists", name));
  }
  if (const Entry* guard = find_entry(*snapshot, topic_name_key(collision_form(name))); guard != nullptr) {
    LEAT_CO_TRY(const std::string other, decode_topic_name(guard->key, guard->value));
    co_return fail(Errc::invalid_name,
                   fmt::format("topic '{}' collides with existing topic '{}': names that differ only "
                               "in '.' and '_' are one in metrics",
                               name, other));
  }
  co_return too_busy(name);
}

// Holds while the topic of a companion is there and has `partitions` partitions.
Task<Result<Condition>> companion_condition(Catalog& catalog, TopicId companion, std::size_t partitions) {
  const TopicId topic = topic_of_companion(companion);
  auto stored = co_await read_assignments(catalog, topic);
  if (!stored) co_return fail(std::move(stored.error()));
  if (stored->partitions.size() != partitions)
    co_return fail(Errc::invalid_argument, fmt::format("topic {} has {} partitions, its companion would have {}", topic,
                                                       stored->partitions.size(), partitions));
  co_return Condition{assignments_key(topic), stored->modified};
}

// Takes everything of one topic away but its folders.
void plan_deletion(Commit& request, const StoredTopic& topic) {
  const std::string& name = topic.entry.name;
  request.conditions.push_back({topic_key(name), topic.modified});
  request.deletes.push_back(topic_key(name));
  request.deletes.push_back(assignments_key(topic.entry.id));
  if (can_collide(name)) request.deletes.push_back(topic_name_key(collision_form(name)));
  request.puts.push_back(
      {deleted_topic_key(topic.entry.id), encode_deleted_topic({topic.entry.id, name, topic.entry.partitions})});
}

// Adds to the deletion of a topic what becomes of its companion.
Task<Status> plan_companion_deletion(Catalog& catalog, Commit& request, TopicId topic) {
  if (is_companion(topic)) {
    const auto stored = co_await read_assignments(catalog, topic_of_companion(topic));
    if (stored) co_return fail(Errc::invalid_argument, "the queues' journal is deleted with its topic");
    if (stored.error().code != Errc::not_found) co_return fail(stored.error());
    request.conditions.push_back({assignments_key(topic_of_companion(topic)), kAbsent});
    co_return Status{};
  }
  const auto companion = co_await read_topic(catalog, companion_name(topic));
  if (companion) {
    plan_deletion(request, *companion);
  } else if (companion.error().code == Errc::not_found) {
    request.conditions.push_back({topic_key(companion_name(topic)), kAbsent});
  } else {
    co_return fail(companion.error());
  }
  co_return Status{};
}

Task<Result<StoredTopic>> store_config(Catalog& catalog, StoredTopic topic, ConfigMap config) {
  topic.entry.config = std::move(config);
  Commit request;
  request.conditions.push_back({topic_key(topic.entry.name), topic.modified});
  request.puts.push_back({topic_key(topic.entry.name), encode_topic(topic.entry)});
  auto committed = co_await catalog.commit(std::move(request));
  if (!committed) co_return fail(std::move(committed.error()));
  topic.modified = *committed;
  co_return topic;
}

}  // namespace

Status check_topic_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (name.empty()) return fail(Errc::invalid_name, "a topic's name is not empty");
  if (name == "." || name == "..") return fail(Errc::invalid_name, "a topic is not named '.' or '..'");
  if (name.size() > kTopicNameBytesMax) {
    return fail(Errc::invalid_name,
                fmt::format("a topic's name has at most {} characters, not {}", kTopicNameBytesMax, name.size()));
  }
  if (!std::ranges::all_of(name, allowed)) {
    return fail(Errc::invalid_name, "a topic's name is made of letters, digits, '.', '_' and '-'");
  }
  return {};
}

bool is_internal_topic(std::string_view name) { return name == "__consumer_offsets" || name.starts_with("__leat_"); }

std::string collision_form(std::string_view name) {
  std::string form(name);
  std::ranges::replace(form, '.', '_');
  return form;
}

std::string companion_name(const TopicId& topic) { return fmt::format("{}{}", kCompanionPrefix, topic); }

std::vector<std::vector<NodeId>> replicas_on(NodeId node, std::int32_t partitions) {
  return std::vector<std::vector<NodeId>>(static_cast<std::size_t>(std::max(partitions, 0)), {node});
}

Status check_new_topic(const ServerDefaults& defaults, const NewTopic& topic) {
  LEAT_CHECK(check_topic_name(topic.name));
  if (is_internal_topic(topic.name) != topic.internal) {
    return fail(
        Errc::invalid_name,
        fmt::format("'{}' is {}", topic.name, topic.internal ? "no internal topic" : "reserved for an internal topic"));
  }
  if (topic.name.starts_with(kCompanionPrefix)
          ? !is_companion(topic.id) || topic.name != companion_name(topic_of_companion(topic.id))
          : !topic.id.is_zero() && topic.id != with_version(topic.id, 4)) {
    return fail(Errc::invalid_argument, fmt::format("topic '{}' cannot have the id {}", topic.name, topic.id));
  }
  LEAT_CHECK(check_partition_count(static_cast<std::int64_t>(topic.replicas.size())));
  LEAT_CHECK(check_replicas(topic.replicas));
  return validate_topic_config(defaults, topic.config);
}

Task<Result<Topic>> create_topic(Catalog& catalog, ServerDefaults defaults, NewTopic wanted) {
  LEAT_CO_CHECK(check_new_topic(defaults, wanted));
  Shard& shard = Shard::current();
  Topic topic;
  topic.entry = {.name = wanted.name,
                 .id = wanted.id.is_zero() ? Uuid::from_random(shard.random(), shard.random()) : wanted.id,
                 .partitions = static_cast<std::int32_t>(wanted.replicas.size()),
                 .internal = wanted.internal,
                 .config = std::move(wanted.config),
                 .created = shard.wall_now()};
  topic.assignments = fresh_assignments(wanted.replicas);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    Commit request;
    request.conditions.push_back({topic_key(wanted.name), kAbsent});
    if (is_companion(wanted.id)) {
      LEAT_CO_TRY(Condition condition, co_await companion_condition(catalog, wanted.id, wanted.replicas.size()));
      request.conditions.push_back(std::move(condition));
    }
    request.puts.push_back({topic_key(wanted.name), encode_topic(topic.entry)});
    request.puts.push_back({assignments_key(topic.entry.id), encode_assignments(topic.assignments)});
    if (can_collide(wanted.name)) {
      const std::string guard = topic_name_key(collision_form(wanted.name));
      request.conditions.push_back({guard, kAbsent});
      request.puts.push_back({guard, encode_topic_name(wanted.name)});
    }
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) {
      topic.modified = *committed;
      topic.assignments_modified = *committed;
      co_return topic;
    }
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
    auto why = co_await explain_conflict(catalog, wanted.name);
    if (why.error().code != Errc::version_conflict) co_return why;
  }
  co_return too_busy(wanted.name);
}

Task<Result<TopicEntry>> delete_topic(Catalog& catalog, std::string name) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto topic = co_await read_topic(catalog, name);
    if (!topic) co_return fail(std::move(topic.error()));
    Commit request;
    plan_deletion(request, *topic);
    LEAT_CO_CHECK(co_await plan_companion_deletion(catalog, request, topic->entry.id));
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) co_return std::move(topic->entry);
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return too_busy(name);
}

Task<Result<StoredTopic>> alter_topic_config(Catalog& catalog, ServerDefaults defaults, std::string name,
                                             std::vector<ConfigChange> changes) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto topic = co_await read_topic(catalog, name);
    if (!topic) co_return fail(std::move(topic.error()));
    LEAT_CO_TRY(ConfigMap config, apply_config_changes(defaults, topic->entry.config, changes));
    auto stored = co_await store_config(catalog, std::move(*topic), std::move(config));
    if (stored || stored.error().code != Errc::version_conflict) co_return stored;
  }
  co_return too_busy(name);
}

Task<Result<StoredTopic>> replace_topic_config(Catalog& catalog, ServerDefaults defaults, std::string name,
                                               ConfigMap config) {
  LEAT_CO_CHECK(validate_topic_config(defaults, config));
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto topic = co_await read_topic(catalog, name);
    if (!topic) co_return fail(std::move(topic.error()));
    auto stored = co_await store_config(catalog, std::move(*topic), config);
    if (stored || stored.error().code != Errc::version_conflict) co_return stored;
  }
  co_return too_busy(name);
}

Task<Result<Topic>> add_partitions(Catalog& catalog, std::string name, std::int32_t expected,
                                   std::vector<std::vector<NodeId>> added) {
  LEAT_CO_CHECK(check_replicas(added));
  if (added.empty()) co_return fail(Errc::invalid_argument, "the number of partitions can only grow");
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto stored = co_await read_topic(catalog, name);
    if (!stored) co_return fail(std::move(stored.error()));
    Topic topic{.entry = std::move(stored->entry), .modified = stored->modified};
    if (topic.entry.partitions != expected) {
      co_return fail(Errc::invalid_argument,
                     fmt::format("topic '{}' has {} partitions, not {}", name, topic.entry.partitions, expected));
    }
    const std::int64_t total = std::int64_t{expected} + static_cast<std::int64_t>(added.size());
    LEAT_CO_CHECK(check_partition_count(total));
    auto old = co_await read_assignments(catalog, topic.entry.id);
    if (!old && old.error().code == Errc::not_found) continue;  // deleted in between
    if (!old) co_return fail(std::move(old.error()));
    topic.entry.partitions = static_cast<std::int32_t>(total);
    topic.assignments = std::move(old->partitions);
    std::ranges::move(fresh_assignments(added), std::back_inserter(topic.assignments));
    Commit request;
    request.conditions.push_back({topic_key(name), topic.modified});
    request.conditions.push_back({assignments_key(topic.entry.id), old->modified});
    request.puts.push_back({topic_key(name), encode_topic(topic.entry)});
    request.puts.push_back({assignments_key(topic.entry.id), encode_assignments(topic.assignments)});
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) {
      topic.modified = *committed;
      topic.assignments_modified = *committed;
      co_return topic;
    }
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return too_busy(name);
}

namespace {

Status raise(PartitionAssignment& partition, std::string_view key) {
  if (partition.leader_epoch.value() == INT32_MAX) {
    return fail(Errc::internal, fmt::format("the leader epochs of '{}' are used up", key));
  }
  ++partition.leader_epoch;
  return {};
}

// A raised copy of one topic's assignments; nullopt when `node` leads none of them.
Result<std::optional<Put>> raised_entry(const Entry& entry, NodeId node) {
  LEAT_TRY(auto assignments, decode_assignments(entry.key, entry.value));
  bool changed = false;
  for (PartitionAssignment& partition : assignments) {
    if (partition.leader != node) continue;
    LEAT_CHECK(raise(partition, entry.key));
    changed = true;
  }
  if (!changed) return std::nullopt;
  return Put{entry.key, encode_assignments(assignments)};
}

// Splits the raise of what a snapshot has into commits within the limits.
Result<std::vector<Commit>> plan_raise(const Snapshot& snapshot, NodeId node) {
  std::vector<Commit> commits(1);
  std::size_t bytes = 0;
  for (const Entry& entry : snapshot.entries) {
    LEAT_TRY(std::optional<Put> put, raised_entry(entry, node));
    if (!put) continue;
    const std::size_t size = 2 * put->key.size() + put->value.size();
    if (commits.back().puts.size() == std::min(kCommitOperationsMax, kCommitConditionsMax) ||
        bytes + size > kCommitBytesMax) {
      commits.emplace_back();
      bytes = 0;
    }
    bytes += size;
    commits.back().conditions.push_back({entry.key, entry.modified});
    commits.back().puts.push_back(std::move(*put));
  }
  if (commits.back().puts.empty()) commits.pop_back();
  return commits;
}

// Raises one topic whose entry changed since the snapshot; fine when it is gone.
Task<Status> raise_again(Catalog& catalog, std::string key, NodeId node) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    std::vector<std::string> prefixes{key};
    auto snapshot = co_await catalog.snapshot(std::move(prefixes));
    if (!snapshot) co_return fail(std::move(snapshot.error()));
    LEAT_CO_TRY(auto commits, plan_raise(*snapshot, node));
    if (commits.empty()) co_return Status{};
    auto committed = co_await catalog.commit(std::move(commits.front()));
    if (committed) co_return Status{};
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return fail(Errc::version_conflict, fmt::format("'{}' kept changing", key));
}

}  // namespace

Task<Status> raise_all_leader_epochs(Catalog& catalog, NodeId node) {
  std::vector<std::string> prefixes{std::string(kAssignmentsPrefix)};
  auto snapshot = co_await catalog.snapshot(std::move(prefixes));
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  LEAT_CO_TRY(std::vector<Commit> commits, plan_raise(*snapshot, node));
  for (Commit& request : commits) {
    auto committed = co_await catalog.commit(request);
    if (committed) continue;
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
    for (const Put& put : request.puts) {
      auto raised = co_await raise_again(catalog, put.key, node);
      if (!raised) co_return raised;
    }
  }
  co_return Status{};
}

Task<Result<LeaderEpoch>> bump_leader_epoch(Catalog& catalog, TopicPartition partition) {
  const std::string key = assignments_key(partition.topic);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto stored = co_await read_assignments(catalog, partition.topic);
    if (!stored) co_return fail(std::move(stored.error()));
    const auto index = static_cast<std::size_t>(partition.partition.value());
    if (partition.partition.value() < 0 || index >= stored->partitions.size()) {
      co_return fail(Errc::not_found, fmt::format("there is no partition {}", partition));
    }
    LEAT_CO_CHECK(raise(stored->partitions[index], key));
    Commit request;
    request.conditions.push_back({key, stored->modified});
    request.puts.push_back({key, encode_assignments(stored->partitions)});
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) co_return stored->partitions[index].leader_epoch;
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return too_busy(key);
}

Task<Result<std::vector<DeletedTopic>>> load_deleted_topics(Catalog& catalog) {
  std::vector<std::string> prefixes{std::string(kDeletedTopicsPrefix)};
  auto snapshot = co_await catalog.snapshot(std::move(prefixes));
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  std::vector<DeletedTopic> deleted;
  for (const Entry& entry : snapshot->entries) {
    LEAT_CO_TRY(DeletedTopic topic, decode_deleted_topic(entry.key, entry.value));
    deleted.push_back(std::move(topic));
  }
  co_return deleted;
}

Task<Status> forget_deleted_topic(Catalog& catalog, TopicId id) {
  Commit request;
  request.deletes.push_back(deleted_topic_key(id));
  auto committed = co_await catalog.commit(std::move(request));
  if (!committed) co_return fail(std::move(committed.error()));
  co_return Status{};
}

}  // namespace leat::catalog
