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
struct SegmentView;
enum class Access;

// Where an append went.
struct Appended {
  Offset base;            // of the batch's first record
  Offset end;             // after its last record; committed once the high watermark reaches it
  Timestamp append_time;  // wall clock of the append
};

// Batches of one segment, whole ones from the start, for sending or copying.
struct ReadSlice {
  runtime::FileRange range;  // may begin with records below the offset asked for, and end in the middle of a batch
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

// Told when a partition's high watermark grows or the partition goes offline. Registered on the owner shard, with one
// partition at a time; unregisters itself when destroyed.
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
  void leave();

  class Partition* watched_ = nullptr;
  ProgressWatch* next_ = nullptr;
  ProgressWatch* previous_ = nullptr;
};

// One partition's log: segments of batches, in one folder. Everything here runs on the owner shard; what needs the disk
// goes to the I/O pool and comes back. See docs/life-of-a-record.md and docs/formats/log.md.
//
//   log_start <= high_watermark <= log_end; readers see [log_start, high_watermark).
//
// Between two segments offsets may have been freed: whoever reads from one of them gets what comes next. log_start() never
// is one of them.
class Partition : public std::enable_shared_from_this<Partition> {
 public:
  Partition(TopicPartition id, const LogConfig& config, LeaderEpoch epoch, RecoveredLog recovered, Flusher& flusher,
            FileCache& cache, runtime::SpaceReserve* reserve, Stats& stats, Timestamp now);
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;
  ~Partition();

  [[nodiscard]] const TopicPartition& id() const { return id_; }
  // For people: the topic's name, the partition, and the id, by which folders are called.
  [[nodiscard]] std::string label() const { return label_of(id_, config_); }
  [[nodiscard]] const LogConfig& config() const { return config_; }
  void reconfigure(const LogConfig& config);

  [[nodiscard]] Offset log_start() const { return log_start_; }
  [[nodiscard]] Offset log_end() const { return segments_.back()->end; }
  [[nodiscard]] Offset flushed() const { return flushed_.offset; }
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
  // invalid_argument unless each begins where the one before ends, the first at log_end(); those before it stay.
  [[nodiscard]] Status append_replicated(BytesView batches);

  // Returns when high_watermark() >= end. Under `commit` this is what asks for a flush. Errors: timed_out at `deadline`,
  // offline when the flush failed: then it is unknown whether the records survive.
  runtime::Task<Status> wait_committed(Offset end, MonoTime deadline);

  // The batches from the one that holds `from` on, below the high watermark, all in the page cache when it returns. An
  // empty range when `from` is the high watermark, or all from there up to it was freed. Errors: offset_out_of_range,
  // offline, io.
  runtime::Task<Result<ReadSlice>> read(Offset from, ReadLimits limits);
  // The same for engines that replay: copies whole batches, up to log_end() when `uncommitted`. Empty at the end.
  runtime::Task<Result<Bytes>> copy(Offset from, std::uint64_t bytes_max, bool uncommitted = false);

  // Calls visit(header) for every batch from the one that holds `from` on up to log_end(), in order, on the I/O pool while
  // this coroutine waits; only headers are looked at.
  runtime::Task<Status> visit_headers(Offset from, std::function<void(const BatchHeader&)> visit);

  // The first record at or after `time`, below the high watermark; nullopt if there is none.
  runtime::Task<Result<std::optional<TimedOffset>>> find_time(Timestamp time);
  // The record with the largest timestamp; nullopt in an empty log.
  runtime::Task<Result<std::optional<TimedOffset>>> find_max_time();
  // Kafka's OffsetForLeaderEpoch: the largest epoch at or below `epoch` and the offset where it ends. nullopt when the log
  // knows no such epoch.
  [[nodiscard]] std::optional<std::pair<LeaderEpoch, Offset>> end_of_epoch(LeaderEpoch epoch) const;
  // The epoch under which the record at `offset` was appended, kNoEpoch below the first known.
  [[nodiscard]] LeaderEpoch epoch_at(Offset offset) const;

