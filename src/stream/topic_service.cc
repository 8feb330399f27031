#include "stream/topic_service.h"

#include "base/logging.h"
#include "runtime/call.h"

namespace leat::stream {
namespace {

constexpr auto kApplyTimeout = std::chrono::seconds(60);
constexpr int kFinishAttempts = 10;
constexpr auto kFinishPause = std::chrono::milliseconds(200);
constexpr auto kFinishAgain = std::chrono::seconds(1);

runtime::Task<Status> open_on_shard(StreamShard* shard, std::vector<PartitionToOpen> partitions) {
  co_return co_await shard->open(std::move(partitions));
}

runtime::Task<Status> remove_on_shard(StreamShard* shard, std::vector<TopicPartition> partitions) {
  co_return co_await shard->remove(std::move(partitions));
}

runtime::Task<Status> publish_on_shard(StreamShard* shard, catalog::TopicsPtr topics,
                                       std::vector<std::pair<TopicId, log::LogConfig>> changed) {
  shard->set_topics(std::move(topics));
  for (const auto& [topic, config] : changed) shard->reconfigure(topic, config);
  co_return Status{};
}

}  // namespace

TopicService::TopicService(catalog::Catalog& catalog, catalog::ServerDefaults defaults, NodeId node,
                           const Streams& streams, runtime::FileSystem& files, const runtime::SpaceReserve& reserve,
                           std::string data)
    : catalog_(catalog),
      defaults_(std::move(defaults)),
      node_(node),
      streams_(streams),
      files_(files),
      reserve_(reserve),
      data_(std::move(data)) {}

runtime::Task<Status> TopicService::start(log::Checkpoint checkpoint) {
  LEAT_CO_TRY(const catalog::TopicsPtr topics, co_await load_without_orphans());
  applied_ = std::make_shared<catalog::TopicsSnapshot>();
  published_ = topics;
  co_await remove_forgotten();
  co_await quarantine_unknown();
  std::vector<PartitionToOpen> to_open;
  for (const auto& [name, topic] : topics->topics()) plan_open(*topic, 0, to_open);
  for (PartitionToOpen& partition : to_open) {
    partition.clean = checkpoint.clean;
    if (const auto point = checkpoint.points.find(partition.id); point != checkpoint.points.end())
      partition.point = point->second;
  }
  LEAT_CO_CHECK(co_await open_partitions(std::move(to_open)));
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    LEAT_CO_CHECK(co_await runtime::call_on(streams_.shard(i).shard(), publish_on_shard, &streams_.shard(i), topics,
                                            std::vector<std::pair<TopicId, log::LogConfig>>{}));
  }
  applied_ = topics;
  tasks_.spawn(catalog::follow_topics(catalog_, topics, [this](catalog::TopicsPtr next) { publish(std::move(next)); }));
  tasks_.spawn(apply_published());
  for (catalog::DeletedTopic& topic : unfinished_) tasks_.spawn(keep_finishing(std::move(topic)));
  unfinished_.clear();
  co_return Status{};
}

void TopicService::begin_stop() {
  stopping_ = true;
  published_wake_.notify_all();
  applied_wake_.notify_all();
}

runtime::Task<> TopicService::stop() { co_await tasks_.join(); }

void TopicService::publish(catalog::TopicsPtr next) {
  published_ = std::move(next);
  published_wake_.notify_all();
}

runtime::Task<> TopicService::apply_published() {
  while (!stopping_) {
    if (published_ == applied_) {
      co_await published_wake_.wait();
      continue;
    }
    const catalog::TopicsPtr next = published_;
    co_await apply(next);
    applied_ = next;
    applied_wake_.notify_all();
  }
}

Result<log::LogConfig> TopicService::log_config_of(const catalog::Topic& topic) const {
  LEAT_TRY(log::LogConfig config, catalog::resolve_topic_config(defaults_, topic.entry.config));
  config.topic_name = topic.entry.name;
  config.journal = topic.entry.internal;
  return config;
}

// The partitions of a topic that this node leads, from number `first` on.
void TopicService::plan_open(const catalog::Topic& topic, std::int32_t first,
                             std::vector<PartitionToOpen>& to_open) const {
  const auto config = log_config_of(topic);
  if (!config) {
    log_error("stream", "topic {} cannot be opened: {}", topic.entry.name, config.error().message);
    return;
  }
  for (std::int32_t p = first; p < topic.entry.partitions; ++p) {
    const auto& assignment = topic.assignments[static_cast<std::size_t>(p)];
    if (assignment.leader != node_) continue;
    PartitionToOpen partition;
    partition.id = {topic.entry.id, PartitionIndex(p)};
    partition.config = *config;
    partition.epoch = assignment.leader_epoch;
    to_open.push_back(std::move(partition));
  }
}

