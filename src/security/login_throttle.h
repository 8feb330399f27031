#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/types.h"

namespace leat::security {

// Slows down those who guess passwords: each failure of a user's name from an address makes the next attempts with both wait,
// twice as long as the one before. Neither alone: anyone could keep a user out, or whoever shares an address with a client that is
// set up wrongly. Of one shard. Remembers kPairsMax pairs, those that failed last.
class LoginThrottle {
 public:
  static constexpr std::size_t kPairsMax = 10'000;
  static constexpr Milliseconds kFirstDelay{100};
  static constexpr Milliseconds kDelayMax{5'000};
  // After so long without a failure a pair is as good as new.
  static constexpr Milliseconds kForgetAfter{60'000};

  // How long an attempt has to wait before it is looked at; nullopt: so many wait already that it is refused.
  [[nodiscard]] std::optional<Duration> wait(std::string_view user, std::string_view address, MonoTime now);
  // How many failures of the pair are remembered.
  [[nodiscard]] std::uint64_t failures(std::string_view user, std::string_view address) const;
  void failed(std::string_view user, std::string_view address, MonoTime now);

 private:
  struct Failures {
    std::string key;
    std::uint64_t count = 0;
    Milliseconds delay{0};
    MonoTime last{};
    MonoTime not_before{};  // when the next attempt may be looked at
  };
  using Recent = std::list<Failures>;  // the last failure first

  Recent recent_;
  std::unordered_map<std::string_view, Recent::iterator> by_key_;
};

}  // namespace leat::security
