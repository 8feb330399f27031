#include "security/tls_engine.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <new>

namespace leat::security {
namespace {

constexpr std::size_t kRecordBytesMax = std::size_t{16} << 10;
constexpr std::size_t kRecordOverheadMax = 64;  // header, nonce, tag, type of content

}  // namespace

// OpenSSL's idea of a socket, over the engine's memory.
struct TlsEngine::Callbacks {
  static int read(BIO* bio, char* into, int size) {
    auto& engine = *static_cast<TlsEngine*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (engine.input_.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t count = std::min(static_cast<std::size_t>(size), engine.input_.size());
    std::memcpy(into, engine.input_.data(), count);
    engine.input_ = engine.input_.subspan(count);
    if (engine.input_.empty()) engine.kept_ = {};
    return static_cast<int>(count);
  }
  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    static_cast<TlsEngine*>(BIO_get_data(bio))
        ->output_.append(std::as_bytes(std::span(from, static_cast<std::size_t>(size))));
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = make();
    return made;
  }

 private:
  static const BIO_METHOD* make() {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory of a connection");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_read(method, read);
    BIO_meth_set_write(method, write);
    BIO_meth_set_ctrl(method, control);
    return method;
  }
};

TlsEngine::TlsEngine(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  attach();
  SSL_set_accept_state(ssl_);
}

TlsEngine::TlsEngine(std::shared_ptr<const TlsContext> context, const std::string& host)
    : context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  attach();
  SSL_set_connect_state(ssl_);
  // A certificate names addresses otherwise than names, and only names are told to the server (RFC 6066, section 3).
  const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) == 1;
  const bool is_set =
      is_address || (SSL_set1_host(ssl_, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1);
  if (!is_set) failure_ = Error{Errc::invalid_argument, fmt::format("'{}' is no name of a host", host)};
}

void TlsEngine::attach() {
  BIO* bio = BIO_new(Callbacks::method());
  if (ssl_ == nullptr || bio == nullptr) {
    SSL_free(ssl_);
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

TlsEngine::~TlsEngine() { SSL_free(ssl_); }

void TlsEngine::keep_input() {
  if (input_.empty()) return;
  const bool is_kept = !kept_.empty() && input_.data() >= kept_.data() && input_.data() < kept_.data() + kept_.size();
  if (is_kept) return;
  kept_ = Bytes::copy_of(input_);
  input_ = kept_;
}

Error TlsEngine::take_error(const char* doing) {
  const unsigned long code = ERR_peek_error();
  ERR_clear_error();
  is_plain_http_ = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  failure_ = Error{Errc::io, fmt::format("{}: {}", doing, reason == nullptr ? "TLS failed" : reason)};
  if (const long verdict = SSL_get_verify_result(ssl_); verdict != X509_V_OK && !is_ready_)
    failure_->message += fmt::format(" ({})", X509_verify_cert_error_string(verdict));
  return *failure_;
}

Timestamp TlsEngine::peer_not_after() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_);
  return certificate == nullptr ? kNoTimestamp : end_of(certificate);
}

std::string TlsEngine::peer_name() const {
  X509* const certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return {};
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  // Of two names neither counts.
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

Result<bool> TlsEngine::handshake() {
  if (failure_) return fail(*failure_);
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    is_ready_ = true;
    return true;
  }
  if (SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ) return false;
  return fail(take_error("handshake"));
}

bool TlsEngine::has_input() const { return !input_.empty() || SSL_has_pending(ssl_) == 1; }

Result<std::size_t> TlsEngine::read(MutableBytes into) {
  std::size_t filled = 0;
  ERR_clear_error();
  while (filled < into.size() && !has_ended_ && !failure_) {
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_, into.data() + filled, into.size() - filled, &count);
    if (result == 1) {
      filled += count;
      continue;
    }
    const int why = SSL_get_error(ssl_, result);
    if (why == SSL_ERROR_WANT_READ) break;
    if (why == SSL_ERROR_ZERO_RETURN) {
      has_ended_ = true;
    } else {
      (void)take_error("decrypt");
    }
  }
  // What came whole is handed out before what is wrong is told.
  if (filled == 0 && failure_) return fail(*failure_);
  return filled;
}

Status TlsEngine::write(BytesView plain) {
  if (failure_) return fail(*failure_);
  const std::size_t before = output_.size();
  // Room for all at once: growing record by record would copy.
  output_.resize(before + plain.size() + (plain.size() / kRecordBytesMax + 1) * kRecordOverheadMax);
  output_.resize(before);
  ERR_clear_error();
  while (!plain.empty()) {
    std::size_t count = 0;
    if (SSL_write_ex(ssl_, plain.data(), plain.size(), &count) != 1) return fail(take_error("encrypt"));
    plain = plain.subspan(count);
  }
  return {};
}

void TlsEngine::end() {
  if (failure_ || !is_ready_) return;
  ERR_clear_error();
  (void)SSL_shutdown(ssl_);  // 0: the peer has not answered, which nobody waits for
  ERR_clear_error();
}

}  // namespace leat::security
