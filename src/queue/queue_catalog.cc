#include "queue/queue_catalog.h"

#include "base/logging.h"
#include "catalog/documents.h"
#include "queue/queue_documents.h"
#include "runtime/shard.h"
#include "runtime/sync.h"

namespace leat::queue {
namespace {

using catalog::Catalog;
using catalog::Commit;
using catalog::Entry;
using catalog::kAbsent;
using catalog::Revision;
using catalog::Snapshot;
using runtime::Shard;
using runtime::Task;

// How often a change that lost a race against another one is tried again.
constexpr int kAttemptsMax = 64;

std::unexpected<Error> no_queue(std::string_view name) {
  return fail(Errc::not_found, fmt::format("there is no queue '{}'", name));
}
std::unexpected<Error> too_busy(std::string_view name) {
  return fail(Errc::version_conflict, fmt::format("queue '{}' kept changing; try again", name));
}

const Entry* find_entry(const Snapshot& snapshot, std::string_view key) {
  const auto at = std::ranges::find(snapshot.entries, key, &Entry::key);
  return at == snapshot.entries.end() ? nullptr : &*at;
}

Result<StoredQueue> stored_queue(std::string_view key, std::string_view value, Revision revision) {
  LEAT_TRY(QueueDocument document, decode_queue(key, value));
  return StoredQueue{std::make_shared<const Queue>(std::move(document.queue)), std::move(document.start), revision};
}

Task<Result<Snapshot>> read_keys(Catalog& catalog, std::vector<std::string> keys) {
  co_return co_await catalog.snapshot(std::move(keys));
}

Task<Result<StoredQueue>> read_queue(Catalog& catalog, std::string name) {
  const std::string key = queue_key(name);
  LEAT_CO_TRY(const Snapshot snapshot, co_await read_keys(catalog, {key}));
  const Entry* entry = find_entry(snapshot, key);
  if (entry == nullptr) co_return no_queue(name);
  co_return stored_queue(entry->key, entry->value, entry->modified);
}

const QueuesSnapshot::Queues kNoQueues;

}  // namespace

QueuesSnapshot::QueuesSnapshot(Revision revision, ByName queues) : revision_(revision), by_name_(std::move(queues)) {
  by_id_.reserve(by_name_.size());
  for (const auto& [name, stored] : by_name_) {
    const Queue& queue = *stored->queue;
    by_id_.emplace(queue.id, stored.get());
    by_topic_[queue.topic_id].push_back(stored.get());
    if (!queue.settings.dead_letter_queue.empty())
      by_dead_letters_[queue.settings.dead_letter_queue].push_back(stored.get());
  }
}

const StoredQueue* QueuesSnapshot::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second.get();
}

