#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/partition.h"
#include "runtime/shard.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "stream/group_engine.h"
#include "stream/offsets_format.h"

namespace leat::stream {

// Runs the groups of one partition of __consumer_offsets, on the shard that owns the partition: rebuilds the engine from
// the partition, journals what the engine decides and lets replies out when their events are committed. Everything that
// is decided in one turn of the event loop is one append.
//
// When the journal fails, every request is answered with coordinator_not_available, and the engine is rebuilt once the
// partition serves again. When the disk is full the engine stays: its events wait for space, and commands that would add
// offsets are refused until then.
class GroupCoordinator {
 public:
  GroupCoordinator(std::shared_ptr<log::Partition> partition, const GroupConfig& config);
  GroupCoordinator(const GroupCoordinator&) = delete;
  GroupCoordinator& operator=(const GroupCoordinator&) = delete;
  ~GroupCoordinator();  // after stop(), if it was started

  // Begins to load. Until that is done commands get coordinator_load_in_progress, as Kafka's do.
  void start();
  // Lets out what is being committed, answers everything else with coordinator_not_available, and returns when no command
  // is left in any method below.
  runtime::Task<> stop();
  // Returns when the coordinator serves, or has stopped.
  runtime::Task<> wait_loaded();

  // Each returns when its reply may be sent: join() when the group's next generation begins, sync() when its leader has
  // assigned.
  runtime::Task<JoinReply> join(JoinCommand command);  // fills in command.fresh_id
  runtime::Task<SyncReply> sync(SyncCommand command);
  runtime::Task<HeartbeatReply> heartbeat(HeartbeatCommand command);
  runtime::Task<LeaveReply> leave(LeaveCommand command);
  runtime::Task<OffsetCommitReply> commit_offsets(OffsetCommitCommand command);
  runtime::Task<OffsetFetchReply> fetch_offsets(OffsetFetchCommand command);
  runtime::Task<OffsetDeleteReply> delete_offsets(OffsetDeleteCommand command);
  runtime::Task<DescribeGroupReply> describe(DescribeGroupCommand command);
  runtime::Task<ListGroupsReply> list(ListGroupsCommand command);
  runtime::Task<DeleteGroupReply> delete_group(DeleteGroupCommand command);
  runtime::Task<TopicDeletedReply> topic_deleted(TopicDeletedCommand command);

  // For metrics, on this shard: nullptr while it does not serve. It may be ahead of what is committed.
  [[nodiscard]] const GroupEngine* engine() const { return phase_ == Phase::serving ? engine_.get() : nullptr; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }        // times the engine had to be rebuilt
  [[nodiscard]] std::uint64_t damaged_records() const { return damaged_; }  // skipped by the last load

 private:
  enum class Phase { loading, serving, unavailable, stopped };
  class Ticker;
  class Waiter;
  // A reply that may go out once the high watermark has reached `end`.
  struct HeldReply {
    Offset end;
    AnsweredRequest answer;
  };

  runtime::Task<GroupReply> ask(GroupCommand command);
  template <class Reply>
  runtime::Task<Reply> ask_for(GroupCommand command);
  [[nodiscard]] std::optional<GroupError> reason_to_refuse(const GroupCommand& command) const;

  runtime::Task<> run();
  runtime::Task<Status> load();
  void replay(BytesView batches, Offset& next);
  void replay_batch(BytesView batch);
  void replay_record(const log::RecordView& record);
  runtime::Task<> serve();
  runtime::Task<> write_events();
  runtime::Task<> release_committed();
  void end_serving();

  [[nodiscard]] GroupTime now() const;
  void absorb(GroupDecision decision);
  void tick();
  void arm_ticker();
  Status append_pending();
  void release(AnsweredRequest answer);
  void fail(const Error& error);
  [[nodiscard]] bool is_drained() const { return pending_events_.empty() && held_.empty(); }

  std::shared_ptr<log::Partition> partition_;
  GroupConfig config_;
  runtime::Shard& shard_;
  Phase phase_ = Phase::loading;
  bool stopping_ = false;
  bool failed_ = false;   // the journal failed while serving
  bool stalled_ = false;  // the disk is full
  std::unique_ptr<GroupEngine> engine_;
  std::unique_ptr<Ticker> ticker_;

  std::uint64_t last_request_ = 0;
  std::unordered_map<RequestId, Waiter*> waiters_;
  std::deque<OffsetsRecord> pending_events_;      // decided, not appended
  std::vector<AnsweredRequest> pending_replies_;  // after_commit of those
  std::deque<HeldReply> held_;                    // appended, not committed
  Offset appended_end_{0};

  runtime::Notifier events_;      // there is something to append
  runtime::Notifier commits_;     // there is something to wait for
  runtime::Notifier phase_wake_;  // the phase changed, or stop() was called
  runtime::Notifier idle_;        // the last command has returned
  std::size_t asking_ = 0;
  runtime::TaskScope tasks_;
  std::uint64_t failures_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace leat::stream
