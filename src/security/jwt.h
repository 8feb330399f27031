#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "security/jwk.h"

// JSON Web Tokens (RFC 7519, with the care that RFC 8725 asks for): who somebody is, signed by a server that is trusted to know.
namespace leat::security {

inline constexpr std::size_t kJwtBytesMax = std::size_t{16} << 10;
inline constexpr std::size_t kJwtRolesMax = 200;

// What a token has to say, and where it says it. A claim's name may lead into objects ("realm_access.roles"); a claim whose own
// name has those dots comes first.
struct JwtRules {
  std::string issuer;              // what `iss` is, to the letter
  std::string audience;            // what `aud` is or has; empty: anything
  std::string user_claim = "sub";  // a user's name
  std::string roles_claim;         // a list of names, or one text of them with blanks between; empty: none is looked at
  Milliseconds clock_skew{60'000};
};

struct JwtIdentity {
  std::string user;
  std::vector<std::string> roles;    // sorted, each once
  Timestamp expires = kNoTimestamp;  // from when on the token is refused: its `exp` and the skew
};

// Three parts with dots between them, of letters that such parts have, the first two not empty.
[[nodiscard]] bool looks_like_jwt(std::string_view token);

// Who a token says it is for, when one of the keys signed it and it keeps the rules:
// * its algorithm is one that jws_algorithm() knows, and suits the key;
// * `typ`, if there, is that of a token that gives access ("JWT", "at+jwt"), and there is no `crit`;
// * `exp` is there and has not passed, `nbf` and `iat`, where they are there, have come, all by the skew;
// * the user's name is one that check_user_name() takes, and there are at most kJwtRolesMax roles. Roles whose names it does not take
//   are left out, and where there is no roles claim there are none.
// Costs a verification of a signature, without a key's id up to kJwkTriesMax.
// Error: permission_denied, in words for an operator's log: nothing of the token is in them but the issuer and the audience of
// one that was signed.
[[nodiscard]] Result<JwtIdentity> verify_jwt(const JsonWebKeys& keys, const JwtRules& rules, std::string_view token,
                                             Timestamp now);

// Whether the token names a key that is not there, so that newer keys may verify it. For tokens that verify_jwt() refused.
[[nodiscard]] bool names_unknown_key(const JsonWebKeys& keys, std::string_view token);

}  // namespace leat::security
