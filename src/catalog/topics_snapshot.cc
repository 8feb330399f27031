#include "base/logging.h"
#include "catalog/documents.h"
#include "catalog/topics.h"
#include "runtime/sync.h"

namespace leat::catalog {
namespace {

using runtime::Task;

struct StoredAssignments {
  std::vector<PartitionAssignment> partitions;
  Revision modified;
};

// Makes a snapshot from an earlier one and entries that changed. Topics that did not change are shared, not copied.
class Builder {
 public:
  explicit Builder(const TopicsSnapshot& base) : base_(base), topics_(base.topics()) {}

  Status put(const std::string& key, const std::string& value, Revision modified) {
    if (key.starts_with(kTopicsPrefix)) {
      LEAT_TRY(TopicEntry entry, decode_topic(key, value));
      Topic& topic = touch(entry.name);
      if (topic.entry.id != entry.id) topic = {};
      topic.entry = std::move(entry);
      topic.modified = modified;
    } else if (key.starts_with(kAssignmentsPrefix)) {
      LEAT_TRY(const TopicId id, id_of_key(key, kAssignmentsPrefix));
      LEAT_TRY(assignments_[id].partitions, decode_assignments(key, value));
      assignments_[id].modified = modified;
    }
    return {};
  }

  Status erase(const std::string& key) {
    if (key.starts_with(kTopicsPrefix)) {
      const std::string name = key.substr(kTopicsPrefix.size());
      touched_.erase(name);
      topics_.erase(name);
    } else if (key.starts_with(kAssignmentsPrefix)) {
      LEAT_TRY(const TopicId id, id_of_key(key, kAssignmentsPrefix));
      assignments_.erase(id);
    }
    return {};
  }

  Result<TopicsPtr> build(Revision revision) {
    for (auto& [id, stored] : assignments_) {
      if (const Topic* topic = base_.find(id); topic != nullptr && topics_.contains(topic->entry.name)) {
        touch(topic->entry.name);
      }
    }
    for (auto& [name, topic] : touched_) {
      if (const auto stored = assignments_.find(topic.entry.id); stored != assignments_.end()) {
        topic.assignments = std::move(stored->second.partitions);
        topic.assignments_modified = stored->second.modified;
      }
      if (topic.assignments.size() != static_cast<std::size_t>(topic.entry.partitions)) {
        return fail(Errc::corrupt, fmt::format("catalog: topic '{}' has {} partitions, but assignments for {}", name,
                                               topic.entry.partitions, topic.assignments.size()));
      }
      topics_[name] = std::make_shared<const Topic>(std::move(topic));
    }
    return std::make_shared<const TopicsSnapshot>(revision, std::move(topics_));
  }

 private:
  // The topic's copy that may be changed.
  Topic& touch(const std::string& name) {
    const auto [at, is_new] = touched_.try_emplace(name);
    if (is_new) {
      if (const auto known = topics_.find(name); known != topics_.end()) at->second = *known->second;
    }
    return at->second;
  }

  const TopicsSnapshot& base_;
  TopicsSnapshot::ByName topics_;
  std::map<std::string, Topic> touched_;
  std::map<TopicId, StoredAssignments> assignments_;  // topics and their assignments come in any order
};

}  // namespace

TopicsSnapshot::TopicsSnapshot(Revision revision, ByName topics) : revision_(revision), by_name_(std::move(topics)) {
  by_id_.reserve(by_name_.size());
  for (const auto& [name, topic] : by_name_) {
    by_id_.emplace(topic->entry.id, topic.get());
    partitions_ += topic->assignments.size();
  }
}

const Topic* TopicsSnapshot::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second.get();
}

const Topic* TopicsSnapshot::find(const TopicId& id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

std::vector<std::string> topic_prefixes() { return {std::string(kTopicsPrefix), std::string(kAssignmentsPrefix)}; }

Result<TopicsPtr> topics_from(const Snapshot& snapshot) {
  const TopicsSnapshot nothing;
  Builder builder(nothing);
  for (const Entry& entry : snapshot.entries) LEAT_CHECK(builder.put(entry.key, entry.value, entry.modified));
  return builder.build(snapshot.revision);
}

Result<TopicsPtr> apply_changes(const TopicsSnapshot& base, const Changes& changes) {
  Builder builder(base);
  for (const Change& change : changes.changes) {
    if (change.value) {
      LEAT_CHECK(builder.put(change.key, *change.value, change.revision));
    } else {
      LEAT_CHECK(builder.erase(change.key));
    }
  }
  return builder.build(changes.revision);
}

Task<Result<TopicsPtr>> load_topics(Catalog& catalog) {
  auto snapshot = co_await catalog.snapshot(topic_prefixes());
  if (!snapshot) co_return fail(std::move(snapshot.error()));
  co_return topics_from(*snapshot);
}

namespace {

// The next snapshot after `from`. When changes cannot be followed, by reading everything again.
Task<Result<TopicsPtr>> next_topics(Catalog& catalog, std::unique_ptr<Watch>& watch, TopicsPtr from) {
  if (watch == nullptr) {
    auto begun = catalog.watch(topic_prefixes(), from->revision());
    if (!begun) co_return fail(std::move(begun.error()));
    watch = std::move(*begun);
  }
  auto changes = co_await watch->next();
  if (changes) {
    auto topics = apply_changes(*from, *changes);
    if (topics) co_return topics;
    log_error("catalog", "changes of topics cannot be read, reading all: {}", topics.error().message);
  } else if (changes.error().code == Errc::cancelled) {
    co_return fail(std::move(changes.error()));
  }
  watch.reset();
  co_return co_await load_topics(catalog);
}

}  // namespace

Task<> follow_topics(Catalog& catalog, TopicsPtr from, std::function<void(TopicsPtr)> publish) {
  constexpr Duration kRetryAfter = std::chrono::seconds(1);
  std::unique_ptr<Watch> watch;
  while (true) {
    auto topics = co_await next_topics(catalog, watch, from);
    if (topics) {
      from = std::move(*topics);
      publish(from);
      continue;
    }
    if (topics.error().code == Errc::cancelled) co_return;
    log_error("catalog", "topics cannot be followed: {}", topics.error().message);
    co_await runtime::sleep_for(kRetryAfter);
  }
}

}  // namespace leat::catalog