  // Raises log_start() to `before` (at most the high watermark), durably, and frees the segments below it. After an error
  // the start may be raised until a restart.
  runtime::Task<Status> delete_records(Offset before);
  // Frees, durably, the segments that lie wholly within one of `ranges` ([from, to), in any order), wherever they are in
  // the log; what lies below log_start() counts as within. With the first segments log_start() rises. What else the
  // ranges cover stays: call again once more of it is sealed, durable and below the high watermark. After an error the
  // segments may be gone until a restart. segments() tells where they begin and end, and seal_durable which may go.
  runtime::Task<Status> free_segments(std::vector<std::pair<Offset, Offset>> ranges);
  // Removes every batch with a record at or above `end`, durably; the next append lands there, or where the freed range
  // that `end` lies in begins. For followers. Nobody
  // appends meanwhile, and a checkpoint without this partition is durable before: recovery takes a log that ends below its
  // checkpoint for damaged. When it fails half-way the partition goes offline.
  runtime::Task<Status> truncate(Offset end);
  // Seals the active segment so that the next append starts a new one; nothing when it is empty. Errors: io, disk_full.
  [[nodiscard]] Status roll(Timestamp now);
  // Frees segments that the topic's retention no longer keeps, and rolls one that is too old. One at a time.
  runtime::Task<Status> apply_retention(Timestamp now);

  // Everything appended so far is durable on return, whatever the policy.
  runtime::Task<Status> flush();
  // Registers interest in progress; `watch` outlives it or unregisters itself.
  void watch(ProgressWatch& watch);

  // Stops serving for a fault: waiters and watchers are told, and it is counted.
  void take_offline(Error reason);
  // Stops serving because the partition is deleted or moves away.
  void close(Error reason);
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // --- for the flusher, the compactor and checkpoints, on this shard ---
  // What must reach the disk for everything below `end` to be durable.
  struct FlushTarget {
    std::vector<std::shared_ptr<runtime::File>> files;
    bool new_names = false;  // the folder's names too
    RecoveryPoint end;       // the log's end when the flush began
    struct Part {
      std::shared_ptr<Segment> segment;
      std::uint64_t size = 0;  // when the flush began
      bool sealed = false;     // then, with its index
    };
    std::vector<Part> parts;
    std::uint64_t truncations = 0;  // so far
  };
  // Between begin_flush() and end_flush() there is no other flush of this partition. Errors: offline, io.
  [[nodiscard]] Result<FlushTarget> begin_flush();
  void end_flush(const FlushTarget& target, const Status& status);
  // Whether records, a seal or the active segment's name are not durable yet. False while it is offline.
  [[nodiscard]] bool has_unflushed() const;
  // Leaves the active segment as a clean start wants it: with its latest index entries, without room behind its batches.
  void finish();
  [[nodiscard]] bool manifest_stale() const { return manifest_saved_ != manifest_changes_; }
  // Writes the manifest as it stands if it changed since it was last written.
  runtime::Task<Status> save_manifest();
  // Where recovery may start: everything below is durable, and so is the manifest that tells of it.
  [[nodiscard]] const RecoveryPoint& recovery_point();
  // Whether the files did not pass recovery.
  [[nodiscard]] bool damaged() const { return damaged_; }
  [[nodiscard]] const std::vector<std::shared_ptr<Segment>>& segments() const { return segments_; }
  // Where the last compaction pass ended: keys below it are known to be unique.
  [[nodiscard]] Offset compacted_to() const { return compacted_to_; }
  void set_compacted_to(Offset offset);
  // Puts `replacement` in the place of sealed neighbours, durably, then removes their files. Its own files are durable
  // already. Errors: cancelled when the segments changed meanwhile, offline: then nothing was replaced; others: it is in
  // its place and the old files are removed later.
  runtime::Task<Status> replace_segments(std::vector<std::shared_ptr<Segment>> replaced,
                                         std::shared_ptr<Segment> replacement);

 private:
  // A batch in a segment.
  struct Position {
    std::shared_ptr<Segment> segment;
    std::uint64_t at = 0;
  };
  // Where the last reads ended: a consumer that reads on needs no search.
  struct Cursor {
    Offset next{-1};
    Offset segment{-1};
    std::uint64_t at = 0;
  };

