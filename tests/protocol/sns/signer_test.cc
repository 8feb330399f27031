#include "protocol/sns/signer.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "protocol/aws/text.h"
#include "protocol/sns/signing_keys.h"
#include "runtime/shard.h"
#include "tests/protocol/http/client.h"
#include "tests/protocol/sns/memory_catalog.h"

namespace leat::sns {
namespace {

using runtime::Task;

const SigningKey& shared_key() {
  static const SigningKey key = *make_signing_key();
  return key;
}

// Whether it is a signature of the text by whoever has the certificate's key.
bool is_signed(const std::string& text, const std::string& signature, const std::string& certificate,
               const EVP_MD* kind) {
  BIO* bio = BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size()));
  X509* parsed = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  EVP_PKEY* key = parsed == nullptr ? nullptr : X509_get_pubkey(parsed);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const std::string bytes = aws::from_base64(signature).value_or("");
  const bool is_right = key != nullptr && EVP_DigestVerifyInit(context, nullptr, kind, nullptr, key) == 1 &&
                        EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  X509_free(parsed);
  BIO_free(bio);
  return is_right;
}

TEST(Signer, SignaturesOfBothVersionsAreGoodByTheCertificate) {
  const auto signer = Signer::open(shared_key());
  ASSERT_TRUE(signer);
  const std::string& certificate = (*signer)->certificate();
  for (const std::string& text : {std::string("Message\nhello\n"), std::string(), std::string(300'000, 'x')}) {
    const std::string one = (*signer)->sign(text, SignatureVersion::sha1);
    const std::string two = (*signer)->sign(text, SignatureVersion::sha256);
    EXPECT_TRUE(is_signed(text, one, certificate, EVP_sha1()));
    EXPECT_TRUE(is_signed(text, two, certificate, EVP_sha256()));
    EXPECT_FALSE(is_signed(text, one, certificate, EVP_sha256()));
    EXPECT_FALSE(is_signed(text + "!", two, certificate, EVP_sha256()));
  }
}

TEST(Signer, ACertificateHasAPathOfItsOwn) {
  const auto one = Signer::open(shared_key());
  const auto same = Signer::open(shared_key());
  const auto other = Signer::open(*make_signing_key());
  EXPECT_TRUE((*one)->path().starts_with("/SimpleNotificationService-"));
  EXPECT_TRUE((*one)->path().ends_with(".pem"));
  EXPECT_EQ((*one)->path(), (*same)->path());
  EXPECT_NE((*one)->path(), (*other)->path());
}

TEST(Signer, ADamagedKeyIsCorruptWhateverIsDamaged) {
  const auto is_corrupt = [](const SigningKey& key) {
    const auto opened = Signer::open(key);
    return !opened && opened.error().code == Errc::corrupt;
  };
  SigningKey cut = shared_key();
  cut.key.resize(cut.key.size() / 2);
  EXPECT_TRUE(is_corrupt(cut));
  EXPECT_TRUE(is_corrupt({"", shared_key().certificate}));
  EXPECT_TRUE(is_corrupt({"nonsense", shared_key().certificate}));
  EXPECT_TRUE(is_corrupt({shared_key().certificate, shared_key().certificate}));
}

TEST(Signer, AKeyOfAnotherKindOrSizeIsCorrupt) {
  for (EVP_PKEY* key : {EVP_EC_gen("P-256"), EVP_RSA_gen(3072)}) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    const auto opened = Signer::open({std::string(data, static_cast<std::size_t>(size)), shared_key().certificate});
    EXPECT_FALSE(opened);
    BIO_free(bio);
    EVP_PKEY_free(key);
  }
}

constexpr const char* kEntry = "sns/signing-key";

Task<> shares_a_key() {
  testing::MemoryCatalog catalog;
  SigningKeys first(runtime::Shard::current(), catalog);
  const auto made = co_await first.get();
  const auto again = co_await first.get();
  EXPECT_EQ(*made, *again);
  EXPECT_TRUE(catalog.entries().at(kEntry).starts_with("version 1\n-----BEGIN "));
  SigningKeys restarted(runtime::Shard::current(), catalog);
  const auto read = co_await restarted.get();
  EXPECT_EQ((*read)->certificate(), (*made)->certificate());
}
TEST(SigningKeys, TheKeyThatIsMadeFirstStaysThroughRestarts) { http::testing::run(shares_a_key); }

Task<> takes_anothers_key() {
  testing::MemoryCatalog catalog;
  catalog.make_before_commit(kEntry, "version 1\n" + shared_key().key + shared_key().certificate);
  SigningKeys keys(runtime::Shard::current(), catalog);
  const auto got = co_await keys.get();
  EXPECT_TRUE(got);
  if (got) EXPECT_EQ((*got)->certificate(), shared_key().certificate);
}
TEST(SigningKeys, TheKeyOfANodeThatWasFasterCounts) { http::testing::run(takes_anothers_key); }

Task<> tells_of_damage() {
  testing::MemoryCatalog catalog;
  for (const auto& [value, code] :
       {std::pair("version 2\nx", Errc::unsupported), std::pair("version 1\nx", Errc::corrupt),
        std::pair("", Errc::corrupt), std::pair("version 1\nx-----BEGIN CERTIFICATE-----", Errc::corrupt)}) {
    catalog.entries()[kEntry] = value;
    SigningKeys keys(runtime::Shard::current(), catalog);
    const auto got = co_await keys.get();
    EXPECT_FALSE(got);
    if (!got) EXPECT_EQ(got.error().code, code) << value;
  }
  catalog.entries().clear();
  catalog.set_offline(true);
  SigningKeys keys(runtime::Shard::current(), catalog);
  const auto none = co_await keys.get();
  EXPECT_EQ(none.error().code, Errc::io);
  catalog.set_offline(false);
  const auto made = co_await keys.get();
  EXPECT_TRUE(made);
}
TEST(SigningKeys, SayWhatIsWrongAndTryAgainTheNextTime) { http::testing::run(tells_of_damage); }

}  // namespace
}  // namespace leat::sns
