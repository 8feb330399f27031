#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace leat::cli {

// A moment in milliseconds since the Unix epoch, from
//   2026-03-01, 2026-03-01T12:30, 2026-03-01T12:30:05.250Z, 2026-03-01T12:30+02:00   (UTC unless a zone is given)
//   1772366400000                                                                     milliseconds
//   -90s, -15m, -1h, -2d, now                                                         from `now_ms`
// Error: invalid_argument, saying what is understood.
[[nodiscard]] Result<std::int64_t> parse_time(std::string_view text, std::int64_t now_ms);

// "2026-03-01T12:30:05.250Z"; "-" for -1.
[[nodiscard]] std::string format_time(std::int64_t ms);

[[nodiscard]] std::int64_t wall_clock_ms();

// "250ms", "30s", "5m", "12h", "7d"; a bare number is in seconds. Error: invalid_argument, naming the option.
[[nodiscard]] Result<Milliseconds> parse_span(std::string_view option, std::string_view text);

}  // namespace leat::cli
