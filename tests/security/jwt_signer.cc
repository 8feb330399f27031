#include "tests/security/jwt_signer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "security/base64.h"

namespace leat::security::testing {
namespace {

struct ContextEnd {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

void require(bool is_so, const char* what) {
  if (!is_so) throw std::runtime_error(what);
}

std::string bytes_of(const BIGNUM* number, int size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  require(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), size) == size, "a number is too large");
  return bytes;
}

std::string number_of(const EVP_PKEY* key, const char* name, int size) {
  BIGNUM* number = nullptr;
  require(EVP_PKEY_get_bn_param(key, name, &number) == 1, name);
  const std::unique_ptr<BIGNUM, ContextEnd> owner(number);
  return base64url(bytes_of(number, size == 0 ? BN_num_bytes(number) : size));
}

const EVP_MD* digest_of(std::string_view algorithm) {
  if (algorithm.ends_with("256")) return EVP_sha256();
  return algorithm.ends_with("384") ? EVP_sha384() : EVP_sha512();
}

// Of a curve's numbers.
int size_of(std::string_view curve) {
  if (curve == "P-256") return 32;
  return curve == "P-384" ? 48 : 66;
}

std::string raw_of_der(const std::string& der, int size) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, ContextEnd> read(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  require(read != nullptr, "no signature");
  return bytes_of(ECDSA_SIG_get0_r(read.get()), size) + bytes_of(ECDSA_SIG_get0_s(read.get()), size);
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string text = base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  while (text.ends_with('=')) text.pop_back();
  return text;
}

std::string hmac_signed(std::string_view secret, std::string_view header, std::string_view claims) {
  const std::string input = base64url(header) + "." + base64url(claims);
  std::string mac(32, '\0');
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(input.data()), input.size(), reinterpret_cast<unsigned char*>(mac.data()),
       nullptr);
  return input + "." + base64url(mac);
}

JwtSigner::JwtSigner(evp_pkey_st* key) : key_(key, EVP_PKEY_free) { require(key != nullptr, "no key was made"); }

JwtSigner JwtSigner::rsa(int bits, unsigned exponent) {
  const std::unique_ptr<EVP_PKEY_CTX, ContextEnd> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  const std::unique_ptr<BIGNUM, ContextEnd> number(BN_new());
  EVP_PKEY* key = nullptr;
  require(BN_set_word(number.get(), exponent) == 1 && EVP_PKEY_keygen_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) == 1 &&
              EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context.get(), number.get()) == 1 &&
              EVP_PKEY_generate(context.get(), &key) == 1,
          "RSA");
  return JwtSigner(key);
}

JwtSigner JwtSigner::ec(const std::string& curve) {
  JwtSigner signer(EVP_EC_gen(curve.c_str()));
  signer.curve_ = curve;
  return signer;
}

std::string JwtSigner::jwk(std::string_view more) const {
  std::string text;
  if (curve_.empty()) {
    text = fmt::format(R"({{"kty":"RSA","n":"{}","e":"{}")", number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N, 0),
                       number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E, 0));
  } else {
    const int size = size_of(curve_);
    text = fmt::format(R"({{"kty":"EC","crv":"{}","x":"{}","y":"{}")", curve_,
                       number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, size),
                       number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, size));
  }
  return text + (more.empty() ? "" : ",") + std::string(more) + "}";
}

std::string JwtSigner::sign(std::string_view algorithm, std::string_view header, std::string_view claims) const {
  const std::string input = base64url(header) + "." + base64url(claims);
  const std::unique_ptr<EVP_MD_CTX, ContextEnd> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  require(EVP_DigestSignInit(context.get(), &key_context, digest_of(algorithm), nullptr, key_.get()) == 1, "init");
  if (algorithm.starts_with("PS")) {
    require(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1,
            "PSS");
  }
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
  require(EVP_DigestSign(context.get(), nullptr, &size, bytes, input.size()) == 1, "size");
  std::string signature(size, '\0');
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                         input.size()) == 1,
          "sign");
  signature.resize(size);
  if (!curve_.empty()) signature = raw_of_der(signature, size_of(curve_));
  return input + "." + base64url(signature);
}

std::string JwtSigner::sign(std::string_view algorithm, std::string_view claims) const {
  return sign(algorithm, fmt::format(R"({{"typ":"JWT","alg":"{}"}})", algorithm), claims);
}

std::string jwks(std::initializer_list<std::string> keys) {
  return fmt::format(R"({{"keys":[{}]}})", fmt::join(keys, ","));
}

}  // namespace leat::security::testing
