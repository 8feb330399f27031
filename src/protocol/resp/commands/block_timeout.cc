#include "protocol/resp/commands/block_timeout.h"

#include <cmath>

#include "keyspace/numbers.h"

namespace leat::resp {

bool BlockTimeout::parse(Call& call, std::size_t index) {
  // Nobody sees the end of a longer wait, and a point in time that is later might not be told.
  constexpr long double kForeverMs = 100.0L * 365 * 24 * 3600 * 1000;
  constexpr long double kLimitMs = 9223372036854775808.0L;
  const auto seconds = keyspace::parse_long_double(call[index]);
  if (!seconds) {
    call.reply.error("ERR timeout is not a float or out of range");
    return false;
  }
  const long double ms = std::ceil(*seconds * 1000);
  // What is too large is negative, too, in Redis's words.
  if (ms < 0 || ms >= kLimitMs) {
    call.reply.error("ERR timeout is negative");
    return false;
  }
  if (ms > 0 && ms < kForeverMs) value = Milliseconds(static_cast<std::int64_t>(ms));
  return true;
}

}  // namespace leat::resp
