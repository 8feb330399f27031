#include "protocol/resp/active_expiry.h"

#include <algorithm>
#include <limits>

#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

// When much is due at once, it takes a quarter of the time.
constexpr Milliseconds kWork{1};
constexpr Milliseconds kRest{3};
constexpr int kUnitsMax = 4000;
constexpr int kUnitsPerLookAtTheClock = 16;
// The wall clock may be set: what was far off may be near.
constexpr Milliseconds kSleepMax{60'000};

}  // namespace

void ActiveExpiry::schedule() {
  const keyspace::Millis next = executor_.keyspace().next_expiry();
  if (!enabled_ || next == std::numeric_limits<keyspace::Millis>::max()) return;
  if (armed() && next == armed_for_) return;
  armed_for_ = next;
  const keyspace::Millis wall = executor_.shard().wall_now().value();
  const MonoTime now = executor_.shard().now();
  const Milliseconds sleep(next <= wall ? 0 : std::min<keyspace::Millis>(next - wall, kSleepMax.count()));
  const MonoTime when = std::max(now + sleep, not_before_);
  if (armed()) {
    // Its own moment, computed again, is not quite the same.
    if (when + Milliseconds(1) >= deadline()) return;
    cancel();
  }
  executor_.shard().timers().arm(*this, when);
}

void ActiveExpiry::set_enabled(bool enabled) {
  enabled_ = enabled;
  enabled ? schedule() : cancel();
}

void ActiveExpiry::fire() {
  if (executor_.is_suspended()) {
    not_before_ = executor_.shard().now() + kRest;
    return schedule();
  }
  executor_.begin_batch();
  if (remove_due()) {
    executor_.keyspace().refresh_next_expiry();
  } else {
    not_before_ = executor_.shard().now() + kRest;
  }
  schedule();
}

bool ActiveExpiry::remove_due() {
  keyspace::Keyspace& keyspace = executor_.keyspace();
  const MonoTime end = executor_.shard().now() + kWork;
  int units = 0;
  for (std::uint32_t i = 0; i < keyspace.databases(); ++i) {
    keyspace::Database& database = keyspace.database(i);
    while (true) {
      const auto next = database.next_expiry();
      if (!next || *next > keyspace.now()) break;
      executor_.begin_unit();
      database.expire_due(1);
      executor_.end_unit();
      if (++units == kUnitsMax) return false;
      if (units % kUnitsPerLookAtTheClock == 0 && executor_.shard().now() >= end) return false;
    }
  }
  return true;
}

}  // namespace leat::resp
