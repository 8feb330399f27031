#include "security/jwt.h"

#include <gmock/gmock.h>
#include <openssl/err.h>

#include <thread>

#include "security/base64.h"
#include "tests/security/jwt_signer.h"

namespace leat::security {
namespace {

using testing::base64url;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::jwks;
using testing::JwtSigner;
using ::testing::Not;

constexpr Timestamp kNow{1'800'000'000'000};
constexpr std::string_view kClaims =
    R"({"iss":"https://id.example.org/","aud":["leat","other"],"sub":"ada","exp":1800000300,"nbf":1800000000,)"
    R"("iat":1800000000,"realm_access":{"roles":["writer","reader","writer"]},"scope":"topics.read  topics.write"})";
constexpr std::string_view kSecretOfTests = "not a secret";

// A key takes a while to make.
const JwtSigner& rsa() {
  static const JwtSigner signer = JwtSigner::rsa();
  return signer;
}
const JwtSigner& p256() {
  static const JwtSigner signer = JwtSigner::ec("P-256");
  return signer;
}

JwtRules rules() {
  JwtRules rules;
  rules.issuer = "https://id.example.org/";
  rules.audience = "leat";
  return rules;
}

std::shared_ptr<const JsonWebKeys> keys_of(const std::string& text) {
  auto keys = JsonWebKeys::parse(text);
  EXPECT_TRUE(keys) << keys.error().message;
  return keys ? *keys : nullptr;
}

// Who a token is for, or why it is refused.
std::string answer(const JsonWebKeys& keys, std::string_view token, const JwtRules& by = rules(),
                   Timestamp now = kNow) {
  const auto identity = verify_jwt(keys, by, token, now);
  if (identity) return identity->user;
  EXPECT_EQ(identity.error().code, Errc::permission_denied);
  EXPECT_THAT(identity.error().message, Not(HasSubstr(std::string(token.substr(0, 30)))));
  return identity.error().message;
}

// The same for a token of these claims that p256() signed.
std::string answer_to_claims(std::string_view claims, const JwtRules& by = rules(), Timestamp now = kNow) {
  static const auto keys = keys_of(jwks({p256().jwk()}));
  return answer(*keys, p256().sign("ES256", claims), by, now);
}
std::string answer_to_header(std::string_view header) {
  static const auto keys = keys_of(jwks({p256().jwk(R"("kid":"a")")}));
  return answer(*keys, p256().sign("ES256", header, kClaims));
}

// Claims that are good but for those of the end.
std::string claims_with(std::string_view more) {
  return fmt::format(R"({{"iss":"https://id.example.org/","aud":"leat",{}}})", more);
}

struct Signed {
  std::string algorithm;
  JwtSigner signer;
};
std::vector<Signed> one_of_each() {
  return {{"RS256", rsa()},
          {"RS384", rsa()},
          {"RS512", rsa()},
          {"PS256", rsa()},
          {"PS384", rsa()},
          {"PS512", rsa()},
          {"ES256", p256()},
          {"ES384", JwtSigner::ec("P-384")},
          {"ES512", JwtSigner::ec("P-521")}};
}

TEST(Jwt, TokensOfEachAlgorithmAreVerified) {
  for (const auto& [algorithm, signer] : one_of_each()) {
    const auto keys = keys_of(jwks({signer.jwk()}));
    EXPECT_EQ(answer(*keys, signer.sign(algorithm, kClaims)), "ada") << algorithm;
  }
}

TEST(Jwt, TheExampleOfTheRfcIsVerified) {
  // RFC 7515, appendix A.3.
  const auto keys = keys_of(
      R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]})");
  const std::string token =
      "eyJhbGciOiJFUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
      ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
  JwtRules by;
  by.issuer = by.audience = "joe";
  by.user_claim = "iss";
  EXPECT_THAT(answer(*keys, token, by, Timestamp(1'300'000'000'000)), HasSubstr("no audience"));
  by.audience = "";
  EXPECT_EQ(answer(*keys, token, by, Timestamp(1'300'000'000'000)), "joe");
  EXPECT_THAT(answer(*keys, token, by), HasSubstr("ended"));
}

TEST(Jwt, ATokenSaysWhoInWhichRolesAndHowLong) {
  const auto keys = keys_of(jwks({p256().jwk()}));
  const std::string token = p256().sign("ES256", kClaims);
  JwtRules by = rules();
  by.roles_claim = "realm_access.roles";
  const auto identity = verify_jwt(*keys, by, token, kNow);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->user, "ada");
  EXPECT_THAT(identity->roles, ElementsAre("reader", "writer"));
  EXPECT_EQ(identity->expires, Timestamp(1'800'000'360'000));
  by.roles_claim = "scope";
  EXPECT_THAT(verify_jwt(*keys, by, token, kNow)->roles, ElementsAre("topics.read", "topics.write"));
  by.roles_claim = "";
  EXPECT_THAT(verify_jwt(*keys, by, token, kNow)->roles, IsEmpty());
  by.roles_claim = "realm_access.groups";
  EXPECT_THAT(verify_jwt(*keys, by, token, kNow)->roles, IsEmpty());
}

