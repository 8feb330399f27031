#include "keyspace/eviction.h"

#include <array>
#include <utility>

namespace leat::keyspace {
namespace {

using enum EvictionPolicy;

constexpr std::array<std::pair<std::string_view, EvictionPolicy>, 10> kNames{{
    {"noeviction", noeviction},
    {"allkeys-lru", allkeys_lru},
    {"allkeys-lfu", allkeys_lfu},
    {"allkeys-random", allkeys_random},
    {"allkeys-fifo", allkeys_fifo},
    {"volatile-lru", volatile_lru},
    {"volatile-lfu", volatile_lfu},
    {"volatile-random", volatile_random},
    {"volatile-ttl", volatile_ttl},
    {"volatile-fifo", volatile_fifo},
}};

// A new key is not the first to go.
constexpr std::uint32_t kLfuBegin = 5;
constexpr std::uint32_t kLfuMax = 255;

std::uint32_t minutes_clock(Millis now) { return static_cast<std::uint32_t>(now / 60000) & 0xFFFF; }

}  // namespace

std::string_view to_string(EvictionPolicy policy) { return kNames[static_cast<std::size_t>(policy)].first; }

std::optional<EvictionPolicy> parse_eviction_policy(std::string_view text) {
  for (const auto& [name, policy] : kNames) {
    if (name == text) return policy;
  }
  return std::nullopt;
}

std::uint32_t lfu_begin(Millis now) { return minutes_clock(now) << 8 | kLfuBegin; }

std::uint32_t lfu_frequency(std::uint32_t clock, Millis now, const LfuSettings& settings) {
  const std::uint32_t counter = clock & 0xFF;
  if (settings.decay_minutes == 0) return counter;
  const std::uint32_t elapsed = (minutes_clock(now) - (clock >> 8)) & 0xFFFF;
  const std::uint32_t decay = elapsed / settings.decay_minutes;
  return decay > counter ? 0 : counter - decay;
}

std::uint32_t lfu_used(std::uint32_t clock, Millis now, const LfuSettings& settings, std::uint64_t random) {
  std::uint32_t counter = lfu_frequency(clock, now, settings);
  if (counter < kLfuMax) {
    const std::uint32_t above = counter > kLfuBegin ? counter - kLfuBegin : 0;
    const double chance = 1.0 / (static_cast<double>(above) * settings.log_factor + 1);
    if (static_cast<double>(random >> 11) * 0x1p-53 < chance) ++counter;
  }
  return minutes_clock(now) << 8 | counter;
}

}  // namespace leat::keyspace
