#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/log_limiter.h"
#include "base/metrics.h"
#include "security/policies.h"
#include "security/quota_meters.h"

namespace leat::security {

// What quotas did to the clients of one protocol on one shard.
class QuotaLedger {
 public:
  // `protocol` is its name in logs and metrics. `policies` outlives this.
  QuotaLedger(std::string protocol, const Policies& policies) : protocol_(std::move(protocol)), policies_(policies) {}

  struct Stats {
    Counter throttled;     // how often somebody was made to wait
    Counter throttled_us;  // and how long
    Counter refused;       // connections that were closed, or requests that were not done
  };
  [[nodiscard]] const Stats& stats(QuotaKey key) const { return stats_[static_cast<std::size_t>(key)]; }
  [[nodiscard]] const std::string& protocol() const { return protocol_; }
  // Whether anybody has one.
  [[nodiscard]] bool has_quotas() const { return !policies_.current()->quotas().empty(); }

 private:
  friend class QuotaAccount;

  std::string protocol_;
  const Policies& policies_;
  LogLimiter log_;
  std::array<Stats, kQuotaKeys> stats_;
};

// Whom the use of one connection is charged to. Each charge returns how long the client has to wait before the next use; it is
// for the session to have it wait, and zero where no quota holds, which costs one test of a pointer. Belongs to the ledger's shard,
// and is outlived by it.
class QuotaAccount {
 public:
  // Connections that would have to wait longer are closed instead.
  static constexpr Duration kConnectionWaitMax = std::chrono::seconds(10);

  QuotaAccount(QuotaLedger& ledger, std::string address) : ledger_(ledger), address_(std::move(address)) {}
  QuotaAccount(const QuotaAccount&) = delete;
  QuotaAccount& operator=(const QuotaAccount&) = delete;
  ~QuotaAccount() { leave_seat(); }

  // To be called first, when the connection has come. Returns how long it waits before it is read; nullopt: it is to be closed,
  // best after kConnectionWaitMax, or it would be back at once.
  [[nodiscard]] std::optional<Duration> charge_connection();

  // Who uses the connection from now on; to be called before each request is charged. Follows the policy of the shard. False: the
  // connection is one more than its user may have, and is to be closed. A limit that becomes lower closes no connection.
  [[nodiscard]] bool use(const Principal& principal, std::string_view client_id) {
    if (limits_ == nullptr && ledger_.policies_.current()->revision() == revision_) return true;
    return use_limits(principal, client_id);
  }

  // The same for an account that is no connection's: it takes no place among those that its user may have.
  void follow(const Principal& principal) {
    if (limits_ == nullptr && ledger_.policies_.current()->revision() == revision_) return;
    (void)look_up(principal, "");
  }

  [[nodiscard]] Duration charge_request() { return charge_requests(1); }
  [[nodiscard]] Duration charge_requests(std::size_t count) {
    return charge(QuotaKey::request_rate, static_cast<double>(count));
  }
  // Bytes that came in, or are about to go out.
  [[nodiscard]] Duration charge_in(std::uint64_t bytes) {
    return charge(QuotaKey::producer_byte_rate, static_cast<double>(bytes));
  }
  [[nodiscard]] Duration charge_out(std::uint64_t bytes) {
    return charge(QuotaKey::consumer_byte_rate, static_cast<double>(bytes));
  }
  // The most bytes that may go out at once.
  [[nodiscard]] std::uint64_t out_at_once() const;
  // A request, of so many bytes, of a client that can be told to come again: charges nothing, and returns how long it should wait,
  // when more than a quota of requests or bytes was used before; else zero.
  [[nodiscard]] Duration try_request(std::uint64_t bytes_in);
  // Partitions that are about to be created or deleted.
  [[nodiscard]] Duration charge_mutations(std::size_t partitions) {
    return charge(QuotaKey::controller_mutation_rate, static_cast<double>(partitions));
  }
  // The same for clients that can be told to come again: charges nothing, and returns how long they should wait, when more than
  // the quota was used before; else zero.
  [[nodiscard]] Duration try_mutations(std::size_t partitions);

 private:
  // What holds for the user and the client id, where there are any quotas.
  struct Limits {
    std::string principal;
    std::string client_id;
    std::array<std::shared_ptr<QuotaMeter>, kQuotaKeys> meters;  // nullptr: no limit
    std::shared_ptr<QuotaSeats> seat;                            // taken by this connection
  };

  [[nodiscard]] QuotaMeter* meter(QuotaKey key) const {
    return limits_ == nullptr ? nullptr : limits_->meters[static_cast<std::size_t>(key)].get();
  }
  [[nodiscard]] Duration charge(QuotaKey key, double amount) {
    QuotaMeter* meter = this->meter(key);
    return meter == nullptr ? Duration{0} : charge(*meter, key, amount);
  }
  Duration charge(QuotaMeter& meter, QuotaKey key, double amount);
  // False: nothing has changed since the last time.
  bool look_up(const Principal& principal, std::string_view client_id);
  bool use_limits(const Principal& principal, std::string_view whole_client_id);
  bool take_seat(const Quotas& quotas, const QuotaSubject& subject);
  void leave_seat();
  void count_throttled(QuotaKey key, Duration wait);
  void log(QuotaMeter& meter, std::string_view what);

  QuotaLedger& ledger_;
  std::string address_;
  catalog::Revision revision_{-1};  // of the policy that was looked at last
  std::unique_ptr<Limits> limits_;  // nullptr: there are no quotas
  bool is_let_in_ = false;          // as this principal: it was found to be not one connection too many
};

}  // namespace leat::security
