#include "tests/protocol/http/client.h"

#include <gtest/gtest.h>

#include <charconv>

#include "runtime/real.h"
#include "runtime/shard.h"

namespace leat::http::testing {

void run(std::function<runtime::Task<>()> main) {
  auto world = runtime::RealRuntime::create({.shards = 1, .io_threads = 1});
  world->run(std::move(main));
}

runtime::Task<std::unique_ptr<Client>> Client::connect(std::uint16_t port) {
  auto client = std::make_unique<Client>();
  const std::string host = "127.0.0.1";
  auto socket = co_await runtime::Shard::current().network().connect(host, port);
  EXPECT_TRUE(socket) << socket.error().message;
  if (socket) client->socket_ = std::move(*socket);
  co_return client;
}

runtime::Task<bool> Client::send(std::string text) {
  runtime::Chain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  const auto written = co_await socket_->write(chain);
  co_return written.has_value();
}

runtime::Task<bool> Client::read_more() {
  if (!socket_) co_return false;
  std::array<std::byte, 4096> block;
  const auto count = co_await socket_->read_some(block);
  if (!count || *count == 0) co_return false;
  input_.append(as_text(BytesView(block).first(*count)));
  co_return true;
}

runtime::Task<std::optional<Answer>> Client::receive(bool head_only) {
  std::size_t head_end = 0;
  while ((head_end = input_.find("\r\n\r\n")) == std::string::npos) {
    const bool more = co_await read_more();
    if (!more) co_return std::nullopt;
  }
  Answer answer;
  std::string_view head(input_.data(), head_end + 2);
  const auto line_end = head.find("\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 ")) << head;
  std::from_chars(head.data() + 9, head.data() + line_end, answer.status);
  head.remove_prefix(line_end + 2);
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    const auto colon = line.find(": ");
    EXPECT_NE(colon, std::string_view::npos) << line;
    answer.headers.emplace(line.substr(0, colon), line.substr(colon + 2));
    head.remove_prefix(line.size() + 2);
  }
  std::size_t length = 0;
  const auto& length_text = answer.headers["Content-Length"];
  std::from_chars(length_text.data(), length_text.data() + length_text.size(), length);
  if (head_only) length = 0;
  const auto total = head_end + 4 + length;
  while (input_.size() < total) {
    const bool more = co_await read_more();
    if (!more) co_return std::nullopt;
  }
  answer.body = input_.substr(head_end + 4, length);
  input_.erase(0, total);
  co_return answer;
}

runtime::Task<bool> Client::is_closed_by_server() {
  while (true) {
    const bool more = co_await read_more();
    if (!more) break;
  }
  co_return input_.empty();
}

runtime::Task<Answer> fetch(std::uint16_t port, std::string method, std::string target) {
  auto client = co_await Client::connect(port);
  co_await client->send(fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n\r\n", method, target));
  auto answer = co_await client->receive(method == "HEAD");
  EXPECT_TRUE(answer) << "no answer";
  client->close();
  co_return answer.value_or(Answer{});
}

}  // namespace leat::http::testing
