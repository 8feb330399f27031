#include "stream/group_coordinator.h"

#include <algorithm>
#include <cassert>

#include "base/logging.h"

namespace leat::stream {
namespace {

constexpr std::uint64_t kLoadChunk = 256 << 10;  // replayed without letting others run
constexpr std::size_t kBatchSize = 512 << 10;    // a larger record is alone in its batch
constexpr std::size_t kDecompressedMax = 64 << 20;
constexpr Milliseconds kReloadDelay{500};
constexpr Milliseconds kDiskFullRetry{500};
constexpr Milliseconds kCommitPatience{60'000};

// A reply of the command's kind that says only `error`.
struct Refusal {
  GroupError error;

  GroupReply operator()(const JoinCommand& command) const {
    JoinReply reply;
    reply.error = error;
    reply.member_id = command.member_id;
    return reply;
  }
  GroupReply operator()(const SyncCommand&) const { return SyncReply{error}; }
  GroupReply operator()(const HeartbeatCommand&) const { return HeartbeatReply{error}; }
  GroupReply operator()(const LeaveCommand&) const { return LeaveReply{error, {}}; }
  GroupReply operator()(const OffsetCommitCommand&) const { return OffsetCommitReply{error, {}}; }
  GroupReply operator()(const OffsetFetchCommand&) const { return OffsetFetchReply{error, {}}; }
  GroupReply operator()(const OffsetDeleteCommand&) const { return OffsetDeleteReply{error, {}}; }
  GroupReply operator()(const DescribeGroupCommand& command) const {
    return DescribeGroupReply{error, command.group_id};
  }
  GroupReply operator()(const ListGroupsCommand&) const { return ListGroupsReply{error, {}}; }
  GroupReply operator()(const DeleteGroupCommand&) const { return DeleteGroupReply{error}; }
  GroupReply operator()(const TopicDeletedCommand&) const { return TopicDeletedReply{error}; }
};

GroupReply refusal(const GroupCommand& command, GroupError error) { return std::visit(Refusal{error}, command); }

bool adds_records(const GroupCommand& command) {
  return std::holds_alternative<OffsetCommitCommand>(command) || std::holds_alternative<OffsetDeleteCommand>(command) ||
         std::holds_alternative<DeleteGroupCommand>(command) || std::holds_alternative<TopicDeletedCommand>(command);
}

}  // namespace

// Wakes the engine at its deadlines.
class GroupCoordinator::Ticker final : public runtime::Timer {
 public:
  explicit Ticker(GroupCoordinator& owner) : owner_(owner) {}
  ~Ticker() override { cancel(); }

 private:
  void fire() override { owner_.tick(); }
  GroupCoordinator& owner_;
};

// One command in its caller's frame, until it is answered.
class GroupCoordinator::Waiter {
 public:
  Waiter(runtime::Shard& shard, GroupReply if_dropped) : shard_(shard), reply_(std::move(if_dropped)) {}

  bool await_ready() const noexcept { return answered_; }
  void await_suspend(std::coroutine_handle<> awaiting) { awaiting_ = awaiting; }
  GroupReply await_resume() { return std::move(reply_); }

  void answer(GroupReply reply) {
    reply_ = std::move(reply);
    drop();
  }
  // Answers with what the constructor was given.
  void drop() {
    assert(!answered_);
    answered_ = true;
    if (awaiting_) shard_.resume_later(awaiting_);
  }

