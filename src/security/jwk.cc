#include "security/jwk.h"

#include <cjose/cjose.h>
#include <openssl/err.h>

#include "security/base64.h"
#include "security/jose_json.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kRsaBytesMin = 2048 / 8;
constexpr std::size_t kRsaBytesMax = 8192 / 8;
constexpr std::size_t kRsaExponentBytesMax = 8;

constexpr std::array<JwsAlgorithm, 9> kAlgorithms = {{
    {"RS256"},
    {"RS384"},
    {"RS512"},
    {"PS256"},
    {"PS384"},
    {"PS512"},
    {"ES256", "P-256", 64},
    {"ES384", "P-384", 96},
    {"ES512", "P-521", 132},
}};

struct NativeKeyEnd {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
};
using NativeKey = std::unique_ptr<cjose_jwk_t, NativeKeyEnd>;

struct NativeTokenEnd {
  void operator()(cjose_jws_t* token) const { cjose_jws_release(token); }
};

// What OpenSSL says about a failure stays on the thread, where the next TLS connection would take it for its own.
struct OpenSslErrors {
  OpenSslErrors() = default;
  OpenSslErrors(const OpenSslErrors&) = delete;
  OpenSslErrors& operator=(const OpenSslErrors&) = delete;
  ~OpenSslErrors() { ERR_clear_error(); }
};

// Whether a key may verify signatures, by what it says of itself.
bool is_to_verify(const Json& jwk) {
  const std::string* use = text_member(jwk, "use");
  if (jwk.contains("use") && (use == nullptr || *use == "enc")) return false;
  const auto operations = jwk.find("key_ops");
  return operations == jwk.end() ||
         (operations->is_array() && std::ranges::find(*operations, Json("verify")) != operations->end());
}

// A number as bytes, the highest first, without zeros before it; empty: there is none.
std::string number_member(const Json& jwk, std::string_view name) {
  const std::string* text = text_member(jwk, name);
  const auto bytes = text == nullptr ? std::nullopt : base64url_decoded(*text);
  return bytes ? bytes->substr(std::min(bytes->find_first_not_of('\0'), bytes->size())) : std::string();
}

bool is_good_rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() < kRsaBytesMin || modulus.size() > kRsaBytesMax) return false;
  if (exponent.empty() || exponent.size() > kRsaExponentBytesMax || exponent == "\x01") return false;
  return (static_cast<unsigned char>(exponent.back()) & 1U) != 0;
}

// libcjose's own, from the public members alone.
NativeKey import_key(const Json& jwk, std::initializer_list<const char*> members) {
  Json part = Json::object();
  for (const char* member : members) {
    const std::string* text = text_member(jwk, member);
    if (text == nullptr || text->empty()) return nullptr;
    part[member] = *text;
  }
  const std::string text = part.dump();
  const OpenSslErrors errors;
  return NativeKey(cjose_jwk_import(text.data(), text.size(), nullptr));
}

}  // namespace

const JwsAlgorithm* jws_algorithm(std::string_view name) {
  const auto* found = std::ranges::find(kAlgorithms, name, &JwsAlgorithm::name);
  return found == kAlgorithms.end() ? nullptr : found;
}

struct JsonWebKeys::Key {
  static std::optional<Key> from(const Json& jwk);
  [[nodiscard]] bool suits(const JwsAlgorithm& wanted) const {
    return curve == wanted.curve && (algorithm.empty() || algorithm == wanted.name);
  }

  std::optional<std::string> id;
  std::string algorithm;  // the only one it is for; empty: any of its kind
  std::string curve;      // empty: RSA
  std::size_t modulus_bytes = 0;
  NativeKey native;
};

