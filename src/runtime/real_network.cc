#include "runtime/network.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/call.h"
#include "runtime/real_shard.h"
#include "runtime/sync.h"

namespace leat::runtime {
namespace {

constexpr std::size_t kVectorsPerCall = 64;
constexpr std::uint64_t kBurstBytes = std::uint64_t{1} << 20;  // written by one socket before others get a turn
constexpr std::uint32_t kReadsPerTurn = 16;                    // that did not have to wait, before others get a turn
constexpr std::size_t kSharedReadBytes = std::size_t{64} << 10;
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;
constexpr Milliseconds kOutOfDescriptorsPause{50};
constexpr Duration kPatienceMax = std::chrono::hours(1);  // longer than any system tries to connect

struct Address {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;

  [[nodiscard]] bool is_loopback() const {
    const auto is_127 = [](const void* v4) { return *static_cast<const std::uint8_t*>(v4) == IN_LOOPBACKNET; };
    if (storage.ss_family == AF_INET) return is_127(&reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr);
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && is_127(&v6.s6_addr[12]));
  }

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] std::string to_string() const {
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
    if (::getnameinfo(get(), length, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) !=
        0) {
      return "unknown";
    }
    return storage.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, service) : fmt::format("{}:{}", host, service);
  }
};

// The addresses of a host, IPv4 ones first: what is reached by a name is then the same wherever IPv6 is half there.
// Waits for the name service unless the host is a number.
Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &found);
      code != 0) {
    return fail(Errc::invalid_argument, fmt::format("cannot resolve \"{}\": {}", host, ::gai_strerror(code)));
  }
  std::vector<Address> addresses;
  for (const bool want_v4 : {true, false}) {
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      if ((one->ai_family == AF_INET) != want_v4) continue;
      Address& address = addresses.emplace_back();
      std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
      address.length = one->ai_addrlen;
    }
  }
  ::freeaddrinfo(found);
  return addresses;
}

// Lets everything else that is ready run first.
struct [[nodiscard]] Turn {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const { Shard::current().resume_later(awaiting); }
  void await_resume() const noexcept {}
};

