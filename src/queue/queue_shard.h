#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "queue/partition_queues.h"
#include "queue/queues.h"
#include "stream/stream_shard.h"

namespace leat::queue {

class QueueService;
class QueueShard;

// All shards of this node. Immutable once built.
struct QueueNode {
  const stream::Streams& streams;
  std::vector<QueueShard*> shards;  // as in `streams`
  QueueService* service = nullptr;  // on shard 0
};

// The queues of one shard: those of the partitions that it owns, and the way to the others'. Everything here runs on that
// shard.
class QueueShard final : public Queues {
 public:
  // `number`: of the shard within the node. `index` outlives it.
  QueueShard(stream::StreamShard& streams, IndexStore& index, std::size_t number);
  ~QueueShard() override;

  // Before anything else is called.
  void connect(const QueueNode& node) { node_ = &node; }
  void start() { tasks_.spawn(follow_topics()); }
  // Follows the catalog; on return the queues of the snapshot can be used here. nullptr: topics have changed, queues not. An
  // older snapshot than the last one changes nothing.
  runtime::Task<> apply(QueuesPtr snapshot);
  // Ends the receives that wait, and lets none wait from now on.
  void end_waits();
  // Everything that was decided is durable on return. Calls get `cancelled` from now on.
  runtime::Task<> stop();
  // Why a topic may not have more partitions: groups of an ordered queue would move to others, out of order. Error:
  // invalid_argument.
  [[nodiscard]] Status check_growth(const TopicId& topic) const;
  // Why something that should be here is not.
  [[nodiscard]] Error why_missing() const;

  [[nodiscard]] QueuePtr find(std::string_view name) const override;
  [[nodiscard]] std::vector<QueuePtr> list(std::string_view prefix, std::string_view after,
                                           std::size_t count_max) const override;
  [[nodiscard]] runtime::Notifier& changed() override { return changed_; }
  runtime::Task<Result<QueuePtr>> create(NewQueue queue) override;
  runtime::Task<Result<QueuePtr>> alter(std::string name, QueueChange change) override;
  runtime::Task<Status> remove(std::string name) override;
  runtime::Task<std::vector<Result<Sent>>> send(QueuePtr queue, std::span<const NewMessage> messages) override;
  runtime::Task<Result<std::vector<Delivery>>> receive(QueuePtr queue, ReceiveRequest request) override;
  void end_gone_waits(const QueueId& queue) override;
  runtime::Task<std::vector<Status>> acknowledge(QueuePtr queue, std::span<const Receipt> receipts) override;
  runtime::Task<std::vector<Status>> set_lease(QueuePtr queue, std::span<const LeaseChange> changes) override;
  runtime::Task<Status> purge(QueuePtr queue) override;
  runtime::Task<Status> rewind(QueuePtr queue, StartAt to) override;
  runtime::Task<Result<Browsed>> browse(QueuePtr queue, std::size_t count_max, std::size_t bytes_max) override;
  runtime::Task<Result<QueueStats>> stats(QueuePtr queue) override;
  [[nodiscard]] std::vector<QueuePtr> dead_letter_sources(std::string_view name) const override;
  runtime::Task<Result<std::string>> start_redrive(std::string source, std::string destination,
                                                   double rate_max) override;
  runtime::Task<std::vector<Status>> redrive_messages(std::string source, std::string destination,
                                                      std::vector<MessageAt> messages) override;
  runtime::Task<Result<std::int64_t>> cancel_redrive(std::string id) override;
  runtime::Task<Result<std::vector<Redrive>>> redrives(std::string source, std::size_t count_max) override;

  // Appends a record as it is to the queue's topic; durable on return.
  runtime::Task<Status> append(QueuePtr queue, std::size_t spread, const log::NewRecord& record);
  // See QueuePartition.
  runtime::Task<Result<Delivery>> look(QueuePtr queue, MessageAt at);
  runtime::Task<Status> discard(QueuePtr queue, MessageAt at);
  // The offset that `at` means in each partition of the topic. Errors: not_found, those of Partition::find_time.
  runtime::Task<Result<std::vector<Offset>>> resolve(TopicId topic, StartAt at);

  // For metrics.
  [[nodiscard]] const std::map<TopicPartition, std::shared_ptr<PartitionQueues>>& partitions() const {
    return partitions_;
  }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }  // receives that wait for messages

  // --- what other shards ask of this one
  runtime::Task<Result<QueuePartition::Received>> receive_here(QueuePtr queue, ReceiveRequest request,
                                                               QueuePartition::Interest interest);
  runtime::Task<Result<std::shared_ptr<QueuePartition>>> find_here(const Queue& queue, PartitionIndex partition);
  [[nodiscard]] std::shared_ptr<PartitionQueues> find_here(const TopicPartition& id) const;
  // The same for one that may only have been made, and is served in a moment. nullptr: it is not.
  runtime::Task<std::shared_ptr<PartitionQueues>> await_here(TopicPartition id);
  void ring(QueueId queue);
  [[nodiscard]] stream::StreamShard& streams() { return streams_; }

 private:
  // The receives that wait on this shard for one queue's messages, and whose turn it is.
  struct Bell {
    runtime::Notifier wake;
    std::size_t waiting = 0;
    std::uint64_t rings = 0;
    std::size_t shard_turn = 0;      // which shard a receive asks first
    std::size_t partition_turn = 0;  // and which of its partitions this shard looks at first
    std::size_t send_turn = 0;       // which partition a send goes to
  };

  [[nodiscard]] std::int32_t partitions_of(const TopicId& topic_id) const;
  [[nodiscard]] std::vector<std::size_t> owners_of(const Queue& queue, std::size_t turn) const;
  [[nodiscard]] std::shared_ptr<Bell> bell_of(const QueueId& queue);
  [[nodiscard]] runtime::Shard& shard_of(std::size_t number) const;
  [[nodiscard]] PartitionIndex choose_partition(const Queue& queue, const NewMessage& message, std::int32_t partitions,
                                                std::size_t turn) const;
  runtime::Task<Result<QueuePartition::Received>> receive_once(QueuePtr queue, const ReceiveRequest& request,
                                                               bool will_wait, Bell& bell);
  template <class Item>
  runtime::Task<std::vector<Status>> for_each_partition(QueuePtr queue, std::span<const Item> items);
  runtime::Task<> ring_shard(std::size_t shard, QueueId queue);
  runtime::Task<Status> bury(QueuePtr queue, Offset offset, const log::NewRecord& record);
  void open_missing(const QueuesPtr& snapshot);
  runtime::Task<> follow_topics();

  stream::StreamShard& streams_;
  std::size_t number_;
  const QueueNode* node_ = nullptr;
  RecordReader reader_;
  ShardContext context_;
  QueuesPtr snapshot_ = std::make_shared<QueuesSnapshot>();
  catalog::TopicsPtr applied_topics_;
  std::map<TopicPartition, std::shared_ptr<PartitionQueues>> partitions_;
  std::unordered_map<QueueId, std::shared_ptr<Bell>> bells_;
  std::size_t waiting_ = 0;
  bool waits_end_ = false;
  bool stopping_ = false;
  runtime::Notifier stop_wake_;
  runtime::Notifier changed_;
  runtime::Budget changes_{1};  // one apply() at a time
  runtime::TaskScope tasks_;
};

}  // namespace leat::queue
