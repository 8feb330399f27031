#pragma once

#include <map>
#include <string>

#include "security/login.h"

namespace leat::security {

// Checks passwords that come with every request, as HTTP's do: what was right is remembered for a while, since to look at a
// password anew takes milliseconds. Belongs to one shard.
class PasswordMemory {
 public:
  static constexpr std::size_t kRememberedMax = 1000;
  static constexpr Milliseconds kFor{300'000};

  // Both outlive it.
  PasswordMemory(Logins& logins, const Policies& policies) : logins_(logins), policies_(policies) {}
  PasswordMemory(const PasswordMemory&) = delete;
  PasswordMemory& operator=(const PasswordMemory&) = delete;

  // As Logins::check_password. A password that was changed is not remembered, nor a user that was removed.
  runtime::Task<Result<Principal>> check(std::string user, std::string password, std::string peer);

 private:
  struct Remembered {
    std::string stored_key;  // of the user's credential when it was right
    MonoTime until;
  };
  [[nodiscard]] std::string key_of(std::string_view user, std::string_view password) const;
  // What tells whether the user's password is still the same; empty: there is no such user.
  [[nodiscard]] std::string credential_of(std::string_view user) const;

  Logins& logins_;
  const Policies& policies_;
  std::map<std::string, Remembered> remembered_;  // by a keyed hash of both
};

}  // namespace leat::security