TEST(Jwt, NoFlippedByteOfATokenIsOverlooked) {
  for (const auto& [algorithm, signer] : one_of_each()) {
    const auto keys = keys_of(jwks({signer.jwk()}));
    const std::string token = signer.sign(algorithm, kClaims);
    for (std::size_t at = 0; at < token.size(); ++at) {
      // Letters next to it, what base64 decoders like to skip, and any byte at some places.
      std::string others = "A_-=+/. \n";
      others += static_cast<char>(token[at] ^ 1);
      others += static_cast<char>(token[at] ^ 0x80);
      others += '\0';
      for (const char other : others) {
        if (other == token[at]) continue;
        std::string changed = token;
        changed[at] = other;
        EXPECT_FALSE(verify_jwt(*keys, rules(), changed, kNow)) << algorithm << " " << at << " " << int{other};
      }
    }
    for (std::size_t size = 0; size < token.size(); ++size)
      EXPECT_FALSE(verify_jwt(*keys, rules(), token.substr(0, size), kNow)) << size;
    for (const char* end : {"A", "=", "==", ".", "AAAA", " "})
      EXPECT_FALSE(verify_jwt(*keys, rules(), token + end, kNow)) << end;
  }
}

// The signature of the token in other bytes.
std::string with_signature(const std::string& token, const std::string& signature) {
  return token.substr(0, token.rfind('.') + 1) + base64url(signature);
}

TEST(Jwt, OnlySignaturesOfTheKeysLengthCount) {
  const auto keys = keys_of(jwks({p256().jwk()}));
  const std::string token = p256().sign("ES256", kClaims);
  for (const std::size_t size : {0, 1, 32, 62, 63, 65, 66, 128, 1000})
    EXPECT_THAT(answer(*keys, with_signature(token, std::string(size, '\0'))), HasSubstr("signature is wrong"));
  EXPECT_THAT(answer(*keys, with_signature(token, std::string(64, '\0'))), HasSubstr("signature is wrong"));
  // The right numbers, with a zero before each.
  const std::string right = base64url_decoded(token.substr(token.rfind('.') + 1)).value();
  ASSERT_EQ(right.size(), 64U);
  EXPECT_EQ(answer(*keys, with_signature(token, right)), "ada");
  const std::string longer = std::string(1, '\0') + right.substr(0, 32) + std::string(1, '\0') + right.substr(32);
  EXPECT_THAT(answer(*keys, with_signature(token, longer)), HasSubstr("signature is wrong"));
}

TEST(Jwt, UnsignedAndSymmetricTokensAreRefused) {
  const auto keys = keys_of(jwks({rsa().jwk(), p256().jwk(), R"({"kty":"oct","k":"bm90IGEgc2VjcmV0"})"}));
  EXPECT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->skipped(), 1U);
  for (const char* none : {"none", "None", "NONE", "nOnE"}) {
    const std::string head = base64url(fmt::format(R"({{"alg":"{}"}})", none)) + "." + base64url(kClaims) + ".";
    EXPECT_THAT(answer(*keys, head), HasSubstr("alg"));
    EXPECT_THAT(answer(*keys, head + "AAAA"), HasSubstr("alg"));
  }
  // The public key as the secret, in the forms that it has.
  for (const std::string& secret : {std::string(kSecretOfTests), rsa().jwk(), std::string()}) {
    const std::string token = testing::hmac_signed(secret, R"({"alg":"HS256"})", kClaims);
    EXPECT_THAT(answer(*keys, token), HasSubstr("alg"));
  }
}

