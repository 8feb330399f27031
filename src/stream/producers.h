#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "log/batch.h"

namespace leat::stream {

struct ProducerLimits {
  std::size_t producers_max = 200'000;        // of all partitions of an account; about 300 bytes each
  Milliseconds expiration{24LL * 3'600'000};  // producer.id.expiration.ms
};

// What the partitions of one shard remember together. Over the limit a partition forgets the producer that it heard of
// longest ago each time that it meets a new one, but always knows its latest.
struct ProducerAccount {
  ProducerLimits limits;
  std::atomic<std::size_t> producers = 0;  // remembered now; partitions that open count on the I/O pool
};

// What one partition remembers of its idempotent producers (KIP-98, KIP-360): enough to recognize a batch that was sent
// again and to refuse one that came out of order. A state machine: time is an argument, and the same batches in the same
// order give the same state.
class Producers {
 public:
  // `account` outlives it, on the same shard.
  explicit Producers(ProducerAccount& account) : account_(account) {}
  Producers(const Producers&) = delete;
  Producers& operator=(const Producers&) = delete;
  ~Producers() { clear(); }

  // A batch that is in the log already: the answer is that of its first append.
  struct Duplicate {
    Offset base_offset;
    Offset last_offset;
    Timestamp timestamp;  // the batch's largest, which is the append time where the topic asks for that
  };

  // Whether a validated batch may be appended: nullopt when it may, or when it is not idempotent. Errors, as Kafka has
  // them: producer_fenced (an older epoch; INVALID_PRODUCER_EPOCH), out_of_order_sequence (also for a repeated batch that
  // is older than those remembered), invalid_record (an id without a sequence). A producer that is not known may start
  // with any sequence: its state may have expired.
  [[nodiscard]] Result<std::optional<Duplicate>> check(const log::BatchHeader& batch) const;

  // Notes an appended batch; `base` is where it went, which its header need not say. Also for rebuilding from the log:
  // then in the log's order, with the time at which the batch is taken to have been appended.
  void apply(const log::BatchHeader& batch, Offset base, Timestamp now);

  // Forgets producers that have not appended for the expiration time.
  void expire(Timestamp now);

  [[nodiscard]] std::size_t size() const { return producers_.size(); }
  void clear();

  // docs/formats/producers.md. `end` is the offset below which all batches have been applied.
  [[nodiscard]] Bytes encode_snapshot(Offset end) const;
  // Replaces the state by a snapshot's and returns its covered end; on an error the state is empty. Producers above the
  // limit are dropped, the ones used longest ago first. Errors: corrupt, unsupported.
  [[nodiscard]] Result<Offset> restore_snapshot(BytesView snapshot);

 private:
  static constexpr std::size_t kBatchesKept = 5;  // as many as a client may have in flight

  struct Batch {
    std::int32_t first_sequence = 0;
    std::int32_t last_sequence = 0;
    Offset base_offset;
    Offset last_offset;
    Timestamp timestamp;
  };
  struct Producer {
    ProducerId id;
    ProducerEpoch epoch;
    Timestamp last_activity;
    std::size_t count = 0;
    std::array<Batch, kBatchesKept> batches;  // oldest first

    [[nodiscard]] const Batch& last() const { return batches[count - 1]; }
    void add(const Batch& batch);
  };
  using Order = std::list<Producer>;  // the one used longest ago first

  [[nodiscard]] Status load_snapshot(BytesView body);
  Order::iterator remember(const Producer& producer);
  void forget_oldest();

  ProducerAccount& account_;
  Order order_;
  std::unordered_map<ProducerId, Order::iterator> producers_;
};

}  // namespace leat::stream
