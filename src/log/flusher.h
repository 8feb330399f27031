#pragma once

#include <memory>
#include <vector>

#include "base/log_limiter.h"
#include "log/config.h"
#include "log/partition.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::log {

// One shard's group commit: gathers partitions with unflushed appends and makes them durable together, one round at a
// time, on the I/O pool. What is appended during a round waits for the next one, so one flush serves everyone who waits.
// Those whom a round served usually append again at once: the next one waits until as much is there as it had, for as long
// as it took and no more than a millisecond (decision 16). Runs on the shard; never blocks it.
class Flusher {
 public:
  Flusher(const StoreOptions& options, runtime::FileSystem& files, Stats& stats);

  void start();
  // Flushes what is left, saves stale manifests, and ends the tasks. Only once.
  runtime::Task<> stop();

  // `partition` has something to flush, by `due` at the latest. Keeps it alive until then.
  void want(Partition& partition, MonoTime due);
  // So many records were appended under `commit`.
  void appended(std::uint64_t records);
  // `partition` has a changed manifest to write soon.
  void want_manifest(Partition& partition);
  // By when an append under `policy` must be flushed when nobody waits for it; nullopt: no hurry.
  [[nodiscard]] std::optional<MonoTime> due_for(FlushPolicy policy) const;

 private:
  runtime::Task<> run();
  runtime::Task<> run_manifests();
  runtime::Task<> round(std::vector<std::shared_ptr<Partition>> partitions);
  [[nodiscard]] bool try_again(Partition& partition, const Error& why);
  struct Item;
  runtime::Task<> sync_item(Item& item);
  runtime::Task<> sync_each(std::vector<Item>& items);
  runtime::Task<bool> sync_together();
  [[nodiscard]] std::optional<MonoTime> earliest_due() const;
  // Until when the next round waits for more; nullopt: it need not.
  [[nodiscard]] std::optional<MonoTime> gathers_until(MonoTime now) const;
  [[nodiscard]] std::vector<std::shared_ptr<Partition>> take_due(MonoTime now);

  const StoreOptions& options_;
  runtime::FileSystem& files_;
  Stats& stats_;
  std::vector<std::shared_ptr<Partition>> dirty_;
  std::vector<std::shared_ptr<Partition>> stale_manifests_;
  std::uint64_t gathered_ = 0;    // records since the last round began
  std::uint64_t last_round_ = 0;  // records in it
  MonoTime last_ended_{};
  Duration last_took_{};
  runtime::Notifier wake_;
  runtime::Notifier manifest_wake_;
  runtime::TaskScope tasks_;
  std::map<const Partition*, MonoTime> failing_since_;  // those whose flush could not begin, and will be tried again
  LogLimiter retries_;
  bool stopping_ = false;
  bool sync_all_failed_ = false;
  bool rounds_ended_ = false;
};

}  // namespace leat::log