TEST(Jwt, AnAlgorithmMustSuitTheKey) {
  const auto both = keys_of(jwks({rsa().jwk(R"("kid":"r")"), p256().jwk(R"("kid":"e")")}));
  const auto header = [](std::string_view algorithm, std::string_view id) {
    return fmt::format(R"({{"alg":"{}","kid":"{}"}})", algorithm, id);
  };
  EXPECT_EQ(answer(*both, rsa().sign("RS256", header("RS256", "r"), kClaims)), "ada");
  EXPECT_EQ(answer(*both, p256().sign("ES256", header("ES256", "e"), kClaims)), "ada");
  EXPECT_THAT(answer(*both, rsa().sign("RS256", header("RS256", "e"), kClaims)), HasSubstr("no key of the set is for"));
  EXPECT_THAT(answer(*both, p256().sign("ES256", header("ES256", "r"), kClaims)), HasSubstr("no key of the set"));
  // Signed otherwise than the header says.
  EXPECT_THAT(answer(*both, rsa().sign("PS256", header("RS256", "r"), kClaims)), HasSubstr("signature is wrong"));
  EXPECT_THAT(answer(*both, rsa().sign("RS512", header("RS256", "r"), kClaims)), HasSubstr("signature is wrong"));
  // A curve has one algorithm.
  EXPECT_THAT(answer(*both, p256().sign("ES512", header("ES512", "e"), kClaims)), HasSubstr("no key of the set"));
  EXPECT_THAT(answer(*both, p256().sign("ES256", header("ES256K", "e"), kClaims)), HasSubstr("alg"));
  EXPECT_THAT(answer(*both, p256().sign("ES256", header("EdDSA", "e"), kClaims)), HasSubstr("alg"));
}

TEST(Jwt, AKeyMayBeForOneAlgorithmAlone) {
  const auto keys = keys_of(jwks({rsa().jwk(R"("alg":"PS256")")}));
  EXPECT_EQ(answer(*keys, rsa().sign("PS256", kClaims)), "ada");
  EXPECT_THAT(answer(*keys, rsa().sign("RS256", kClaims)), HasSubstr("no key of the set is for the token's RS256"));
  EXPECT_THAT(answer(*keys, rsa().sign("PS512", kClaims)), HasSubstr("no key of the set is for the token's PS512"));
}

TEST(Jwt, TheIdChoosesTheKey) {
  const JwtSigner other = JwtSigner::ec("P-256");
  const auto keys = keys_of(jwks({p256().jwk(R"("kid":"a")"), other.jwk(R"("kid":"b")")}));
  const auto signed_as = [](const JwtSigner& signer, std::string_view id) {
    return signer.sign("ES256", fmt::format(R"({{"alg":"ES256","kid":"{}"}})", id), kClaims);
  };
  EXPECT_EQ(answer(*keys, signed_as(p256(), "a")), "ada");
  EXPECT_EQ(answer(*keys, signed_as(other, "b")), "ada");
  EXPECT_THAT(answer(*keys, signed_as(p256(), "b")), HasSubstr("signature is wrong"));
  EXPECT_THAT(answer(*keys, signed_as(p256(), "c")), HasSubstr("key is not in the key set"));
  EXPECT_THAT(answer(*keys, signed_as(p256(), "")), HasSubstr("key is not in the key set"));
  EXPECT_TRUE(names_unknown_key(*keys, signed_as(p256(), "c")));
  EXPECT_FALSE(names_unknown_key(*keys, signed_as(p256(), "b")));
  EXPECT_FALSE(names_unknown_key(*keys, p256().sign("ES256", kClaims)));
  EXPECT_FALSE(names_unknown_key(*keys, "a.b.c"));
  EXPECT_FALSE(names_unknown_key(*keys, testing::hmac_signed("x", R"({"alg":"HS256","kid":"c"})", kClaims)));
  // Without an id, each that suits.
  EXPECT_EQ(answer(*keys, other.sign("ES256", kClaims)), "ada");
  EXPECT_THAT(answer(*keys, JwtSigner::ec("P-256").sign("ES256", kClaims)), HasSubstr("signature is wrong"));
}

TEST(Jwt, WithoutAnIdTheFirstTenKeysAreTried) {
  std::string list = rsa().jwk();
  for (int i = 0; i < 9; ++i) list += "," + JwtSigner::ec("P-256").jwk();
  const std::string last = R"({"keys":[)" + list + "," + p256().jwk() + "]}";
  EXPECT_EQ(answer(*keys_of(last), p256().sign("ES256", kClaims)), "ada");
  const std::string beyond =
      R"({"keys":[)" + list + "," + JwtSigner::ec("P-256").jwk() + "," + p256().jwk(R"("kid":"k")") + "]}";
  EXPECT_THAT(answer(*keys_of(beyond), p256().sign("ES256", kClaims)), HasSubstr("signature is wrong"));
  EXPECT_EQ(answer(*keys_of(beyond), p256().sign("ES256", R"({"alg":"ES256","kid":"k"})", kClaims)), "ada");
}

