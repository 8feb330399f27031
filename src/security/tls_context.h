#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

struct ssl_ctx_st;
struct ssl_method_st;
struct x509_st;

namespace leat::security {

// When a certificate ends; kNoTimestamp: it does not say so in a way that can be read.
[[nodiscard]] Timestamp end_of(const x509_st* certificate);

// Which certificates of clients count.
struct ClientCertificates {
  std::string authorities_path;  // a PEM file of those that vouch for clients; empty: no client is asked for one
  bool are_required = false;     // a client without one has no connection
};

// Whom a client trusts, and what it shows of itself.
struct TlsClientFiles {
  std::string authorities_path;  // a PEM file of those that vouch for servers; empty: those that the system trusts
  std::string certificate_path;  // empty: none is shown
  std::string key_path;          // of the certificate
};

// One side's certificate, its chain and its key, and the rules of handshakes with them: TLS 1.2 and 1.3, forward secrecy,
// ALPN http/1.1 where a client asks for it. Immutable: any number of threads and connections share one, and a new certificate
// is a new one.
class TlsContext {
 public:
  // A server's, from two PEM files: the certificate first, then those that vouch for it. Errors name the file and say what
  // is wrong with it. Waits for the disk.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> load(runtime::FileSystem& files,
                                                                      const std::string& certificate_path,
                                                                      const std::string& key_path,
                                                                      const ClientCertificates& clients = {});
  // A client's, which talks to nobody whose certificate is not vouched for. Errors, as above.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> load_client(runtime::FileSystem& files,
                                                                             const TlsClientFiles& client);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  // Whom the certificate names, as in "CN = mill.example.org", and when it ends.
  [[nodiscard]] const std::string& subject() const { return subject_; }
  [[nodiscard]] Timestamp not_after() const { return not_after_; }
  // OpenSSL's, for tls_engine.cc.
  [[nodiscard]] ssl_ctx_st* native() const { return native_; }

 private:
  explicit TlsContext(ssl_ctx_st* native) : native_(native) {}
  static Result<std::shared_ptr<TlsContext>> make(const ssl_method_st* method, bool (*configure)(ssl_ctx_st*));
  // A certificate with its chain, and its key.
  Status use_pair(runtime::FileSystem& files, const std::string& certificate_path, const std::string& key_path);
  Status use_certificate(BytesView pem, const std::string& path);
  Status use_key(BytesView pem, const std::string& path, const std::string& certificate_path);
  // Those in the file vouch for the other side.
  Status trust(runtime::FileSystem& files, const std::string& path);
  Status ask_clients(runtime::FileSystem& files, const ClientCertificates& clients);

  ssl_ctx_st* native_;
  std::string subject_;
  Timestamp not_after_ = kNoTimestamp;
};

}  // namespace leat::security
