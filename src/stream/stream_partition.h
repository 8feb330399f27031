#pragma once

#include <cstdint>

#include "base/metrics.h"
#include "base/result.h"
#include "base/types.h"
#include "log/batch.h"
#include "log/config.h"
#include "log/partition.h"
#include "runtime/file.h"
#include "runtime/space_reserve.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "stream/fences.h"
#include "stream/producers.h"

namespace leat::stream {

// One topic's traffic on one shard; written there, read by the metrics page.
struct TopicCounters {
  Counter records_in;
  Counter bytes_in;
  Counter bytes_out;
};

// Where a produced batch is: just appended, or already there from an earlier attempt.
struct Produced {
  Offset base;
  Offset end;             // committed once the high watermark reaches it
  Timestamp append_time;  // of the append that put it there
};

// A partition as producers and consumers see it: the log, and what it remembers of idempotent producers. Belongs to the
// shard that owns the partition, as the log does.
class StreamPartition : public std::enable_shared_from_this<StreamPartition> {
 public:
  // `reserve` outlives it; nullptr: there is none.
  StreamPartition(std::shared_ptr<log::Partition> log, std::shared_ptr<ProducerAccount> producers,
                  std::size_t decompressed_size_max, std::shared_ptr<TopicCounters> counters,
                  runtime::SpaceReserve* reserve = nullptr);
  StreamPartition(const StreamPartition&) = delete;
  StreamPartition& operator=(const StreamPartition&) = delete;

  // Brings the producers' state up to the end of the log: from the snapshot beside it, and the batches after that.
  runtime::Task<Status> load_producers(runtime::FileSystem& files);
  // Writes a snapshot if the state or the log moved enough since the last one (or at all, when `closing`), so that the next
  // start has little to read. Not synced: a broken one is only slow.
  runtime::Task<Status> save_producers(runtime::FileSystem& files, bool closing);

  // log().free_segments(), after a snapshot: what only the freed batches tell of producers must outlive a kill, or a
  // producer that goes on would be out of order. On a full disk it uses the reserve.
  runtime::Task<Status> free_segments(runtime::FileSystem& files, std::vector<std::pair<Offset, Offset>> ranges);

  [[nodiscard]] log::Partition& log() { return *log_; }
  [[nodiscard]] const log::Partition& log() const { return *log_; }
  // What a client's batch must satisfy here now.
  [[nodiscard]] log::BatchRules rules() const;

  // Appends `batch` unless its producer has sent it before. Errors: those of Producers::check and Partition::append.
  [[nodiscard]] Result<Produced> produce(const log::ValidBatch& batch, Timestamp now);
  // To be asked right before produce() where log().config().fence is set.
  [[nodiscard]] SeenFences& seen_fences() { return seen_fences_; }
  void expire_producers(Timestamp now) { producers_.expire(now); }
  [[nodiscard]] std::size_t producer_count() const { return producers_.size(); }

 private:
  [[nodiscard]] std::string snapshot_path() const;
  runtime::Task<Status> save_snapshot(runtime::FileSystem& files, bool closing, runtime::SpaceReserve* reserve);

  std::shared_ptr<log::Partition> log_;
  std::shared_ptr<ProducerAccount> account_;
  Producers producers_;
  SeenFences seen_fences_;
  std::size_t decompressed_size_max_;
  std::shared_ptr<TopicCounters> counters_;
  runtime::SpaceReserve* reserve_;
  Offset snapshot_end_;            // the log below it is covered by the file
  std::uint64_t bytes_since_ = 0;  // appended since
  bool changed_since_ = false;     // idempotent batches since
  bool saving_ = false;            // one at a time writes the file
  runtime::Notifier saved_;
};

}  // namespace leat::stream