runtime::Task<Status> TopicService::open_partitions(std::vector<PartitionToOpen> partitions) {
  std::vector<std::vector<PartitionToOpen>> by_shard(streams_.size());
  for (PartitionToOpen& partition : partitions) by_shard[streams_.owner(partition.id)].push_back(std::move(partition));
  std::vector<Status> outcomes(streams_.size());
  runtime::TaskScope scope;
  struct Opener {
    static runtime::Task<> run(const Streams& streams, std::size_t shard, std::vector<PartitionToOpen> partitions,
                               Status& outcome) {
      outcome = co_await runtime::call_on(streams.shard(shard).shard(), open_on_shard, &streams.shard(shard),
                                          std::move(partitions));
    }
  };
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (!by_shard[i].empty()) scope.spawn(Opener::run(streams_, i, std::move(by_shard[i]), outcomes[i]));
  }
  co_await scope.join();
  for (const Status& outcome : outcomes) LEAT_CO_CHECK(outcome);
  co_return Status{};
}

// Makes the shards follow from applied_ to `next`.
runtime::Task<> TopicService::apply(catalog::TopicsPtr next) {
  std::vector<PartitionToOpen> to_open;
  std::vector<std::pair<TopicId, log::LogConfig>> reconfigured;
  for (const auto& [name, topic] : next->topics()) {
    const catalog::Topic* before = applied_->find(topic->entry.id);
    if (before == nullptr || before->entry.partitions < topic->entry.partitions)
      plan_open(*topic, before == nullptr ? 0 : before->entry.partitions, to_open);
    if (before == nullptr || before->entry.config == topic->entry.config) continue;
    if (const auto config = log_config_of(*topic)) reconfigured.emplace_back(topic->entry.id, *config);
  }
  if (auto opened = co_await open_partitions(std::move(to_open)); !opened)
    log_error("stream", "opening partitions: {}", opened.error().message);
  // A topic is known only once its partitions are open, and unknown before they close.
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    (void)co_await runtime::call_on(streams_.shard(i).shard(), publish_on_shard, &streams_.shard(i), next,
                                    reconfigured);
  }
  for (const auto& [name, topic] : applied_->topics()) {
    if (next->find(topic->entry.id) == nullptr) co_await remove_topic(topic->entry);
  }
}

runtime::Task<> TopicService::remove_topic(catalog::TopicEntry topic) {
  std::vector<std::vector<TopicPartition>> by_shard(streams_.size());
  for (std::int32_t p = 0; p < topic.partitions; ++p) {
    const TopicPartition id{topic.id, PartitionIndex(p)};
    by_shard[streams_.owner(id)].push_back(id);
  }
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (by_shard[i].empty()) continue;
    const auto removed = co_await runtime::call_on(streams_.shard(i).shard(), remove_on_shard, &streams_.shard(i),
                                                   std::move(by_shard[i]));
    if (!removed) log_warning("stream", "removing {}: {}", topic.name, removed.error().message);
  }
  // Here, before a topic that is created under the same name is known to anyone.
  Status finished;
  for (int attempt = 0; attempt < kFinishAttempts && !stopping_; ++attempt) {
    finished = co_await finish_removal(topic.id, topic.name);
    if (finished) co_return;
    co_await published_wake_.wait_until(runtime::Shard::current().now() + kFinishPause);
  }
  if (!finished) {
    log_warning("stream", "deleted topic {} is not quite gone yet: {}", topic.name, finished.error().message);
    tasks_.spawn(keep_finishing({topic.id, topic.name, topic.partitions}));
  }
}

// What is left of a topic once its partitions are closed. The catalog forgets it last, so that a crash in between is made
// good by the next start.
runtime::Task<Status> TopicService::finish_removal(TopicId id, const std::string& name) {
  LEAT_CO_CHECK(co_await remove_folder(id));
  if (forget_) LEAT_CO_CHECK(co_await forget_(name));
  co_return co_await catalog::forget_deleted_topic(catalog_, id);
}

runtime::Task<> TopicService::keep_finishing(catalog::DeletedTopic topic) {
  while (!stopping_) {
    // A topic that was created anew has offsets of its own.
    const bool is_back = applied_->find(topic.name) != nullptr;
    const Status finished = is_back ? co_await catalog::forget_deleted_topic(catalog_, topic.id)
                                    : co_await finish_removal(topic.id, topic.name);
    if (finished) co_return;
    co_await applied_wake_.wait_until(runtime::Shard::current().now() + kFinishAgain);
  }
}

