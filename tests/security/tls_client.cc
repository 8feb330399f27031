#include "tests/security/tls_client.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace leat::security::testing {
namespace {

using runtime::Task;

std::string take_all(BIO* bio) {
  std::string text(BIO_ctrl_pending(bio), '\0');
  if (!text.empty()) text.resize(static_cast<std::size_t>(BIO_read(bio, text.data(), static_cast<int>(text.size()))));
  return text;
}

std::string take_text(BIO* bio) {
  std::string text = take_all(bio);
  BIO_free(bio);
  return text;
}

std::string reason() {
  const char* text = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return text == nullptr ? "failed" : text;
}

std::string common_name(const X509* certificate) {
  char text[200] = "";
  (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
  return text;
}

}  // namespace

Certificate make_certificate(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  BIO* certificate_pem = BIO_new(BIO_s_mem());
  BIO* key_pem = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_pem, certificate);
  PEM_write_bio_PrivateKey(key_pem, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {take_text(certificate_pem), take_text(key_pem)};
}

std::string encrypted(const std::string& key_pem) {
  BIO* in = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  BIO* out = BIO_new(BIO_s_mem());
  const unsigned char pass_phrase[] = "secret";
  PEM_write_bio_PrivateKey(out, key, EVP_aes_128_cbc(), pass_phrase, 6, nullptr, nullptr);
  EVP_PKEY_free(key);
  return take_text(out);
}

TlsClient::TlsClient(std::unique_ptr<runtime::Socket> socket, const ClientOptions& options)
    : socket_(std::move(socket)),
      context_(SSL_CTX_new(TLS_client_method())),
      ssl_(nullptr),
      input_(BIO_new(BIO_s_mem())),
      output_(BIO_new(BIO_s_mem())) {
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context_, options.ciphers.c_str());
  SSL_CTX_set_min_proto_version(context_, 0);
  SSL_CTX_set_max_proto_version(context_, options.version_max);
  ssl_ = SSL_new(context_);
  if (!options.protocols.empty()) {
    const std::string wire = static_cast<char>(options.protocols.size()) + options.protocols;
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(wire.data()), static_cast<unsigned>(wire.size()));
  }
  BIO_set_mem_eof_return(input_, -1);
  SSL_set_bio(ssl_, input_, output_);
  SSL_set_connect_state(ssl_);
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

Task<Status> TlsClient::send_output(std::size_t piece) {
  const std::string all = take_all(output_);
  for (std::size_t at = 0; at < all.size(); at += piece) {
    runtime::Chain chain;
    chain.append(Bytes::copy_of(as_bytes(std::string_view(all).substr(at, piece))));
    LEAT_CO_CHECK(co_await socket_->write(chain));
  }
  co_return Status{};
}

Task<std::string> TlsClient::shake_hands() {
  std::string block(20'000, '\0');
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    const int why = SSL_get_error(ssl_, result);
    const std::string error = result == 1 || why == SSL_ERROR_WANT_READ ? "" : reason();
    const Status sent = co_await send_output(SIZE_MAX / 2);
    if (!error.empty()) co_return error;
    if (!sent) co_return sent.error().message;
    if (result == 1) co_return "ok";
    const auto count = co_await socket_->read_some(std::as_writable_bytes(std::span(block)));
    if (!count) co_return count.error().message;
    if (*count == 0) co_return "cut";
    BIO_write(input_, block.data(), static_cast<int>(*count));
  }
}

Task<Status> TlsClient::write(std::string text) { co_return co_await write_in_pieces(std::move(text), SIZE_MAX / 2); }

Task<Status> TlsClient::write_in_pieces(std::string text, std::size_t piece) {
  constexpr std::size_t kRecord = 16'000;
  for (std::size_t at = 0; at < text.size(); at += kRecord) {
    ERR_clear_error();
    const std::string record = text.substr(at, kRecord);
    if (SSL_write(ssl_, record.data(), static_cast<int>(record.size())) <= 0) co_return fail(Errc::io, reason());
    LEAT_CO_CHECK(co_await send_output(piece));
  }
  co_return Status{};
}

Task<std::string> TlsClient::read(std::size_t size) {
  std::string all;
  std::string block(20'000, '\0');
  while (all.size() < size) {
    ERR_clear_error();
    const int count = SSL_read(ssl_, block.data(), static_cast<int>(std::min(block.size(), size - all.size())));
    if (count > 0) {
      all.append(block, 0, static_cast<std::size_t>(count));
      continue;
    }
    const int why = SSL_get_error(ssl_, count);
    if (why == SSL_ERROR_ZERO_RETURN) co_return all + "end";
    if (why != SSL_ERROR_WANT_READ) co_return all + reason();
    const auto got = co_await socket_->read_some(std::as_writable_bytes(std::span(block)));
    if (!got) co_return all + std::string(to_string(got.error().code));
    if (*got == 0) co_return all + "cut";
    BIO_write(input_, block.data(), static_cast<int>(*got));
  }
  co_return all;
}

Task<Status> TlsClient::send_close_notify() {
  SSL_shutdown(ssl_);
  co_return co_await send_output(SIZE_MAX / 2);
}

bool TlsClient::update_keys() { return SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED) == 1; }

Task<std::string> TlsClient::renegotiate() {
  SSL_renegotiate(ssl_);
  co_return co_await shake_hands();
}

std::string TlsClient::version() const { return SSL_get_version(ssl_); }

std::string TlsClient::protocol() const {
  const unsigned char* data = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string TlsClient::server_name() const { return common_name(SSL_get0_peer_certificate(ssl_)); }

}  // namespace leat::security::testing
