#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "queue/deduplicator.h"
#include "queue/queue_catalog.h"
#include "queue/queue_partition.h"

namespace leat::queue {

// All queues of one partition of a topic, their journal, and what is sent through them. On the partition's shard.
class PartitionQueues {
 public:
  PartitionQueues(ShardContext& context, std::shared_ptr<stream::StreamPartition> data,
                  std::shared_ptr<stream::StreamPartition> journal);
  PartitionQueues(const PartitionQueues&) = delete;
  PartitionQueues& operator=(const PartitionQueues&) = delete;

  // Begins to rebuild `queues` from the journal; calls wait for that.
  // `partitions`: of the topic.
  void start(const QueuesPtr& snapshot, std::int32_t partitions);
  // Follows the catalog: opens queues that are new, closes those that are gone, passes settings on.
  runtime::Task<> update(QueuesPtr snapshot, std::int32_t partitions);
  // On an orderly stop everything that was decided is durable on return.
  runtime::Task<> stop();

  // nullptr: no such queue here. Waits for the journal to be read. Error: why it could not be.
  runtime::Task<Result<std::shared_ptr<QueuePartition>>> find(QueueId queue);
  // Whether any queue is here.
  [[nodiscard]] bool empty() const { return queues_.empty() && inlets_.empty(); }

  // One outcome a message; see Queues::send.
  runtime::Task<std::vector<Result<Sent>>> send(QueuePtr queue, std::span<const NewMessage> messages);
  // Appends a record as it is; durable on return.
  runtime::Task<Status> append(log::NewRecord record);

  [[nodiscard]] const std::map<QueueId, std::shared_ptr<QueuePartition>>& queues() const { return queues_; }
  [[nodiscard]] log::Partition& log() { return data_->log(); }

 private:
  // Tells the queues that the log has grown.
  class Watch final : public log::ProgressWatch {
   public:
    explicit Watch(PartitionQueues& owner) : owner_(owner) {}
    void on_progress() override;

   private:
    PartitionQueues& owner_;
  };
  struct Loading {
    std::unique_ptr<Engine> engine;
    StoredQueue stored;
    Bytes snapshot;  // its pieces so far
    std::uint64_t pieces = 0;
    Status status;
  };
  // What became of one message of a send.
  struct Sending {
    Result<Sent> outcome;
    std::optional<GroupAppender::Ticket> ticket;
  };

  runtime::Task<> run(QueuesPtr snapshot);
  runtime::Task<Status> load(QueuesPtr snapshot);
  runtime::Task<Status> replay(std::map<QueueId, Loading>& loading);
  [[nodiscard]] Status replay_record(const log::RecordView& record, std::map<QueueId, Loading>& loading);
  runtime::Task<Status> load_recent_ids(const QueuesSnapshot& snapshot);
  runtime::Task<> open(StoredQueue stored);
  [[nodiscard]] std::vector<std::shared_ptr<QueuePartition>> all() const;
  void add(StoredQueue stored, std::unique_ptr<Engine> engine);
  runtime::Task<> close(std::shared_ptr<QueuePartition> queue);

  [[nodiscard]] Sending begin_send(const Queue& queue, const NewMessage& message, Timestamp now);
  [[nodiscard]] bool is_at_limit(const Queue& queue) const;
  runtime::Task<bool> wait_for_room(QueuePtr queue);

  runtime::Task<> maintain();
  runtime::Task<> free_done_segments();
  runtime::Task<> save_snapshots();
  void take_inlets(const QueuesSnapshot& snapshot);
  // Those of queues_ and inlets_.
  [[nodiscard]] std::vector<QueuePtr> all_known() const;
  [[nodiscard]] Milliseconds longest_window() const;

  [[nodiscard]] QueueSettings share_of(QueueSettings settings) const;
  [[nodiscard]] Time now() const { return {context_.shard.now(), context_.shard.wall_now()}; }

  ShardContext& context_;
  std::shared_ptr<stream::StreamPartition> data_;
  std::shared_ptr<stream::StreamPartition> journal_log_;
  GroupAppender sends_;
  GroupAppender journal_;
  Deduplicator deduplicator_;
  Watch watch_{*this};
  std::map<QueueId, std::shared_ptr<QueuePartition>> queues_;
  std::map<QueueId, QueuePtr> inlets_;  // those that deliver nothing
  std::int32_t partitions_ = 1;
  std::set<QueueId> closed_;  // were here once: the journal knows them
  bool loaded_ = false;
  std::optional<Error> failure_;  // why it could not be loaded
  bool stopping_ = false;
  std::uint64_t snapshot_at_ = 0;    // bytes journalled when the last snapshot was taken
  std::uint64_t snapshot_size_ = 0;  // what it took
  runtime::Notifier loaded_wake_;
  runtime::Notifier stop_wake_;
  runtime::Budget changes_{1};  // one update at a time
  runtime::TaskScope tasks_;
};

}  // namespace leat::queue
