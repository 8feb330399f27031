#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "keyspace/expiry_heap.h"
#include "log/batch.h"
#include "log/partition.h"
#include "runtime/task.h"

namespace leat::keyspace {

// One unit of changes, as docs/formats/keyspace-journal.md describes it.
struct JournalUnit {
  Millis time = 0;
  std::string_view effects;  // for EffectsReader
  Offset offset{};           // of its record, when it was read
};

[[nodiscard]] Bytes encode_unit(const JournalUnit& unit);
// What it gives is a view of `value`. Error: corrupt.
[[nodiscard]] Result<JournalUnit> decode_unit(BytesView value);

// The log of the keyspace's changes: one partition, on the shard that owns both.
class Journal {
 public:
  explicit Journal(std::shared_ptr<log::Partition> partition) : partition_(std::move(partition)) {}
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Calls apply(unit) for every unit that the log has, in order. Errors: those of apply and of reading, corrupt.
  runtime::Task<Status> replay(std::function<Status(const JournalUnit&)> apply);

  // Takes a unit, which append() will write at the offset that is returned.
  Offset add(const JournalUnit& unit);
  [[nodiscard]] std::size_t added_bytes() const { return builder_.uncompressed_size() + batch_.size(); }
  // Writes what was added, in one batch: on return it survives the end of the process. Errors: disk_full: nothing was
  // written, and the next call tries again; others: nothing will be written any more.
  [[nodiscard]] Status append();

  // Behind the last unit that was appended.
  [[nodiscard]] Offset end() const { return partition_->log_end(); }
  // Behind the last unit that was added.
  [[nodiscard]] Offset added_end() const {
    return end() + batch_records_ + static_cast<std::int64_t>(builder_.record_count());
  }
  // Whether all below `end` is on the disk.
  [[nodiscard]] bool is_flushed(Offset end) const { return partition_->flushed() >= end; }
  // Whether all below `end` survives what the partition's flush policy says.
  [[nodiscard]] bool is_committed(Offset end) const { return partition_->high_watermark() >= end; }
  // Returns when is_committed(end). Error: it is not known whether it ever will be.
  runtime::Task<Status> committed(Offset end);
  // Returns when all that was appended is on the disk, whatever the policy.
  runtime::Task<Status> flush() { return partition_->flush(); }
  // What is appended from here on can be kept without what was before: returns where it begins.
  [[nodiscard]] Result<Offset> begin_segment();
  // Forgets what lies below `start`.
  runtime::Task<Status> free_below(Offset start) { return partition_->delete_records(start); }

  // Why nothing is written any more.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return partition_->size_bytes(); }
  [[nodiscard]] std::uint64_t appended_bytes() const { return appended_bytes_; }

 private:
  std::shared_ptr<log::Partition> partition_;
  log::BatchBuilder builder_;
  Bytes batch_;  // built, and refused by a full disk
  std::int64_t batch_records_ = 0;
  std::optional<Error> failure_;
  std::uint64_t appended_bytes_ = 0;
};

}  // namespace leat::keyspace