const StoredQueue* QueuesSnapshot::find(const QueueId& id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

const QueuesSnapshot::Queues& QueuesSnapshot::on_topic(const TopicId& topic) const {
  const auto at = by_topic_.find(topic);
  return at == by_topic_.end() ? kNoQueues : at->second;
}

const QueuesSnapshot::Queues& QueuesSnapshot::dead_letter_sources(std::string_view name) const {
  const auto at = by_dead_letters_.find(name);
  return at == by_dead_letters_.end() ? kNoQueues : at->second;
}

std::vector<QueuePtr> QueuesSnapshot::list(std::string_view prefix, std::string_view after,
                                           std::size_t count_max) const {
  std::vector<QueuePtr> found;
  auto at = after < prefix ? by_name_.lower_bound(prefix) : by_name_.upper_bound(after);
  for (; at != by_name_.end() && found.size() < count_max && at->first.starts_with(prefix); ++at)
    found.push_back(at->second->queue);
  return found;
}

std::vector<std::string> queue_prefixes() { return {std::string(kQueuesPrefix)}; }

Result<QueuesPtr> apply_changes(const QueuesSnapshot& base, const catalog::Changes& changes) {
  QueuesSnapshot::ByName queues = base.queues();
  for (const catalog::Change& change : changes.changes) {
    if (!change.key.starts_with(kQueuesPrefix)) continue;
    if (!change.value) {
      queues.erase(change.key.substr(kQueuesPrefix.size()));
      continue;
    }
    LEAT_TRY(StoredQueue stored, stored_queue(change.key, *change.value, change.revision));
    const std::string name = stored.queue->name;
    queues[name] = std::make_shared<const StoredQueue>(std::move(stored));
  }
  return std::make_shared<const QueuesSnapshot>(changes.revision, std::move(queues));
}

namespace {

struct Loaded {
  Revision revision;
  std::vector<StoredQueue> queues;
  std::vector<StoredQueue> orphans;
};

Task<Result<Loaded>> load(Catalog& catalog) {
  LEAT_CO_TRY(const Snapshot snapshot,
              co_await read_keys(catalog, {std::string(kQueuesPrefix), std::string(catalog::kTopicsPrefix)}));
  Loaded loaded{.revision = snapshot.revision, .queues = {}, .orphans = {}};
  std::set<TopicId> topics;
  for (const Entry& entry : snapshot.entries) {
    if (!entry.key.starts_with(catalog::kTopicsPrefix)) continue;
    LEAT_CO_TRY(const catalog::TopicEntry topic, catalog::decode_topic(entry.key, entry.value));
    topics.insert(topic.id);
  }
  for (const Entry& entry : snapshot.entries) {
    if (!entry.key.starts_with(kQueuesPrefix)) continue;
    LEAT_CO_TRY(StoredQueue stored, stored_queue(entry.key, entry.value, entry.modified));
    auto& list = topics.contains(stored.queue->topic_id) ? loaded.queues : loaded.orphans;
    list.push_back(std::move(stored));
  }
  co_return loaded;
}

Task<Status> plan_redrives_removal(Catalog& catalog, Commit& request, std::string source) {
  LEAT_CO_TRY(const auto redrives, co_await load_redrives(catalog, source));
  for (const StoredRedrive& stored : redrives) {
    request.conditions.push_back({redrive_key(stored.redrive.id), stored.revision});
    request.deletes.push_back(redrive_key(stored.redrive.id));
  }
  request.deletes.push_back(redriving_key(source));
  co_return Status{};
}

// Removes a queue if it is as it was read. Error: version_conflict.
Task<Status> remove_stored(Catalog& catalog, StoredQueue stored) {
  const std::string key = queue_key(stored.queue->name);
  Commit request;
  request.conditions.push_back({key, stored.revision});
  request.deletes.push_back(key);
  LEAT_CO_CHECK(co_await plan_redrives_removal(catalog, request, stored.queue->name));
  auto committed = co_await catalog.commit(std::move(request));
  if (!committed) co_return fail(std::move(committed.error()));
  co_return Status{};
}

Task<Status> remove_orphans(Catalog& catalog, std::vector<StoredQueue> orphans) {
  Status outcome;
  for (const StoredQueue& orphan : orphans) {
    // The topic that a queue owns goes first when the queue is removed.
    const LogLevel level = orphan.queue->owns_topic ? LogLevel::info : LogLevel::warning;
    write_log(level, "queue",
              fmt::format("queue {} is removed: its topic {} ({}) is gone", orphan.queue->name, orphan.queue->topic,
                          orphan.queue->topic_id));
    const Status removed = co_await remove_stored(catalog, orphan);
    // One that changed meanwhile was found by somebody else, or will be again.
    if (!removed && removed.error().code != Errc::version_conflict) outcome = removed;
  }
  co_return outcome;
}

}  // namespace

Task<Result<QueuesPtr>> load_queues(Catalog& catalog) {
  LEAT_CO_TRY(Loaded loaded, co_await load(catalog));
  if (const Status removed = co_await remove_orphans(catalog, std::move(loaded.orphans)); !removed)
    log_warning("queue", "queues without a topic stay for now: {}", removed.error().message);
  QueuesSnapshot::ByName queues;
  for (StoredQueue& stored : loaded.queues) {
    const std::string name = stored.queue->name;
    queues.emplace(name, std::make_shared<const StoredQueue>(std::move(stored)));
  }
  co_return std::make_shared<const QueuesSnapshot>(loaded.revision, std::move(queues));
}

Task<Status> remove_orphaned_queues(Catalog& catalog) {
  LEAT_CO_TRY(Loaded loaded, co_await load(catalog));
  co_return co_await remove_orphans(catalog, std::move(loaded.orphans));
}

namespace {

// The next snapshot after `from`. When changes cannot be followed, by reading everything again.
Task<Result<QueuesPtr>> next_queues(Catalog& catalog, std::unique_ptr<catalog::Watch>& watch, QueuesPtr from) {
  if (watch == nullptr) {
    auto begun = catalog.watch(queue_prefixes(), from->revision());
    if (!begun) co_return fail(std::move(begun.error()));
    watch = std::move(*begun);
  }
  auto changes = co_await watch->next();
  if (changes) {
    auto queues = apply_changes(*from, *changes);
    if (queues) co_return queues;
    log_error("queue", "changes of queues cannot be read, reading all: {}", queues.error().message);
  } else if (changes.error().code == Errc::cancelled) {
    co_return fail(std::move(changes.error()));
  }
  watch.reset();
  co_return co_await load_queues(catalog);
}

}  // namespace

Task<> follow_queues(Catalog& catalog, QueuesPtr from, std::function<void(QueuesPtr)> publish) {
  constexpr Duration kRetryAfter = std::chrono::seconds(1);
  std::unique_ptr<catalog::Watch> watch;
  while (true) {
    auto queues = co_await next_queues(catalog, watch, from);
    if (queues) {
      from = std::move(*queues);
      publish(from);
      continue;
    }
    if (queues.error().code == Errc::cancelled) co_return;
    log_error("queue", "queues cannot be followed: {}", queues.error().message);
    co_await runtime::sleep_for(kRetryAfter);
  }
}

Status check_queue_name(std::string_view name) {
  if (auto checked = catalog::check_topic_name(name); !checked)
    return fail(Errc::invalid_name, fmt::format("as a queue's name: {}", checked.error().message));
  if (catalog::is_internal_topic(name)) return fail(Errc::invalid_name, fmt::format("'{}' is reserved", name));
  return {};
}

Task<Result<StoredQueue>> create_queue(Catalog& catalog, Queue queue, std::vector<Offset> start) {
  LEAT_CO_CHECK(check_queue_name(queue.name));
  LEAT_CO_CHECK(check_settings(queue.settings));
  Shard& shard = Shard::current();
  if (queue.id.is_zero()) queue.id = Uuid::from_random(shard.random(), shard.random());
  queue.created = shard.wall_now();
  queue.modified = queue.created;
  const std::string key = queue_key(queue.name);
  const std::string topic_key = catalog::topic_key(queue.topic);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(const Snapshot snapshot, co_await read_keys(catalog, {key, topic_key}));
    if (find_entry(snapshot, key) != nullptr)
      co_return fail(Errc::exists, fmt::format("queue '{}' exists", queue.name));
    const Entry* entry = find_entry(snapshot, topic_key);
    if (entry == nullptr) co_return fail(Errc::not_found, fmt::format("there is no topic '{}'", queue.topic));
    LEAT_CO_TRY(const catalog::TopicEntry topic, catalog::decode_topic(entry->key, entry->value));
    if (topic.id != queue.topic_id)
      co_return fail(Errc::not_found, fmt::format("topic '{}' is another one by now", queue.topic));
    if (topic.internal)
      co_return fail(Errc::invalid_argument, fmt::format("topic '{}' is internal: it takes no queues", topic.name));
    if (start.size() > static_cast<std::size_t>(topic.partitions))
      co_return fail(Errc::invalid_argument, fmt::format("topic '{}' has {} partitions", topic.name, topic.partitions));
    Commit request;
    request.conditions.push_back({key, kAbsent});
    request.conditions.push_back({topic_key, entry->modified});
    request.puts.push_back({key, encode_queue(queue, start)});
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) co_return StoredQueue{std::make_shared<const Queue>(std::move(queue)), std::move(start), *committed};
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return too_busy(queue.name);
}

