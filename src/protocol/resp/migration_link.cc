#include "protocol/resp/migration_link.h"

#include <algorithm>

namespace leat::resp {
namespace {

// What is sent before the time begins anew.
constexpr std::size_t kPartBytes = std::size_t{64} << 10;
// Replies are short; what is longer does not come from a server of this protocol.
constexpr std::size_t kLineMax = std::size_t{16} << 10;
// Whoever stops the server waits for the end of an attempt to connect.
constexpr Milliseconds kConnectMax{5'000};

}  // namespace

void append_command(std::string& out, std::initializer_list<std::string_view> words) {
  fmt::format_to(std::back_inserter(out), "*{}\r\n", words.size());
  for (const std::string_view word : words) {
    fmt::format_to(std::back_inserter(out), "${}\r\n", word.size());
    out += word;
    out += "\r\n";
  }
}

MigrationLink::MigrationLink(runtime::Shard& shard, Milliseconds patience) : shard_(shard), patience_(patience) {}

void MigrationLink::be_patient() {
  timer_.cancel();
  shard_.timers().arm(timer_, shard_.now() + patience_);
}

runtime::Task<Status> MigrationLink::open(std::string host, std::uint16_t port) {
  auto socket = co_await shard_.network().connect(host, port, std::min(patience_, kConnectMax));
  if (!socket) co_return fail(socket.error());
  if (closed_) co_return fail(Errc::cancelled, "the link is closed");
  socket_ = std::move(*socket);
  co_return Status{};
}

runtime::Task<Status> MigrationLink::send(std::string_view bytes) {
  Status sent;
  while (sent && !bytes.empty()) {
    const std::string_view part = bytes.substr(0, kPartBytes);
    bytes.remove_prefix(part.size());
    runtime::Chain chain;
    chain.append(Bytes::copy_of(as_bytes(part)));
    be_patient();
    sent = co_await socket_->write(chain);
  }
  timer_.cancel();
  co_return sent;
}

runtime::Task<Result<std::string>> MigrationLink::read_line() {
  while (true) {
    const std::size_t end = received_.find("\r\n");
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 2);
      co_return line;
    }
    if (received_.size() > kLineMax) co_return fail(Errc::io, "a line is too long");
    be_patient();
    const auto got = co_await socket_->read_shared();
    timer_.cancel();
    if (!got) co_return fail(got.error());
    if (got->empty()) co_return fail(Errc::io, "the connection ended");
    received_ += as_text(*got);
  }
}

void MigrationLink::close() {
  closed_ = true;
  if (socket_) socket_->close();
}

}  // namespace leat::resp