TEST(Jwt, HeadersThatAreNotUnderstoodAreRefused) {
  EXPECT_EQ(answer_to_header(R"({"alg":"ES256","kid":"a","x":[1,{"y":null}]})"), "ada");
  EXPECT_EQ(answer_to_header(R"({"alg":"ES256","typ":"at+jwt"})"), "ada");
  EXPECT_EQ(answer_to_header(R"({"alg":"ES256","typ":"application/at+JWT"})"), "ada");
  EXPECT_THAT(answer_to_header(R"({"alg":"ES256","crit":["b64"],"b64":false})"), HasSubstr("crit"));
  EXPECT_THAT(answer_to_header(R"({"alg":"ES256","crit":[]})"), HasSubstr("crit"));
  EXPECT_THAT(answer_to_header(R"({"alg":"ES256","typ":"logout+jwt"})"), HasSubstr("typ"));
  EXPECT_THAT(answer_to_header(R"({"alg":"ES256","typ":7})"), HasSubstr("typ"));
  EXPECT_THAT(answer_to_header(R"({"alg":"ES256","kid":7})"), HasSubstr("kid"));
  EXPECT_THAT(answer_to_header(R"({"alg":["ES256"]})"), HasSubstr("alg"));
  EXPECT_THAT(answer_to_header(R"({"kid":"a"})"), HasSubstr("alg"));
  EXPECT_THAT(answer_to_header(R"({"alg":"none","alg":"ES256"})"), HasSubstr("header"));
  EXPECT_THAT(answer_to_header(R"({"alg":"ES256","alg":"ES256"})"), HasSubstr("header"));
  for (const char* other : {"", "[]", "7", "{", R"({"alg":"ES256"}x)", "\xff", "{\"alg\":\"ES256\",\"\xff\":1}"})
    EXPECT_THAT(answer_to_header(other), ::testing::AnyOf(HasSubstr("header"), HasSubstr("three parts"))) << other;
}

TEST(Jwt, ClaimsThatAreNoObjectOrSayThingsTwiceAreRefused) {
  for (const char* other : {"[]", "7", "{", R"("ada")"})
    EXPECT_THAT(answer_to_claims(other), HasSubstr("cannot be read"));
  EXPECT_THAT(answer_to_claims(claims_with(R"("sub":"ada","sub":"root","exp":1800000300)")),
              HasSubstr("cannot be read"));
}

