#pragma once

#include <fmt/format.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "base/uuid.h"

namespace leat {

// An integer that cannot be mistaken for another. Arithmetic is by plain counts: id + n, and the distance id - id.
template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(Strong, Strong) = default;
  friend constexpr Strong operator+(Strong a, Rep n) { return Strong(static_cast<Rep>(a.value_ + n)); }
  friend constexpr Strong operator-(Strong a, Rep n) { return Strong(static_cast<Rep>(a.value_ - n)); }
  friend constexpr Rep operator-(Strong a, Strong b) { return static_cast<Rep>(a.value_ - b.value_); }
  constexpr Strong& operator++() {
    ++value_;
    return *this;
  }

 private:
  Rep value_{};
};

using Offset = Strong<struct OffsetTag, std::int64_t>;             // of a record in a partition; starts at 0
using PartitionIndex = Strong<struct PartitionTag, std::int32_t>;  // within its topic; starts at 0
using LeaderEpoch = Strong<struct LeaderEpochTag, std::int32_t>;   // -1: unknown
using NodeId = Strong<struct NodeTag, std::int32_t>;
using ShardId = Strong<struct ShardTag, std::uint32_t>;
using ProducerId = Strong<struct ProducerIdTag, std::int64_t>;        // -1: not idempotent
using ProducerEpoch = Strong<struct ProducerEpochTag, std::int16_t>;  // -1: not idempotent
using Timestamp = Strong<struct TimestampTag, std::int64_t>;          // milliseconds since the Unix epoch; -1: none
using TopicId = Uuid;

inline constexpr Timestamp kNoTimestamp{-1};
inline constexpr LeaderEpoch kNoEpoch{-1};
inline constexpr ProducerId kNoProducerId{-1};

// Monotonic time, for timers and latencies. Simulated time is of the same type.
using MonoTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using Milliseconds = std::chrono::milliseconds;

// A partition everywhere in the server and across restarts.
struct TopicPartition {
  TopicId topic;
  PartitionIndex partition;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace leat

template <class Tag, class Rep>
struct fmt::formatter<leat::Strong<Tag, Rep>> : fmt::formatter<Rep> {
  auto format(leat::Strong<Tag, Rep> v, fmt::format_context& ctx) const {
    return fmt::formatter<Rep>::format(v.value(), ctx);
  }
};
template <class Tag, class Rep>
struct std::hash<leat::Strong<Tag, Rep>> {
  std::size_t operator()(leat::Strong<Tag, Rep> v) const noexcept { return std::hash<Rep>{}(v.value()); }
};
template <>
struct std::hash<leat::TopicPartition> {
  std::size_t operator()(const leat::TopicPartition& tp) const noexcept {
    return std::hash<leat::Uuid>{}(tp.topic) * 31 + static_cast<std::size_t>(tp.partition.value());
  }
};
template <>
struct fmt::formatter<leat::TopicPartition> : fmt::formatter<std::string_view> {
  auto format(const leat::TopicPartition& tp, fmt::format_context& ctx) const {
    return fmt::format_to(ctx.out(), "{}/{}", tp.topic, tp.partition);
  }
};