class RealSocket final : public Socket {
 public:
  RealSocket(RealShard& shard, Descriptor fd, const Address& peer)
      : shard_(shard), socket_(shard.poller(), std::move(fd)), peer_(peer), copies_(peer.is_loopback()) {
    const int on = 1;
    (void)::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  // Waits for the end of a connect that is under way. Returns its error number, or 0.
  Task<int> connected(Duration patience) {
    Patience timer(socket_);
    if (patience < kPatienceMax) shard_.timers().arm(timer, shard_.now() + patience);
    co_await socket_.writable();
    if (!socket_.is_open()) co_return ETIMEDOUT;
    int number = 0;
    socklen_t length = sizeof number;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &number, &length) < 0) number = errno;
    co_return number;
  }

  Task<Result<std::size_t>> read_some(MutableBytes into) override {
    if (into.empty() && socket_.is_open()) co_return std::size_t{0};
    while (true) {
      co_await socket_.readable();
      if (++reads_at_once_ > kReadsPerTurn) co_await others_first();
      if (const std::optional<Result<std::size_t>> received = receive(into)) co_return *received;
    }
  }

  Task<Result<BytesView>> read_shared() override {
    while (true) {
      co_await socket_.readable();
      if (++reads_at_once_ > kReadsPerTurn) co_await others_first();
      const MutableBytes into = shard_.scratch(kSharedReadBytes).first(kSharedReadBytes);
      const std::optional<Result<std::size_t>> received = receive(into);
      if (!received) continue;
      if (!*received) co_return fail(received->error());
      co_return into.first(**received);
    }
  }

  Task<Status> write(const Chain& chain) override {
    Cursor at;
    while (at.part < chain.parts().size()) {
      if (!socket_.is_open()) co_return fail(Errc::cancelled, "the socket is closed");
      if (burst_bytes_ >= kBurstBytes) {
        burst_bytes_ = 0;
        co_await Turn{};
        continue;
      }
      const Result<std::uint64_t> sent =
          std::holds_alternative<Bytes>(chain.parts()[at.part]) ? send_blocks(chain, at) : send_range(chain, at);
      if (sent) {
        burst_bytes_ += *sent;
        continue;
      }
      if (sent.error().code != Errc::would_block) co_return fail(sent.error());
      burst_bytes_ = 0;
      full_ = false;
      socket_.set_full();
      co_await socket_.writable();
    }
    co_return Status{};
  }

  std::size_t write_at_once(BytesView bytes) override {
    if (!socket_.is_open()) return 0;
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  void close() override { socket_.close(); }

  std::string peer() const override { return peer_.to_string(); }

 private:
  // Ends a wait for a connection.
  class Patience final : public Timer {
   public:
    explicit Patience(Watched& socket) : socket_(socket) {}

   private:
    void fire() override { socket_.close(); }
    Watched& socket_;
  };

  // Reads what is there. Nothing when it has to be waited for; errors as of read_some.
  std::optional<Result<std::size_t>> receive(MutableBytes into) {
    if (!socket_.is_open()) return fail(Errc::cancelled, "the socket is closed");
    const ssize_t count = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (count < 0 && errno == EINTR) return std::nullopt;
    if (count < 0 && errno != EAGAIN) return failure("receive from", errno);
    if (count < static_cast<ssize_t>(into.size())) {
      reads_at_once_ = 0;
      socket_.set_drained();
    }
    if (count < 0) return std::nullopt;
    return static_cast<std::size_t>(count);
  }

  Turn others_first() {
    reads_at_once_ = 0;
    return {};
  }

  struct Cursor {
    std::size_t part = 0;
    std::uint64_t offset = 0;  // in that part
  };

  std::unexpected<Error> failure(std::string_view what, int number) const {
    if (!socket_.is_open()) return fail(Errc::cancelled, "the socket was closed");
    return fail(Errc::io, fmt::format("{} {}: {}", what, peer(), std::strerror(number)));
  }

  static std::uint64_t size_of(const Chain::Part& part) {
    if (const auto* bytes = std::get_if<Bytes>(&part)) return bytes->size();
    return std::get<FileRange>(part).length;
  }

  static void advance(const Chain& chain, Cursor& at, std::uint64_t count) {
    at.offset += count;
    while (at.part < chain.parts().size() && at.offset >= size_of(chain.parts()[at.part])) {
      at.offset -= size_of(chain.parts()[at.part++]);
    }
  }

  // Sends what it can of the blocks up to the next file range. Error: would_block.
  Result<std::uint64_t> send_blocks(const Chain& chain, Cursor& at) {
    const auto& parts = chain.parts();
    std::array<iovec, kVectorsPerCall> vectors;
    std::size_t used = 0;
    std::size_t next = at.part;
    for (; next < parts.size() && used < vectors.size(); ++next) {
      const auto* bytes = std::get_if<Bytes>(&parts[next]);
      if (bytes == nullptr) break;
      const BytesView rest = bytes->view().subspan(next == at.part ? at.offset : 0);
      vectors[used++] = {const_cast<std::byte*>(rest.data()), rest.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = used;
    return sent(::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | (next < parts.size() ? MSG_MORE : 0)), chain, at);
  }

  Result<std::uint64_t> send_range(const Chain& chain, Cursor& at) {
    const auto& range = std::get<FileRange>(chain.parts()[at.part]);
    const std::uint64_t left = std::min(range.length - at.offset, kBurstBytes);
    const int in = range.file->descriptor();
    if (in < 0) return copy_range(chain, at, left, &File::read_at);
    if (copies_ && !full_) {
      auto copied = copy_range(chain, at, left, &File::read_cached);
      if (copied || copied.error().code != Errc::would_block) return copied;
    }
    off64_t from = static_cast<off64_t>(range.offset + at.offset);
    const ssize_t count = ::sendfile64(socket_.get(), in, &from, left);
    if (count == 0) return ended_early(range, at);
    return sent(count, chain, at);
  }

  using Read = Result<std::size_t> (File::*)(MutableBytes, std::uint64_t);
  Result<std::uint64_t> copy_range(const Chain& chain, Cursor& at, std::uint64_t left, Read read) {
    const auto& range = std::get<FileRange>(chain.parts()[at.part]);
    const MutableBytes copy = shard_.scratch(kCopyBytes).first(std::min<std::uint64_t>(left, kCopyBytes));
    LEAT_TRY(const std::size_t filled, ((*range.file).*read)(copy, range.offset + at.offset));
    if (filled == 0) return ended_early(range, at);
    const auto count = sent(::send(socket_.get(), copy.data(), filled, MSG_NOSIGNAL), chain, at);
    full_ = count && *count < filled;
    return count;
  }

  static std::unexpected<Error> ended_early(const FileRange& range, const Cursor& at) {
    return fail(Errc::io, fmt::format("a file ended {} bytes before the end of the range that is sent from it",
                                      range.length - at.offset));
  }

  // The result of a call that sends, as bytes or an error.
  Result<std::uint64_t> sent(ssize_t count, const Chain& chain, Cursor& at) {
    if (count >= 0) {
      advance(chain, at, static_cast<std::uint64_t>(count));
      return static_cast<std::uint64_t>(count);
    }
    if (errno == EINTR) return std::uint64_t{0};
    if (errno == EAGAIN) return fail(Errc::would_block, {});
    return failure("send to", errno);
  }

  RealShard& shard_;
  Watched socket_;
  std::uint32_t reads_at_once_ = 0;
  std::uint64_t burst_bytes_ = 0;
  Address peer_;
  // A reader on this machine is woken for every piece that sendfile sends (64 KiB), and hardly ever for pieces of a copied
  // burst: docs/decisions/0006-copy-for-readers-on-this-machine.md.
  bool copies_;
  bool full_ = false;  // it took only a part of what was copied
};

RealShard& current_shard() { return static_cast<RealShard&>(Shard::current()); }

class RealAccepted final : public Accepted {
 public:
  RealAccepted(Descriptor fd, const Address& peer) : fd_(std::move(fd)), peer_(peer) {}
  std::unique_ptr<Socket> attach() override {
    return std::make_unique<RealSocket>(current_shard(), std::move(fd_), peer_);
  }

 private:
  Descriptor fd_;
  Address peer_;
};

class RealListener final : public Listener {
 public:
  RealListener(RealShard& shard, Descriptor fd, std::uint16_t port)
      : socket_(shard.poller(), std::move(fd)), port_(port) {}

  Task<Result<std::unique_ptr<Accepted>>> accept() override {
    while (socket_.is_open()) {
      Address peer;
      Descriptor fd(::accept4(socket_.get(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() >= 0) co_return std::make_unique<RealAccepted>(std::move(fd), peer);
      const int number = errno;
      if (number == EAGAIN) {
        socket_.set_drained();
        co_await socket_.readable();
      } else if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM) {
        // The connection stays in the backlog: without a pause, who tries again would spin.
        co_await sleep_for(kOutOfDescriptorsPause);
        if (socket_.is_open()) co_return fail(Errc::io, fmt::format("accept: {}", std::strerror(number)));
      } else if (number == EBADF || number == EINVAL || number == ENOTSOCK || number == EOPNOTSUPP) {
        co_return fail(Errc::io, fmt::format("accept: {}", std::strerror(number)));
      }
      // Anything else is the end of one connection before it was accepted (accept(2)).
    }
    co_return fail(Errc::cancelled, "the listener is closed");
  }

  void close() override { socket_.close(); }
  std::uint16_t port() const override { return port_; }

 private:
  Watched socket_;
  std::uint16_t port_;
};

class RealNetwork final : public Network {
 public:
  explicit RealNetwork(RealShard& shard) : shard_(shard) {}

  Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) override {
    LEAT_TRY(const std::vector<Address> addresses, resolve(host, port, AI_PASSIVE));
    int number = EADDRNOTAVAIL;
    for (const Address& address : addresses) {
      Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
      const int on = 1;
      if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
          ::bind(fd.get(), address.get(), address.length) < 0 || ::listen(fd.get(), SOMAXCONN) < 0) {
        number = errno;
        continue;
      }
      return std::make_unique<RealListener>(shard_, std::move(fd), bound_port(fd.get()));
    }
    return fail(listen_error(number), fmt::format("listen on {}:{}: {}", host, port, std::strerror(number)));
  }

  Task<Result<std::unique_ptr<Socket>>> connect(const std::string& host, std::uint16_t port,
                                                Duration patience) override {
    Result<std::vector<Address>> addresses = resolve(host, port, AI_NUMERICHOST);
    if (!addresses) {
      addresses = co_await run_blocking([&host, port] { return resolve(host, port, 0); });
      if (!addresses) co_return fail(addresses.error());
    }
    int number = EADDRNOTAVAIL;
    for (const Address& address : *addresses) {
      Descriptor fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
      if (fd.get() < 0) {
        number = errno;
        continue;
      }
      number = ::connect(fd.get(), address.get(), address.length) == 0 ? 0 : errno;
      if (number != 0 && number != EINPROGRESS) continue;
      auto socket = std::make_unique<RealSocket>(shard_, std::move(fd), address);
      if (number == EINPROGRESS) number = co_await socket->connected(patience);
      if (number == 0) co_return socket;
    }
    co_return fail(number == ETIMEDOUT ? Errc::timed_out : Errc::io,
                   fmt::format("connect to {}:{}: {}", host, port, std::strerror(number)));
  }

 private:
  static std::uint16_t bound_port(int fd) {
    Address bound;
    (void)::getsockname(fd, bound.get(), &bound.length);
    return bound.storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6*>(bound.get())->sin6_port)
                                               : ntohs(reinterpret_cast<const sockaddr_in*>(bound.get())->sin_port);
  }

  static Errc listen_error(int number) {
    if (number == EADDRINUSE) return Errc::exists;
    if (number == EACCES || number == EPERM) return Errc::permission_denied;
    if (number == EADDRNOTAVAIL) return Errc::invalid_argument;
    return Errc::io;
  }

  RealShard& shard_;
};

}  // namespace

std::unique_ptr<Network> make_real_network(RealShard& shard) { return std::make_unique<RealNetwork>(shard); }

}  // namespace leat::runtime
