#pragma once

#include <memory>
#include <string>

#include "base/log_limiter.h"
#include "base/metrics.h"
#include "runtime/network.h"
#include "runtime/sync.h"
#include "security/tls_context.h"

namespace leat::security {

class TlsEngine;

// What the connections of one listener share on one shard, which alone writes it.
struct TlsShard {
  std::string name;           // of the listener, in log lines: "sqs+tls=127.0.0.1:9324"
  bool answers_http = false;  // to plain HTTP, in plain HTTP, that this is the wrong way to speak
  Counter completed;          // handshakes
  Counter failed;             // handshakes that began and did not end well
  LogLimiter log_limiter;
};

// The server's end of a TLS connection over another socket. The handshake happens within the first read or write, and
// takes at most kHandshakeTime from the client's first byte; a client that sends nothing is left to its session's own
// limits. A stream that ends without close_notify ends like any other: the protocols above frame their messages.
class TlsSocket final : public runtime::Socket {
 public:
  static constexpr Duration kHandshakeTime = std::chrono::seconds(10);

  // The context is the one of this connection for as long as it lives.
  TlsSocket(std::unique_ptr<runtime::Socket> inner, std::shared_ptr<const TlsContext> context,
            std::shared_ptr<TlsShard> shard);
  ~TlsSocket() override;

  runtime::Task<Result<std::size_t>> read_some(MutableBytes into) override;
  runtime::Task<Result<BytesView>> read_shared() override;
  // Ranges of files are read, on the I/O pool where they are not in memory, and encrypted piece by piece.
  runtime::Task<Status> write(const runtime::Chain& chain) override;
  // Nothing goes out at once: the handshake and what the peer takes may have to be waited for.
  std::size_t write_at_once(BytesView /*bytes*/) override { return 0; }
  // Sends close_notify if that takes no waiting.
  void close() override;
  [[nodiscard]] std::string peer() const override { return inner_->peer(); }
  [[nodiscard]] bool is_secure() const override { return true; }
  [[nodiscard]] std::string_view certified_name() const override { return certified_name_; }
  [[nodiscard]] Timestamp certified_until() const override { return certified_until_; }

 private:
  struct Cursor {
    std::size_t part = 0;
    std::uint64_t offset = 0;  // in that part
    // By at most what is left of the part.
    void advance(const runtime::Chain& chain, std::uint64_t count);
  };
  // Ends a handshake that takes too long.
  class HandshakeTimer final : public runtime::Timer {
   public:
    explicit HandshakeTimer(TlsSocket& socket) : socket_(socket) {}

   private:
    void fire() override {
      socket_.is_late_ = true;
      socket_.inner_->close();
    }
    TlsSocket& socket_;
  };

  // True once there is a connection; false when the peer's stream ended before its first byte.
  runtime::Task<Result<bool>> shake_hands();
  runtime::Task<Result<bool>> drive_handshake();
  std::unexpected<Error> handshake_failed(Error why);
  // Reads and decrypts into `into`, at least a byte unless the peer's stream ends. `into` may be shared by all sockets of
  // the thread: from its first byte on this does not wait.
  runtime::Task<Result<std::size_t>> read_into(MutableBytes into);
  // Sends all that the engine has for the peer, by whoever is at it.
  runtime::Task<Status> flush();
  // The next bytes of the chain, of its own memory or copied. Error: would_block, when they are in a file on the disk.
  static Result<BytesView> next_piece(const runtime::Chain& chain, Cursor& at);
  static runtime::Task<Result<Bytes>> read_cold(const runtime::Chain& chain, Cursor& at);

  std::shared_ptr<runtime::Socket> inner_;
  std::shared_ptr<const TlsContext> context_;
  std::shared_ptr<TlsShard> shard_;
  std::string certified_name_;
  Timestamp certified_until_ = kNoTimestamp;
  std::unique_ptr<TlsEngine> engine_;  // from the peer's first byte on
  HandshakeTimer timer_{*this};
  runtime::Notifier changed_;  // the handshake or a flush ended
  bool is_shaking_ = false;
  bool is_flushing_ = false;
  bool is_closed_ = false;
  bool is_late_ = false;
};

}  // namespace leat::security
