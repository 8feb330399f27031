#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "queue/engine.h"
#include "queue/group_appender.h"
#include "queue/index_store.h"
#include "queue/queues.h"
#include "queue/record_reader.h"
#include "runtime/shard.h"
#include "runtime/sync.h"

namespace leat::queue {

// What the queues of one shard share.
struct ShardContext {
  runtime::Shard& shard;
  RecordReader& reader;
  IndexStore& index;
  // Tells another shard (by its number) that a queue has messages for its consumers. Not called inside an engine.
  std::function<void(std::size_t shard, QueueId queue)> ring;
  // Appends a dead letter to the queue's dead-letter topic; durable on return.
  std::function<runtime::Task<Status>(QueuePtr queue, Offset offset, const log::NewRecord& record)> bury;
};

// Runs one queue's engine in one partition: reads ahead for it, journals what it decides, keeps its index, wakes it when
// its time comes and lets answers out when they are durable. On the partition's shard.
class QueuePartition {
 public:
  QueuePartition(ShardContext& context, QueuePtr queue, std::shared_ptr<log::Partition> data, GroupAppender& journal,
                 std::unique_ptr<Engine> engine);
  QueuePartition(const QueuePartition&) = delete;
  QueuePartition& operator=(const QueuePartition&) = delete;
  ~QueuePartition();

  // Once the engine is rebuilt.
  void start();
  // Ends what waits; on return nothing of this runs any more. `keep`: the queue will be back, so its index is saved.
  runtime::Task<> stop(bool keep);
  // `share`: of its settings, what this partition has.
  void configure(QueuePtr queue, const QueueSettings& share);
  // The log has grown or lost its start.
  void log_moved() { wake_.notify_all(); }

  // Who wants to be told when there are messages.
  struct Interest {
    std::size_t shard = 0;
    bool if_empty = false;  // when this call returns nothing
    bool always = false;    // others wait on that shard, too
  };
  struct Received {
    std::vector<Delivery> messages;
    bool has_more = false;
  };
  // `attempt_id`: see ReceiveRequest.
  runtime::Task<Result<Received>> receive(std::size_t count_max, Milliseconds lease, std::string attempt_id,
                                          Interest interest);
  runtime::Task<std::vector<Status>> acknowledge(std::span<const Receipt> receipts);
  runtime::Task<std::vector<Status>> set_lease(std::span<const LeaseChange> changes);
  runtime::Task<Status> purge();
  runtime::Task<Status> rewind(Offset to);
  runtime::Task<Result<Browsed>> browse(std::size_t count_max, std::size_t bytes_max);
  // One message, without leasing it. Errors: not_found, would_block (a consumer has it).
  runtime::Task<Result<Delivery>> look(Offset offset);
  // Takes it as acknowledged unless a consumer has it. Errors: those of look().
  runtime::Task<Status> discard(Offset offset);
  struct Stats {
    EngineStats engine;
    std::optional<Timestamp> oldest;
  };
  runtime::Task<Result<Stats>> stats();

  [[nodiscard]] const QueuePtr& queue() const { return queue_; }
  // On this shard; it may be ahead of what is committed.
  [[nodiscard]] Engine& engine() { return *engine_; }
  // Journals what the engine has decided. The group in which it is; nullptr: nothing was decided since the last call.
  GroupAppender::GroupPtr flush();
  // The same, and waits until everything that was decided so far is durable.
  runtime::Task<Status> commit();
  [[nodiscard]] std::uint64_t not_done() const;

 private:
  class Ticker;
  // What a receive with an attempt id got.
  struct Attempt {
    MonoTime until;
    std::vector<Engine::Leased> leased;
  };
  struct Erase {
    GroupAppender::GroupPtr after;  // durable
    std::vector<std::string> keys;
  };

  [[nodiscard]] Time now() const { return {context_.shard.now(), context_.shard.wall_now()}; }
  [[nodiscard]] std::optional<Error> reason_to_refuse() const;
  [[nodiscard]] Status check_free(Offset offset) const;
  [[nodiscard]] bool is_too_old(const log::RecordView& record) const;
  runtime::Task<> work();
  runtime::Task<bool> read_ahead();
  runtime::Task<bool> do_index_work();
  runtime::Task<Status> apply_index_work(IndexWork work);
  runtime::Task<bool> erase_used_up();
  void lose_index(const Error& error);
  runtime::Task<> bury_dead_letters();
  runtime::Task<Status> bury(Engine::DeadLetter letter);
  runtime::Task<std::vector<Engine::Leased>> lease_known(std::size_t count_max, Milliseconds lease);
  runtime::Task<> finish_receive(std::vector<Engine::Leased> leased, std::vector<Delivery>& out);
  [[nodiscard]] std::vector<Engine::Leased> repeat_attempt(const std::string& attempt_id, Milliseconds lease);
  void remember_attempt(const std::string& attempt_id, const std::vector<Engine::Leased>& leased);
  void tick();
  void arm_ticker(const Time& time);
  void ring(const Time& time);

  ShardContext& context_;
  QueuePtr queue_;
  std::shared_ptr<log::Partition> data_;
  GroupAppender& journal_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Ticker> ticker_;
  runtime::Notifier wake_;       // there may be something to do
  runtime::Notifier read_wake_;  // more is known than before
  runtime::Notifier dead_wake_;
  GroupAppender::GroupPtr last_group_;  // in which the latest events are
  std::optional<Error> read_failure_;   // why what comes next cannot be read
  std::deque<Erase> erases_;
  std::map<std::string, Attempt> attempts_;
  std::deque<std::pair<MonoTime, std::string>> attempt_order_;
  std::vector<std::uint8_t> interested_;  // by shard
  bool has_interest_ = false;
  bool stopping_ = false;
  std::size_t running_ = 0;  // calls under way
  runtime::Notifier idle_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::queue
