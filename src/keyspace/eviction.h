#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "keyspace/expiry_heap.h"

namespace leat::keyspace {

// Which keys go when memory is short: chosen how, and among all or those that expire. Redis's policies, and FIFO.
enum class EvictionPolicy : std::uint8_t {
  noeviction,
  allkeys_lru,
  allkeys_lfu,
  allkeys_random,
  allkeys_fifo,
  volatile_lru,
  volatile_lfu,
  volatile_random,
  volatile_ttl,
  volatile_fifo,
};

[[nodiscard]] std::string_view to_string(EvictionPolicy policy);
[[nodiscard]] std::optional<EvictionPolicy> parse_eviction_policy(std::string_view text);

[[nodiscard]] constexpr bool is_lfu(EvictionPolicy policy) {
  return policy == EvictionPolicy::allkeys_lfu || policy == EvictionPolicy::volatile_lfu;
}
[[nodiscard]] constexpr bool is_fifo(EvictionPolicy policy) {
  return policy == EvictionPolicy::allkeys_fifo || policy == EvictionPolicy::volatile_fifo;
}
[[nodiscard]] constexpr bool is_volatile(EvictionPolicy policy) { return policy >= EvictionPolicy::volatile_lru; }

struct LfuSettings {
  std::uint32_t log_factor = 10;  // the larger, the more uses it takes to count one more
  std::uint32_t decay_minutes = 1;
};

// An entry's 24 bits. LRU and FIFO: seconds, of the last use or of the first. LFU: 16 bits of minutes, then 8 of a
// logarithmic counter of uses.
inline constexpr std::uint32_t kClockMask = 0xFFFFFF;
[[nodiscard]] constexpr std::uint32_t seconds_clock(Millis now) {
  return static_cast<std::uint32_t>(now / 1000) & kClockMask;
}
// Seconds between a clock and now; right for half a year, as Redis's.
[[nodiscard]] constexpr std::uint32_t idle_seconds(std::uint32_t clock, Millis now) {
  return (seconds_clock(now) - clock) & kClockMask;
}
[[nodiscard]] std::uint32_t lfu_begin(Millis now);
// The clock after one more use.
[[nodiscard]] std::uint32_t lfu_used(std::uint32_t clock, Millis now, const LfuSettings& settings,
                                     std::uint64_t random);
// The counter now, after decay.
[[nodiscard]] std::uint32_t lfu_frequency(std::uint32_t clock, Millis now, const LfuSettings& settings);

}  // namespace leat::keyspace
