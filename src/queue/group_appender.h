#pragma once

#include <deque>
#include <memory>

#include "base/result.h"
#include "log/batch.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "stream/stream_partition.h"

namespace leat::queue {

// Appends records to one partition, those of one turn of the event loop in one batch, and tells when they are committed.
// On the partition's shard.
class GroupAppender {
 public:
  // Records that are appended, committed or refused together.
  class Group {
   public:
    [[nodiscard]] bool is_finished() const { return finished_; }
    [[nodiscard]] const Status& status() const { return status_; }  // of a finished one
    [[nodiscard]] Offset base() const { return base_; }             // of a finished one that did not fail

   private:
    friend class GroupAppender;
    log::BatchBuilder builder_;
    Bytes batch_;  // built, not appended yet
    bool finished_ = false;
    Status status_;
    Offset base_;
    Offset end_;
    runtime::Notifier wake_;
  };
  using GroupPtr = std::shared_ptr<Group>;
  // Where a record was put.
  struct Ticket {
    GroupPtr group;
    std::int64_t index = 0;
    [[nodiscard]] Offset offset() const { return group->base() + index; }
  };

  enum class OnFullDisk : std::uint8_t { refuse, wait };
  GroupAppender(std::shared_ptr<stream::StreamPartition> partition, OnFullDisk on_full_disk)
      : partition_(std::move(partition)), on_full_disk_(on_full_disk) {}
  GroupAppender(const GroupAppender&) = delete;
  GroupAppender& operator=(const GroupAppender&) = delete;

  void start();
  // Appends what was added, then returns. Later records are refused with `cancelled`.
  runtime::Task<> stop();

  // Copies the record. It will stand behind all that were added before.
  Ticket add(const log::NewRecord& record);
  // Returns when the records of the group are committed, or never will be: then nothing is known about them.
  // Errors: those of Partition::append and wait_committed, cancelled; disk_full when they wait for space for too long: they
  // stay and may still be committed.
  runtime::Task<Status> committed(GroupPtr group);

  // Why nothing is appended any more: the partition failed. It serves again after a restart.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  // The disk is full; what was added waits for space.
  [[nodiscard]] bool is_stalled() const { return stalled_; }
  // Bytes appended so far.
  [[nodiscard]] std::uint64_t appended_bytes() const { return appended_bytes_; }

 private:
  runtime::Task<> append_groups();
  runtime::Task<> follow_commits();
  [[nodiscard]] Status append(Group& group);
  void finish(Group& group, Status status);
  void fail_all(const Error& error);

  std::shared_ptr<stream::StreamPartition> partition_;
  OnFullDisk on_full_disk_;
  std::deque<GroupPtr> added_;     // the last one may still grow
  std::deque<GroupPtr> appended_;  // not committed
  runtime::Notifier added_wake_;
  runtime::Notifier appended_wake_;
  runtime::TaskScope tasks_;
  std::optional<Error> failure_;
  bool stalled_ = false;
  bool stopping_ = false;
  std::uint64_t appended_bytes_ = 0;
};

}  // namespace leat::queue
