#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace leat::keyspace {

// Names an entry of a stream: a time in milliseconds and a number within it.
struct StreamId {
  std::uint64_t ms = 0;
  std::uint64_t sequence = 0;

  friend auto operator<=>(const StreamId&, const StreamId&) = default;

  [[nodiscard]] static constexpr StreamId max() {
    return {std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()};
  }
  [[nodiscard]] bool is_zero() const { return ms == 0 && sequence == 0; }
  // nullopt: there is none.
  [[nodiscard]] std::optional<StreamId> next() const {
    if (*this == max()) return std::nullopt;
    return sequence == max().sequence ? StreamId{ms + 1, 0} : StreamId{ms, sequence + 1};
  }
  [[nodiscard]] std::optional<StreamId> previous() const {
    if (is_zero()) return std::nullopt;
    return sequence == 0 ? StreamId{ms - 1, max().sequence} : StreamId{ms, sequence - 1};
  }
};

// Room for the text of any id.
using StreamIdText = char[44];
[[nodiscard]] std::string_view format_stream_id(StreamId id, StreamIdText& buffer);

}  // namespace leat::keyspace