std::optional<JsonWebKeys::Key> JsonWebKeys::Key::from(const Json& jwk) {
  if (!jwk.is_object() || !is_to_verify(jwk)) return std::nullopt;
  const std::string* kind = text_member(jwk, "kty");
  if (kind == nullptr) return std::nullopt;
  Key key;
  if (jwk.contains("kid")) {
    const std::string* id = text_member(jwk, "kid");
    if (id == nullptr) return std::nullopt;
    key.id = *id;
  }
  if (*kind == "RSA") {
    const std::string modulus = number_member(jwk, "n");
    if (!is_good_rsa(modulus, number_member(jwk, "e"))) return std::nullopt;
    key.modulus_bytes = modulus.size();
    key.native = import_key(jwk, {"kty", "n", "e"});
  } else if (*kind == "EC") {
    // Of what is not base64url, libcjose ends the process.
    if (number_member(jwk, "x").empty() || number_member(jwk, "y").empty()) return std::nullopt;
    key.native = import_key(jwk, {"kty", "crv", "x", "y"});
    if (key.native) key.curve = *text_member(jwk, "crv");
  }
  if (!key.native) return std::nullopt;
  if (jwk.contains("alg")) {
    const std::string* algorithm = text_member(jwk, "alg");
    const JwsAlgorithm* known = algorithm == nullptr ? nullptr : jws_algorithm(*algorithm);
    if (known == nullptr || !key.suits(*known)) return std::nullopt;
    key.algorithm = *algorithm;
  }
  return key;
}

JsonWebKeys::JsonWebKeys() = default;
JsonWebKeys::~JsonWebKeys() = default;

Result<std::shared_ptr<const JsonWebKeys>> JsonWebKeys::parse(std::string_view jwks) {
  if (jwks.size() > kJwksBytesMax)
    return fail(Errc::too_large, fmt::format("the key set has more than {} bytes", kJwksBytesMax));
  const auto set = parse_jose_object(jwks);
  if (!set) return fail(Errc::invalid_argument, "the key set is no JSON object");
  const auto listed = set->find("keys");
  if (listed == set->end() || !listed->is_array())
    return fail(Errc::invalid_argument, "the key set has no list 'keys'");
  if (listed->size() > kJwksKeysMax)
    return fail(Errc::too_large, fmt::format("the key set has more than {} keys", kJwksKeysMax));
  const std::shared_ptr<JsonWebKeys> keys(new JsonWebKeys());
  for (const Json& jwk : *listed) {
    if (auto key = Key::from(jwk)) {
      keys->keys_.push_back(std::move(*key));
    } else {
      ++keys->skipped_;
    }
  }
  // A set that was emptied says that nobody is to be trusted any more; one without a key that can be used, that something is wrong.
  if (keys->keys_.empty() && keys->skipped_ > 0) {
    return fail(Errc::invalid_argument,
                fmt::format("none of the {} keys of the set can verify signatures (RSA from 2048 bits, P-256, P-384 or "
                            "P-521 are wanted)",
                            keys->skipped_));
  }
  return keys;
}

std::size_t JsonWebKeys::size() const { return keys_.size(); }

bool JsonWebKeys::has(std::string_view id) const {
  return std::ranges::any_of(keys_, [id](const Key& key) { return key.id == id; });
}

Status JsonWebKeys::verify(std::string_view token, const JwsAlgorithm& algorithm, const std::optional<std::string>& id,
                           std::size_t signature_bytes) const {
  if (id && !has(*id)) return fail(Errc::permission_denied, "the token's key is not in the key set");
  const OpenSslErrors errors;
  const std::unique_ptr<cjose_jws_t, NativeTokenEnd> native(cjose_jws_import(token.data(), token.size(), nullptr));
  if (!native) return fail(Errc::permission_denied, "the token's header is not one of a signed token");
  // libcjose goes by what it read itself.
  const char* read = cjose_header_get(cjose_jws_get_protected(native.get()), CJOSE_HDR_ALG, nullptr);
  if (read == nullptr || read != algorithm.name)
    return fail(Errc::permission_denied, "the token's algorithm can be read in two ways");
  std::size_t tries = 0;
  for (const Key& key : keys_) {
    if ((id && key.id != *id) || !key.suits(algorithm)) continue;
    if (++tries > kJwkTriesMax) break;
    // libcjose takes signatures of other lengths, with zeros before their numbers.
    const std::size_t wanted = algorithm.signature_bytes == 0 ? key.modulus_bytes : algorithm.signature_bytes;
    if (signature_bytes == wanted && cjose_jws_verify(native.get(), key.native.get(), nullptr)) return {};
  }
  if (tries == 0)
    return fail(Errc::permission_denied, fmt::format("no key of the set is for the token's {}", algorithm.name));
  return fail(Errc::permission_denied, "the token's signature is wrong");
}

}  // namespace leat::security
