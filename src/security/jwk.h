#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The public keys of whoever signs tokens: a JWK set (RFC 7517), over libcjose.
namespace leat::security {

// Limits on a set; above them: too_large.
inline constexpr std::size_t kJwksBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kJwksKeysMax = 100;
// What a token that names no key is tried with.
inline constexpr std::size_t kJwkTriesMax = 10;

// A way to sign (RFC 7518, section 3.1). Only those where the verifier cannot sign itself: no HMAC, and not "none".
struct JwsAlgorithm {
  std::string_view name;
  std::string_view curve;           // of its keys; empty: they are RSA's
  std::size_t signature_bytes = 0;  // 0: as many as the key has
};
// RS, PS and ES with 256, 384 and 512; nullptr for any other.
[[nodiscard]] const JwsAlgorithm* jws_algorithm(std::string_view name);

// Immutable: any number of threads verify with one at once.
class JsonWebKeys {
 public:
  // The keys of a set that signatures can be verified with. Left out, and counted, are: keys of another kind (symmetric ones,
  // those that libcjose does not know: EdDSA), keys for something else (`use`, `key_ops`, `alg`), RSA with fewer than 2048 or more
  // than 8192 bits or an exponent that is even, 1 or longer than 64 bits, and what is no key. Private parts are not looked at.
  // Errors: invalid_argument (no set, or a set of which no key can be used; an empty one trusts nobody), too_large.
  static Result<std::shared_ptr<const JsonWebKeys>> parse(std::string_view jwks);
  JsonWebKeys(const JsonWebKeys&) = delete;
  JsonWebKeys& operator=(const JsonWebKeys&) = delete;
  ~JsonWebKeys();

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t skipped() const { return skipped_; }
  // Whether a key has this `kid`.
  [[nodiscard]] bool has(std::string_view id) const;

  // Whether a token, whose header says `algorithm` and perhaps which key, bears the signature of a key that suits both; without
  // `id` the first kJwkTriesMax keys of the set that suit are tried. The last part of the token is `signature_bytes` long
  // and, like the others, base64url as base64url_decoded() has it. Error: permission_denied.
  [[nodiscard]] Status verify(std::string_view token, const JwsAlgorithm& algorithm,
                              const std::optional<std::string>& id, std::size_t signature_bytes) const;

 private:
  struct Key;
  JsonWebKeys();

  std::vector<Key> keys_;
  std::size_t skipped_ = 0;
};

}  // namespace leat::security
