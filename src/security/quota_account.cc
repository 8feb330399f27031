#include "security/quota_account.h"

#include "runtime/shard.h"
#include "security/user.h"

namespace leat::security {
namespace {

MonoTime now() { return runtime::Shard::current().now(); }

// A name is anything that a client sends: what is too long to have a quota by name is cut, but not to such a name.
std::string_view cut(std::string_view name) { return name.substr(0, kQuotaNameBytesMax + 1); }

std::uint64_t microseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace

std::optional<Duration> QuotaAccount::charge_connection() {
  constexpr QuotaKey kKey = QuotaKey::connection_creation_rate;
  const PolicyPtr& policy = ledger_.policies_.current();
  const auto found = policy->quotas().find(kKey, {.user = {}, .client_id = {}, .ip = address_});
  if (!found) return Duration{0};
  const auto meter = ledger_.policies_.meters().meter(kKey, *found);
  const auto wait = meter->charge_within(1, now(), kConnectionWaitMax);
  if (!wait) {
    ledger_.stats_[static_cast<std::size_t>(kKey)].refused.add();
    log(*meter, "connections are closed");
  } else if (*wait > Duration{0}) {
    count_throttled(kKey, *wait);
    log(*meter, "connections wait");
  }
  return wait;
}

Duration QuotaAccount::charge(QuotaMeter& meter, QuotaKey key, double amount) {
  const Duration wait = meter.charge(amount, now());
  if (wait <= Duration{0}) return Duration{0};
  count_throttled(key, wait);
  log(meter, "its clients wait");
  return wait;
}

Duration QuotaAccount::try_mutations(std::size_t partitions) {
  constexpr QuotaKey kKey = QuotaKey::controller_mutation_rate;
  QuotaMeter* meter = this->meter(kKey);
  if (meter == nullptr) return Duration{0};
  const Duration wait = meter->wait(now());
  if (wait <= Duration{0}) {
    meter->charge(static_cast<double>(partitions), now());
    return Duration{0};
  }
  ledger_.stats_[static_cast<std::size_t>(kKey)].refused.add();
  log(*meter, "requests are refused");
  return wait;
}

std::uint64_t QuotaAccount::out_at_once() const {
  const QuotaMeter* meter = this->meter(QuotaKey::consumer_byte_rate);
  return meter == nullptr ? UINT64_MAX : static_cast<std::uint64_t>(meter->burst());
}

Duration QuotaAccount::try_request(std::uint64_t bytes_in) {
  for (const QuotaKey key : {QuotaKey::request_rate, QuotaKey::producer_byte_rate, QuotaKey::consumer_byte_rate}) {
    QuotaMeter* meter = this->meter(key);
    const Duration wait = meter == nullptr ? Duration{0} : meter->wait(now());
    if (wait <= Duration{0}) continue;
    ledger_.stats_[static_cast<std::size_t>(key)].refused.add();
    log(*meter, "requests are refused");
    return wait;
  }
  if (QuotaMeter* meter = this->meter(QuotaKey::request_rate)) meter->charge(1, now());
  (void)charge_in(bytes_in);
  return Duration{0};
}

bool QuotaAccount::look_up(const Principal& principal, std::string_view client_id) {
  const PolicyPtr& policy = ledger_.policies_.current();
  const bool is_same = limits_ != nullptr && limits_->principal == principal.name;
  if (is_same && policy->revision() == revision_ && limits_->client_id == client_id) return false;
  revision_ = policy->revision();
  const Quotas& quotas = policy->quotas();
  if (quotas.empty()) {
    leave_seat();
    limits_.reset();
    is_let_in_ = true;
    return false;
  }
  if (limits_ == nullptr) {
    limits_ = std::make_unique<Limits>();
  } else if (!is_same) {
    is_let_in_ = false;
  }
  limits_->principal = principal.name;
  limits_->client_id = std::string(client_id);
  const QuotaSubject subject{.user = user_of(principal.name), .client_id = client_id, .ip = address_};
  for (const QuotaKey key : {QuotaKey::producer_byte_rate, QuotaKey::consumer_byte_rate, QuotaKey::request_rate,
                             QuotaKey::controller_mutation_rate}) {
    const auto found = quotas.find(key, subject);
    limits_->meters[static_cast<std::size_t>(key)] =
        found ? ledger_.policies_.meters().meter(key, *found) : std::shared_ptr<QuotaMeter>();
  }
  return true;
}

bool QuotaAccount::use_limits(const Principal& principal, std::string_view whole_client_id) {
  const std::string_view client_id = cut(whole_client_id);
  if (!look_up(principal, client_id)) return true;
  const QuotaSubject subject{.user = user_of(principal.name), .client_id = client_id, .ip = address_};
  return take_seat(ledger_.policies_.current()->quotas(), subject);
}

bool QuotaAccount::take_seat(const Quotas& quotas, const QuotaSubject& subject) {
  constexpr QuotaKey kKey = QuotaKey::connection_limit;
  const auto found = quotas.find(kKey, subject);
  const auto seats = found ? ledger_.policies_.meters().seats(found->shared_by) : std::shared_ptr<QuotaSeats>();
  const bool is_let_in = std::exchange(is_let_in_, true);
  if (seats == limits_->seat) return true;
  leave_seat();
  if (seats == nullptr) return true;
  if (is_let_in) {
    seats->enter();
  } else if (!seats->try_enter(found->limit)) {
    ledger_.stats_[static_cast<std::size_t>(kKey)].refused.add();
    ledger_.log_.write(now(), LogLevel::warning, ledger_.protocol_,
                       "{}: there are {} connections of {} already, as many as it may have; connection closed",
                       address_, found->limit, to_string(found->shared_by));
    is_let_in_ = false;
    revision_ = catalog::Revision(-1);
    return false;
  }
  limits_->seat = seats;
  return true;
}

void QuotaAccount::leave_seat() {
  if (limits_ != nullptr && limits_->seat != nullptr) std::exchange(limits_->seat, nullptr)->leave();
}

void QuotaAccount::count_throttled(QuotaKey key, Duration wait) {
  QuotaLedger::Stats& stats = ledger_.stats_[static_cast<std::size_t>(key)];
  stats.throttled.add();
  stats.throttled_us.add(microseconds(wait));
}

void QuotaAccount::log(QuotaMeter& meter, std::string_view what) {
  const MonoTime at = now();
  if (meter.log_is_due(at))
    ledger_.log_.write(at, LogLevel::info, ledger_.protocol_, "{}: the quota is used up, {}", meter.name(), what);
}

}  // namespace leat::security
