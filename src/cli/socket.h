#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"

namespace leat::cli {

struct Address {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
  std::string user;  // who to be there; empty: nobody

  // Without the user.
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Address&, const Address&) = default;
};

inline constexpr std::uint16_t kDefaultPort = 9092;

// HOST:PORT, HOST, [IPV6]:PORT, each with USER@ before it or not. Error: invalid_argument.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// A blocking TCP connection whose every wait has an end. Errors: timed_out, io.
class Socket {
 public:
  // Tries each address of the host's name until one accepts.
  [[nodiscard]] static Result<Socket> connect(const Address& address, Milliseconds timeout);
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  [[nodiscard]] Status send(BytesView bytes, MonoTime deadline);
  // Fills all of `into`.
  [[nodiscard]] Status receive(MutableBytes into, MonoTime deadline);
  // Non-blocking, for callers that poll many of them.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace leat::cli
