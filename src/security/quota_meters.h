#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/types.h"
#include "security/quota.h"

namespace leat::security {

// How much of one rate was used, by all who share it: the generic cell rate algorithm, in one number that every shard changes. Who
// was idle may use at once what the rate allows in a second, and always one unit.
class QuotaMeter {
 public:
  // The longest that anyone is made to wait. Whoever uses more than the rate allows in this time waits no longer, and so uses
  // more than the rate.
  static constexpr Duration kWaitMax = std::chrono::seconds(30);

  // `name` is what it is called in logs; `rate` is in units a second, from kQuotaRateMin to kQuotaLimitMax.
  QuotaMeter(std::string name, double rate) : name_(std::move(name)), unit_ns_(unit_ns_of(rate)) {}

  // What was used at `now`. Returns how long whoever used it has to wait before the next use; zero: not at all.
  Duration charge(double amount, MonoTime now);
  // The same, but charges nothing when the wait would be above `wait_max`: nullopt.
  [[nodiscard]] std::optional<Duration> charge_within(double amount, MonoTime now, Duration wait_max);
  // How long one who comes at `now` has to wait for what others used.
  [[nodiscard]] Duration wait(MonoTime now) const;

  // Another rate than it has begins afresh.
  void set_rate(double rate);
  // What may be used at once by who was idle.
  [[nodiscard]] double burst() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  // Whether it is time to log that somebody waits: once a minute.
  [[nodiscard]] bool log_is_due(MonoTime now);

 private:
  [[nodiscard]] static double unit_ns_of(double rate) { return 1e9 / rate; }
  [[nodiscard]] static double burst_ns_of(double unit_ns) { return std::max(1e9, unit_ns); }

  std::string name_;
  std::atomic<double> unit_ns_;              // nanoseconds that one unit takes
  std::atomic<std::int64_t> paid_until_{0};  // when all that was used is paid for: nanoseconds of MonoTime
  std::atomic<std::int64_t> logged_{0};      // nanoseconds of MonoTime
};

// How many connections are open of all who share a limit on them. From any thread.
class QuotaSeats {
 public:
  [[nodiscard]] bool try_enter(double limit);
  void enter() { taken_.fetch_add(1, std::memory_order_relaxed); }
  void leave() { taken_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> taken_{0};
};

// The meters of everybody, on all shards. From any thread; takes a lock, so a connection looks its meters up once and keeps them.
class QuotaMeters {
 public:
  // Of those that nobody holds, at most so many stay: those that were looked up longest ago go first.
  static constexpr std::size_t kMetersMax = 100'000;

  explicit QuotaMeters(std::size_t meters_max = kMetersMax) : meters_(meters_max), seats_(meters_max) {}

  // The meter of a rate, made or given another rate when it is not as `found` says.
  [[nodiscard]] std::shared_ptr<QuotaMeter> meter(QuotaKey key, const Quotas::Found& found);
  [[nodiscard]] std::shared_ptr<QuotaSeats> seats(const QuotaEntity& shared_by);
  [[nodiscard]] std::size_t size() const;

 private:
  // Things by what they are called, those last asked for first.
  template <class Key, class Value>
  class Recent {
   public:
    explicit Recent(std::size_t most) : most_(most) {}
    template <class Make>
    std::shared_ptr<Value> find(const Key& key, Make make);
    [[nodiscard]] std::size_t size() const { return by_key_.size(); }

   private:
    struct Item {
      Key key;
      std::shared_ptr<Value> value;
    };
    void make_room();

    std::size_t most_;
    std::list<Item> items_;
    std::map<Key, typename std::list<Item>::iterator> by_key_;
  };

  mutable std::mutex mutex_;
  Recent<std::pair<QuotaKey, QuotaEntity>, QuotaMeter> meters_;
  Recent<QuotaEntity, QuotaSeats> seats_;
};

}  // namespace leat::security