Task<Result<StoredQueue>> alter_queue(Catalog& catalog, std::string name, QueueChange change) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(StoredQueue stored, co_await read_queue(catalog, name));
    Queue queue = *stored.queue;
    LEAT_CO_CHECK(apply_change(change, queue));
    const QueueSettings& before = stored.queue->settings;
    if (queue.settings.order != before.order || queue.settings.delivers != before.delivers)
      co_return fail(Errc::invalid_config,
                     fmt::format("the order of queue '{}' cannot change, nor whether it delivers", name));
    queue.modified = Shard::current().wall_now();
    Commit request;
    request.conditions.push_back({queue_key(name), stored.revision});
    request.puts.push_back({queue_key(name), encode_queue(queue, stored.start)});
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) {
      stored.queue = std::make_shared<const Queue>(std::move(queue));
      stored.revision = *committed;
      co_return stored;
    }
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return too_busy(name);
}

Task<Result<StoredQueue>> remove_queue(Catalog& catalog, std::string name) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(StoredQueue stored, co_await read_queue(catalog, name));
    const Status removed = co_await remove_stored(catalog, stored);
    if (removed) co_return stored;
    if (removed.error().code != Errc::version_conflict) co_return fail(removed.error());
  }
  co_return too_busy(name);
}

// ---- Redrives -------------------------------------------------------------------------------------------------------

