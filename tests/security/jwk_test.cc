#include "security/jwk.h"

#include <gmock/gmock.h>

#include "tests/security/jwt_signer.h"

namespace leat::security {
namespace {

using ::testing::HasSubstr;
using testing::jwks;
using testing::JwtSigner;

const JwtSigner& p256() {
  static const JwtSigner signer = JwtSigner::ec("P-256");
  return signer;
}

// How many keys of a set are taken and how many are not, or why it is refused.
std::string outcome(const std::string& text) {
  const auto keys = JsonWebKeys::parse(text);
  return keys ? fmt::format("{} taken, {} skipped", (*keys)->size(), (*keys)->skipped()) : keys.error().message;
}
// The same of a set of a good key and this one.
std::string beside_good(const std::string& jwk) { return outcome(jwks({p256().jwk(), jwk})); }

TEST(JsonWebKeys, KeysForSignaturesAreTaken) {
  const JwtSigner rsa = JwtSigner::rsa();
  EXPECT_EQ(outcome(jwks({rsa.jwk(), p256().jwk(), JwtSigner::ec("P-384").jwk(), JwtSigner::ec("P-521").jwk()})),
            "4 taken, 0 skipped");
  EXPECT_EQ(outcome(jwks({rsa.jwk(R"("use":"sig","alg":"RS256","kid":"x","x5c":["junk"],"key_ops":["verify"])")})),
            "1 taken, 0 skipped");
  EXPECT_EQ(outcome(R"({"keys":[)" + p256().jwk() + R"(],"more":{"x":1}})"), "1 taken, 0 skipped");
  EXPECT_EQ(beside_good(JwtSigner::rsa(2048, 3).jwk()), "2 taken, 0 skipped");
  // Private parts are nobody's business here.
  EXPECT_EQ(beside_good(p256().jwk(R"("d":"AAAA")")), "2 taken, 0 skipped");
}

TEST(JsonWebKeys, OtherKeysAreSkippedAndCounted) {
  const std::string modulus = JwtSigner::rsa().jwk();
  const auto with_exponent = [&](std::string_view exponent) {
    return modulus.substr(0, modulus.find(R"("e":)")) + fmt::format(R"("e":"{}"}})", exponent);
  };
  EXPECT_EQ(beside_good(with_exponent("AQAB")), "2 taken, 0 skipped");
  const std::vector<std::string> others = {
      "7",
      "null",
      "[]",
      "{}",
      R"({"kty":7})",
      R"({"kty":"oct","k":"bm90IGEgc2VjcmV0"})",
      R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
      R"({"kty":"RSA"})",
      R"({"kty":"EC","crv":"P-256"})",
      R"({"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"})",
      R"({"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})",
      R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2x==Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
      R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m=6HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
      p256().jwk(R"("use":"enc")"),
      p256().jwk(R"("use":7)"),
      p256().jwk(R"("key_ops":["sign"])"),
      p256().jwk(R"("key_ops":"verify")"),
      p256().jwk(R"("alg":"ES384")"),
      p256().jwk(R"("alg":"ECDH-ES")"),
      p256().jwk(R"("alg":"HS256")"),
      p256().jwk(R"("alg":7)"),
      p256().jwk(R"("kid":7)"),
      JwtSigner::rsa(1024).jwk(),
      with_exponent("AQ"),    // 1
      with_exponent("AAAB"),  // 1, with zeros before it
      with_exponent("AQAA"),  // even
      with_exponent(""),
      with_exponent("AQAB===="),  // not base64url
      with_exponent("AQAAAAAAAAAB"),
  };
  for (const std::string& other : others) EXPECT_EQ(beside_good(other), "1 taken, 1 skipped") << other;
}

TEST(JsonWebKeys, ASetWithoutAKeyIsRefused) {
  EXPECT_THAT(outcome(""), HasSubstr("no JSON object"));
  EXPECT_THAT(outcome("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(outcome(p256().jwk()), HasSubstr("no list 'keys'"));
  EXPECT_THAT(outcome(R"({"keys":{}})"), HasSubstr("no list 'keys'"));
  EXPECT_EQ(JsonWebKeys::parse(R"({"keys":[]})").value()->size(), 0U);  // nobody is trusted
  EXPECT_THAT(outcome(R"({"keys":[{"kty":"oct","k":"AAAA"}]})"), HasSubstr("none of the 1 keys"));
}

TEST(JsonWebKeys, SetsHaveLimits) {
  std::string list = p256().jwk();
  for (std::size_t i = 1; i < kJwksKeysMax; ++i) list += ",{}";
  EXPECT_EQ(outcome(R"({"keys":[)" + list + "]}"), "1 taken, 99 skipped");
  EXPECT_THAT(outcome(R"({"keys":[)" + list + ",{}]}"), HasSubstr("more than 100 keys"));
  const std::string small = jwks({p256().jwk()});
  EXPECT_EQ(outcome(small + std::string(kJwksBytesMax - small.size(), ' ')), "1 taken, 0 skipped");
  EXPECT_THAT(outcome(small + std::string(kJwksBytesMax - small.size() + 1, ' ')),
              HasSubstr("more than 1048576 bytes"));
}

}  // namespace
}  // namespace leat::security
