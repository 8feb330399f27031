#include "queue/group_appender.h"

#include "base/logging.h"
#include "runtime/shard.h"

namespace leat::queue {
namespace {

constexpr std::size_t kBatchSize = 512 << 10;  // a larger record is alone in its batch
constexpr Milliseconds kDiskFullRetry{500};
constexpr Milliseconds kStallPatience{5'000};
constexpr Milliseconds kCommitPatience{60'000};

}  // namespace

void GroupAppender::start() {
  tasks_.spawn(append_groups());
  tasks_.spawn(follow_commits());
}

runtime::Task<> GroupAppender::stop() {
  stopping_ = true;
  added_wake_.notify_all();
  appended_wake_.notify_all();
  co_await tasks_.join();
}

GroupAppender::Ticket GroupAppender::add(const log::NewRecord& record) {
  const bool is_open =
      !added_.empty() && added_.back()->batch_.empty() && added_.back()->builder_.uncompressed_size() < kBatchSize;
  if (!is_open) added_.push_back(std::make_shared<Group>());
  const GroupPtr& group = added_.back();
  const auto index = static_cast<std::int64_t>(group->builder_.record_count());
  group->builder_.add(record);
  Ticket ticket{group, index};
  if (failure_ || stopping_) {
    fail_all(failure_.value_or(Error{Errc::cancelled, "the server stops"}));
  } else {
    added_wake_.notify_all();
  }
  return ticket;
}

runtime::Task<Status> GroupAppender::committed(GroupPtr group) {
  while (!group->finished_) {
    if (!stalled_) {
      co_await group->wake_.wait();
    } else if (!co_await group->wake_.wait_until(runtime::Shard::current().now() + kStallPatience) && stalled_) {
      co_return fail(Errc::disk_full, "the disk is full; it is not known whether the change will be durable");
    }
  }
  co_return group->status_;
}

runtime::Task<> GroupAppender::append_groups() {
  while (true) {
    if (added_.empty()) {
      if (stopping_ || failure_) break;
      co_await added_wake_.wait();  // resumed after all that is ready now: one batch holds what they all add
      continue;
    }
    const GroupPtr group = added_.front();
    const Status appended = append(*group);
    const bool is_full = !appended && appended.error().code == Errc::disk_full;
    const bool was_stalled = std::exchange(stalled_, is_full && on_full_disk_ == OnFullDisk::wait);
    if (stalled_ && !stopping_) {
      if (!was_stalled) log_warning("queue", "{} waits for disk space", partition_->log().id());
      for (const GroupPtr& waiting : added_) waiting->wake_.notify_all();  // they wait no longer than they must
      co_await added_wake_.wait_until(runtime::Shard::current().now() + kDiskFullRetry);
      continue;
    }
    added_.pop_front();
    if (!appended) {
      finish(*group, appended);
      if (!is_full && appended.error().code != Errc::message_too_large) fail_all(appended.error());
      continue;
    }
    if (appended_.empty() && partition_->log().high_watermark() >= group->end_) {
      finish(*group, {});
    } else {
      appended_.push_back(group);
      appended_wake_.notify_all();
    }
  }
  appended_wake_.notify_all();
}

Status GroupAppender::append(Group& group) {
  const Timestamp now = runtime::Shard::current().wall_now();
  // A builder gives its records away: on a full disk the batch is kept for the next attempt.
  if (group.batch_.empty()) {
    LEAT_TRY(group.batch_, group.builder_.build());
  }
  LEAT_TRY(const log::BatchHeader header, log::decode_batch_header(group.batch_));
  LEAT_TRY(const stream::Produced produced, partition_->produce({header, group.batch_, {}}, now));
  group.base_ = produced.base;
  group.end_ = produced.end;
  appended_bytes_ += group.batch_.size();
  group.batch_ = Bytes();
  return {};
}

runtime::Task<> GroupAppender::follow_commits() {
  while (true) {
    if (appended_.empty()) {
      if (failure_ || (stopping_ && added_.empty())) break;
      co_await appended_wake_.wait();
      continue;
    }
    log::Partition& log = partition_->log();
    const Status committed =
        co_await log.wait_committed(appended_.front()->end_, runtime::Shard::current().now() + kCommitPatience);
    if (!committed && committed.error().code != Errc::timed_out) fail_all(committed.error());
    while (!appended_.empty() && appended_.front()->end_ <= log.high_watermark()) {
      const GroupPtr group = std::move(appended_.front());
      appended_.pop_front();
      finish(*group, {});
    }
  }
}

void GroupAppender::finish(Group& group, Status status) {
  group.finished_ = true;
  group.status_ = std::move(status);
  group.wake_.notify_all();
}

void GroupAppender::fail_all(const Error& error) {
  if (!failure_ && !stopping_) {
    failure_ = error;
    log_error("queue", "{} takes no more records: {}", partition_->log().id(), error.message);
  }
  for (const auto* groups : {&added_, &appended_}) {
    for (const GroupPtr& group : *groups) finish(*group, fail(error));
  }
  added_.clear();
  appended_.clear();
  added_wake_.notify_all();
  appended_wake_.notify_all();
}

}  // namespace leat::queue
