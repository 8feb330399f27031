#include "security/quota_meters.h"

#include <algorithm>
#include <cmath>

namespace leat::security {
namespace {

constexpr std::int64_t kLogAfterNs = 60'000'000'000;
// How many of those that somebody holds are passed over, each time that room is needed.
constexpr int kPassedOverMax = 100;

std::int64_t nanoseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}
std::int64_t nanoseconds(MonoTime time) { return nanoseconds(time.time_since_epoch()); }

Duration wait_of(std::int64_t ns) {
  return std::clamp(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(ns)), Duration{0},
                    QuotaMeter::kWaitMax);
}

}  // namespace

Duration QuotaMeter::charge(double amount, MonoTime now) {
  return charge_within(amount, now, kWaitMax).value_or(kWaitMax);
}

std::optional<Duration> QuotaMeter::charge_within(double amount, MonoTime now, Duration wait_max) {
  const double unit_ns = unit_ns_.load(std::memory_order_relaxed);
  const auto burst = static_cast<std::int64_t>(burst_ns_of(unit_ns));
  const std::int64_t now_ns = nanoseconds(now);
  // What is paid for as late as this has to be waited for as long as anyone waits.
  const std::int64_t latest = now_ns + burst + nanoseconds(kWaitMax);
  const auto cost =
      static_cast<std::int64_t>(std::min(amount * unit_ns, static_cast<double>(burst + nanoseconds(kWaitMax))));
  std::int64_t was = paid_until_.load(std::memory_order_relaxed);
  while (true) {
    const std::int64_t paid_until = std::max(was, std::min(std::max(was, now_ns) + cost, latest));
    const Duration wait = wait_of(std::max(was, now_ns) + cost - burst - now_ns);
    if (wait > wait_max) return std::nullopt;
    if (paid_until_.compare_exchange_weak(was, paid_until, std::memory_order_relaxed)) return wait;
  }
}

Duration QuotaMeter::wait(MonoTime now) const {
  const auto burst = static_cast<std::int64_t>(burst_ns_of(unit_ns_.load(std::memory_order_relaxed)));
  return wait_of(paid_until_.load(std::memory_order_relaxed) - burst - nanoseconds(now));
}

void QuotaMeter::set_rate(double rate) {
  const double unit_ns = unit_ns_of(rate);
  if (unit_ns_.exchange(unit_ns, std::memory_order_relaxed) != unit_ns) paid_until_.store(0, std::memory_order_relaxed);
}

double QuotaMeter::burst() const {
  const double unit_ns = unit_ns_.load(std::memory_order_relaxed);
  return burst_ns_of(unit_ns) / unit_ns;
}

bool QuotaMeter::log_is_due(MonoTime now) {
  const std::int64_t now_ns = nanoseconds(now);
  std::int64_t logged = logged_.load(std::memory_order_relaxed);
  if (logged != 0 && now_ns - logged < kLogAfterNs) return false;
  return logged_.compare_exchange_strong(logged, now_ns, std::memory_order_relaxed);
}

bool QuotaSeats::try_enter(double limit) {
  std::uint64_t taken = taken_.load(std::memory_order_relaxed);
  while (static_cast<double>(taken) < limit) {
    if (taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

template <class Key, class Value>
template <class Make>
std::shared_ptr<Value> QuotaMeters::Recent<Key, Value>::find(const Key& key, Make make) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    items_.splice(items_.begin(), items_, found->second);
    return found->second->value;
  }
  make_room();
  items_.push_front({key, make()});
  by_key_.emplace(key, items_.begin());
  return items_.front().value;
}

template <class Key, class Value>
void QuotaMeters::Recent<Key, Value>::make_room() {
  for (int i = 0; i < kPassedOverMax && items_.size() >= most_; ++i) {
    if (items_.back().value.use_count() > 1) {
      items_.splice(items_.begin(), items_, std::prev(items_.end()));
      continue;
    }
    by_key_.erase(items_.back().key);
    items_.pop_back();
  }
}

std::shared_ptr<QuotaMeter> QuotaMeters::meter(QuotaKey key, const Quotas::Found& found) {
  const std::scoped_lock lock(mutex_);
  auto meter = meters_.find({key, found.shared_by}, [&] {
    return std::make_shared<QuotaMeter>(fmt::format("{} of {}", to_string(key), to_string(found.shared_by)),
                                        found.limit);
  });
  meter->set_rate(found.limit);
  return meter;
}

std::shared_ptr<QuotaSeats> QuotaMeters::seats(const QuotaEntity& shared_by) {
  const std::scoped_lock lock(mutex_);
  return seats_.find(shared_by, [] { return std::make_shared<QuotaSeats>(); });
}

std::size_t QuotaMeters::size() const {
  const std::scoped_lock lock(mutex_);
  return meters_.size() + seats_.size();
}

}  // namespace leat::security
