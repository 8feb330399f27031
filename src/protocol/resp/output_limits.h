#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leat::resp {

// How much may wait to be taken by a client of a class; 0: any amount. At `hard`, or at `soft` for `soft_for` without a
// break, its connection ends.
struct OutputLimit {
  std::uint64_t hard = 0;
  std::uint64_t soft = 0;
  std::chrono::seconds soft_for{0};
  friend bool operator==(const OutputLimit&, const OutputLimit&) = default;
};

// The setting client-output-buffer-limit, a limit for each class of clients. Those who monitor, or broadcast as they track,
// get what they did not ask for as subscribers do: for that, the limit of subscribers holds.
struct OutputLimits {
  OutputLimit normal;
  OutputLimit replica{std::uint64_t{256} << 20, std::uint64_t{64} << 20, std::chrono::seconds(60)};
  OutputLimit pubsub{std::uint64_t{32} << 20, std::uint64_t{8} << 20, std::chrono::seconds(60)};
};

// What happens to a subscriber that does not take its messages.
enum class SlowSubscriber : std::uint8_t {
  disconnect,  // at the limits
  drop,        // messages above the hard limit are lost, and counted
};

// "pubsub 32mb 8mb 60 normal 0 0 0": changes the classes that are named. The error is in Redis's words.
[[nodiscard]] Result<OutputLimits> parse_output_limits(std::string_view text, OutputLimits limits);
[[nodiscard]] std::string format_output_limits(const OutputLimits& limits);

}  // namespace leat::resp
