#include "tests/protocol/resp/home.h"

namespace leat::resp {

TestClient::TestClient(runtime::sim::SimWorld& world, Executor& executor, std::string peer)
    : world_(world), executor_(executor) {
  world_.on_shard(0, [&] {
    client_ = std::make_unique<Client>(executor, *this, executor.next_client_id(), std::move(peer), "127.0.0.1:6379");
  });
}

TestClient::~TestClient() {
  world_.on_shard(0, [&] { client_.reset(); });
}

void TestClient::execute(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  executor_.execute(*client_, words);
}

std::string TestClient::operator()(std::initializer_list<std::string_view> words) {
  world_.on_shard(0, [&] {
    executor_.begin_batch();
    executor_.execute(*client_, Arguments(words.begin(), words.size()));
  });
  return got();
}

std::string TestClient::operator()(std::string_view line) { return pipeline({line}); }

std::string TestClient::pipeline(std::initializer_list<std::string_view> lines) {
  world_.on_shard(0, [&] {
    executor_.begin_batch();
    for (const std::string_view line : lines) execute(line);
  });
  return got();
}

std::string TestClient::got() {
  world_.run_until_idle();
  return std::exchange(got_, {});
}

void TestClient::set_stalled(bool stalled) {
  stalled_ = stalled;
  if (stalled) return;
  got_ += std::exchange(unsent_, {});
  world_.on_shard(0, [&] { executor_.outputs().measure(*client_); });
}

void TestClient::send(Client& client, std::string& bytes) {
  (stalled_ ? unsent_ : got_) += bytes;
  std::string().swap(bytes);
  executor_.outputs().measure(client);
}

void TestClient::resume(Client& /*client*/) { ++resumed_; }

void TestClient::close(Client& /*client*/) {
  closed_ = true;
  unsent_.clear();
}

Home::Home(Settings settings) {
  settings.durability.assign(settings.databases, Durability::none);
  world_.on_shard(0, [&] { executor_ = std::make_unique<Executor>(*world_.shards()[0], std::move(settings)); });
}

Home::~Home() {
  clients_.clear();
  world_.run_until_idle();
  world_.on_shard(0, [&] { executor_.reset(); });
}

TestClient& Home::client() {
  const std::string peer = fmt::format("10.0.0.1:{}", 1000 + clients_.size());
  return *clients_.emplace_back(std::make_unique<TestClient>(world_, *executor_, peer));
}

void Home::leave(TestClient& client) {
  std::erase_if(clients_, [&](const auto& known) { return known.get() == &client; });
}

}  // namespace leat::resp