TEST(Jwt, TheIssuerMustBeThisOne) {
  EXPECT_EQ(answer_to_claims(claims_with(R"("sub":"ada","exp":1800000300)")), "ada");
  JwtRules by = rules();
  by.issuer = "https://id.example.org";
  EXPECT_THAT(answer_to_claims(kClaims, by), HasSubstr(R"(the issuer "https://id.example.org/", not from)"));
  EXPECT_THAT(answer_to_claims(R"({"aud":"leat","sub":"ada","exp":1800000300})"), HasSubstr("no issuer"));
  EXPECT_THAT(answer_to_claims(R"({"iss":["https://id.example.org/"],"aud":"leat","sub":"ada","exp":1800000300})"),
              HasSubstr("issuer"));
  const std::string long_one = fmt::format(R"({{"iss":"{}","sub":"ada","exp":1800000300}})", std::string(5000, 'x'));
  EXPECT_LT(answer_to_claims(long_one).size(), 400U);
  EXPECT_THAT(answer_to_claims("{\"iss\":\"a\\nb\xc3\xa9\"}"), HasSubstr(R"("a\nb\u00e9")"));
}

TEST(Jwt, TheAudienceMustHaveThisOne) {
  const auto with = [](std::string_view audience) {
    return fmt::format(R"({{"iss":"https://id.example.org/","sub":"ada","exp":1800000300{}}})", audience);
  };
  EXPECT_EQ(answer_to_claims(with(R"(,"aud":"leat")")), "ada");
  EXPECT_EQ(answer_to_claims(with(R"(,"aud":["x","leat"])")), "ada");
  EXPECT_THAT(answer_to_claims(with("")), HasSubstr("no audience"));
  for (const char* other :
       {R"("lea")", R"("leat2")", R"("LEAT")", "[]", R"(["x"])", R"([["leat"]])", R"({"leat":1})", "null"})
    EXPECT_THAT(answer_to_claims(with(fmt::format(R"(,"aud":{})", other))), HasSubstr("is for the audience")) << other;
  JwtRules by = rules();
  by.audience = "";
  EXPECT_EQ(answer_to_claims(with(""), by), "ada");
}

TEST(Jwt, TokensHaveAnEnd) {
  const std::string good = claims_with(R"("sub":"ada","exp":1800000000)");
  EXPECT_EQ(answer_to_claims(good, rules(), Timestamp(1'800'000'059'999)), "ada");
  EXPECT_THAT(answer_to_claims(good, rules(), Timestamp(1'800'000'060'000)), HasSubstr("ended 60 s ago"));
  JwtRules strict = rules();
  strict.clock_skew = Milliseconds(0);
  EXPECT_EQ(answer_to_claims(good, strict, Timestamp(1'799'999'999'999)), "ada");
  EXPECT_THAT(answer_to_claims(good, strict, Timestamp(1'800'000'000'000)), HasSubstr("ended"));
  EXPECT_EQ(answer_to_claims(claims_with(R"("sub":"ada","exp":1800000300.5)")), "ada");
  EXPECT_EQ(answer_to_claims(claims_with(R"("sub":"ada","exp":1.8000003e9)")), "ada");
  EXPECT_THAT(answer_to_claims(claims_with(R"("sub":"ada")")), HasSubstr("no end"));
  for (const char* other :
       {R"("1800000300")", "null", "-1", "1e300", "99999999999999999999999", "true", "[1800000300]"}) {
    const std::string claims = claims_with(fmt::format(R"("sub":"ada","exp":{})", other));
    EXPECT_THAT(answer_to_claims(claims), HasSubstr("no date in 'exp'")) << other;
  }
}

TEST(Jwt, TokensCountFromTheirBeginning) {
  for (const std::string name : {"nbf", "iat"}) {
    const auto at = [&](std::string_view value) {
      return claims_with(fmt::format(R"("sub":"ada","exp":1800009999,"{}":{})", name, value));
    };
    EXPECT_EQ(answer_to_claims(at("1800000060")), "ada");
    EXPECT_THAT(answer_to_claims(at("1800000061")), HasSubstr("61 s"));
    EXPECT_THAT(answer_to_claims(at("\"now\"")), HasSubstr("no date in '" + name + "'"));
  }
}

TEST(Jwt, TheUserIsANameForOne) {
  const auto named = [](std::string_view value) {
    return claims_with(fmt::format(R"("exp":1800000300,"sub":{})", value));
  };
  EXPECT_EQ(answer_to_claims(named("\"Zo\\u00eb\"")), "Zoë");
  for (const std::string& other :
       {std::string("7"), std::string("null"), std::string(R"(["ada"])"), std::string(R"("")"), std::string(R"("*")"),
        std::string(R"("ANONYMOUS")"), std::string(R"("a\u0000b")"), std::string(R"("a\nb")"),
        "\"" + std::string(129, 'x') + "\""})
    EXPECT_THAT(answer_to_claims(named(other)), HasSubstr("no user's name in 'sub'")) << other;
  JwtRules by = rules();
  by.user_claim = "preferred_username";
  EXPECT_THAT(answer_to_claims(named(R"("ada")"), by), HasSubstr("no user's name in 'preferred_username'"));
  EXPECT_EQ(answer_to_claims(claims_with(R"("exp":1800000300,"preferred_username":"eve","sub":"7")"), by), "eve");
}

TEST(Jwt, RolesAreFoundByThePath) {
  const auto keys = keys_of(jwks({p256().jwk()}));
  const auto roles = [&](std::string_view claims, std::string_view path) -> std::vector<std::string> {
    JwtRules by = rules();
    by.roles_claim = path;
    const auto token = p256().sign("ES256", claims_with(fmt::format(R"("sub":"ada","exp":1800000300,{})", claims)));
    auto identity = verify_jwt(*keys, by, token, kNow);
    if (!identity) return {"refused", identity.error().message};
    return identity->roles;
  };
  EXPECT_THAT(roles(R"("a":{"b":{"c":["x"]}})", "a.b.c"), ElementsAre("x"));
  EXPECT_THAT(roles(R"("https://x.example/roles":["x"])", "https://x.example/roles"), ElementsAre("x"));
  EXPECT_THAT(roles(R"("leat.example":{"roles":["x"]})", "leat.example.roles"), ElementsAre("x"));
  EXPECT_THAT(roles(R"("a":{"b":["y"]},"a.b":["x"])", "a.b"), ElementsAre("x"));
  EXPECT_THAT(roles(R"("a":["b"])", "a.b"), IsEmpty());
  EXPECT_THAT(roles(R"("a":"  x  y ")", "a"), ElementsAre("x", "y"));
  EXPECT_THAT(roles(R"("a":"")", "a"), IsEmpty());
  EXPECT_THAT(roles(R"("a":["ok","","*","x\ny"])", "a"), ElementsAre("ok"));
  for (const char* other : {"7", "null", R"({"x":1})", R"(["x",7])"})
    EXPECT_THAT(roles(fmt::format(R"("a":{})", other), "a"), ElementsAre("refused", HasSubstr("than names in 'a'")));
  std::string many = R"("a":["r")";
  for (std::size_t i = 1; i < kJwtRolesMax; ++i) many += fmt::format(R"(,"r{}")", i);
  EXPECT_EQ(roles(many + "]", "a").size(), kJwtRolesMax);
  EXPECT_THAT(roles(many + R"(,"more"])", "a"), ElementsAre("refused", HasSubstr("more than 200 roles")));
}

TEST(Jwt, TokensHaveALimit) {
  const auto padded = [](std::size_t size) {
    return claims_with(fmt::format(R"("sub":"ada","exp":1800000300,"x":"{}")", std::string(size, 'x')));
  };
  EXPECT_EQ(answer_to_claims(padded(11'000)), "ada");
  EXPECT_THAT(answer_to_claims(padded(13'000)), HasSubstr("more than 16384 bytes"));
}

TEST(Jwt, DeepTextsAreRefusedLikeOthers) {
  EXPECT_THAT(answer_to_header(R"({"x":)" + std::string(6000, '[')), HasSubstr("header"));
  EXPECT_THAT(answer_to_claims(R"({"x":)" + std::string(5000, '[') + std::string(5000, ']') + "}"),
              HasSubstr("issuer"));
  EXPECT_FALSE(JsonWebKeys::parse(R"({"keys":[{"kty":"RSA","n":)" + std::string(1'000'000, '[')));
  const std::string deep = std::string(400'000, '[') + std::string(400'000, ']');
  EXPECT_FALSE(JsonWebKeys::parse(R"({"keys":[{"kty":"RSA","n":)" + deep + "}]}"));
}

TEST(Jwt, AJwtIsToldFromOtherTokens) {
  EXPECT_TRUE(looks_like_jwt("a.b.c"));
  EXPECT_TRUE(looks_like_jwt("a.b."));
  EXPECT_TRUE(looks_like_jwt(p256().sign("ES256", kClaims)));
  for (const char* other :
       {"", ".", "..", "a", "a.b", ".b.c", "a..c", "a.b.c.d", "a.b.c.d.e", "a=.b.c", "a.b c.d", "leat_abc"})
    EXPECT_FALSE(looks_like_jwt(other)) << other;
}

TEST(Jwt, FailuresLeaveNothingInOpenSslsQueue) {
  const auto keys = keys_of(jwks({rsa().jwk()}));
  const std::string token = rsa().sign("RS256", kClaims);
  EXPECT_THAT(answer(*keys, with_signature(token, std::string(256, '\xff'))), HasSubstr("signature is wrong"));
  EXPECT_EQ(::ERR_peek_error(), 0UL);
  EXPECT_FALSE(JsonWebKeys::parse(R"({"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]})"));
  EXPECT_EQ(::ERR_peek_error(), 0UL);
}

TEST(Jwt, ThreadsShareTheKeys) {
  const auto keys = keys_of(jwks({rsa().jwk(), p256().jwk()}));
  const std::array tokens = {rsa().sign("RS256", kClaims), rsa().sign("PS256", kClaims), p256().sign("ES256", kClaims)};
  std::vector<std::jthread> threads;
  std::atomic<int> verified = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 60; ++j) verified += verify_jwt(*keys, rules(), tokens.at(j % 3), kNow).has_value() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(verified, 240);
}

}  // namespace
}  // namespace leat::security
