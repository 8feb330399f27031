#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "security/tls_context.h"

struct ssl_st;

namespace leat::security {

// One end of a TLS connection, without a socket: encrypted bytes go in by feed() and come out by take_output(); what they
// carry comes out by read() and goes in by write(). Never waits. Not thread-safe.
class TlsEngine {
 public:
  // A server's end.
  explicit TlsEngine(std::shared_ptr<const TlsContext> context);
  // A client's end, of a connection to the host of that name or address (IPv6 without brackets): the handshake fails unless
  // the server's certificate is for it.
  TlsEngine(std::shared_ptr<const TlsContext> context, const std::string& host);
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;
  ~TlsEngine();

  // What the peer sent next. Everything before it has been taken (handshake() returned false, or read() less than it
  // could). Borrowed until keep_input().
  void feed(BytesView encrypted) { input_ = encrypted; }
  // Copies what is not taken yet, so that the memory of feed() may go.
  void keep_input();

  // Goes on with the handshake, which a client begins without input: true once it is done, false while more is needed.
  [[nodiscard]] Result<bool> handshake();
  [[nodiscard]] bool is_ready() const { return is_ready_; }
  // The common name in the certificate that the peer showed, which has been verified; empty: there is none.
  [[nodiscard]] std::string peer_name() const;
  // When that certificate ends.
  [[nodiscard]] Timestamp peer_not_after() const;
  // Whether the peer sent the beginning of a plain HTTP request where a handshake should be.
  [[nodiscard]] bool is_plain_http() const { return is_plain_http_; }

  // Decrypts into `into`, until it is full, or more input is needed, or the peer has said that it sends no more.
  [[nodiscard]] Result<std::size_t> read(MutableBytes into);
  [[nodiscard]] bool has_ended() const { return has_ended_; }
  // Whether read() may have something without more input.
  [[nodiscard]] bool has_input() const;

  // Encrypts all of `plain` into the output.
  [[nodiscard]] Status write(BytesView plain);
  // Tells the peer, in the output, that nothing more comes.
  void end();

  // What is to be sent to the peer, in this order, also after an error: it then says why.
  [[nodiscard]] std::size_t output_size() const { return output_.size(); }
  [[nodiscard]] Bytes take_output() { return std::exchange(output_, {}); }

 private:
  struct Callbacks;

  void attach();
  [[nodiscard]] Error take_error(const char* doing);

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
  BytesView input_;
  Bytes kept_;  // where input_ is after keep_input()
  Bytes output_;
  std::optional<Error> failure_;
  bool is_ready_ = false;
  bool has_ended_ = false;
  bool is_plain_http_ = false;
};

}  // namespace leat::security
