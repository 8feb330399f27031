#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/types.h"
#include "log/batch.h"
#include "runtime/space_reserve.h"

namespace leat::log {

// When an append counts as committed on a node with one replica (docs/durability.md).
enum class FlushPolicy : std::uint8_t {
  commit,    // once it is flushed; every append is flushed within flush_max
  interval,  // at once; flushed every flush_interval
  os,        // at once; flushed when a segment is sealed, at checkpoints and at a clean stop
};

// What a topic sets for each of its partitions. Durations in milliseconds and sizes in bytes, as Kafka's topic
// configuration has them; -1 in the retention settings means without limit.
struct LogConfig {
  std::string topic_name;  // for people who read the server's log

  std::int64_t segment_bytes = std::int64_t{1} << 30;
  std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;
  std::int64_t index_interval_bytes = 4096;

  bool delete_old = true;  // cleanup.policy has "delete"
  bool compact = false;    // cleanup.policy has "compact"
  std::int64_t retention_bytes = -1;
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;
  std::int64_t delete_retention_ms = 24LL * 3600 * 1000;  // how long tombstones stay readable
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = INT64_MAX;
  double min_cleanable_dirty_ratio = 0.5;

  std::int64_t batch_size_max = 1048588;
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = INT64_MAX;
  std::int64_t timestamp_after_max_ms = INT64_MAX;
  std::optional<Codec> codec;  // nullopt: as the producer sent it

  FlushPolicy flush = FlushPolicy::commit;
  bool fence = false;    // records may be refused for an old token of a lock: stream/fences.h
  bool journal = false;  // of what consumers do: appends go on, for a while, when the disk is full
};

// A partition, for people.
[[nodiscard]] std::string label_of(const TopicPartition& id, const LogConfig& config);

// What the server sets for every partition of a shard.
struct StoreOptions {
  std::string folder;                         // the data folder
  runtime::SpaceReserve* reserve = nullptr;   // outlives the store; nullptr: on a full disk deletes may fail too
  std::atomic<bool>* compacting = nullptr;    // set while one of the shards that share it compacts; nullptr: not shared
  Milliseconds flush_max{10};                 // commit: an append that nobody waits for is flushed within this
  Milliseconds flush_interval{1000};          // interval
  Milliseconds maintenance_interval{10'000};  // retention, roll by age, compaction are looked at this often
  std::size_t open_files_max = 2000;          // descriptors that this shard keeps open at most
  std::size_t sync_all_above = 8;             // one flush of more files than this is one syncfs
  std::size_t decompressed_size_max = std::size_t{64} << 20;
  std::size_t compaction_keys_max = std::size_t{1} << 20;  // keys one compaction pass remembers (24 bytes each)
  std::int64_t producer_expiration_ms = 24LL * 3600 * 1000;
  bool verify_crc_on_recovery = true;  // false only to prove that the power-loss harness notices
};

}  // namespace leat::log
