#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/types.h"

namespace leat::security {

// Slows down those who guess passwords: each failure from an address makes the next attempts from there wait, twice as long as
// the one before. Of one shard. Remembers kAddressesMax addresses, those that failed last.
class LoginThrottle {
 public:
  static constexpr std::size_t kAddressesMax = 10'000;
  static constexpr Milliseconds kFirstDelay{100};
  static constexpr Milliseconds kDelayMax{5'000};
  // After so long without a failure an address is as good as new.
  static constexpr Milliseconds kForgetAfter{60'000};

  // How long an attempt from this address has to wait before it is looked at; nullopt: so many wait already that it is refused.
  [[nodiscard]] std::optional<Duration> wait(std::string_view address, MonoTime now);
  void failed(std::string_view address, MonoTime now);

 private:
  struct Failures {
    std::string address;
    Milliseconds delay{0};
    MonoTime last{};
    MonoTime not_before{};  // when the next attempt may be looked at
  };
  using Recent = std::list<Failures>;  // the last failure first

  Recent recent_;
  std::unordered_map<std::string_view, Recent::iterator> by_address_;
};

}  // namespace leat::security
