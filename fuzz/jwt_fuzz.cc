#include "security/jwt.h"

#include "security/user.h"
#include "tests/security/jwt_signer.h"

// The first byte says what the rest is: "0" a token of somebody who has no key, "1" a JWK set, "2" the header, a line's end and the
// claims of a token that is signed here. No token of the first kind is taken, nor one of a key that a set brings; what comes of the
// others keeps the rules.
namespace {

using leat::Timestamp;
namespace testing = leat::security::testing;
using leat::security::JsonWebKeys;
using leat::security::JwtRules;
using leat::security::kJwksKeysMax;
using leat::security::kJwtRolesMax;

constexpr Timestamp kNow{1'800'000'000'000};

void demand(bool is_so) {
  if (!is_so) __builtin_trap();
}

const testing::JwtSigner& signer() {
  static const auto made = testing::JwtSigner::ec("P-256");
  return made;
}
const JsonWebKeys& known_keys() {
  static const auto keys =
      JsonWebKeys::parse(testing::jwks({signer().jwk(R"("kid":"a")"), testing::JwtSigner::rsa().jwk(R"("kid":"b")")}));
  return **keys;
}
JwtRules rules() {
  JwtRules rules;
  rules.issuer = "i";
  rules.audience = "leat";
  rules.roles_claim = "a.b.roles";
  return rules;
}

void run_token(std::string_view token) {
  const auto identity = leat::security::verify_jwt(known_keys(), rules(), token, kNow);
  demand(!identity && identity.error().code == leat::Errc::permission_denied);
  if (leat::security::names_unknown_key(known_keys(), token)) demand(leat::security::looks_like_jwt(token));
}

void run_keys(std::string_view text) {
  const auto keys = JsonWebKeys::parse(text);
  if (!keys) return;
  demand((*keys)->size() > 0 && (*keys)->size() + (*keys)->skipped() <= kJwksKeysMax);
  static const std::array tokens = {signer().sign("ES256", R"({"iss":"i","aud":"leat","sub":"ada","exp":1800000300})"),
                                    testing::JwtSigner::rsa().sign("PS256", R"({"iss":"i"})")};
  for (const std::string& token : tokens) demand(!leat::security::verify_jwt(**keys, rules(), token, kNow));
}

void run_signed(std::string_view text) {
  const auto line = text.find('\n');
  const auto claims = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  const std::string token = signer().sign("ES256", text.substr(0, line), claims);
  const auto identity = leat::security::verify_jwt(known_keys(), rules(), token, kNow);
  if (!identity) {
    demand(identity.error().code == leat::Errc::permission_denied && identity.error().message.size() < 4096);
    return;
  }
  demand(leat::security::check_user_name(identity->user).has_value() && identity->expires > kNow);
  demand(identity->roles.size() <= kJwtRolesMax && std::ranges::is_sorted(identity->roles));
  for (const std::string& role : identity->roles) demand(leat::security::check_user_name(role).has_value());
  demand(!leat::security::verify_jwt(known_keys(), rules(), token, identity->expires));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: run_token(rest); break;
    case 1: run_keys(rest); break;
    default: run_signed(rest);
  }
  return 0;
}
