#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "catalog/catalog.h"
#include "catalog/topic_config.h"
#include "runtime/task.h"

// Topics and where their partitions live, as entries of the catalog (docs/formats/catalog.md). The coroutines below run on
// the catalog's shard, which outlives them, as the catalog does.
namespace leat::catalog {

// A topic's assignments are one entry; so many fit into it with three replicas each.
inline constexpr std::int32_t kPartitionsPerTopicMax = 10'000;

struct TopicEntry {
  std::string name;
  TopicId id;
  std::int32_t partitions = 0;
  bool internal = false;
  ConfigMap config;  // only what was set for this topic
  Timestamp created = kNoTimestamp;
  friend bool operator==(const TopicEntry&, const TopicEntry&) = default;
};

struct PartitionAssignment {
  NodeId leader;
  LeaderEpoch leader_epoch{0};
  std::vector<NodeId> replicas;
  std::vector<NodeId> isr;
  friend bool operator==(const PartitionAssignment&, const PartitionAssignment&) = default;
};

struct Topic {
  TopicEntry entry;
  Revision modified;
  std::vector<PartitionAssignment> assignments;  // one a partition
  Revision assignments_modified;
};

// A topic without its assignments, as of its last change.
struct StoredTopic {
  TopicEntry entry;
  Revision modified;
};

// All topics at one revision. Immutable, so every shard may hold it and read it without a lock.
class TopicsSnapshot {
 public:
  using ByName = std::map<std::string, std::shared_ptr<const Topic>, std::less<>>;

  TopicsSnapshot() = default;
  TopicsSnapshot(Revision revision, ByName topics);

  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] const ByName& topics() const { return by_name_; }
  // nullptr: no such topic. Pointers live as long as the snapshot.
  [[nodiscard]] const Topic* find(std::string_view name) const;
  [[nodiscard]] const Topic* find(const TopicId& id) const;
  [[nodiscard]] std::size_t partition_count() const { return partitions_; }

 private:
  Revision revision_;
  ByName by_name_;
  std::unordered_map<TopicId, const Topic*> by_id_;
  std::size_t partitions_ = 0;
};
using TopicsPtr = std::shared_ptr<const TopicsSnapshot>;

// Kafka's rules: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". Error: invalid_name.
[[nodiscard]] Status check_topic_name(std::string_view name);
// Whether the name is one of leat's own topics, which clients may read but not create, write or delete.
[[nodiscard]] bool is_internal_topic(std::string_view name);
// Two names that differ only in '.' and '_' have the same form; there may be only one topic of each, since Kafka's
// metrics could not tell them apart.
[[nodiscard]] std::string collision_form(std::string_view name);

// The queues on a topic journal to an internal topic beside it, its companion: partition by partition, each on the shard of
// the topic's own. Its id is the topic's with version 8 (RFC 9562, section 5.8) where other topics' ids have version 4;
// so one tells the other, and neither can be mistaken.
inline constexpr std::string_view kCompanionPrefix = "__leat_queues-";
[[nodiscard]] constexpr TopicId with_version(TopicId id, std::uint8_t version) {
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0F) | (version << 4));
  return id;
}
[[nodiscard]] constexpr TopicId companion_id(const TopicId& topic) { return with_version(topic, 8); }
[[nodiscard]] constexpr TopicId topic_of_companion(const TopicId& companion) { return with_version(companion, 4); }
[[nodiscard]] constexpr bool is_companion(const TopicId& id) { return id.bytes[6] >> 4 == 8; }
// "__leat_queues-" and the id of the topic that the companion is for.
[[nodiscard]] std::string companion_name(const TopicId& topic);

// The prefixes that hold what a TopicsSnapshot is made of: for Catalog::watch and snapshot.
[[nodiscard]] std::vector<std::string> topic_prefixes();
// Errors: corrupt (an entry cannot be read), unsupported (a newer leat wrote it).
[[nodiscard]] Result<TopicsPtr> topics_from(const Snapshot& snapshot);
[[nodiscard]] Result<TopicsPtr> apply_changes(const TopicsSnapshot& base, const Changes& changes);

