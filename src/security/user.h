#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "security/scram.h"

namespace leat::security {

inline constexpr std::size_t kUserNameBytesMax = 128;

// Who may come in, and how they prove that it is them. No secret can be read back from it.
struct User {
  std::string name;
  std::map<ScramMechanism, ScramCredential> scram;  // also what a password in clear (PLAIN) is checked against
  Timestamp created = kNoTimestamp;
  Timestamp modified = kNoTimestamp;
};

// The principal of grants.
[[nodiscard]] std::string principal_of(std::string_view user_name);

// 1 to kUserNameBytesMax bytes of UTF-8 without control characters, and not the names that grants give a meaning of their own.
// Error: invalid_name.
[[nodiscard]] Status check_user_name(std::string_view name);

// Any text as a part of a catalog's key: what such keys cannot have is written as % and two digits.
[[nodiscard]] std::string in_key(std::string_view text);

// As stored (docs/formats/catalog.md). Errors: corrupt, unsupported.
inline constexpr std::string_view kUsersPrefix = "users/";
[[nodiscard]] std::string user_key(std::string_view name);
[[nodiscard]] std::string encode_user(const User& user);
[[nodiscard]] Result<User> decode_user(std::string_view key, std::string_view value);

}  // namespace leat::security
