#include "protocol/sns/signer.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <vector>

#include "protocol/aws/text.h"

namespace leat::sns {
namespace {

constexpr unsigned kKeyBits = 2048;
constexpr long kYears = 100;
constexpr std::string_view kPathPrefix = "/SimpleNotificationService-";

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using DigestPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

CertificatePtr certify(EVP_PKEY* key) {
  CertificatePtr certificate(X509_new());
  if (certificate == nullptr) return nullptr;
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24L * 3600);
  X509_time_adj_ex(X509_getm_notAfter(certificate.get()), static_cast<int>(kYears * 365), 0, nullptr);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* common_name = reinterpret_cast<const unsigned char*>("leat notifications");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (X509_set_pubkey(certificate.get(), key) != 1) return nullptr;
  if (X509_sign(certificate.get(), key, EVP_sha256()) == 0) return nullptr;
  return certificate;
}

}  // namespace

struct Signer::Key {
  KeyPtr pkey;
};

Result<SigningKey> make_signing_key() {
  const KeyPtr key(EVP_RSA_gen(kKeyBits));
  const CertificatePtr certificate = key == nullptr ? nullptr : certify(key.get());
  const BioPtr key_text(BIO_new(BIO_s_mem()));
  const BioPtr certificate_text(BIO_new(BIO_s_mem()));
  const bool is_written =
      certificate != nullptr && key_text != nullptr && certificate_text != nullptr &&
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1;
  if (!is_written) return fail(Errc::internal, "OpenSSL made no key for signatures of notifications");
  return SigningKey{text_of(key_text.get()), text_of(certificate_text.get())};
}

Result<std::shared_ptr<const Signer>> Signer::open(const SigningKey& key) {
  const BioPtr text(BIO_new_mem_buf(key.key.data(), static_cast<int>(key.key.size())));
  KeyPtr pkey(text == nullptr ? nullptr : PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
  if (pkey == nullptr || EVP_PKEY_get_base_id(pkey.get()) != EVP_PKEY_RSA || EVP_PKEY_get_bits(pkey.get()) != kKeyBits)
    return fail(Errc::corrupt, "the key for signatures of notifications cannot be read");
  auto made = std::make_unique<Key>(std::move(pkey));
  return std::shared_ptr<const Signer>(new Signer(std::move(made), key.certificate));
}

Signer::Signer(std::unique_ptr<Key> key, std::string certificate)
    : key_(std::move(key)),
      certificate_(std::move(certificate)),
      path_(fmt::format("{}{}.pem", kPathPrefix, aws::hex(aws::md5_of(certificate_)))) {}

Signer::~Signer() = default;

std::string Signer::sign(std::string_view text, SignatureVersion version) const {
  const DigestPtr digest(EVP_MD_CTX_new());
  const EVP_MD* kind = version == SignatureVersion::sha256 ? EVP_sha256() : EVP_sha1();
  std::array<unsigned char, kKeyBits / 8> signature{};
  std::size_t size = signature.size();
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  const bool is_signed = digest != nullptr &&
                         EVP_DigestSignInit(digest.get(), nullptr, kind, nullptr, key_->pkey.get()) == 1 &&
                         EVP_DigestSign(digest.get(), signature.data(), &size, data, text.size()) == 1;
  if (!is_signed) throw std::runtime_error("OpenSSL does not sign");
  return aws::to_base64({reinterpret_cast<const char*>(signature.data()), size});
}

}  // namespace leat::sns
