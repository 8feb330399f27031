#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"
#include "log/batch.h"

// Messages as protocols give them to queues and get them back. A message is a record of the queue's topic: its group is
// the record's key, its body the value; what only queues know travels in headers (docs/formats/queue-messages.md).
namespace leat::queue {

// Headers that queues read, whoever wrote the record; decimal numbers as text.
inline constexpr std::string_view kDueHeader = "leat-due";          // not before; milliseconds since the epoch
inline constexpr std::string_view kExpiresHeader = "leat-expires";  // not after; milliseconds since the epoch
inline constexpr std::string_view kPriorityHeader = "leat-priority";
inline constexpr std::string_view kDedupIdHeader = "leat-dedup-id";
// Of dead letters: where they come from and why they are here.
inline constexpr std::string_view kDeadQueueHeader = "leat-dead-queue";  // the queue's name
inline constexpr std::string_view kDeadTopicHeader = "leat-dead-topic";  // the topic's name
inline constexpr std::string_view kDeadPartitionHeader = "leat-dead-partition";
inline constexpr std::string_view kDeadOffsetHeader = "leat-dead-offset";
inline constexpr std::string_view kDeadDeliveriesHeader = "leat-dead-deliveries";
inline constexpr std::string_view kDeadReasonHeader = "leat-dead-reason";

// One to be sent. Everything is borrowed until the send returns.
struct NewMessage {
  std::optional<BytesView> group;  // the record's key
  BytesView body;
  std::vector<log::RecordHeader> headers;  // none of those above
  std::string_view dedup_id;               // empty: none (then a queue with content_dedup makes one)
  std::optional<Milliseconds> delay;       // nullopt: the queue's
  std::optional<Milliseconds> time_to_live;
  std::uint8_t priority = 0;
};

struct Sent {
  PartitionIndex partition;
  Offset offset;
  Timestamp sent;
  bool duplicate = false;  // it was sent before: where that one went
};

// Names one delivery of one message. It stays good for as long as nobody else has got the message since; a lease that ran
// out meanwhile does not matter, except on FIFO queues.
struct Receipt {
  PartitionIndex partition;
  Offset offset;
  std::uint32_t rewinds = 0;   // of the queue, when it was delivered
  std::uint32_t delivery = 0;  // which one of the message: 1, 2, …
  friend auto operator<=>(const Receipt&, const Receipt&) = default;
};

// Where a message is in its queue's topic.
struct MessageAt {
  PartitionIndex partition;
  Offset offset;
};

// A message in a consumer's hands until its lease ends.
struct Delivery {
  Receipt receipt;
  Timestamp first_delivered;
  std::shared_ptr<const void> owner;  // of what the record's views show
  log::RecordView record;             // its timestamp is when it was sent
};

// Messages that somebody only looks at.
struct Browsed {
  std::vector<Delivery> messages;
  bool is_cut = false;  // there may be more, which would have been too large together
};

// Bytes of what a record's views show.
[[nodiscard]] inline std::size_t size_of(const log::RecordView& record) {
  return record.key.value_or(BytesView()).size() + record.value.value_or(BytesView()).size() +
         record.raw_headers.size();
}

// Whether `header` is one of leat's own, which protocols neither show to their clients nor take from them.
[[nodiscard]] inline bool is_reserved_header(std::string_view name) { return name.starts_with("leat-"); }

}  // namespace leat::queue
