#include "log/flusher.h"

#include "base/logging.h"
#include "log/store.h"
#include "runtime/call.h"

namespace leat::log {

// One partition in a round.
struct Flusher::Item {
  std::shared_ptr<Partition> partition;
  Partition::FlushTarget target;
  Status outcome;
};

namespace {

constexpr Duration kGatherMax = std::chrono::milliseconds(1);
// After the files of a partition could not be opened, and for how long that is tried.
constexpr Duration kRetryAfter = std::chrono::milliseconds(100);
constexpr Duration kRetryFor = std::chrono::seconds(30);

Status sync_target(runtime::FileSystem& files, const Partition::FlushTarget& target, const std::string& folder) {
  for (const auto& file : target.files) LEAT_CHECK(file->sync());
  if (target.new_names) LEAT_CHECK(files.sync_directory(folder));
  return {};
}

}  // namespace

Flusher::Flusher(const StoreOptions& options, runtime::FileSystem& files, Stats& stats)
    : options_(options), files_(files), stats_(stats) {}

void Flusher::start() {
  tasks_.spawn(run());
  tasks_.spawn(run_manifests());
}

runtime::Task<> Flusher::stop() {
  stopping_ = true;
  wake_.notify_all();
  manifest_wake_.notify_all();
  co_await tasks_.join();
}

std::optional<MonoTime> Flusher::due_for(FlushPolicy policy) const {
  const MonoTime now = runtime::Shard::current().now();
  switch (policy) {
    case FlushPolicy::commit: return now + options_.flush_max;
    case FlushPolicy::interval: return now + options_.flush_interval;
    case FlushPolicy::os: return std::nullopt;
  }
  return std::nullopt;
}

void Flusher::want(Partition& partition, MonoTime due) {
  if (!partition.flush_due_) {
    dirty_.push_back(partition.shared_from_this());
  } else if (*partition.flush_due_ <= due) {
    return;
  }
  partition.flush_due_ = due;
  wake_.notify_all();
}

void Flusher::appended(std::uint64_t records) {
  const bool were_enough = gathered_ >= last_round_;
  gathered_ += records;
  if (!were_enough && gathered_ >= last_round_) wake_.notify_all();
}

std::optional<MonoTime> Flusher::gathers_until(MonoTime now) const {
  if (stopping_ || gathered_ >= last_round_) return std::nullopt;
  const MonoTime until = last_ended_ + std::min<Duration>(last_took_, kGatherMax);
  return now < until ? std::optional(until) : std::nullopt;
}

void Flusher::want_manifest(Partition& partition) {
  stale_manifests_.push_back(partition.shared_from_this());
  manifest_wake_.notify_all();
}

std::optional<MonoTime> Flusher::earliest_due() const {
  std::optional<MonoTime> earliest;
  for (const auto& partition : dirty_) {
    if (!earliest || *partition->flush_due_ < *earliest) earliest = *partition->flush_due_;
  }
  return earliest;
}

// Who goes into a round: everyone who is due, and with them all others under `commit`, whose wait it shortens; the rest of
// more than may have their files open goes into the next.
std::vector<std::shared_ptr<Partition>> Flusher::take_due(MonoTime now) {
  std::vector<std::shared_ptr<Partition>> due;
  std::erase_if(dirty_, [&](std::shared_ptr<Partition>& partition) {
    const bool is_due = stopping_ || *partition->flush_due_ <= now || partition->config().flush == FlushPolicy::commit;
    const bool goes = is_due && due.size() < std::max<std::size_t>(options_.open_files_max, 1);
    if (goes) {
      partition->flush_due_.reset();
      due.push_back(std::move(partition));
    }
    return goes;
  });
  return due;
}

runtime::Task<> Flusher::run() {
  while (true) {
    const auto due = earliest_due();
    const MonoTime now = runtime::Shard::current().now();
    const auto gathering = gathers_until(now);
    if (due && *due <= now && gathering) {
      co_await wake_.wait_until(*gathering);
    } else if (due && (*due <= now || stopping_)) {
      co_await round(take_due(now));
    } else if (stopping_) {
      break;
    } else if (due) {
      co_await wake_.wait_until(*due);
    } else {
      co_await wake_.wait();
    }
  }
  rounds_ended_ = true;
  manifest_wake_.notify_all();
}

runtime::Task<> Flusher::round(std::vector<std::shared_ptr<Partition>> partitions) {
  const MonoTime started = runtime::Shard::current().now();
  last_round_ = std::exchange(gathered_, 0);
  std::vector<Item> items;
  items.reserve(partitions.size());
  std::size_t file_count = 0;
  for (auto& partition : partitions) {
    if (partition->offline()) {
      failing_since_.erase(partition.get());
      continue;
    }
    auto target = partition->begin_flush();
    if (!target && try_again(*partition, target.error())) continue;
    if (!failing_since_.empty()) failing_since_.erase(partition.get());
    Item item{std::move(partition), {}, {}};
    if (target) {
      file_count += target->files.size();
      item.target = std::move(*target);
    } else {
      item.outcome = std::unexpected(target.error());
    }
    items.push_back(std::move(item));
  }
  // When the sync of all fails, those of the files tell which of them lost something.
  if (file_count <= options_.sync_all_above || !co_await sync_together()) co_await sync_each(items);
  for (Item& item : items) {
    if (!item.outcome) stats_.failed_flushes.add();
    item.partition->end_flush(item.target, item.outcome);
  }
  stats_.flushes.add();
  stats_.flushed_files.add(file_count);
  last_ended_ = runtime::Shard::current().now();
  last_took_ = last_ended_ - started;
  stats_.flush_latency.record_us(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(last_took_).count()));
}

