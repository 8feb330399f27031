#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "cli/tls_channel.h"

namespace leat::cli {

struct Address {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
  std::string user;           // who to be there; empty: nobody
  bool is_encrypted = false;  // by TLS

  // Another port that the same server names.
  [[nodiscard]] Address with(const std::string& other_host, std::int32_t other_port) const;
  // Without the user.
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

inline constexpr std::uint16_t kDefaultPort = 9092;

// HOST:PORT, HOST, [IPV6]:PORT, each with USER@ before it or not, and all that with tls:// before it or not. Error:
// invalid_argument.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// A TCP connection, with TLS where the address says so, whose every wait has an end. Errors: timed_out, io; those of
// TlsChannel.
class Socket {
 public:
  // Tries each address of the host's name until one accepts.
  [[nodiscard]] static Result<Socket> connect(const Address& address, Milliseconds timeout);
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(tls_, other.tls_);
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  [[nodiscard]] Status send(BytesView bytes, MonoTime deadline);
  // Fills all of `into`.
  [[nodiscard]] Status receive(MutableBytes into, MonoTime deadline);

  // For callers that wait for many of them, without blocking:
  // what poll() watches,
  [[nodiscard]] int descriptor() const { return descriptor_; }
  // how much of the first parts was taken, 0 while poll() says that it is not writable,
  [[nodiscard]] Result<std::size_t> send_some(std::span<const BytesView> parts);
  // whether something that was taken waits for the descriptor to be writable,
  [[nodiscard]] bool has_output() const { return tls_ != nullptr && tls_->has_output(); }
  // some of what has come; nullopt: nothing; 0: the stream has ended,
  [[nodiscard]] Result<std::optional<std::size_t>> receive_some(MutableBytes into);
  // whether something may have come although the descriptor is not readable.
  [[nodiscard]] bool has_input() const { return tls_ != nullptr && tls_->has_input(); }

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  [[nodiscard]] Status encrypt(const std::string& host, MonoTime deadline);

  int descriptor_ = -1;
  std::unique_ptr<TlsChannel> tls_;
};

}  // namespace leat::cli
