#pragma once

#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "queue/events.h"
#include "queue/offset_set.h"
#include "queue/settings.h"

// The records of queues' journals: docs/formats/queue-journal.md.
namespace leat::queue {

// What the journal says of a message that was delivered and is not done.
struct DeliveredState {
  Offset offset;
  std::uint32_t deliveries = 0;
  Timestamp first_delivered;
  Timestamp ready{0};
  LaneKey lane;
  Timestamp expires = kNoTimestamp;
  std::string reason;
  friend bool operator==(const DeliveredState&, const DeliveredState&) = default;
};

// The whole journalled state of a queue in one partition.
struct JournalledState {
  Offset floor{0};
  std::uint32_t rewinds = 0;
  bool grouped = false;
  Timestamp time{0};
  Bytes done;                             // an encoded OffsetSet
  std::vector<DeliveredState> delivered;  // in offset order
};

// Values of records. The key of each is encode_journal_key().
[[nodiscard]] Bytes encode_journal_key(const QueueId& queue);
[[nodiscard]] Bytes encode_events(const std::vector<Event>& events);
// In pieces of at most `piece_size_max` bytes and a little.
[[nodiscard]] std::vector<Bytes> encode_snapshot(const JournalledState& state, std::size_t piece_size_max);

struct SnapshotPiece {
  std::uint64_t number = 0;
  bool is_last = false;
  Bytes bytes;
};
using JournalRecord = std::variant<std::vector<Event>, SnapshotPiece>;

// Errors of all: corrupt, unsupported (a newer leat wrote it).
[[nodiscard]] Result<QueueId> decode_journal_key(BytesView key);
[[nodiscard]] Result<JournalRecord> decode_journal_value(BytesView value);
[[nodiscard]] Result<JournalledState> decode_snapshot(BytesView joined);

}  // namespace leat::queue
