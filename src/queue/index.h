#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "queue/events.h"

// What an engine keeps outside of memory: sorted keys with values (docs/formats/queue-journal.md, "The index"; keys here
// are without the prefix that names queue and partition). The engine asks, its host does.
namespace leat::queue {

struct IndexEntry {
  std::string key;
  std::string value;
};
// The first `count_max` entries of [from, to), in key order.
struct IndexLoad {
  std::uint64_t id = 0;
  std::string from;
  std::string to;
  std::size_t count_max = 0;
};
// To be done in this order, and before what later work asks.
struct IndexWork {
  bool clear = false;  // removes everything
  std::vector<IndexEntry> puts;
  // What is put says what memory knows: it may be done only when the events taken before it are durable, and is to survive
  // a power loss soon.
  bool sync = false;
  std::vector<IndexLoad> loads;

  [[nodiscard]] bool empty() const { return !clear && puts.empty() && loads.empty(); }
};
struct IndexLoaded {
  std::uint64_t id = 0;
  std::vector<IndexEntry> entries;
  bool has_more = false;
};

// Neighbours in a lane that nobody has got yet.
struct Run {
  Offset first;
  std::uint32_t count = 1;
  Timestamp sent{0};  // of the first
  Timestamp due = kNoTimestamp;
  Timestamp expires = kNoTimestamp;
};

// Longer groups that begin alike share a lane.
inline constexpr std::size_t kLaneGroupMax = 0xFFFF;

[[nodiscard]] std::string lane_prefix(const LaneKey& lane);
// The least key above all with the prefix.
[[nodiscard]] std::string prefix_end(std::string prefix);
[[nodiscard]] std::string lane_entry_key(const LaneKey& lane, Offset first);
[[nodiscard]] std::string encode_runs(const std::vector<Run>& runs);
struct LaneEntry {
  LaneKey lane;
  std::vector<Run> runs;  // at least one
};
[[nodiscard]] Result<LaneEntry> decode_lane_entry(std::string_view key, std::string_view value);

struct DelayEntry {
  Timestamp due;
  Offset offset;
  LaneKey lane;
  Timestamp sent{0};
  Timestamp expires = kNoTimestamp;
};
[[nodiscard]] std::string delay_entry_key(Timestamp due, Offset offset);
[[nodiscard]] std::string encode_delay_value(const DelayEntry& entry);
[[nodiscard]] Result<DelayEntry> decode_delay_entry(std::string_view key, std::string_view value);

inline constexpr std::string_view kLanesFrom = "L";
inline constexpr std::string_view kLanesEnd = "M";
inline constexpr std::string_view kDelaysFrom = "D";
inline constexpr std::string_view kDelaysEnd = "E";
inline constexpr std::string_view kMarkKey = "M";
// Every message below `covered` is in the index, done, or delivered, as of the queue's `rewinds`.
struct IndexMark {
  Offset covered{0};
  std::uint32_t rewinds = 0;
};
[[nodiscard]] std::string encode_mark(const IndexMark& mark);
[[nodiscard]] Result<IndexMark> decode_mark(std::string_view value);

}  // namespace leat::queue
