#include "security/login_throttle.h"

#include <fmt/format.h>

#include <algorithm>

#include "security/user.h"

namespace leat::security {
namespace {

// What attempts of one pair may wait for together.
constexpr Milliseconds kWaitMax{10'000};

std::string key_of(std::string_view user, std::string_view address) {
  // A name may be anything up to what a message holds.
  return fmt::format("{} {}", address, user.substr(0, kUserNameBytesMax));
}

}  // namespace

std::optional<Duration> LoginThrottle::wait(std::string_view user, std::string_view address, MonoTime now) {
  const auto found = by_key_.find(key_of(user, address));
  if (found == by_key_.end()) return Duration{0};
  Failures& failures = *found->second;
  if (now - failures.last > kForgetAfter) {
    const auto forgotten = found->second;
    by_key_.erase(found);
    recent_.erase(forgotten);
    return Duration{0};
  }
  const Duration wait = std::max(failures.not_before - now, Duration{0});
  if (wait > kWaitMax) return std::nullopt;
  // Those that try at the same time wait for each other.
  failures.not_before = std::max(failures.not_before, now) + failures.delay;
  return wait;
}

std::uint64_t LoginThrottle::failures(std::string_view user, std::string_view address) const {
  const auto found = by_key_.find(key_of(user, address));
  return found == by_key_.end() ? 0 : found->second->count;
}

void LoginThrottle::failed(std::string_view user, std::string_view address, MonoTime now) {
  std::string key = key_of(user, address);
  auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (recent_.size() >= kPairsMax) {
      by_key_.erase(recent_.back().key);
      recent_.pop_back();
    }
    recent_.push_front({.key = std::move(key)});
    found = by_key_.emplace(recent_.front().key, recent_.begin()).first;
  } else {
    recent_.splice(recent_.begin(), recent_, found->second);
  }
  Failures& failures = *found->second;
  failures.delay = std::clamp(failures.delay * 2, kFirstDelay, kDelayMax);
  ++failures.count;
  failures.last = now;
  failures.not_before = std::max(failures.not_before, now + failures.delay);
}

}  // namespace leat::security
