#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/json_record.h"
#include "log/batch.h"

namespace leat::cli {

struct ProducerOptions {
  std::int16_t acks = -1;  // 0, 1, or -1 for all
  log::Codec codec = log::Codec::none;
  bool idempotent = true;                            // with acks=all only: a retried batch is stored once
  std::size_t batch_bytes = std::size_t{256} << 10;  // of a partition's records, before compression
  Milliseconds delivery_timeout{120'000};            // retries end, and with them the producer
};

// Sends records to one topic: one request at a time to each broker, built while the last one is on its way, and repeated
// until it is answered or time is up.
class Producer {
 public:
  // Creates the topic when the server's settings say so.
  [[nodiscard]] static Result<std::unique_ptr<Producer>> open(Client& client, const std::string& topic,
                                                              const ProducerOptions& options);

  // Takes a record: to its own partition, else to that of its key, else to the one whose batch is being filled. May send.
  // Error: invalid_argument, for a partition that is not there; what the server said of an earlier batch.
  [[nodiscard]] Status add(const TextRecord& record);
  // Sends all that was added and waits for the answers (with acks=0: until it is sent).
  [[nodiscard]] Status flush();

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] bool empty() const;

 private:
  struct Batch {
    Bytes bytes;
    std::uint64_t records = 0;
  };
  struct Lane {  // of one partition
    log::BatchBuilder open;
    std::int32_t next_sequence = 0;
    std::deque<Batch> ready;  // the front one may be on its way
    std::int32_t leader = -1;
  };
  struct Sent {  // a request whose answer is awaited
    std::int32_t broker = -1;
    Connection* connection = nullptr;
    std::int16_t version = 0;
    std::vector<std::int32_t> partitions;
  };

  Producer(Client& client, const ProducerOptions& options) : client_(client), options_(options) {}
  [[nodiscard]] Status learn_leaders(bool create);
  [[nodiscard]] Status take_producer_id();
  [[nodiscard]] Result<std::int32_t> choose_partition(const TextRecord& record);
  [[nodiscard]] Status seal(Lane& lane);
  // Seals what is open, and sends what there is to send. With `is_sticky` records without a key go on in another partition.
  [[nodiscard]] Status send_open(Lane& lane, bool is_sticky);
  // Awaits what is on its way, then sends the first batch of each partition.
  [[nodiscard]] Status advance();
  void send_round();
  [[nodiscard]] Status collect_round();
  void collect(const Sent& sent);
  void settle(std::int32_t partition, kafka::ErrorCode code, const std::optional<std::string>& said);
  void acknowledge(Lane& lane);
  // Remembers why some batches must be sent again; the first refusal that a repetition cannot mend ends all.
  void note(Error error, bool retriable);

  Client& client_;
  ProducerOptions options_;
  std::string topic_name_;
  std::vector<Lane> lanes_;
  std::size_t sticky_ = 0;
  std::size_t ready_bytes_ = 0;
  std::vector<Sent> on_its_way_;
  std::int64_t producer_id_ = -1;
  std::int16_t producer_epoch_ = -1;
  std::uint64_t acknowledged_ = 0;
  std::optional<Error> fatal_;
  std::optional<Error> retry_reason_;
  MonoTime last_success_{};
  std::chrono::milliseconds pause_{0};
};

}  // namespace leat::cli
