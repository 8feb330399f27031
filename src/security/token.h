#pragma once

#include <string>
#include <string_view>

#include "security/user.h"

namespace leat::security {

// Bearer tokens and access keys that leat gives out. Their texts are shown once, to who asked for them.

inline constexpr std::string_view kTokenPrefix =
    "leat_";  // what tells them from tokens of others, and lets scanners find them

struct NewToken {
  Token token;
  std::string text;  // "leat_ID_SECRET", 256 random bits
};
[[nodiscard]] NewToken make_token(std::string note, Timestamp now, Timestamp expires);

// SHA-256 of the text: what is random needs no slower hash.
[[nodiscard]] std::string token_hash(std::string_view text);

// "LEAT" and 16 letters and digits, with a secret of 40 characters: as Amazon's clients expect them.
[[nodiscard]] AccessKey make_access_key(std::string note, Timestamp now);

}  // namespace leat::security