bool is_finished(Redrive::State state) {
  return state != Redrive::State::running && state != Redrive::State::cancelling;
}

Task<Result<std::vector<StoredRedrive>>> load_redrives(Catalog& catalog, std::string source) {
  LEAT_CO_TRY(const Snapshot snapshot, co_await read_keys(catalog, {std::string(kRedrivesPrefix)}));
  std::vector<StoredRedrive> redrives;
  for (const Entry& entry : snapshot.entries) {
    LEAT_CO_TRY(Redrive redrive, decode_redrive(entry.key, entry.value));
    if (source.empty() || redrive.source == source) redrives.push_back({std::move(redrive), entry.modified});
  }
  std::ranges::sort(redrives, std::greater{},
                    [](const StoredRedrive& stored) { return std::tie(stored.redrive.started, stored.redrive.id); });
  co_return redrives;
}

Task<Result<StoredRedrive>> create_redrive(Catalog& catalog, Redrive redrive) {
  LEAT_CO_CHECK(catalog::check_topic_name(redrive.id));
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    LEAT_CO_TRY(const StoredQueue source, co_await read_queue(catalog, redrive.source));
    LEAT_CO_TRY(const auto before, co_await load_redrives(catalog, ""));
    Commit request;
    request.conditions.push_back({queue_key(redrive.source), source.revision});
    request.conditions.push_back({redrive_key(redrive.id), kAbsent});
    request.conditions.push_back({redriving_key(redrive.source), kAbsent});
    request.puts.push_back({redrive_key(redrive.id), encode_redrive(redrive)});
    request.puts.push_back({redriving_key(redrive.source), encode_redriving(redrive.id)});
    std::size_t finished = 0;
    for (const StoredRedrive& stored : before) {
      const Redrive& other = stored.redrive;
      const bool is_same = other.source == redrive.source;
      if (other.id == redrive.id || (is_same && !is_finished(other.state)))
        co_return fail(Errc::exists, fmt::format("redrive '{}' from queue '{}' exists", other.id, other.source));
      // With the new one there are no more than so many once that has finished too.
      if (is_same && ++finished >= kFinishedRedrivesMax) request.deletes.push_back(redrive_key(other.id));
    }
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) co_return StoredRedrive{std::move(redrive), *committed};
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return too_busy(redrive.source);
}

Task<Result<StoredRedrive>> update_redrive(Catalog& catalog, StoredRedrive stored) {
  const Redrive& redrive = stored.redrive;
  const std::string key = redrive_key(redrive.id);
  Commit request;
  request.conditions.push_back({key, stored.revision});
  request.puts.push_back({key, encode_redrive(redrive)});
  if (is_finished(redrive.state)) request.deletes.push_back(redriving_key(redrive.source));
  auto committed = co_await catalog.commit(std::move(request));
  if (committed) co_return StoredRedrive{redrive, *committed};
  if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  LEAT_CO_TRY(const Snapshot snapshot, co_await read_keys(catalog, {key}));
  if (find_entry(snapshot, key) == nullptr)
    co_return fail(Errc::not_found, fmt::format("there is no redrive '{}'", redrive.id));
  co_return fail(std::move(committed.error()));
}

}  // namespace leat::queue
