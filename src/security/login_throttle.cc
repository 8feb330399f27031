#include "security/login_throttle.h"

#include <algorithm>

namespace leat::security {
namespace {

// What attempts from one address may wait for together.
constexpr Milliseconds kWaitMax{30'000};

}  // namespace

std::optional<Duration> LoginThrottle::wait(std::string_view address, MonoTime now) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return Duration{0};
  Failures& failures = *found->second;
  if (now - failures.last > kForgetAfter) {
    recent_.erase(found->second);
    by_address_.erase(found);
    return Duration{0};
  }
  const Duration wait = std::max(failures.not_before - now, Duration{0});
  if (wait > kWaitMax) return std::nullopt;
  // Those that try at the same time wait for each other.
  failures.not_before = std::max(failures.not_before, now) + failures.delay;
  return wait;
}

void LoginThrottle::failed(std::string_view address, MonoTime now) {
  auto found = by_address_.find(address);
  if (found == by_address_.end()) {
    if (recent_.size() >= kAddressesMax) {
      by_address_.erase(recent_.back().address);
      recent_.pop_back();
    }
    recent_.push_front({.address = std::string(address)});
    found = by_address_.emplace(recent_.front().address, recent_.begin()).first;
  } else {
    recent_.splice(recent_.begin(), recent_, found->second);
  }
  Failures& failures = *found->second;
  failures.delay = std::clamp(failures.delay * 2, kFirstDelay, kDelayMax);
  failures.last = now;
  failures.not_before = std::max(failures.not_before, now + failures.delay);
}

}  // namespace leat::security
