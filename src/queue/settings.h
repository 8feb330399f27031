#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace leat::queue {

using QueueId = Uuid;

enum class Order : std::uint8_t {
  unordered,  // any ready message to any consumer
  fifo,       // in order within a message group, groups side by side
};
enum class Backoff : std::uint8_t { none, fixed, exponential };
enum class AtLimit : std::uint8_t {
  reject,  // a send is refused
  slow,    // a send waits for room, until its caller gives up
};
enum class DedupScope : std::uint8_t { queue, message_group };

inline constexpr std::int32_t kPriorities = 10;  // 0 … 9; the highest first

// What may be set of a queue. Sizes in bytes; 0 in a limit or rate: none, unless it says otherwise.
struct QueueSettings {
  Order order = Order::unordered;
  bool delivers = true;  // false: a way into its topic and no more; the topic's other queues deliver what is sent to it

  Milliseconds lease{30'000};  // how long a delivery is its consumer's when the consumer does not say
  Milliseconds delay{0};       // of messages that do not carry their own
  Milliseconds wait{0};        // how long a receive waits when the consumer does not say
  std::int64_t message_size_max = std::int64_t{1} << 20;
  Milliseconds retention{4LL * 24 * 3'600'000};  // of the topic, when the queue made it

  std::int32_t deliveries_max = 0;  // after so many the message is a dead letter; 0: it is tried for ever
  std::string dead_letter_queue;    // whose topic takes dead letters; needed with deliveries_max
  Backoff backoff = Backoff::none;  // before a message that failed is ready again
  Milliseconds backoff_base{1'000};
  Milliseconds backoff_max{3'600'000};

  bool priorities = false;  // honour the messages' priorities (unordered queues)
  Milliseconds ageing{0};   // a waiting message gains one priority each time this has passed; 0: never
  bool fair = true;         // groups of an unordered queue take turns
  std::int64_t in_flight_max = 120'000;
  std::int64_t group_in_flight_max = 0;
  double rate_max = 0;  // deliveries a second
  double group_rate_max = 0;

  DedupScope dedup_scope = DedupScope::queue;
  Milliseconds dedup_window{300'000};
  bool content_dedup = false;  // of messages without a deduplication id: by their content

  std::int64_t depth_max = 0;  // messages that are not acknowledged
  std::int64_t bytes_max = 0;  // that the topic's partitions hold
  AtLimit at_limit = AtLimit::reject;

  friend bool operator==(const QueueSettings&, const QueueSettings&) = default;
};

// Whether the values fit each other and their ranges. Error: invalid_config.
[[nodiscard]] Status check_settings(const QueueSettings& settings);

// As the catalog stores it and people write it: only what differs from the defaults, names as in the struct, durations in
// milliseconds with "_ms" behind the name. Error: invalid_config (an unknown name, a value it cannot take).
using SettingsMap = std::map<std::string, std::string, std::less<>>;
[[nodiscard]] SettingsMap to_map(const QueueSettings& settings);
[[nodiscard]] Result<QueueSettings> settings_from(const SettingsMap& map);

// Names with their new values; nullopt: the name goes.
using SettingsPatch = std::map<std::string, std::optional<std::string>, std::less<>>;
[[nodiscard]] SettingsPatch patch_between(const SettingsMap& before, const SettingsMap& after);
void apply_patch(const SettingsPatch& patch, SettingsMap& map);

}  // namespace leat::queue
