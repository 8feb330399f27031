#pragma once

#include <deque>
#include <map>

#include "queue/queues.h"
#include "runtime/sync.h"

namespace leat::sqs::testing {

// Queues in the memory of one shard, simple and exact: what the protocols of SQS and SNS are tested on. What is sent to a
// queue comes to all queues on its topic.
class MemoryQueues final : public queue::Queues {
 public:
  using QueuePtr = queue::QueuePtr;
  template <class T>
  using Task = runtime::Task<T>;

  [[nodiscard]] QueuePtr find(std::string_view name) const override;
  [[nodiscard]] std::vector<QueuePtr> list(std::string_view prefix, std::string_view after,
                                           std::size_t count_max) const override;
  [[nodiscard]] runtime::Notifier& changed() override { return changed_; }
  Task<Result<QueuePtr>> create(queue::NewQueue queue) override;
  Task<Result<QueuePtr>> alter(std::string name, queue::QueueChange change) override;
  Task<Status> remove(std::string name) override;
  Task<std::vector<Result<queue::Sent>>> send(QueuePtr queue, std::span<const queue::NewMessage> messages) override;
  Task<Result<std::vector<queue::Delivery>>> receive(QueuePtr queue, queue::ReceiveRequest request) override;
  void end_gone_waits(const queue::QueueId& queue) override;
  Task<std::vector<Status>> acknowledge(QueuePtr queue, std::span<const queue::Receipt> receipts) override;
  Task<std::vector<Status>> set_lease(QueuePtr queue, std::span<const queue::LeaseChange> changes) override;
  Task<Status> purge(QueuePtr queue) override;
  Task<Status> rewind(QueuePtr queue, queue::StartAt to) override;
  Task<Result<queue::Browsed>> browse(QueuePtr queue, std::size_t count_max, std::size_t bytes_max) override;
  Task<Result<queue::QueueStats>> stats(QueuePtr queue) override;
  [[nodiscard]] std::vector<QueuePtr> dead_letter_sources(std::string_view name) const override;
  Task<Result<std::string>> start_redrive(std::string source, std::string destination, double rate_max) override;
  Task<std::vector<Status>> redrive_messages(std::string source, std::string destination,
                                             std::vector<queue::MessageAt> messages) override;
  Task<Result<std::int64_t>> cancel_redrive(std::string id) override;
  Task<Result<std::vector<queue::Redrive>>> redrives(std::string source, std::size_t count_max) override;

  // A topic that queues may be attached to.
  void add_topic(const std::string& name);
  // A record as another protocol would write it.
  void append(std::string_view queue, const std::optional<std::string>& key, const std::optional<std::string>& value,
              const std::vector<std::pair<std::string, std::string>>& headers);
  // The next call of send or receive fails so.
  void fail_next(Errc code) { failure_ = code; }
  [[nodiscard]] const queue::NewQueue& last_created() const { return last_created_; }
  // The headers of the message that was sent last, and its body.
  [[nodiscard]] const std::map<std::string, std::string>& last_headers() const { return last_headers_; }
  [[nodiscard]] const std::string& last_body() const { return last_body_; }
  [[nodiscard]] std::uint8_t last_priority() const { return last_priority_; }
  [[nodiscard]] std::optional<Milliseconds> last_time_to_live() const { return last_time_to_live_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  runtime::Notifier changed_;
  struct Message {
    std::shared_ptr<const Bytes> batch;
    MonoTime ready_at{};
    std::uint32_t deliveries = 0;
    Timestamp first_delivered = kNoTimestamp;
    bool is_leased = false;
    bool is_gone = false;
    std::string group;
    std::string dedup_id;
  };
  struct Contents {
    std::vector<Message> messages;
    runtime::Notifier arrived;
  };

  std::shared_ptr<Contents>& shared_contents(const queue::Queue& queue) {
    auto& known = contents_[queue.name];
    if (known == nullptr) known = std::make_shared<Contents>();
    return known;
  }
  Contents& contents(const queue::Queue& queue) { return *shared_contents(queue); }
  Offset store(const queue::Queue& queue, const log::NewRecord& record, Message message);
  std::vector<queue::Delivery> take(const queue::Queue& queue, std::size_t count, Milliseconds lease);
  static queue::Delivery show(const Message& message, std::size_t offset);
  Result<Message*> find_message(const queue::Queue& queue, const queue::Receipt& receipt);

  std::map<std::string, QueuePtr, std::less<>> queues_;
  std::map<std::string, std::shared_ptr<Contents>, std::less<>> contents_;
  std::map<std::string, TopicId, std::less<>> topics_;
  std::vector<queue::Redrive> redrives_;
  queue::NewQueue last_created_;
  std::map<std::string, std::string> last_headers_;
  std::string last_body_;
  std::uint8_t last_priority_ = 0;
  std::optional<Milliseconds> last_time_to_live_;
  std::optional<Errc> failure_;
  std::size_t waiting_ = 0;
};

}  // namespace leat::sqs::testing
