#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/types.h"

// What happens to the messages of one queue in one partition; journalled as docs/formats/queue-journal.md says.
namespace leat::queue {

// Messages of one lane are delivered in offset order, on FIFO queues one after the other. Unordered queues have a lane for
// each priority and, when they are fair, each group.
struct LaneKey {
  std::uint8_t priority = 0;
  std::string group;
  friend bool operator==(const LaneKey&, const LaneKey&) = default;
};

enum class DoneReason : std::uint8_t { acknowledged = 0, dead = 1, expired = 2, purged = 3, absent = 4 };

struct DeliveredEvent {
  Offset first;
  std::uint64_t count = 1;
  std::uint32_t delivery = 1;
  LaneKey lane;
  Timestamp expires = kNoTimestamp;
  friend bool operator==(const DeliveredEvent&, const DeliveredEvent&) = default;
};
struct DoneEvent {
  Offset first;
  std::uint64_t count = 1;
  DoneReason reason = DoneReason::acknowledged;
  friend bool operator==(const DoneEvent&, const DoneEvent&) = default;
};
struct ReleasedEvent {
  Offset offset;
  Timestamp ready{0};  // 0: at once
  std::string reason;
  friend bool operator==(const ReleasedEvent&, const ReleasedEvent&) = default;
};
struct RewoundEvent {
  Offset to;
  friend bool operator==(const RewoundEvent&, const RewoundEvent&) = default;
};
struct GroupedEvent {
  friend bool operator==(const GroupedEvent&, const GroupedEvent&) = default;
};
using Event = std::variant<DeliveredEvent, DoneEvent, ReleasedEvent, RewoundEvent, GroupedEvent>;

// Of one turn, with the engine's time of the first.
struct EventBatch {
  Timestamp time;
  std::vector<Event> events;
};

}  // namespace leat::queue