  [[nodiscard]] Result<Appended> append_now(const ValidBatch& batch, Timestamp now);
  Status write_batch(const BatchHeader& header, BytesView bytes);
  Status open_next_segment(Offset base, Timestamp now);
  Status write_index_tail(Segment& segment);
  void make_room();
  Status take_back_room(Segment& segment);
  [[nodiscard]] bool must_roll(const BatchHeader& incoming, Timestamp now) const;
  void advance_high_watermark(Offset to, Offset segment, std::uint64_t position);
  void notify_progress();
  [[nodiscard]] Manifest current_manifest() const;
  [[nodiscard]] Status check_offset(Offset from, Offset end) const;
  [[nodiscard]] std::uint64_t readable_size(const Segment& segment, bool uncommitted) const;
  [[nodiscard]] std::size_t segment_index_of(Offset offset) const;
  [[nodiscard]] bool still_has(const std::shared_ptr<Segment>& segment) const;
  // How much of what is readable to hand out, and the offset that is then next where it is known.
  struct Fit {
    std::uint64_t length = 0;
    Offset next{-1};
  };
  template <class Lookup>
  runtime::Task<std::invoke_result_t<Lookup, const SegmentView&, Access>> look_up(std::shared_ptr<Segment> segment,
                                                                                  std::uint64_t readable,
                                                                                  Lookup lookup);
  runtime::Task<> rebuild_index_of(std::shared_ptr<Segment> segment);
  runtime::Task<Result<Position>> locate(Offset from);
  runtime::Task<Result<ReadSlice>> slice(Offset from, ReadLimits limits, bool uncommitted);
  runtime::Task<Result<Fit>> fit(Position start, std::uint64_t available, ReadLimits limits);
  runtime::Task<Result<std::optional<TimedOffset>>> find_time_in(std::shared_ptr<Segment> segment, Timestamp time);
  runtime::Task<Result<std::optional<TimedOffset>>> find_max_time_in(std::shared_ptr<Segment> segment);
  [[nodiscard]] Offset skip_freed(Offset offset) const;
  [[nodiscard]] bool can_free_front() const;
  void raise_start(Offset to);
  void note_freed(Offset from, Offset to);
  void retire(std::shared_ptr<Segment> segment);
  runtime::Task<Status> write_manifest(bool frees);
  runtime::Task<Status> free_below_start();
  runtime::Task<Status> remove_retired();
  runtime::Task<Status> cut_active(Position cut, Offset end);
  void remember_cursor(Offset from, Offset next, const Segment& segment, std::uint64_t at);

  TopicPartition id_;
  LogConfig config_;
  LeaderEpoch epoch_;
  Flusher& flusher_;
  FileCache& cache_;
  runtime::SpaceReserve* reserve_;
  Stats& stats_;
  runtime::FileSystem& files_;
  std::string folder_;

  std::vector<std::shared_ptr<Segment>> segments_;  // never empty; the last one is active
  bool damaged_ = false;                            // found at start: nothing below is to be trusted
  Offset log_start_;
  std::vector<std::pair<Offset, Offset>> freed_;  // exactly the gaps between segments, in order
  std::vector<EpochEntry> epochs_;
  RecoveryPoint flushed_;  // everything below it is durable
  RecoveryPoint settled_;  // and with it all that the manifest must know of it
  Offset high_watermark_;
  Offset readable_segment_;              // the segment that holds the high watermark,
  std::uint64_t readable_position_ = 0;  // and where in it
  Offset compacted_to_;
  std::optional<Error> offline_;

  std::uint64_t manifest_changes_ = 0;  // counts changes; manifest_saved_ is the last one that is durable
  std::uint64_t manifest_saved_ = 0;
  bool manifest_saving_ = false;
  runtime::Notifier manifest_free_;
  // Out of service; its files go once the manifest of that change is durable.
  struct Retired {
    std::shared_ptr<Segment> segment;
    std::uint64_t change = 0;
  };
  std::vector<Retired> retired_;
  bool flushing_ = false;
  std::uint64_t truncations_ = 0;
  runtime::Notifier index_free_;

  runtime::Notifier progress_;
  ProgressWatch* watches_ = nullptr;
  std::array<Cursor, 4> cursors_{};
  std::size_t next_cursor_ = 0;

  // The flusher's own notes about this partition.
  friend class Flusher;
  std::optional<MonoTime> flush_due_;
  friend class ProgressWatch;
};

}  // namespace leat::log
