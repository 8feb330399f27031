#include "security/tls_socket.h"

#include "runtime/call.h"
#include "security/tls_engine.h"

namespace leat::security {
namespace {

using runtime::Chain;
using runtime::FileRange;
using runtime::Shard;
using runtime::Task;

// With its records' overhead a piece fits a block of 64 KiB.
constexpr std::size_t kPieceBytes = std::size_t{63} << 10;
constexpr std::size_t kSharedReadBytes = std::size_t{64} << 10;
// What a reader may leave for the writer to send, before it waits for it.
constexpr std::size_t kUnsentMax = std::size_t{16} << 10;
constexpr std::string_view kPlainHttpAnswer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 46\r\n"
    "Connection: close\r\n\r\nThis port speaks TLS: the URL begins https://\n";

// Memory for what is done with before the thread does anything else.
struct Scratch {
  std::array<std::byte, kSharedReadBytes> read;
  std::array<std::byte, kPieceBytes> written;
};
Scratch& scratch() {
  thread_local const std::unique_ptr<Scratch> memory(new Scratch);  // its bytes stay uninitialized
  return *memory;
}

// Runs by itself: nobody waits for the last words on a connection.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};
Chain chain_of(Bytes bytes) {
  Chain chain;
  chain.append(std::move(bytes));
  return chain;
}

Detached send_last(std::shared_ptr<runtime::Socket> socket, Bytes bytes) {
  const Chain chain = chain_of(std::move(bytes));
  (void)co_await socket->write(chain);  // what had to wait is cancelled by the close that follows
}

MonoTime now() { return Shard::current().now(); }

std::unexpected<Error> closed() { return fail(Errc::cancelled, "the socket is closed"); }

std::unexpected<Error> ended_early() {
  return fail(Errc::io, "a file ended before the end of the range that is sent from it");
}

}  // namespace

TlsSocket::TlsSocket(std::unique_ptr<runtime::Socket> inner, std::shared_ptr<const TlsContext> context,
                     std::shared_ptr<TlsShard> shard)
    : inner_(std::move(inner)), context_(std::move(context)), shard_(std::move(shard)) {}

TlsSocket::~TlsSocket() { close(); }

void TlsSocket::close() {
  if (std::exchange(is_closed_, true)) return;
  timer_.cancel();
  if (engine_ && engine_->is_ready() && !is_shaking_ && !is_flushing_) {
    engine_->end();
    if (engine_->output_size() > 0) send_last(inner_, engine_->take_output());
  }
  inner_->close();
}

Task<Result<bool>> TlsSocket::shake_hands() {
  while (is_shaking_) co_await changed_.wait();
  if (is_closed_) co_return closed();
  if (engine_ && engine_->is_ready()) co_return true;
  is_shaking_ = true;
  Result<bool> outcome = co_await drive_handshake();
  is_shaking_ = false;
  timer_.cancel();
  changed_.notify_all();
  co_return outcome;
}

Task<Result<bool>> TlsSocket::drive_handshake() {
  while (true) {
    const auto block = co_await inner_->read_shared();
    const bool has_ended = block && block->empty();
    if (!engine_ && !block) co_return fail(block.error());
    if (!engine_ && has_ended) co_return false;
    if (is_late_) co_return handshake_failed({Errc::timed_out, "the handshake took too long"});
    if (!block) co_return handshake_failed(block.error());
    if (has_ended) co_return handshake_failed({Errc::io, "handshake: the client went away"});
    if (!engine_) {
      engine_ = std::make_unique<TlsEngine>(context_);
      Shard::current().timers().arm(timer_, now() + kHandshakeTime);
    }
    engine_->feed(*block);
    const Result<bool> done = engine_->handshake();
    engine_->keep_input();
    if (!done && engine_->is_plain_http() && shard_->answers_http) {
      const Chain answer = chain_of(Bytes::copy_of(as_bytes(kPlainHttpAnswer)));
      (void)co_await inner_->write(answer);
      co_return handshake_failed({Errc::io, "handshake: the client speaks plain HTTP"});
    }
    const Status sent = co_await flush();
    if (!done) co_return handshake_failed(done.error());
    if (!sent)
      co_return handshake_failed(is_late_ ? Error{Errc::timed_out, "the handshake took too long"} : sent.error());
    if (!*done) continue;
    shard_->completed.add();
    certified_name_ = engine_->peer_name();
    certified_until_ = engine_->peer_not_after();
    co_return true;
  }
}

std::unexpected<Error> TlsSocket::handshake_failed(Error why) {
  shard_->failed.add();
  shard_->log_limiter.write(now(), LogLevel::info, "tls", "{}: {}: {}", shard_->name, peer(), why.message);
  return fail(std::move(why));
}

Task<Result<std::size_t>> TlsSocket::read_some(MutableBytes into) {
  if (into.empty()) co_return std::size_t{0};
  co_return co_await read_into(into);
}

Task<Result<BytesView>> TlsSocket::read_shared() {
  const MutableBytes into(scratch().read);
  LEAT_CO_TRY(const std::size_t count, co_await read_into(into));
  co_return into.first(count);
}

Task<Result<std::size_t>> TlsSocket::read_into(MutableBytes into) {
  LEAT_CO_TRY(const bool is_open, co_await shake_hands());
  if (!is_open) co_return std::size_t{0};
  while (true) {
    if (is_closed_) co_return closed();
    auto count = engine_->read(into);
    engine_->keep_input();
    if (!count) {
      (void)co_await flush();
      co_return count;
    }
    if (*count > 0 || engine_->has_ended()) co_return count;
    // Answers to what was read, such as an alert. A writer that is at it sends them too, and may wait for the peer, who
    // may wait for this end to read.
    if (engine_->output_size() > (is_flushing_ ? kUnsentMax : 0)) LEAT_CO_CHECK(co_await flush());
    const auto block = co_await inner_->read_shared();
    if (!block) co_return fail(block.error());
    if (block->empty()) co_return std::size_t{0};
    engine_->feed(*block);
  }
}

Task<Status> TlsSocket::flush() {
  while (is_flushing_ || engine_->output_size() > 0) {
    if (is_flushing_) {
      co_await changed_.wait();
      continue;
    }
    is_flushing_ = true;
    const Chain chain = chain_of(engine_->take_output());
    Status sent = co_await inner_->write(chain);
    is_flushing_ = false;
    changed_.notify_all();
    if (!sent) co_return sent;
  }
  co_return Status{};
}

Task<Status> TlsSocket::write(const Chain& chain) {
  LEAT_CO_TRY(const bool is_open, co_await shake_hands());
  if (!is_open) co_return fail(Errc::io, "the client ended the connection before a handshake");
  Cursor at;
  while (at.part < chain.parts().size()) {
    if (is_closed_) co_return closed();
    const Result<BytesView> piece = next_piece(chain, at);
    if (piece) {
      LEAT_CO_CHECK(engine_->write(*piece));
    } else if (piece.error().code == Errc::would_block) {
      LEAT_CO_TRY(const Bytes cold, co_await read_cold(chain, at));
      if (is_closed_) co_return closed();
      LEAT_CO_CHECK(engine_->write(cold));
    } else {
      co_return fail(piece.error());
    }
    LEAT_CO_CHECK(co_await flush());
  }
  co_return Status{};
}

Result<BytesView> TlsSocket::next_piece(const Chain& chain, Cursor& at) {
  const auto& parts = chain.parts();
  const auto* block = std::get_if<Bytes>(&parts[at.part]);
  // Many small parts make one record instead of many.
  if (block != nullptr && (block->size() - at.offset >= kPieceBytes || at.part + 1 == parts.size())) {
    const BytesView rest = block->view().subspan(at.offset);
    const BytesView piece = rest.first(std::min(rest.size(), kPieceBytes));
    at.advance(chain, piece.size());
    return piece;
  }
  const MutableBytes copy(scratch().written);
  std::size_t filled = 0;
  while (filled < copy.size() && at.part < parts.size()) {
    const MutableBytes room = copy.subspan(filled);
    std::size_t count = 0;
    if (const auto* bytes = std::get_if<Bytes>(&parts[at.part])) {
      count = std::min(room.size(), bytes->size() - at.offset);
      std::memcpy(room.data(), bytes->data() + at.offset, count);
    } else {
      const auto& range = std::get<FileRange>(parts[at.part]);
      const MutableBytes wanted = room.first(std::min<std::uint64_t>(room.size(), range.length - at.offset));
      const auto read = range.file->read_cached(wanted, range.offset + at.offset);
      if (!read && read.error().code == Errc::would_block && filled > 0) break;
      if (!read) return fail(read.error());
      if (*read == 0) return ended_early();
      count = *read;
    }
    filled += count;
    at.advance(chain, count);
  }
  return copy.first(filled);
}

Task<Result<Bytes>> TlsSocket::read_cold(const Chain& chain, Cursor& at) {
  const auto& range = std::get<FileRange>(chain.parts()[at.part]);
  Bytes cold = Bytes::uninitialized(std::min<std::uint64_t>(range.length - at.offset, kPieceBytes));
  const std::uint64_t from = range.offset + at.offset;
  const auto read =
      co_await runtime::run_blocking([&cold, &range, from] { return range.file->read_at(cold.mutable_view(), from); });
  if (!read) co_return fail(read.error());
  if (*read == 0) co_return ended_early();
  cold.resize(*read);
  at.advance(chain, *read);
  co_return cold;
}

void TlsSocket::Cursor::advance(const Chain& chain, std::uint64_t count) {
  const auto& current = chain.parts()[part];
  const auto* bytes = std::get_if<Bytes>(&current);
  const std::uint64_t size = bytes != nullptr ? bytes->size() : std::get<FileRange>(current).length;
  offset += count;
  if (offset < size) return;
  offset = 0;
  ++part;
}

}  // namespace leat::security
