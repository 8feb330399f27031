#include "log/store.h"

#include "base/logging.h"
#include "log/compactor.h"
#include "log/file_cache.h"
#include "log/flusher.h"
#include "log/recovery.h"
#include "runtime/call.h"
#include "runtime/space_reserve.h"

namespace leat::log {

class Store::Impl {
 public:
  Impl(StoreOptions options, runtime::FileSystem& files)
      : options_(std::move(options)),
        files_(files),
        cache_(files, options_.open_files_max, stats_.open_files),
        flusher_(options_, files, stats_) {}

  void start() {
    flusher_.start();
    tasks_.spawn(maintain());
  }

  runtime::Task<Status> stop() {
    stopping_ = true;
    wake_.notify_all();
    co_await tasks_.join();
    std::vector<std::shared_ptr<Partition>> serving;
    for (const auto& [id, partition] : partitions_) {
      if (partition->offline()) continue;
      serving.push_back(partition);
      if (partition->has_unflushed()) flusher_.want(*partition, MonoTime::min());
      if (partition->manifest_stale()) flusher_.want_manifest(*partition);
    }
    co_await flusher_.stop();
    Status outcome;
    for (const auto& partition : serving) {
      if (partition->offline() || partition->has_unflushed())
        outcome = fail(Errc::io, fmt::format("{} could not be flushed", partition->id()));
      partition->finish();
    }
    for (const auto& [id, partition] : partitions_) {
      for (const auto& segment : partition->segments()) cache_.close(*segment);
    }
    co_return outcome;
  }

  runtime::Task<Result<Partition*>> open(TopicPartition id, LogConfig config, LeaderEpoch epoch,
                                         std::optional<RecoveryPoint> point, bool clean) {
    const RecoveryOptions recovery{.index_interval_bytes = config.index_interval_bytes,
                                   .verify_crc = options_.verify_crc_on_recovery};
    const std::string folder = partition_folder(options_.folder, id);
    RecoveredLog recovered =
        co_await runtime::run_blocking([&] { return recover_log(files_, folder, id, point, clean, recovery); });
    for (const std::string& finding : recovered.findings) log_warning("log", "{}: {}", label_of(id, config), finding);
    stats_.cut_bytes.add(recovered.cut_bytes);
    if (!clean) stats_.recovered_partitions.add();
    if (recovered.damage) {
      log_error("log", "partition {} stays offline, it is damaged: {}", label_of(id, config),
                recovered.damage->message);
      if (point) damaged_points_[id] = *point;
      stats_.damaged_partitions.add();
      stats_.offline_partitions.add(1);
    }
    auto partition = std::make_shared<Partition>(id, config, epoch, std::move(recovered), flusher_, cache_,
                                                 options_.reserve, stats_, runtime::Shard::current().wall_now());
    if (partition->manifest_stale() && !partition->offline()) flusher_.want_manifest(*partition);
    Partition* opened = partition.get();
    partitions_[id] = std::move(partition);
    stats_.partitions.set(static_cast<std::int64_t>(partitions_.size()));
    co_return opened;
  }

  runtime::Task<Status> remove(TopicPartition id) {
    const auto found = partitions_.find(id);
    if (found == partitions_.end()) co_return fail(Errc::not_found, fmt::format("no partition {}", id));
    const std::shared_ptr<Partition> partition = std::move(found->second);
    partitions_.erase(found);
    damaged_points_.erase(id);
    stats_.partitions.set(static_cast<std::int64_t>(partitions_.size()));
    if (partition->offline()) stats_.offline_partitions.add(-1);
    partition->close({Errc::not_found, "the partition was deleted"});
    for (const auto& segment : partition->segments()) cache_.close(*segment);
    const std::string folder = partition->folder();
    co_return co_await runtime::run_blocking([&]() -> Status {
      LEAT_CHECK(files_.remove_all(folder));
      if (options_.reserve != nullptr && options_.reserve->in_use()) options_.reserve->refill();
      return files_.sync_directory(runtime::parent_path(folder));
    });
  }

  [[nodiscard]] Partition* find(const TopicPartition& id) const {
    const auto found = partitions_.find(id);
    return found == partitions_.end() ? nullptr : found->second.get();
  }

  [[nodiscard]] std::vector<std::shared_ptr<Partition>> all() const {
    std::vector<std::shared_ptr<Partition>> all;
    all.reserve(partitions_.size());
    for (const auto& [id, partition] : partitions_) all.push_back(partition);
    return all;
  }

  [[nodiscard]] std::vector<std::pair<TopicPartition, RecoveryPoint>> recovery_points() const {
    std::vector<std::pair<TopicPartition, RecoveryPoint>> points(damaged_points_.begin(), damaged_points_.end());
    for (const auto& [id, partition] : partitions_) {
      if (!partition->damaged()) points.emplace_back(id, partition->recovery_point());
    }
    return points;
  }

  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] const StoreOptions& options() const { return options_; }

