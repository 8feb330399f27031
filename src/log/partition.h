#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "log/batch.h"
#include "log/config.h"
#include "log/manifest.h"
#include "log/segment.h"
#include "runtime/chain.h"
#include "runtime/sync.h"
#include "runtime/task.h"

namespace leat::log {

class Flusher;
class FileCache;
struct Stats;
struct RecoveredLog;

// Where an append went.
struct Appended {
  Offset base;           // of the batch's first record
  Offset end;            // after its last record; committed once the high watermark reaches it
  Timestamp append_time;  // wall clock of the append
};

// Batches of one segment, whole ones from the start, for sending or copying.
struct ReadSlice {
  runtime::FileRange range;  // may begin with records below the offset asked for, and end in the middle of a batch
  Offset first;              // base offset of its first batch
};

struct ReadLimits {
  std::uint64_t bytes_max = 1 << 20;
  bool whole_batch = true;  // return the first batch even when it alone is above bytes_max
};

// A record found by time.
struct TimedOffset {
  Offset offset;
  Timestamp timestamp;
  LeaderEpoch epoch;
};

// Told when a partition's high watermark grows or the partition goes offline. Registered on the owner shard; unregisters
// itself when destroyed.
class ProgressWatch {
 public:
  ProgressWatch() = default;
  ProgressWatch(const ProgressWatch&) = delete;
  ProgressWatch& operator=(const ProgressWatch&) = delete;
  virtual ~ProgressWatch();
  // Called inside the partition's own work: hand on, do not act on the partition from here.
  virtual void on_progress() = 0;

 private:
  friend class Partition;
  class Partition* watched_ = nullptr;
  ProgressWatch* next_ = nullptr;
  ProgressWatch* previous_ = nullptr;
};

// One partition's log: segments of batches, in one folder. Everything here runs on the owner shard; what needs the disk
// goes to the I/O pool and comes back. See docs/life-of-a-record.md and docs/formats/log.md.
//
//   log_start <= high_watermark <= log_end; readers see [log_start, high_watermark).
class Partition {
 public:
  Partition(TopicPartition id, LogConfig config, LeaderEpoch epoch, RecoveredLog recovered, Flusher& flusher,
            FileCache& cache, Stats& stats);
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;
  ~Partition();

  [[nodiscard]] const TopicPartition& id() const { return id_; }
  [[nodiscard]] const LogConfig& config() const { return config_; }
  void reconfigure(const LogConfig& config);

  [[nodiscard]] Offset log_start() const { return manifest_.log_start; }
  [[nodiscard]] Offset log_end() const { return segments_.back()->end; }
  [[nodiscard]] Offset flushed() const { return flushed_; }
  [[nodiscard]] Offset high_watermark() const { return high_watermark_; }
  [[nodiscard]] LeaderEpoch leader_epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t size_bytes() const;
  [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }
  // Why it serves nothing: a failed flush or damage found at start. nullopt while it serves.
  [[nodiscard]] const std::optional<Error>& offline() const { return offline_; }

  // Appends one batch at log_end() under the current epoch. On return it is in the page cache, visible to nobody before
  // commit unless the policy says so. Errors: offline, disk_full (nothing was appended).
  [[nodiscard]] Result<Appended> append(const ValidBatch& batch, Timestamp now);
  // A follower's append: whole batches as the leader has them, at the base offset and epoch that they carry.
  // invalid_argument unless they follow log_end() without a gap back.
  [[nodiscard]] Status append_replicated(BytesView batches);

  // Returns when high_watermark() >= end. Under `commit` this is what asks for a flush. Errors: timed_out at `deadline`,
  // offline when the flush failed: then it is unknown whether the records survive.
  runtime::Task<Status> wait_committed(Offset end, MonoTime deadline);

  // The batches from the one that holds `from` on, below the high watermark, all in the page cache when it returns. An
  // empty range when `from` is the high watermark. Errors: offset_out_of_range, offline, io.
  runtime::Task<Result<ReadSlice>> read(Offset from, ReadLimits limits);
  // The same for engines that replay: copies whole batches, up to log_end() when `uncommitted`. Empty at the end.
  runtime::Task<Result<Bytes>> copy(Offset from, std::uint64_t bytes_max, bool uncommitted = false);

  // The first record at or after `time`, below the high watermark; nullopt if there is none.
  runtime::Task<Result<std::optional<TimedOffset>>> find_time(Timestamp time);
  // The record with the largest timestamp; nullopt in an empty log.
  runtime::Task<Result<std::optional<TimedOffset>>> find_max_time();
  // Kafka's OffsetForLeaderEpoch: the largest epoch at or below `epoch` and the offset where it ends. nullopt when the log
  // knows no such epoch.
  [[nodiscard]] std::optional<std::pair<LeaderEpoch, Offset>> end_of_epoch(LeaderEpoch epoch) const;
  // The epoch under which the record at `offset` was appended, kNoEpoch below the first known.
  [[nodiscard]] LeaderEpoch epoch_at(Offset offset) const;

