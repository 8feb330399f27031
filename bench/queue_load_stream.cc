#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/queue_load.h"

namespace queue_load {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr int kAnswerMilliseconds = 60'000;

}  // namespace

void die(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "queue_load: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(1);
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{})
    die("not a number", text.substr(0, 80));
  return number;
}

Stream::Stream(const Options& options, Load& load) : options_(options), load_(load) {
  descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) die("not an address", options.host);
  if (connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    die("connect", std::strerror(errno));
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Stream::~Stream() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Stream::await_input() const {
  pollfd wanted{descriptor_, static_cast<short>(wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
  if (poll(&wanted, 1, kAnswerMilliseconds) == 0) die(options_.system, "no answer");
}

void Stream::on_readable() {
  const std::size_t held = input_.size();
  ssize_t got = 0;
  input_.resize_and_overwrite(held + kReadBytes, [&](char* data, std::size_t) {
    got = recv(descriptor_, data + held, kReadBytes, MSG_DONTWAIT);
    return held + static_cast<std::size_t>(got > 0 ? got : 0);
  });
  if (got == 0) die(options_.system, "the server closed a connection");
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    die("receive", std::strerror(errno));
  }
  while (taken_ < input_.size()) {
    const std::size_t used = take(std::string_view(input_).substr(taken_));
    if (used == 0) break;
    taken_ += used;
  }
  if (taken_ == input_.size()) {
    input_.clear();
    taken_ = 0;
  } else if (taken_ > kReadBytes) {
    input_.erase(0, taken_);
    taken_ = 0;
  }
  flush();
}

void Stream::flush() {
  while (written_ < output_.size()) {
    const ssize_t put =
        ::send(descriptor_, output_.data() + written_, output_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      die("send", std::strerror(errno));
    }
    written_ += static_cast<std::size_t>(put);
  }
  output_.clear();
  written_ = 0;
}

}  // namespace queue_load
