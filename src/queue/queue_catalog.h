#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "catalog/catalog.h"
#include "queue/queues.h"
#include "runtime/task.h"

// Queues and redrives as entries of the catalog (docs/formats/catalog.md). The coroutines below run on the catalog's shard,
// which outlives them, as the catalog does.
namespace leat::queue {

// A queue, and what the catalog knows of it besides.
struct StoredQueue {
  QueuePtr queue;
  std::vector<Offset> start;  // of the partitions that its topic had when it was created
  catalog::Revision revision;

  // The first offset that is a message of the queue.
  [[nodiscard]] Offset start_of(PartitionIndex partition) const {
    const auto index = static_cast<std::size_t>(partition.value());
    return index < start.size() ? start[index] : Offset(0);
  }
};

// All queues at one revision. Immutable, so every shard may hold it and read it without a lock.
class QueuesSnapshot {
 public:
  using ByName = std::map<std::string, std::shared_ptr<const StoredQueue>, std::less<>>;
  using Queues = std::vector<const StoredQueue*>;  // in name order

  QueuesSnapshot() = default;
  QueuesSnapshot(catalog::Revision revision, ByName queues);

  [[nodiscard]] catalog::Revision revision() const { return revision_; }
  [[nodiscard]] const ByName& queues() const { return by_name_; }
  // nullptr: no such queue. Pointers and references live as long as the snapshot.
  [[nodiscard]] const StoredQueue* find(std::string_view name) const;
  [[nodiscard]] const StoredQueue* find(const QueueId& id) const;
  [[nodiscard]] const Queues& on_topic(const TopicId& topic) const;
  // Those whose dead letters go to the queue of that name.
  [[nodiscard]] const Queues& dead_letter_sources(std::string_view name) const;
  // In name order, beginning after `after`.
  [[nodiscard]] std::vector<QueuePtr> list(std::string_view prefix, std::string_view after,
                                           std::size_t count_max) const;

 private:
  catalog::Revision revision_;
  ByName by_name_;
  std::unordered_map<QueueId, const StoredQueue*> by_id_;
  std::unordered_map<TopicId, Queues> by_topic_;
  std::map<std::string, Queues, std::less<>> by_dead_letters_;
};
using QueuesPtr = std::shared_ptr<const QueuesSnapshot>;

// The prefixes that hold what a QueuesSnapshot is made of: for Catalog::watch.
[[nodiscard]] std::vector<std::string> queue_prefixes();
// Errors: corrupt (an entry cannot be read), unsupported (a newer leat wrote it).
[[nodiscard]] Result<QueuesPtr> apply_changes(const QueuesSnapshot& base, const catalog::Changes& changes);

// Queues whose topic is gone are reported, left out and removed.
[[nodiscard]] runtime::Task<Result<QueuesPtr>> load_queues(catalog::Catalog& catalog);
// Removes the queues whose topic is gone: after a topic was deleted.
[[nodiscard]] runtime::Task<Status> remove_orphaned_queues(catalog::Catalog& catalog);
// Calls publish(snapshot) on this shard whenever queues have changed since `from`, until the catalog closes. Logs what goes
// wrong and goes on. To be spawned.
[[nodiscard]] runtime::Task<> follow_queues(catalog::Catalog& catalog, QueuesPtr from,
                                            std::function<void(QueuesPtr)> publish);

// The errors of Catalog::commit() apply to all below. Those that name a queue return not_found when there is none; those
// that lose a race against another change try again, and return version_conflict only after many.

// Whether the name may be a queue's: a topic's rules, and none of leat's own. Error: invalid_name.
[[nodiscard]] Status check_queue_name(std::string_view name);
// With a random id when `queue` has none, created and modified now. Errors: exists, invalid_name, invalid_config, not_found
// (no topic of that name and id), invalid_argument (`start` has more partitions than the topic, or that is internal).
[[nodiscard]] runtime::Task<Result<StoredQueue>> create_queue(catalog::Catalog& catalog, Queue queue,
                                                              std::vector<Offset> start);
// Error: invalid_config, also when the order would change, or whether it delivers.
[[nodiscard]] runtime::Task<Result<StoredQueue>> alter_queue(catalog::Catalog& catalog, std::string name,
                                                             QueueChange change);
// With the redrives from it. Its topic stays: one that goes with it is deleted first, so that a crash in between leaves a
// queue without a topic, which the next start removes.
[[nodiscard]] runtime::Task<Result<StoredQueue>> remove_queue(catalog::Catalog& catalog, std::string name);

struct StoredRedrive {
  Redrive redrive;
  catalog::Revision revision;
};
// So many finished redrives of one source are remembered.
inline constexpr std::size_t kFinishedRedrivesMax = 10;

[[nodiscard]] bool is_finished(Redrive::State state);
// All, or those of one source when it is not empty; the latest first.
[[nodiscard]] runtime::Task<Result<std::vector<StoredRedrive>>> load_redrives(catalog::Catalog& catalog,
                                                                              std::string source);
// Of one that begins: not finished. `redrive.id` is made of what topic names are made of. Errors: exists (the id, or one from the same source is not
// finished), not_found (no such source).
[[nodiscard]] runtime::Task<Result<StoredRedrive>> create_redrive(catalog::Catalog& catalog, Redrive redrive);
// Puts what has become of it, if it is as it was at `stored.revision`. Errors: version_conflict (it changed meanwhile),
// not_found (it was removed).
[[nodiscard]] runtime::Task<Result<StoredRedrive>> update_redrive(catalog::Catalog& catalog, StoredRedrive stored);

}  // namespace leat::queue