  // Raises log_start() to `before` (at most the high watermark), durably, and frees the segments below it.
  runtime::Task<Status> delete_records(Offset before);
  // Removes every record at or above `end`, durably; the next append lands there. For followers and recovery.
  runtime::Task<Status> truncate(Offset end);
  // Seals the active segment so that the next append starts a new one; nothing when it is empty. Errors: io, disk_full.
  [[nodiscard]] Status roll(Timestamp now);
  // Frees segments that the topic's retention no longer keeps, and rolls one that is too old. One at a time.
  runtime::Task<Status> apply_retention(Timestamp now);

  // Everything appended so far is durable on return, whatever the policy.
  runtime::Task<Status> flush();
  // Registers interest in progress; `watch` outlives it or unregisters itself.
  void watch(ProgressWatch& watch);

  // --- for the store, the flusher and the compactor, all on this shard ---
  struct FlushTarget {
    std::vector<std::shared_ptr<runtime::File>> files;
    std::string new_names_in;  // a folder whose names must be made durable too, or empty
    Offset end;
    std::vector<std::pair<Segment*, std::uint64_t>> sizes;
  };
  // What must reach the disk for everything below log_end() to be durable.
  [[nodiscard]] Result<FlushTarget> begin_flush();
  void end_flush(const FlushTarget& target, const Status& status);
  [[nodiscard]] bool has_unflushed() const { return flushed_ < log_end(); }
  [[nodiscard]] bool flush_wanted() const { return commit_waiters_ > 0; }
  // Writes the manifest as it stands if it changed since it was last written.
  runtime::Task<Status> save_manifest();
  // Where recovery may start: everything below is flushed.
  [[nodiscard]] RecoveryPoint recovery_point() const;
  [[nodiscard]] const std::vector<std::shared_ptr<Segment>>& segments() const { return segments_; }
  // Puts `replacement` in the place of the sealed segments [first, first + count), durably, then removes their files.
  runtime::Task<Status> replace_segments(std::size_t first, std::size_t count, std::shared_ptr<Segment> replacement);
  // Stops serving: waiters and watchers are told.
  void take_offline(Error reason);
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  struct Position {
    std::shared_ptr<Segment> segment;
    std::uint64_t at = 0;
    Offset base;  // of the batch at the position
  };

  Status check_readable(Offset from) const;
  Status write_batch(const BatchHeader& header, BytesView bytes);
  Status open_next_segment(Offset base, Timestamp now);
  bool must_roll(std::size_t incoming, Timestamp now) const;
  void advance_high_watermark(Offset to);
  void notify_progress();
  std::uint64_t readable_end(const Segment& segment, bool uncommitted) const;
  runtime::Task<Result<std::optional<Position>>> locate(Offset from);
  runtime::Task<Result<ReadSlice>> slice(Offset from, ReadLimits limits, bool uncommitted);
  runtime::Task<Status> remove_segments(std::vector<std::shared_ptr<Segment>> removed);
  void remember_cursor(Offset next, const Segment& segment, std::uint64_t at);

  TopicPartition id_;
  LogConfig config_;
  LeaderEpoch epoch_;
  Flusher& flusher_;
  FileCache& cache_;
  Stats& stats_;
  std::string folder_;
  Manifest manifest_;
  std::uint64_t manifest_changes_ = 0;  // grows with every change; saved_changes_ is the last durable one
  std::uint64_t manifest_saved_ = 0;
  bool manifest_saving_ = false;
  std::vector<std::shared_ptr<Segment>> segments_;  // never empty; the last one is active
  Offset flushed_;
  Offset high_watermark_;
  std::optional<Error> offline_;
  std::size_t commit_waiters_ = 0;
  std::optional<std::string> new_names_in_;
  bool flush_queued_ = false;
  MonoTime dirty_since_{};
  runtime::Notifier progress_;
  runtime::Notifier manifest_free_;
  ProgressWatch* watches_ = nullptr;
  // Where the last reads ended: a consumer that reads on needs no index.
  struct Cursor {
    Offset next{-1};
    Offset segment{-1};
    std::uint64_t at = 0;
  };
  std::array<Cursor, 4> cursors_{};
  std::uint8_t next_cursor_ = 0;
  friend class Flusher;
  friend class ProgressWatch;
};

}  // namespace leat::log
