#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/types.h"
#include "log/config.h"
#include "log/partition.h"
#include "runtime/task.h"

namespace leat::log {

// One shard's counters; written by the shard, read by the metrics page.
struct Stats {
  Counter appended_batches;
  Counter appended_bytes;
  Counter read_bytes;
  Counter cold_reads;  // reads that had to wait for the disk
  Counter flushes;     // flush rounds
  Counter flushed_files;
  Counter failed_flushes;
  Histogram flush_latency;
  Counter removed_segments;
  Counter compacted_segments;
  Counter recovered_partitions;  // opened after an unclean stop
  Counter cut_bytes;             // torn tails removed by recovery
  Counter damaged_partitions;    // taken offline for damage
  Gauge partitions;
  Gauge offline_partitions;
  Gauge open_files;
};

// The partitions that one shard owns. Every member runs on that shard.
class Store {
 public:
  Store(StoreOptions options, runtime::FileSystem& files);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // Starts the flusher and maintenance. Before the first partition is opened.
  void start();
  // Flushes and closes everything: on success all that was appended is durable, but for partitions that were offline before.
  runtime::Task<Status> stop();

  // Opens a partition whose folder create_partitions() made. `point` is its entry of the last checkpoint: with `clean` it
  // is the log's end and nothing is scanned, else the log is verified from there (nullopt: from its start). A partition
  // that is damaged is there too, offline; the error is then in its offline().
  runtime::Task<Result<Partition*>> open(TopicPartition id, const LogConfig& config, LeaderEpoch epoch,
                                         std::optional<RecoveryPoint> point, bool clean);
  // nullptr when this shard has no such partition.
  [[nodiscard]] Partition* find(const TopicPartition& id) const;
  // Closes it and removes its folder, durably. Its waiters get not_found.
  runtime::Task<Status> remove(TopicPartition id);

  [[nodiscard]] std::vector<Partition*> partitions() const;
  // Where recovery of each may start, for the checkpoint. For those that are damaged it is what they were opened with: a
  // log that is too short must not look like a whole one at the next start.
  [[nodiscard]] std::vector<std::pair<TopicPartition, RecoveryPoint>> recovery_points() const;
  [[nodiscard]] const Stats& stats() const;
  [[nodiscard]] const StoreOptions& options() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The folder of a partition below the data folder, of all of a topic's, and of all topics', which are on one file system:
// the data folder's, or one that is mounted there.
[[nodiscard]] std::string partition_folder(const std::string& data, const TopicPartition& id);
[[nodiscard]] std::string topic_folder(const std::string& data, const TopicId& topic);
[[nodiscard]] std::string topics_folder(const std::string& data);

// Makes the folders and first manifests of new, empty partitions; all are durable on return. Waits for the disk.
[[nodiscard]] Status create_partitions(runtime::FileSystem& files, const std::string& data,
                                       const std::vector<TopicPartition>& ids);

// The checkpoint of a data folder: for each partition, where recovery may start. Written now and then, and as `clean` at
// the end of an orderly stop (docs/formats/log.md). Waits for the disk.
struct Checkpoint {
  bool clean = false;
  std::unordered_map<TopicPartition, RecoveryPoint> points;
};
[[nodiscard]] Status save_checkpoint(runtime::FileSystem& files, const std::string& data, const Checkpoint& checkpoint);
// A missing or broken checkpoint reads as an unclean, empty one: everything is verified from its start.
[[nodiscard]] Checkpoint load_checkpoint(runtime::FileSystem& files, const std::string& data);

}  // namespace leat::log