runtime::Task<Status> TopicService::create_folders(std::vector<TopicPartition> partitions) {
  LEAT_CO_CHECK(reserve_.check_space());
  co_return co_await runtime::run_blocking([&] { return log::create_partitions(files_, data_, partitions); });
}

runtime::Task<Status> TopicService::remove_folder(TopicId topic) {
  co_return co_await runtime::run_blocking([&]() -> Status {
    const std::string folder = log::topic_folder(data_, topic);
    LEAT_CHECK(files_.remove_all(folder));
    return files_.sync_directory(runtime::parent_path(folder));
  });
}

// All topics; a companion whose topic is gone goes first.
runtime::Task<Result<catalog::TopicsPtr>> TopicService::load_without_orphans() {
  LEAT_CO_TRY(const catalog::TopicsPtr topics, co_await catalog::load_topics(catalog_));
  bool changed = false;
  for (const auto& [name, topic] : topics->topics()) {
    const TopicId id = topic->entry.id;
    if (!catalog::is_companion(id) || topics->find(catalog::topic_of_companion(id)) != nullptr) continue;
    log_warning("stream", "{} is removed: its topic is gone", name);
    if (auto gone = co_await catalog::delete_topic(catalog_, name); !gone) co_return fail(gone.error());
    changed = true;
  }
  if (changed) co_return co_await catalog::load_topics(catalog_);
  co_return topics;
}

// Topics that were deleted before the last stop, whose folders may still be there.
runtime::Task<> TopicService::remove_forgotten() {
  const auto deleted = co_await catalog::load_deleted_topics(catalog_);
  if (!deleted) co_return;
  for (const catalog::DeletedTopic& topic : *deleted) {
    if (auto gone = co_await remove_folder(topic.id); !gone)
      log_warning("stream", "the folder of deleted topic {} stays for now: {}", topic.name, gone.error().message);
    unfinished_.push_back(topic);
  }
}

// Folders that the catalog does not know are moved aside, never deleted: the catalog is the truth, but data is data.
runtime::Task<> TopicService::quarantine_unknown() {
  const Status moved = co_await runtime::run_blocking([&]() -> Status {
    const std::string topics = runtime::join_path(data_, "topics");
    const std::string quarantine = runtime::join_path(data_, "quarantine");
    LEAT_TRY(const auto folders, files_.list(topics));
    for (const runtime::FileInfo& folder : folders) {
      const auto id = Uuid::parse(folder.name);
      if (id && published_->find(*id) != nullptr) continue;
      LEAT_CHECK(files_.create_directories(quarantine));
      log_warning("stream", "{}/{} belongs to no topic of the catalog: moved to {}", topics, folder.name, quarantine);
      LEAT_CHECK(files_.rename(runtime::join_path(topics, folder.name), runtime::join_path(quarantine, folder.name)));
    }
    return {};
  });
  if (!moved && moved.error().code != Errc::not_found)
    log_warning("stream", "looking for unknown folders: {}", moved.error().message);
}

runtime::Task<Status> TopicService::wait_applied(std::function<bool(const catalog::TopicsSnapshot&)> reached) {
  const MonoTime deadline = runtime::Shard::current().now() + kApplyTimeout;
  while (!reached(*applied_)) {
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
    if (!co_await applied_wake_.wait_until(deadline) && !reached(*applied_))
      co_return fail(Errc::timed_out, "the change is in the catalog, but the shards have not followed yet");
  }
  co_return Status{};
}

runtime::Task<Result<catalog::Topic>> TopicService::create(catalog::NewTopic topic) {
  LEAT_CO_CHECK(catalog::check_new_topic(defaults_, topic));
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  if (applied_->find(topic.name) != nullptr || published_->find(topic.name) != nullptr)
    co_return fail(Errc::exists, fmt::format("topic '{}' exists", topic.name));
  runtime::Shard& shard = runtime::Shard::current();
  if (topic.id.is_zero()) topic.id = Uuid::from_random(shard.random(), shard.random());
  std::vector<TopicPartition> ids;
  for (std::size_t p = 0; p < topic.replicas.size(); ++p)
    ids.push_back({topic.id, PartitionIndex(static_cast<std::int32_t>(p))});
  // Folders first: a partition that the catalog lists without a folder is taken for damage.
  const TopicId id = topic.id;
  const Status made = co_await create_folders(std::move(ids));
  auto created = made ? co_await catalog::create_topic(catalog_, defaults_, std::move(topic))
                      : Result<catalog::Topic>(fail(made.error()));
  if (!created) {
    // The id of a companion is not new: its folder may be in use after all. If not, the next start moves it away.
    if (made && catalog::is_companion(id)) co_return created;
    if (auto removed = co_await remove_folder(id); !removed)
      log_warning("stream", "removing the folder of a topic that was not created: {}", removed.error().message);
    co_return created;
  }
  LEAT_CO_CHECK(co_await wait_applied([id](const catalog::TopicsSnapshot& now) { return now.find(id) != nullptr; }));
  co_return created;
}