[[nodiscard]] runtime::Task<Result<TopicsPtr>> load_topics(Catalog& catalog);
// Calls publish(snapshot) on this shard whenever topics have changed since `from`, until the catalog closes. Logs what goes
// wrong and goes on. To be spawned.
[[nodiscard]] runtime::Task<> follow_topics(Catalog& catalog, TopicsPtr from, std::function<void(TopicsPtr)> publish);

struct NewTopic {
  std::string name;
  std::vector<std::vector<NodeId>> replicas;  // for each partition; the first one leads, all begin in sync
  bool internal = false;
  ConfigMap config;
  TopicId id;  // zero: a random one; a companion's is companion_id() of its topic
};
// `partitions` partitions with one replica each.
[[nodiscard]] std::vector<std::vector<NodeId>> replicas_on(NodeId node, std::int32_t partitions);

// Whether create_topic would accept it, but for the names that exist.
[[nodiscard]] Status check_new_topic(const ServerDefaults& defaults, const NewTopic& topic);

// The errors of commit() apply to all below. Those that name a topic return not_found when there is none; those that lose
// a race against another change try again, and return version_conflict only after many.

// With leader epoch 0 and a new id. Errors: exists, invalid_name (also when it collides with another topic's name, or is
// internal and `internal` is not set), invalid_argument (partitions, id), invalid_config. A companion has as many
// partitions as its topic, which must exist (not_found).
[[nodiscard]] runtime::Task<Result<Topic>> create_topic(Catalog& catalog, ServerDefaults defaults, NewTopic topic);
// Deletes the topic, with its companion, and remembers, until forget_deleted_topic, that their folders are to be removed:
// they would be taken for folders of unknown origin otherwise. A companion alone is deleted only when its topic is gone
// (invalid_argument).
[[nodiscard]] runtime::Task<Result<TopicEntry>> delete_topic(Catalog& catalog, std::string name);
// Error: invalid_config.
[[nodiscard]] runtime::Task<Result<StoredTopic>> alter_topic_config(Catalog& catalog, ServerDefaults defaults,
                                                                    std::string name,
                                                                    std::vector<ConfigChange> changes);
// Sets the whole of what the topic overrides. Error: invalid_config.
[[nodiscard]] runtime::Task<Result<StoredTopic>> replace_topic_config(Catalog& catalog, ServerDefaults defaults,
                                                                      std::string name, ConfigMap config);
// Adds partitions with these replicas after the `expected` ones there are. Error: invalid_argument, when there are not as
// many as expected, none is added, or the limit is passed. A companion grows before its topic, by a call of its own.
[[nodiscard]] runtime::Task<Result<Topic>> add_partitions(Catalog& catalog, std::string name, std::int32_t expected,
                                                          std::vector<std::vector<NodeId>> added);

// Adds one to the leader epoch of every partition that `node` leads, in as few commits as the limits allow. At the start
// of a server, before it serves: leaders of before cannot be mistaken for those of now.
[[nodiscard]] runtime::Task<Status> raise_all_leader_epochs(Catalog& catalog, NodeId node);
// Adds one to a partition's leader epoch and returns it.
[[nodiscard]] runtime::Task<Result<LeaderEpoch>> bump_leader_epoch(Catalog& catalog, TopicPartition partition);

struct DeletedTopic {
  TopicId id;
  std::string name;
  std::int32_t partitions = 0;
};
// Topics whose folders may still be there.
[[nodiscard]] runtime::Task<Result<std::vector<DeletedTopic>>> load_deleted_topics(Catalog& catalog);
// Once every folder of it is gone, durably.
[[nodiscard]] runtime::Task<Status> forget_deleted_topic(Catalog& catalog, TopicId id);

}  // namespace leat::catalog
