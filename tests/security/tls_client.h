#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/network.h"

struct bio_st;
struct ssl_ctx_st;
struct ssl_st;

namespace leat::security::testing {

struct Certificate {
  std::string certificate;  // PEM
  std::string key;          // PEM
};
// Signed by itself, for that name, with a new key.
Certificate make_certificate(const std::string& name);
std::string encrypted(const std::string& key_pem);

struct ClientOptions {
  int version_max = 0;         // 0: any
  std::string ciphers = {};    // of TLS 1.2 and older
  std::string protocols = {};  // ALPN, one
};

// The other end of a TLS connection: OpenSSL as clients use it. At most one read and one write at a time, which both run
// without the other.
class TlsClient {
 public:
  TlsClient(std::unique_ptr<runtime::Socket> socket, const ClientOptions& options);
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  // "ok", or why not.
  runtime::Task<std::string> shake_hands();
  runtime::Task<Status> write(std::string text);
  // Like write(), in writes of so many encrypted bytes.
  runtime::Task<Status> write_in_pieces(std::string text, std::size_t piece);
  // `size` bytes, or fewer and how the stream ended: "end" (close_notify), "cut" or an error.
  runtime::Task<std::string> read(std::size_t size);
  runtime::Task<Status> send_close_notify();
  // New keys for both directions (TLS 1.3), with what is written next.
  bool update_keys();
  // Asks for a handshake in the connection (TLS 1.2), and returns how that ended.
  runtime::Task<std::string> renegotiate();

  [[nodiscard]] std::string version() const;
  [[nodiscard]] std::string protocol() const;  // that ALPN chose
  [[nodiscard]] std::string server_name() const;
  [[nodiscard]] runtime::Socket& socket() { return *socket_; }

 private:
  runtime::Task<Status> send_output(std::size_t piece);

  std::unique_ptr<runtime::Socket> socket_;
  ssl_ctx_st* context_;
  ssl_st* ssl_;
  bio_st* input_;
  bio_st* output_;
};

}  // namespace leat::security::testing
