#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "queue/queue_catalog.h"
#include "queue/queue_shard.h"
#include "stream/topic_service.h"

namespace leat::queue {

// Keeps the shards in step with the catalog's queues, makes the changes to them, and moves messages back from dead-letter
// queues. Lives on shard 0; everything is called there.
class QueueService {
 public:
  // All outlive it.
  QueueService(catalog::Catalog& catalog, stream::TopicService& topics, const QueueNode& node);
  QueueService(const QueueService&) = delete;
  QueueService& operator=(const QueueService&) = delete;

  // Opens every queue and begins to follow the catalog. Topics are open.
  runtime::Task<Status> start();
  // Ends redrives, which go on at the next start. Before the shards' queues stop.
  runtime::Task<> stop_redrives();
  // After the catalog's close() has ended its watches.
  runtime::Task<> stop();

  runtime::Task<Result<QueuePtr>> create(NewQueue queue);
  runtime::Task<Result<QueuePtr>> alter(std::string name, QueueChange change);
  runtime::Task<Status> remove(std::string name);

  runtime::Task<Result<std::string>> start_redrive(std::string source, std::string destination, double rate_max);
  runtime::Task<std::vector<Status>> redrive_messages(std::string source, std::string destination,
                                                      std::vector<MessageAt> messages);
  runtime::Task<Result<std::int64_t>> cancel_redrive(std::string id);
  runtime::Task<Result<std::vector<Redrive>>> redrives(std::string source, std::size_t count_max);

 private:
  void publish(QueuesPtr next);
  runtime::Task<> apply_published();
  runtime::Task<> apply(QueuesPtr snapshot);
  runtime::Task<Status> wait_applied(catalog::Revision revision);
  runtime::Task<Result<QueuePtr>> create_on_topic(NewQueue queue, bool owns_topic);
  runtime::Task<Status> create_topic(const NewQueue& queue);
  [[nodiscard]] QueueShard& here() const { return *node_.shards[0]; }
  [[nodiscard]] const catalog::TopicsSnapshot& topics() const { return *here().streams().topics(); }

  runtime::Task<> run_redrive(StoredRedrive stored);
  runtime::Task<Status> move_messages(StoredRedrive& stored);
  [[nodiscard]] Result<QueuePtr> destination_of(std::string_view destination, const log::RecordView& record) const;
  runtime::Task<Status> append_again(QueuePtr target, const Delivery& message);
  runtime::Task<Status> move_one(QueuePtr source, std::string destination, MessageAt at);
  runtime::Task<> save_progress(StoredRedrive& stored);

  catalog::Catalog& catalog_;
  stream::TopicService& topics_;
  const QueueNode& node_;
  QueuesPtr published_;
  QueuesPtr applied_;
  runtime::Notifier published_wake_;
  runtime::Notifier applied_wake_;
  runtime::Notifier redrive_wake_;
  runtime::Budget changes_{1};              // one change at a time
  std::map<std::string, Redrive> running_;  // by id
  bool redrives_stopping_ = false;
  bool stopping_ = false;
  runtime::TaskScope redrives_;
  runtime::TaskScope tasks_;
};

// The same, for runtime::call_on.
runtime::Task<Result<QueuePtr>> create_on(QueueService* service, NewQueue queue);
runtime::Task<Result<QueuePtr>> alter_on(QueueService* service, std::string name, QueueChange change);
runtime::Task<Status> remove_on(QueueService* service, std::string name);
runtime::Task<Result<std::string>> start_redrive_on(QueueService* service, std::string source, std::string destination,
                                                    double rate_max);
runtime::Task<std::vector<Status>> redrive_messages_on(QueueService* service, std::string source,
                                                       std::string destination, std::vector<MessageAt> messages);
runtime::Task<Result<std::int64_t>> cancel_redrive_on(QueueService* service, std::string id);
runtime::Task<Result<std::vector<Redrive>>> redrives_on(QueueService* service, std::string source,
                                                        std::size_t count_max);

}  // namespace leat::queue
