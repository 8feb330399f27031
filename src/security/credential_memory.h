#pragma once

#include <map>
#include <string>

#include "security/login.h"

namespace leat::security {

// Checks what comes with every request, as HTTP's credentials do: what was right is remembered for a while, since to look at it
// anew takes milliseconds. Belongs to one shard.
class CredentialMemory {
 public:
  static constexpr std::size_t kRememberedMax = 1000;
  static constexpr Milliseconds kFor{300'000};

  // Both outlive it.
  CredentialMemory(Logins& logins, const Policies& policies) : logins_(logins), policies_(policies) {}
  CredentialMemory(const CredentialMemory&) = delete;
  CredentialMemory& operator=(const CredentialMemory&) = delete;

  // As Logins::check_password. A password that was changed is not remembered, nor a user that was removed.
  runtime::Task<Result<Principal>> check_password(std::string user, std::string password, std::string peer);
  // As Logins::check_token. Nor is a token that has expired remembered, or was looked at with other keys of its issuer.
  runtime::Task<Result<Principal>> check_token(std::string token, std::string peer);

 private:
  struct Password {
    std::string stored_key;  // of the user's credential when it was right
    MonoTime until;
  };
  struct IssuedToken {
    Principal owner;
    std::shared_ptr<const TokenIssuer> issuer;
    MonoTime until;
  };
  [[nodiscard]] std::string key_of(std::string_view user, std::string_view password) const;
  // What tells whether the user's password is still the same; empty: there is no such user.
  [[nodiscard]] std::string credential_of(std::string_view user) const;

  Logins& logins_;
  const Policies& policies_;
  std::map<std::string, Password> passwords_;  // by a keyed hash of both
  std::map<std::string, IssuedToken> tokens_;  // by a keyed hash
};

}  // namespace leat::security
