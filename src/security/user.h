#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "security/scram.h"

namespace leat::security {

// Limits; above them: too_large.
inline constexpr std::size_t kUserNameBytesMax = 128;
inline constexpr std::size_t kRolesMax = 50;
inline constexpr std::size_t kTokensMax = 100;
inline constexpr std::size_t kAccessKeysMax = 20;
inline constexpr std::size_t kNoteBytesMax = 200;
inline constexpr std::size_t kCommandRulesBytesMax = 8192;

// A bearer token (RFC 6750), without what proves it: only its hash is known.
struct Token {
  std::string id;
  std::string hash;  // of token_hash()
  std::string note;  // what it is for
  Timestamp created = kNoTimestamp;
  Timestamp expires = kNoTimestamp;  // kNoTimestamp: never
  [[nodiscard]] bool is_expired(Timestamp now) const { return expires != kNoTimestamp && expires <= now; }
};

// A key that requests are signed with (Amazon's Signature Version 4), which takes the secret itself.
struct AccessKey {
  std::string id;
  std::string secret;
  std::string note;
  Timestamp created = kNoTimestamp;
};

// Who may come in, and how they prove that it is them.
struct User {
  std::string name;
  // The password, in one of two forms: what SCRAM needs, against which a password in clear (PLAIN, basic authentication) is
  // checked too; or a hash (security/password.h), for who needs no SCRAM.
  std::map<ScramMechanism, ScramCredential> scram;
  std::string password_hash;  // empty: none
  std::vector<Token> tokens;
  std::vector<AccessKey> access_keys;
  std::vector<std::string> roles;  // names, sorted
  // Which commands of the keyspace it may run of those that its grants allow, in Redis's words (ACL SETUSER); empty: all.
  std::string command_rules;
  Timestamp created = kNoTimestamp;
  Timestamp modified = kNoTimestamp;

  // By itself, for good: certificates and tokens of others may end.
  [[nodiscard]] bool can_come_in() const {
    return has_password() || std::ranges::any_of(tokens, [](const Token& t) { return t.expires == kNoTimestamp; });
  }
  [[nodiscard]] bool has_password() const { return !scram.empty() || !password_hash.empty(); }
};

// Principals of grants.
[[nodiscard]] std::string principal_of(std::string_view user_name);
[[nodiscard]] std::string role_principal_of(std::string_view role_name);
// The user's name in a principal; empty: it is none of a user.
[[nodiscard]] std::string_view user_of(std::string_view principal);
[[nodiscard]] std::string_view role_of(std::string_view principal);

// 1 to kUserNameBytesMax bytes of UTF-8 without control characters, and not the names that grants give a meaning of their own.
// Of a role as well. Error: invalid_name.
[[nodiscard]] Status check_user_name(std::string_view name);
// Whether it can be kept: limits, names, hashes. Errors: invalid_name, invalid_argument, too_large.
[[nodiscard]] Status check_user(const User& user);

// Any text as a part of a catalog's key: what such keys cannot have is written as % and two digits.
[[nodiscard]] std::string in_key(std::string_view text);

// As stored (docs/formats/catalog.md). Errors: corrupt, unsupported.
inline constexpr std::string_view kUsersPrefix = "users/";
[[nodiscard]] std::string user_key(std::string_view name);
[[nodiscard]] std::string encode_user(const User& user);
[[nodiscard]] Result<User> decode_user(std::string_view key, std::string_view value);

}  // namespace leat::security