 private:
  // Retention, roll by age and compaction, partition after partition.
  runtime::Task<> maintain() {
    Compactor compactor(options_, cache_);
    while (!stopping_) {
      co_await wake_.wait_until(runtime::Shard::current().now() + options_.maintenance_interval);
      for (const auto& partition : all()) {
        if (stopping_) break;
        const Timestamp now = runtime::Shard::current().wall_now();
        Status done = co_await partition->apply_retention(now);
        if (done && partition->config().compact && take_compaction_turn()) {
          done = co_await compactor.compact(partition, now, stopping_);
          if (options_.compacting != nullptr) *options_.compacting = false;
        }
        if (!done && done.error().code != Errc::cancelled && !partition->offline())
          log_warning("log", "maintenance of {}: {}", partition->label(), done.error().message);
      }
      // Somebody else may have made space.
      if (options_.reserve != nullptr && options_.reserve->in_use())
        co_await runtime::run_blocking([&] { options_.reserve->refill(); });
    }
  }

  // Compaction takes an I/O thread for as long as it reads and writes: one shard at a time, so that flushes find another.
  bool take_compaction_turn() { return options_.compacting == nullptr || !options_.compacting->exchange(true); }

  StoreOptions options_;
  runtime::FileSystem& files_;
  Stats stats_;
  FileCache cache_;
  Flusher flusher_;
  std::unordered_map<TopicPartition, std::shared_ptr<Partition>> partitions_;
  std::unordered_map<TopicPartition, RecoveryPoint>
      damaged_points_;  // what the checkpoint says of those that are damaged
  runtime::TaskScope tasks_;
  runtime::Notifier wake_;
  bool stopping_ = false;
};

Store::Store(StoreOptions options, runtime::FileSystem& files)
    : impl_(std::make_unique<Impl>(std::move(options), files)) {}
Store::~Store() = default;

void Store::start() { impl_->start(); }
runtime::Task<Status> Store::stop() { return impl_->stop(); }
runtime::Task<Result<Partition*>> Store::open(TopicPartition id, const LogConfig& config, LeaderEpoch epoch,
                                              std::optional<RecoveryPoint> point, bool clean) {
  return impl_->open(id, config, epoch, point, clean);
}
Partition* Store::find(const TopicPartition& id) const { return impl_->find(id); }
runtime::Task<Status> Store::remove(TopicPartition id) { return impl_->remove(id); }
const Stats& Store::stats() const { return impl_->stats(); }
const StoreOptions& Store::options() const { return impl_->options(); }

std::vector<Partition*> Store::partitions() const {
  std::vector<Partition*> found;
  for (const auto& partition : impl_->all()) found.push_back(partition.get());
  return found;
}

std::vector<std::pair<TopicPartition, RecoveryPoint>> Store::recovery_points() const {
  return impl_->recovery_points();
}

std::string topics_folder(const std::string& data) { return runtime::join_path(data, "topics"); }

std::string topic_folder(const std::string& data, const TopicId& topic) {
  return runtime::join_path(topics_folder(data), topic.to_string());
}

std::string partition_folder(const std::string& data, const TopicPartition& id) {
  return runtime::join_path(topic_folder(data, id.topic), fmt::format("{}", id.partition));
}

namespace {

// What create_partitions() made, made durable folder by folder.
Status sync_partitions(runtime::FileSystem& files, const std::string& data, const std::vector<TopicPartition>& ids) {
  for (const TopicPartition& id : ids) {
    const std::string folder = partition_folder(data, id);
    LEAT_TRY(const auto manifest, files.open(manifest_path(folder), runtime::OpenMode::write));
    LEAT_CHECK(manifest->sync());
    LEAT_CHECK(files.sync_directory(folder));
    LEAT_CHECK(files.sync_directory(runtime::parent_path(folder)));
  }
  LEAT_CHECK(files.sync_directory(topics_folder(data)));
  return files.sync_directory(data);
}

}  // namespace

Status create_partitions(runtime::FileSystem& files, const std::string& data, const std::vector<TopicPartition>& ids) {
  // Everything is written first and made durable at once: one sync serves a topic of a thousand partitions.
  for (const TopicPartition& id : ids) {
    const std::string folder = partition_folder(data, id);
    LEAT_CHECK(files.create_directories(folder));
    Manifest manifest;
    manifest.id = id;
    manifest.segments.push_back({});
    LEAT_TRY(const auto segment,
             files.open(runtime::join_path(folder, segment_name(Offset(0), 1) + ".log"), runtime::OpenMode::create));
    LEAT_TRY(const auto file, files.open(manifest_path(folder), runtime::OpenMode::create));
    const Bytes bytes = encode_manifest(manifest);
    LEAT_CHECK(file->truncate(0));
    LEAT_CHECK(file->write_at(bytes, 0));
  }
  if (files.sync_all(topics_folder(data))) return {};
  return sync_partitions(files, data, ids);
}

}  // namespace leat::log