 private:
  runtime::Shard& shard_;
  GroupReply reply_;
  bool answered_ = false;
  std::coroutine_handle<> awaiting_;
};

GroupCoordinator::GroupCoordinator(std::shared_ptr<log::Partition> partition, const GroupConfig& config)
    : partition_(std::move(partition)),
      config_(config),
      shard_(runtime::Shard::current()),
      ticker_(std::make_unique<Ticker>(*this)) {}

GroupCoordinator::~GroupCoordinator() { assert(asking_ == 0); }

void GroupCoordinator::start() { tasks_.spawn(run()); }

runtime::Task<> GroupCoordinator::stop() {
  stopping_ = true;
  for (auto* notifier : {&events_, &commits_, &phase_wake_}) notifier->notify_all();
  co_await tasks_.join();
  end_serving();
  phase_ = Phase::stopped;
  phase_wake_.notify_all();
  while (asking_ != 0) co_await idle_.wait();
}

runtime::Task<> GroupCoordinator::wait_loaded() {
  while (phase_ != Phase::serving && phase_ != Phase::stopped) co_await phase_wake_.wait();
}

// ---- Commands -------------------------------------------------------------------------------------------------------

std::optional<GroupError> GroupCoordinator::reason_to_refuse(const GroupCommand& command) const {
  if (stopping_) return GroupError::coordinator_not_available;
  switch (phase_) {
    case Phase::loading:
      // Clients that know no such error are told what makes them do the right thing.
      if (std::holds_alternative<HeartbeatCommand>(command)) return GroupError::none;
      if (std::holds_alternative<SyncCommand>(command)) return GroupError::rebalance_in_progress;
      return GroupError::coordinator_load_in_progress;
    case Phase::serving:
      if (stalled_ && adds_records(command)) return GroupError::coordinator_not_available;
      return failed_ ? std::optional(GroupError::coordinator_not_available) : std::nullopt;
    case Phase::unavailable:
    case Phase::stopped: break;
  }
  return GroupError::coordinator_not_available;
}

runtime::Task<GroupReply> GroupCoordinator::ask(GroupCommand command) {
  if (const auto refused = reason_to_refuse(command)) co_return refusal(command, *refused);
  ++asking_;
  const RequestId request(++last_request_);
  Waiter waiter(shard_, refusal(command, GroupError::coordinator_not_available));
  waiters_[request] = &waiter;
  absorb(engine_->decide(request, std::move(command), now()));
  GroupReply reply = co_await waiter;
  if (--asking_ == 0) idle_.notify_all();
  co_return reply;
}

template <class Reply>
runtime::Task<Reply> GroupCoordinator::ask_for(GroupCommand command) {
  GroupReply reply = co_await ask(std::move(command));
  co_return std::get<Reply>(std::move(reply));
}

runtime::Task<JoinReply> GroupCoordinator::join(JoinCommand command) {
  const std::uint64_t high = shard_.random();
  command.fresh_id = Uuid::from_random(high, shard_.random());
  return ask_for<JoinReply>(std::move(command));
}
runtime::Task<SyncReply> GroupCoordinator::sync(SyncCommand command) { return ask_for<SyncReply>(std::move(command)); }
runtime::Task<HeartbeatReply> GroupCoordinator::heartbeat(HeartbeatCommand command) {
  return ask_for<HeartbeatReply>(std::move(command));
}
runtime::Task<LeaveReply> GroupCoordinator::leave(LeaveCommand command) {
  return ask_for<LeaveReply>(std::move(command));
}
runtime::Task<OffsetCommitReply> GroupCoordinator::commit_offsets(OffsetCommitCommand command) {
  return ask_for<OffsetCommitReply>(std::move(command));
}
runtime::Task<OffsetFetchReply> GroupCoordinator::fetch_offsets(OffsetFetchCommand command) {
  return ask_for<OffsetFetchReply>(std::move(command));
}
runtime::Task<OffsetDeleteReply> GroupCoordinator::delete_offsets(OffsetDeleteCommand command) {
  return ask_for<OffsetDeleteReply>(std::move(command));
}
runtime::Task<DescribeGroupReply> GroupCoordinator::describe(DescribeGroupCommand command) {
  return ask_for<DescribeGroupReply>(std::move(command));
}
runtime::Task<ListGroupsReply> GroupCoordinator::list(ListGroupsCommand command) {
  return ask_for<ListGroupsReply>(std::move(command));
}
runtime::Task<DeleteGroupReply> GroupCoordinator::delete_group(DeleteGroupCommand command) {
  return ask_for<DeleteGroupReply>(std::move(command));
}
runtime::Task<TopicDeletedReply> GroupCoordinator::topic_deleted(TopicDeletedCommand command) {
  return ask_for<TopicDeletedReply>(std::move(command));
}

GroupTime GroupCoordinator::now() const { return {shard_.now(), shard_.wall_now()}; }

void GroupCoordinator::absorb(GroupDecision decision) {
  for (const GroupEvent& event : decision.events) pending_events_.push_back(encode_group_event(event));
  for (AnsweredRequest& answer : decision.now) release(std::move(answer));
  for (AnsweredRequest& answer : decision.after_commit) {
    if (!pending_events_.empty()) {
      pending_replies_.push_back(std::move(answer));
    } else if (!held_.empty() || partition_->high_watermark() < appended_end_) {
      held_.push_back({appended_end_, std::move(answer)});
      commits_.notify_all();
    } else {
      release(std::move(answer));
    }
  }
  if (!pending_events_.empty()) events_.notify_all();
  arm_ticker();
}

void GroupCoordinator::release(AnsweredRequest answer) {
  const auto found = waiters_.find(answer.request);
  if (found == waiters_.end()) return;
  Waiter* waiter = found->second;
  waiters_.erase(found);
  waiter->answer(std::move(answer.reply));
}

void GroupCoordinator::tick() {
  if (phase_ == Phase::serving && !failed_ && !stopping_) absorb(engine_->tick(now()));
}

void GroupCoordinator::arm_ticker() {
  const auto next = engine_->next_deadline();
  if (ticker_->armed() && next && ticker_->deadline() == *next) return;
  ticker_->cancel();
  if (next) shard_.timers().arm(*ticker_, *next);
}

// ---- Loading --------------------------------------------------------------------------------------------------------

runtime::Task<> GroupCoordinator::run() {
  while (!stopping_) {
    phase_ = Phase::loading;
    const Status loaded = co_await load();
    if (loaded) {
      co_await serve();
    } else if (!stopping_) {
      log_warning("stream", "cannot load the groups of {}: {}", partition_->id(), loaded.error().message);
    }
    end_serving();
    phase_ = Phase::unavailable;
    if (!stopping_) co_await phase_wake_.wait_until(shard_.now() + kReloadDelay);
  }
}

runtime::Task<Status> GroupCoordinator::load() {
  engine_ = std::make_unique<GroupEngine>(config_);
  damaged_ = 0;
  Offset next = partition_->log_start();
  while (true) {
    if (stopping_) co_return leat::fail(Errc::cancelled, "the coordinator stops");
    Result<Bytes> batches = co_await partition_->copy(next, kLoadChunk, true);
    if (!batches) co_return leat::fail(std::move(batches.error()));
    if (batches->empty()) break;
    replay(*batches, next);
    co_await runtime::sleep_for(Duration::zero());
  }
  // What is read here may be told to clients: it must not be lost any more.
  appended_end_ = partition_->log_end();
  while (partition_->high_watermark() < appended_end_ && !stopping_) {
    const Status committed = co_await partition_->wait_committed(appended_end_, shard_.now() + kReloadDelay);
    if (!committed && committed.error().code != Errc::timed_out) co_return committed;
  }
  engine_->finish_loading(now());
  if (damaged_ != 0) {
    log_warning("stream", "{} unreadable records of {} were skipped", damaged_, partition_->id());
  }
  co_return Status();
}

// Moves `next` behind the last of `batches`.
void GroupCoordinator::replay(BytesView batches, Offset& next) {
  while (!batches.empty()) {
    const Result<log::BatchHeader> header = log::decode_batch_header(batches);
    if (!header || header->total_size() > batches.size()) break;  // the log returns whole batches only
    if (!header->is_control()) replay_batch(batches.first(header->total_size()));
    next = header->next_offset();
    batches = batches.subspan(header->total_size());
  }
}

void GroupCoordinator::replay_batch(BytesView batch) {
  auto reader = log::BatchReader::open(batch, kDecompressedMax);
  if (!reader) {
    ++damaged_;
    return;
  }
  while (true) {
    const auto record = reader->next();
    if (!record) ++damaged_;
    if (!record || !*record) return;
    replay_record(**record);
  }
}

void GroupCoordinator::replay_record(const log::RecordView& record) {
  if (!record.key) {
    ++damaged_;
    return;
  }
  const auto event = decode_group_event(*record.key, record.value);
  if (!event) {
    ++damaged_;
    log_debug("stream", "record {} of {}: {}", record.offset, partition_->id(), event.error().message);
  } else if (*event) {
    engine_->load(**event);
  }
}

// ---- Serving --------------------------------------------------------------------------------------------------------

runtime::Task<> GroupCoordinator::serve() {
  failed_ = false;
  stalled_ = false;
  phase_ = Phase::serving;
  phase_wake_.notify_all();
  arm_ticker();
  runtime::TaskScope loops;
  loops.spawn(write_events());
  loops.spawn(release_committed());
  co_await loops.join();
}

// Forgets the engine and everything that waits for it.
void GroupCoordinator::end_serving() {
  ticker_->cancel();
  engine_.reset();
  pending_events_.clear();
  pending_replies_.clear();
  held_.clear();
  stalled_ = false;
  for (const auto& [request, waiter] : std::exchange(waiters_, {})) waiter->drop();
}

runtime::Task<> GroupCoordinator::write_events() {
  while (!failed_) {
    if (pending_events_.empty()) {
      if (stopping_) break;
      co_await events_.wait();  // resumed after all that is ready now: one append holds what they all decide
      continue;
    }
    const Status appended = append_pending();
    const bool was_stalled = std::exchange(stalled_, !appended);
    if (appended) {
      commits_.notify_all();
    } else if (appended.error().code != Errc::disk_full || stopping_) {
      fail(appended.error());
    } else {
      if (!was_stalled) log_warning("stream", "groups of {} wait for disk space", partition_->id());
      co_await events_.wait_until(shard_.now() + kDiskFullRetry);
    }
  }
  commits_.notify_all();
}

// Appends the waiting events in as few batches as their sizes allow. After an error those not appended still wait.
Status GroupCoordinator::append_pending() {
  const GroupTime time = now();
  while (!pending_events_.empty()) {
    log::BatchBuilder builder;
    std::size_t count = 0;
    for (const OffsetsRecord& record : pending_events_) {
      if (count != 0 && builder.uncompressed_size() >= kBatchSize) break;
      std::optional<BytesView> value;
      if (record.value) value = record.value->view();
      builder.add({time.wall, record.key.view(), value, {}});
      ++count;
    }
    LEAT_TRY(const Bytes bytes, builder.build());
    LEAT_TRY(const log::BatchHeader header, log::decode_batch_header(bytes));
    LEAT_TRY(const log::Appended appended, partition_->append({header, bytes, {}}, time.wall));
    appended_end_ = appended.end;
    pending_events_.erase(pending_events_.begin(), pending_events_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  for (AnsweredRequest& answer : pending_replies_) held_.push_back({appended_end_, std::move(answer)});
  pending_replies_.clear();
  return {};
}

runtime::Task<> GroupCoordinator::release_committed() {
  while (!failed_) {
    if (held_.empty()) {
      if (stopping_ && is_drained()) break;
      co_await commits_.wait();
      continue;
    }
    const Offset end = held_.front().end;
    const Status committed = co_await partition_->wait_committed(end, shard_.now() + kCommitPatience);
    if (!committed && committed.error().code != Errc::timed_out) fail(committed.error());
    while (!failed_ && !held_.empty() && held_.front().end <= partition_->high_watermark()) {
      release(std::move(held_.front().answer));
      held_.pop_front();
    }
  }
}

void GroupCoordinator::fail(const Error& error) {
  if (failed_) return;
  failed_ = true;
  ++failures_;
  log_error("stream", "the groups of {} start over, their journal failed: {}", partition_->id(), error.message);
  events_.notify_all();
  commits_.notify_all();
}

}  // namespace leat::stream
