#include "tests/protocol/sns/served.h"

#include <gtest/gtest.h>

#include "protocol/aws/text.h"

namespace leat::sns::testing {

using http::testing::Answer;
using http::testing::Client;
using runtime::Shard;
using runtime::Task;
using namespace std::chrono_literals;

Served::Served(sqs::SqsOptions options)
    : keys(Shard::current(), catalog),
      sns(options, queues, client, keys, {}),
      sqs(Shard::current(), options, queues, purge_times, {&sns.api()}),
      acceptor({&sqs.http_server()}, std::move(*Shard::current().network().listen("127.0.0.1", 0))) {
  acceptor.start();
}

Task<> Served::stop() {
  co_await acceptor.stop();
  sns.deliverer().begin_stop();
  client.stop();
  co_await sqs.stop(Shard::current().now() + 10s);
  co_await sns.deliverer().stop();
}

Task<Answer> Served::get(std::string target, std::string host) {
  auto connected = co_await Client::connect(acceptor.port());
  co_await connected->send(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", target, host));
  auto answer = co_await connected->receive();
  EXPECT_TRUE(answer) << target;
  connected->close();
  co_return answer.value_or(Answer{});
}

Task<Answer> Served::call(std::string action, Parameters parameters, std::string version) {
  std::string body = fmt::format("Action={}&Version={}", action, version);
  for (const auto& [name, value] : parameters) body += fmt::format("&{}={}", name, aws::percent_encoded(value));
  auto connected = co_await Client::connect(acceptor.port());
  co_await connected->send(
      fmt::format("POST / HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
                  "{}\r\n\r\n{}",
                  body.size(), body));
  auto answer = co_await connected->receive();
  EXPECT_TRUE(answer) << body;
  connected->close();
  co_return answer.value_or(Answer{});
}

Task<std::string> Served::done(std::string action, Parameters parameters) {
  const Answer answer = co_await call(action, std::move(parameters));
  EXPECT_EQ(answer.status, 200) << action << ": " << answer.body;
  EXPECT_TRUE(
      answer.body.contains(fmt::format("<{}Response xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">", action)))
      << answer.body;
  co_return answer.body;
}

Task<std::string> Served::failure(std::string action, Parameters parameters) {
  const Answer answer = co_await call(std::move(action), std::move(parameters));
  EXPECT_TRUE(answer.status == 200 || !element(answer.body, "Message").empty()) << answer.body;
  co_return fmt::format("{} {}", answer.status, element(answer.body, "Code"));
}

queue::QueuePtr Served::only_queue(std::string_view suffix) const {
  queue::QueuePtr found;
  for (const queue::QueuePtr& queue : queues.list("", "", 10'000)) {
    if (!queue->name.ends_with(suffix)) continue;
    if (found != nullptr) return nullptr;
    found = queue;
  }
  return found;
}

std::size_t Served::count(std::string_view suffix) const {
  const auto all = queues.list("", "", 10'000);
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [suffix](const queue::QueuePtr& queue) { return queue->name.ends_with(suffix); }));
}

Task<std::vector<std::string>> Served::bodies(std::string queue) {
  const auto seen = co_await queues.browse(queues.find(queue), 1000, SIZE_MAX);
  std::vector<std::string> out;
  for (const queue::Delivery& delivery : seen->messages) out.emplace_back(as_text(*delivery.record.value));
  co_return out;
}

Task<> Served::make_queue(std::string name, bool is_fifo) {
  queue::NewQueue made;
  made.name = std::move(name);
  if (is_fifo) made.settings.order = queue::Order::fifo;
  const auto created = co_await queues.create(std::move(made));
  EXPECT_TRUE(created);
}

std::string element(const std::string& xml, std::string_view name) {
  const std::string begin = fmt::format("<{}>", name);
  const auto at = xml.find(begin);
  if (at == std::string::npos) return {};
  const auto from = at + begin.size();
  return xml.substr(from, xml.find(fmt::format("</{}>", name), from) - from);
}

}  // namespace leat::sns::testing
