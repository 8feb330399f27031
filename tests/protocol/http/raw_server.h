#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace leat::http::testing {

// A server on 127.0.0.1 that answers with exactly the bytes it is told, with a thread for each connection.
class RawServer {
 public:
  // From a request (head and body) to the bytes to send; nothing: the client waits until it leaves. A connection ends
  // after an answer with "Connection: close". Called on the connections' threads.
  using Answer = std::function<std::optional<std::string>(const std::string& request)>;

  // `tls` outlives the server; nullptr: plain HTTP.
  explicit RawServer(Answer answer, SSL_CTX* tls = nullptr);
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path) const;
  [[nodiscard]] int accepted() const { return accepted_; }
  [[nodiscard]] int requests() const { return requests_; }
  // The most connections that were open at a time.
  [[nodiscard]] int open_max() const { return open_max_; }

 private:
  struct Connection {
    int socket = -1;
    std::thread thread;
  };
  void accept_all();
  void serve(Connection& connection);
  void answer_all(int socket, SSL* tls);

  const Answer answer_;
  SSL_CTX* const tls_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<int> open_ = 0;
  std::atomic<int> open_max_ = 0;
  std::mutex mutex_;
  bool is_ending_ = false;
  std::list<Connection> connections_;
  std::thread acceptor_;
};

// A response with its Content-Length.
std::string raw_response(int status, const std::string& body, const std::string& more_headers = "");

// The server's side of TLS with a new key, which is good for the name localhost alone.
class TlsIdentity {
 public:
  TlsIdentity();
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }
  // Its certificate, in a file that goes with it.
  [[nodiscard]] const std::string& certificate_file() const { return file_; }
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;
  ~TlsIdentity();

 private:
  struct End {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, End> context_;
  std::string file_;
};

}  // namespace leat::http::testing
