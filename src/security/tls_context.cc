#include "security/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>

namespace leat::security {
namespace {

constexpr std::uint64_t kPemSizeMax = std::uint64_t{1} << 20;
constexpr std::string_view kHttp11 = "http/1.1";
// TLS 1.2: forward secrecy and authenticated encryption only. Those of TLS 1.3 all are so.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

template <auto release>
struct Releaser {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using BioPtr = std::unique_ptr<BIO, Releaser<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Releaser<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;

// Never asks: the default would read a pass phrase from the terminal.
int no_pass_phrase(char*, int, int, void*) { return -1; }

// What OpenSSL says went wrong first, which is the most exact; its queue is empty then.
std::string take_reason() {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

BioPtr over(BytesView pem) { return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

std::string subject_of(const X509* certificate) {
  const BioPtr text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : "no subject";
}

// http/1.1 when the client offers it. Else no protocol is named, and the listener's own is spoken: a client that offers
// only others, such as h2, then goes on with what it speaks without ALPN or gives up by itself.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
  for (unsigned at = 0; at < in_size && at + 1 + in[at] <= in_size; at += 1U + in[at]) {
    if (std::string_view(reinterpret_cast<const char*>(in + at + 1), in[at]) != kHttp11) continue;
    *out = in + at + 1;
    *out_size = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

bool configure(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle connection holds no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(context, kCiphers) == 1;
}

bool configure_server(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_PRIORITIZE_CHACHA | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Sessions are resumed by tickets, whose keys a context makes for itself; nothing is kept for each client.
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  return configure(context);
}

bool configure_client(SSL_CTX* context) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return configure(context);
}

}  // namespace

Timestamp end_of(const X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return kNoTimestamp;
  return Timestamp(static_cast<std::int64_t>(timegm(&time)) * 1000);
}

TlsContext::~TlsContext() { SSL_CTX_free(native_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::load(runtime::FileSystem& files,
                                                           const std::string& certificate_path,
                                                           const std::string& key_path,
                                                           const ClientCertificates& clients) {
  LEAT_TRY(const auto context, make(TLS_server_method(), configure_server));
  LEAT_CHECK(context->use_pair(files, certificate_path, key_path));
  if (!clients.authorities_path.empty()) LEAT_CHECK(context->ask_clients(files, clients));
  return context;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::load_client(runtime::FileSystem& files,
                                                                  const TlsClientFiles& client) {
  LEAT_TRY(const auto context, make(TLS_client_method(), configure_client));
  if (!client.certificate_path.empty()) LEAT_CHECK(context->use_pair(files, client.certificate_path, client.key_path));
  if (client.authorities_path.empty()) {
    SSL_CTX_set_default_verify_paths(context->native_);  // without any file there nobody is trusted
  } else {
    LEAT_CHECK(context->trust(files, client.authorities_path));
  }
  return context;
}

Result<std::shared_ptr<TlsContext>> TlsContext::make(const ssl_method_st* method, bool (*configure)(ssl_ctx_st*)) {
  ERR_clear_error();
  SSL_CTX* native = SSL_CTX_new(method);
  if (native == nullptr) return fail(Errc::internal, fmt::format("OpenSSL made no context: {}", take_reason()));
  std::shared_ptr<TlsContext> context(new TlsContext(native));
  if (!configure(native)) return fail(Errc::internal, fmt::format("OpenSSL refused a setting: {}", take_reason()));
  return context;
}

Status TlsContext::use_pair(runtime::FileSystem& files, const std::string& certificate_path,
                            const std::string& key_path) {
  LEAT_TRY(const Bytes certificate, runtime::read_file(files, certificate_path, kPemSizeMax));
  LEAT_TRY(Bytes key, runtime::read_file(files, key_path, kPemSizeMax));
  ERR_clear_error();
  LEAT_CHECK(use_certificate(certificate, certificate_path));
  const Status used = use_key(key, key_path, certificate_path);
  OPENSSL_cleanse(key.data(), key.size());
  return used;
}

Status TlsContext::trust(runtime::FileSystem& files, const std::string& path) {
  LEAT_TRY(const Bytes authorities, runtime::read_file(files, path, kPemSizeMax));
  ERR_clear_error();
  const BioPtr file = over(authorities);
  X509_STORE* store = SSL_CTX_get_cert_store(native_);
  std::size_t count = 0;
  while (true) {
    const X509Ptr authority(PEM_read_bio_X509(file.get(), nullptr, no_pass_phrase, nullptr));
    if (authority == nullptr) break;
    // The second is for a server, which tells clients whom it knows.
    if (X509_STORE_add_cert(store, authority.get()) != 1 || SSL_CTX_add_client_CA(native_, authority.get()) != 1)
      return fail(Errc::invalid_config, fmt::format("a certificate in {} cannot be used: {}", path, take_reason()));
    ++count;
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = take_reason();
  if (count == 0 || !is_end)
    return fail(Errc::invalid_config, fmt::format("{} is no list of certificates in PEM ({})", path, reason));
  return {};
}

Status TlsContext::ask_clients(runtime::FileSystem& files, const ClientCertificates& clients) {
  LEAT_CHECK(trust(files, clients.authorities_path));
  SSL_CTX_set_verify(native_, SSL_VERIFY_PEER | (clients.are_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  // A session that is resumed would keep its client beyond the end of the certificate.
  SSL_CTX_set_options(native_, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(native_, 0);
  return {};
}

Status TlsContext::use_certificate(BytesView pem, const std::string& path) {
  const BioPtr file = over(pem);
  const X509Ptr certificate(PEM_read_bio_X509_AUX(file.get(), nullptr, no_pass_phrase, nullptr));
  if (certificate == nullptr) {
    return fail(Errc::invalid_config, fmt::format("{} holds no certificate in PEM ({})", path, take_reason()));
  }
  if (SSL_CTX_use_certificate(native_, certificate.get()) != 1)
    return fail(Errc::invalid_config, fmt::format("the certificate in {} cannot be used: {}", path, take_reason()));
  while (true) {
    const X509Ptr issuer(PEM_read_bio_X509(file.get(), nullptr, no_pass_phrase, nullptr));
    if (issuer == nullptr) break;
    if (SSL_CTX_add1_chain_cert(native_, issuer.get()) != 1)
      return fail(Errc::invalid_config, fmt::format("the chain in {} cannot be used: {}", path, take_reason()));
  }
  // The end of the file is found as a line that does not begin a certificate.
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = take_reason();
  if (!is_end) return fail(Errc::invalid_config, fmt::format("the chain in {} is broken: {}", path, reason));
  subject_ = subject_of(certificate.get());
  not_after_ = end_of(certificate.get());
  return {};
}

Status TlsContext::use_key(BytesView pem, const std::string& path, const std::string& certificate_path) {
  const KeyPtr key(PEM_read_bio_PrivateKey(over(pem).get(), nullptr, no_pass_phrase, nullptr));
  if (key == nullptr) {
    const bool is_encrypted = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ;
    const std::string reason = take_reason();
    if (is_encrypted) {
      return fail(Errc::invalid_config,
                  fmt::format("the key in {} is encrypted; decrypt it with openssl pkey -in {} -out NEW", path, path));
    }
    return fail(Errc::invalid_config, fmt::format("{} holds no private key in PEM ({})", path, reason));
  }
  if (SSL_CTX_use_PrivateKey(native_, key.get()) != 1 || SSL_CTX_check_private_key(native_) != 1) {
    return fail(Errc::invalid_config, fmt::format("the key in {} is not that of the certificate in {} ({})", path,
                                                  certificate_path, take_reason()));
  }
  return {};
}

}  // namespace leat::security