// Nothing was flushed, so nothing is lost yet: its files can't be opened, perhaps as there are no descriptors left. False: it
// has been tried for long enough.
bool Flusher::try_again(Partition& partition, const Error& why) {
  const MonoTime now = runtime::Shard::current().now();
  const MonoTime since = failing_since_.try_emplace(&partition, now).first->second;
  if (stopping_ || why.code == Errc::cancelled || now - since >= kRetryFor) return false;
  stats_.failed_flushes.add();
  retries_.write(now, LogLevel::warning, "log", "{} cannot be flushed, which is tried again: {}", partition.label(),
                 why.message);
  want(partition, now + kRetryAfter);
  return true;
}

runtime::Task<> Flusher::sync_item(Item& item) {
  item.outcome =
      co_await runtime::run_blocking([&] { return sync_target(files_, item.target, item.partition->folder()); });
}

runtime::Task<> Flusher::sync_each(std::vector<Item>& items) {
  runtime::TaskScope scope;
  for (Item& item : items) {
    if (item.outcome && (!item.target.files.empty() || item.target.new_names)) scope.spawn(sync_item(item));
  }
  co_await scope.join();
}

runtime::Task<bool> Flusher::sync_together() {
  if (sync_all_failed_) co_return false;
  const Status synced = co_await runtime::run_blocking([&] { return files_.sync_all(topics_folder(options_.folder)); });
  if (!synced) {
    sync_all_failed_ = true;
    log_warning("log", "{}; files are flushed one by one from now on", synced.error().message);
  }
  co_return synced.has_value();
}

runtime::Task<> Flusher::run_manifests() {
  while (!rounds_ended_ || !stale_manifests_.empty()) {
    if (stale_manifests_.empty()) {
      co_await manifest_wake_.wait();
      continue;
    }
    const auto partition = std::move(stale_manifests_.back());
    stale_manifests_.pop_back();
    if (auto saved = co_await partition->save_manifest(); !saved && !partition->offline())
      log_warning("log", "could not write the manifest of {}: {}", partition->label(), saved.error().message);
  }
}

}  // namespace leat::log
