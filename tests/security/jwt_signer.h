#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace leat::security::testing {

// Base64 with "-" and "_", without padding.
std::string base64url(std::string_view bytes);
// What HMAC with SHA-256 makes of a token's first two parts.
std::string hmac_signed(std::string_view secret, std::string_view header, std::string_view claims);

// Signs tokens as those do whose keys leat has, by OpenSSL alone.
class JwtSigner {
 public:
  static JwtSigner rsa(int bits = 2048, unsigned exponent = 65537);
  // "P-256", "P-384", "P-521"
  static JwtSigner ec(const std::string& curve);

  // The public key as a JWK; `more` are further members: `"kid":"a"`.
  [[nodiscard]] std::string jwk(std::string_view more = "") const;
  // A token of these two texts. `algorithm` is how it is signed, whatever the header says.
  [[nodiscard]] std::string sign(std::string_view algorithm, std::string_view header, std::string_view claims) const;
  // With the header that belongs to it.
  [[nodiscard]] std::string sign(std::string_view algorithm, std::string_view claims) const;

 private:
  explicit JwtSigner(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
  std::string curve_;  // empty: RSA
};

// A JWK set of these keys.
std::string jwks(std::initializer_list<std::string> keys);

}  // namespace leat::security::testing
