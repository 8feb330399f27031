#include "cli/tls_channel.h"

#include <sys/socket.h>

#include <cerrno>

#include "cli/environment.h"
#include "security/tls_context.h"

namespace leat::cli {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;
constexpr std::size_t kInputBytes = std::size_t{256} << 10;

// Files are read once. One file may hold both the certificate and its key.
Result<std::shared_ptr<const security::TlsContext>> client_context() {
  const std::string certificate = environment("LEAT_CLIENT_CERTIFICATE");
  static const auto loaded = security::TlsContext::load_client(
      runtime::real_files(), {.authorities_path = environment("LEAT_CA"),
                              .certificate_path = certificate,
                              .key_path = environment("LEAT_CLIENT_KEY", certificate)});
  return loaded;
}

}  // namespace

Result<std::unique_ptr<TlsChannel>> TlsChannel::make(int descriptor, const std::string& host) {
  LEAT_TRY(auto context, client_context());
  return std::unique_ptr<TlsChannel>(new TlsChannel(descriptor, std::move(context), host));
}

Result<bool> TlsChannel::handshake() {
  while (true) {
    const Result<bool> done = engine_.handshake();
    const Status sent = flush();  // after an error, why
    if (!done) return fail(Errc::unsupported, done.error().message);
    LEAT_CHECK(sent);
    if (*done) return !has_output();
    LEAT_TRY(const auto count, fill());
    if (!count) return false;
    if (*count == 0) return fail(Errc::io, "the server closed the connection in the TLS handshake");
  }
}

Result<std::size_t> TlsChannel::send_some(std::span<const BytesView> parts) {
  LEAT_CHECK(flush());
  while (!parts.empty() && parts.front().empty()) parts = parts.subspan(1);
  if (has_output() || parts.empty()) return std::size_t{0};
  BytesView piece = parts.front();
  // Small parts share a record.
  if (parts.size() > 1 && piece.size() < kPieceBytes) {
    if (piece_.empty()) piece_ = Bytes::uninitialized(kPieceBytes);
    std::size_t filled = 0;
    for (const BytesView part : parts) {
      const std::size_t count = std::min(part.size(), kPieceBytes - filled);
      std::memcpy(piece_.data() + filled, part.data(), count);
      filled += count;
    }
    piece = piece_.view().first(filled);
  }
  piece = piece.first(std::min(piece.size(), kPieceBytes));
  LEAT_CHECK(engine_.write(piece));
  LEAT_CHECK(flush());
  return piece.size();
}

Result<std::optional<std::size_t>> TlsChannel::receive_some(MutableBytes into) {
  while (true) {
    LEAT_TRY(const std::size_t count, engine_.read(into));
    if (count > 0 || engine_.has_ended()) return count;
    LEAT_CHECK(flush());  // answers of TLS itself
    LEAT_TRY(const auto more, fill());
    if (!more || *more == 0) return more;
  }
}

Status TlsChannel::flush() {
  while (true) {
    if (output_.empty()) {
      output_ = engine_.take_output();
      output_begin_ = 0;
      if (output_.empty()) return {};
    }
    const BytesView rest = output_.view().subspan(output_begin_);
    const ssize_t sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return {};
    if (sent < 0) return fail(system_error("send", errno));
    output_begin_ += static_cast<std::size_t>(sent);
    if (output_begin_ == output_.size()) output_ = {};
  }
}

Result<std::optional<std::size_t>> TlsChannel::fill() {
  if (input_.empty()) input_ = Bytes::uninitialized(kInputBytes);
  while (true) {
    const ssize_t received = ::recv(descriptor_, input_.data(), input_.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return std::nullopt;
    if (received < 0) return fail(system_error("recv", errno));
    const auto count = static_cast<std::size_t>(received);
    engine_.feed(input_.view().first(count));
    return count;
  }
}

}  // namespace leat::cli