runtime::Task<Result<catalog::Topic>> TopicService::create_companion(TopicId topic, catalog::ConfigMap config) {
  const TopicId id = catalog::companion_id(topic);
  const catalog::Topic* of = applied_->find(topic);
  if (of == nullptr || catalog::is_companion(topic))
    co_return fail(Errc::not_found, fmt::format("there is no topic with id {}", topic));
  if (const catalog::Topic* known = applied_->find(id); known != nullptr) co_return *known;
  catalog::NewTopic companion;
  companion.name = catalog::companion_name(topic);
  for (const catalog::PartitionAssignment& assignment : of->assignments)
    companion.replicas.push_back(assignment.replicas);
  companion.internal = true;
  companion.config = std::move(config);
  companion.id = id;
  auto created = co_await create(std::move(companion));
  if (created || created.error().code != Errc::exists) co_return created;
  LEAT_CO_CHECK(co_await wait_applied([id, topic](const catalog::TopicsSnapshot& now) {
    return now.find(id) != nullptr || now.find(topic) == nullptr;
  }));
  if (const catalog::Topic* known = applied_->find(id); known != nullptr) co_return *known;
  co_return fail(Errc::not_found, fmt::format("topic {} was deleted meanwhile", topic));
}

runtime::Task<Status> TopicService::remove(std::string name) {
  LEAT_CO_TRY(const catalog::TopicEntry removed, co_await catalog::delete_topic(catalog_, std::move(name)));
  const TopicId id = removed.id;
  co_return co_await wait_applied([id](const catalog::TopicsSnapshot& now) { return now.find(id) == nullptr; });
}

runtime::Task<Status> TopicService::add_partitions(std::string name, std::int32_t total) {
  co_await changes_.reserve(1);
  const runtime::Reservation turn(changes_, 1);
  const catalog::Topic* topic = applied_->find(name);
  if (topic == nullptr) co_return fail(Errc::not_found, fmt::format("no topic '{}'", name));
  const catalog::TopicEntry entry = topic->entry;
  if (total <= entry.partitions)
    co_return fail(Errc::invalid_argument, fmt::format("topic '{}' has {} partitions already", name, entry.partitions));
  if (check_growth_) LEAT_CO_CHECK(check_growth_(entry.id));
  if (const catalog::Topic* companion = applied_->find(catalog::companion_id(entry.id));
      companion != nullptr && companion != topic && companion->entry.partitions < total)
    LEAT_CO_CHECK(co_await grow(companion->entry, total));
  co_return co_await grow(entry, total);
}

runtime::Task<Status> TopicService::grow(catalog::TopicEntry topic, std::int32_t total) {
  const TopicId id = topic.id;
  const std::int32_t before = topic.partitions;
  std::vector<TopicPartition> ids;
  for (std::int32_t p = before; p < total; ++p) ids.push_back({id, PartitionIndex(p)});
  LEAT_CO_CHECK(co_await create_folders(std::move(ids)));
  LEAT_CO_TRY(
      const catalog::Topic grown,
      co_await catalog::add_partitions(catalog_, topic.name, before, catalog::replicas_on(node_, total - before)));
  co_return co_await wait_applied([id, total](const catalog::TopicsSnapshot& now) {
    const catalog::Topic* found = now.find(id);
    return found == nullptr || found->entry.partitions >= total;
  });
}

runtime::Task<Status> TopicService::alter_config(std::string name, std::vector<catalog::ConfigChange> changes) {
  LEAT_CO_TRY(const catalog::StoredTopic altered,
              co_await catalog::alter_topic_config(catalog_, defaults_, std::move(name), std::move(changes)));
  co_return co_await wait_applied([&altered](const catalog::TopicsSnapshot& now) {
    const catalog::Topic* found = now.find(altered.entry.id);
    return found == nullptr || found->modified >= altered.modified;
  });
}

runtime::Task<Status> TopicService::replace_config(std::string name, catalog::ConfigMap config) {
  LEAT_CO_TRY(const catalog::StoredTopic altered,
              co_await catalog::replace_topic_config(catalog_, defaults_, std::move(name), std::move(config)));
  co_return co_await wait_applied([&altered](const catalog::TopicsSnapshot& now) {
    const catalog::Topic* found = now.find(altered.entry.id);
    return found == nullptr || found->modified >= altered.modified;
  });
}

}  // namespace leat::stream
