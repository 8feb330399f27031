#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leat::resp {

// The classes of keyspace events, and the two kinds of channels that they are told on
// (https://redis.io/docs/manual/keyspace-notifications/).
enum class EventClass : std::uint32_t {
  keyspace = 1 << 0,   // K
  keyevent = 1 << 1,   // E
  generic = 1 << 2,    // g
  string = 1 << 3,     // $
  list = 1 << 4,       // l
  set = 1 << 5,        // s
  hash = 1 << 6,       // h
  zset = 1 << 7,       // z
  expired = 1 << 8,    // x
  evicted = 1 << 9,    // e
  stream = 1 << 10,    // t
  key_miss = 1 << 11,  // m
  module = 1 << 13,    // d
  new_key = 1 << 14,   // n
};

// The setting notify-keyspace-events: a letter for each class, A for all but m and n.
[[nodiscard]] std::optional<std::uint32_t> parse_event_classes(std::string_view letters);
[[nodiscard]] std::string format_event_classes(std::uint32_t classes);

}  // namespace leat::resp
