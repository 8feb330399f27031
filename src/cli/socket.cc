#include "cli/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace leat::cli {
namespace {

constexpr int kPollSliceMaxMs = 1'000'000;
constexpr std::size_t kPartsMax = 4;
constexpr std::string_view kTlsScheme = "tls://";

Status wait_until_ready(int descriptor, short events, MonoTime deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return fail(Errc::timed_out, "the server did not answer in time");
    pollfd waiting{descriptor, events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, kPollSliceMaxMs)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(system_error("poll", errno));
  }
}

Status finish_connect(int descriptor, MonoTime deadline) {
  LEAT_CHECK(wait_until_ready(descriptor, POLLOUT, deadline));
  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size);
  if (failure != 0) return fail(system_error("connect", failure));
  return {};
}

}  // namespace

Address Address::with(const std::string& other_host, std::int32_t other_port) const {
  return {other_host, static_cast<std::uint16_t>(other_port), user, is_encrypted};
}

std::string Address::to_string() const {
  const std::string bracketed = host.contains(':') ? fmt::format("[{}]", host) : host;
  return fmt::format("{}{}:{}", is_encrypted ? kTlsScheme : "", bracketed, port);
}

Result<Address> parse_address(std::string_view text) {
  const std::string_view whole = text;
  const auto bad = [&] {
    return fail(
        Errc::invalid_argument,
        fmt::format("'{}' is no address: write HOST:PORT or USER@HOST:PORT, with tls:// before it where TLS is spoken",
                    whole));
  };
  Address address{.port = kDefaultPort};
  if (text.starts_with(kTlsScheme)) {
    address.is_encrypted = true;
    text.remove_prefix(kTlsScheme.size());
  }
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    address.user = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (address.user.empty()) return bad();
  }
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return bad();
    address.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return bad();
    port = text.empty() ? text : text.substr(1);
    if (!text.empty() && port.empty()) return bad();
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    address.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return bad();
  } else {
    address.host = text;
  }
  if (address.host.empty()) return bad();
  if (!port.empty()) {
    const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (failure != std::errc() || end != port.data() + port.size() || address.port == 0) return bad();
  }
  return address;
}

Result<Socket> Socket::connect(const Address& address, Milliseconds timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failure = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
      failure != 0)
    return fail(Errc::io, fmt::format("cannot resolve '{}': {}", address.host, ::gai_strerror(failure)));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);

  const MonoTime deadline = std::chrono::steady_clock::now() + timeout;
  Error last{Errc::io, "the name has no address"};
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Socket socket(::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.descriptor_ < 0) {
      last = system_error("socket", errno);
      continue;
    }
    const int yes = 1;
    ::setsockopt(socket.descriptor_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Status connected;
    if (::connect(socket.descriptor_, at->ai_addr, at->ai_addrlen) != 0) {
      connected = errno == EINPROGRESS ? finish_connect(socket.descriptor_, deadline)
                                       : Status(fail(system_error("connect", errno)));
    }
    if (!connected) {
      last = connected.error();
      continue;
    }
    if (address.is_encrypted) LEAT_CHECK(socket.encrypt(address.host, deadline));
    return socket;
  }
  return fail(std::move(last));
}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status Socket::encrypt(const std::string& host, MonoTime deadline) {
  LEAT_TRY(tls_, TlsChannel::make(descriptor_, host));
  while (true) {
    LEAT_TRY(const bool is_done, tls_->handshake());
    if (is_done) return {};
    LEAT_CHECK(wait_until_ready(descriptor_, tls_->has_output() ? POLLOUT : POLLIN, deadline));
  }
}

Status Socket::send(BytesView bytes, MonoTime deadline) {
  while (!bytes.empty() || has_output()) {
    LEAT_TRY(const std::size_t sent, send_some({&bytes, 1}));
    bytes = bytes.subspan(sent);
    if (sent == 0 && (!bytes.empty() || has_output())) LEAT_CHECK(wait_until_ready(descriptor_, POLLOUT, deadline));
  }
  return {};
}

Status Socket::receive(MutableBytes into, MonoTime deadline) {
  while (!into.empty()) {
    LEAT_TRY(const auto received, receive_some(into));
    if (!received) {
      LEAT_CHECK(wait_until_ready(descriptor_, POLLIN, deadline));
    } else if (*received == 0) {
      return fail(Errc::io, "the server closed the connection");
    } else {
      into = into.subspan(*received);
    }
  }
  return {};
}

Result<std::size_t> Socket::send_some(std::span<const BytesView> parts) {
  if (tls_ != nullptr) return tls_->send_some(parts);
  std::array<iovec, kPartsMax> vectors;
  std::size_t count = 0;
  // sendmsg does not write to what it sends.
  for (const BytesView part : parts.first(std::min(parts.size(), kPartsMax)))
    vectors[count++] = {const_cast<std::byte*>(part.data()), part.size()};
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  while (true) {
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN) return std::size_t{0};
    if (errno != EINTR) return fail(system_error("send", errno));
  }
}

Result<std::optional<std::size_t>> Socket::receive_some(MutableBytes into) {
  if (tls_ != nullptr) return tls_->receive_some(into);
  while (true) {
    const ssize_t received = ::recv(descriptor_, into.data(), into.size(), 0);
    if (received >= 0) return static_cast<std::size_t>(received);
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR) return fail(system_error("recv", errno));
  }
}

}  // namespace leat::cli
