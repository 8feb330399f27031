#pragma once

#include <list>
#include <map>
#include <memory>
#include <vector>

#include "base/result.h"
#include "log/batch.h"
#include "log/partition.h"
#include "runtime/task.h"

namespace leat::queue {

// Some neighbouring batches of a partition, decoded: fewer than were given when they grow large. Immutable; may be used and dropped on any shard.
class RecordChunk {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const RecordChunk>> decode(Bytes batches,
                                                                         std::size_t decompressed_size_max);
  [[nodiscard]] Offset base() const { return base_; }
  [[nodiscard]] Offset end() const { return end_; }
  [[nodiscard]] const std::vector<log::RecordView>& records() const { return records_; }
  // nullptr: there is no record of that offset.
  [[nodiscard]] const log::RecordView* find(Offset offset) const;
  [[nodiscard]] std::size_t memory() const { return memory_; }

 private:
  Bytes bytes_;
  std::vector<log::BatchReader> readers_;  // own what was decompressed
  std::vector<log::RecordView> records_;
  Offset base_;
  Offset end_;
  std::size_t memory_ = 0;
};
using RecordChunkPtr = std::shared_ptr<const RecordChunk>;

// Reads records of a shard's partitions and keeps the chunks used last, at most `memory_max` bytes of them.
class RecordReader {
 public:
  RecordReader(std::size_t memory_max, std::size_t decompressed_size_max)
      : memory_max_(memory_max), decompressed_size_max_(decompressed_size_max) {}
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // The chunk that begins at or before the first record at or above `offset` and holds it; nullptr at the high watermark.
  // Errors: those of Partition::copy, corrupt_message when a batch cannot be read.
  runtime::Task<Result<RecordChunkPtr>> read(std::shared_ptr<log::Partition> partition, Offset offset);
  void forget(const TopicPartition& partition);
  // Of one batch.
  [[nodiscard]] std::size_t decompressed_size_max() const { return decompressed_size_max_; }

 private:
  using Key = std::pair<TopicPartition, Offset>;
  struct Kept {
    RecordChunkPtr chunk;
    std::list<Key>::iterator used;
  };
  [[nodiscard]] RecordChunkPtr find(const TopicPartition& partition, Offset offset);
  void keep(const TopicPartition& partition, const RecordChunkPtr& chunk);
  void drop(std::map<Key, Kept>::iterator at);

  std::size_t memory_max_;
  std::size_t decompressed_size_max_;
  std::size_t memory_ = 0;
  std::map<Key, Kept> chunks_;  // by their base
  std::list<Key> used_;         // the longest ago first
};

}  // namespace leat::queue
