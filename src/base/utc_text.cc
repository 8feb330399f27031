#include "base/utc_text.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace leat {

std::string utc_text(Timestamp time) {
  const std::int64_t ms = std::max<std::int64_t>(time.value(), 0);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000);
}

}  // namespace leat
