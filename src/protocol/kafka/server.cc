#include "protocol/kafka/server.h"

#include "base/logging.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr auto kMemoryWatch = std::chrono::seconds(1);
constexpr std::size_t kStuckMemoryMin = std::size_t{1} << 20;  // less is not worth a connection

runtime::Task<> accept_on_shard(ShardServer* server, std::unique_ptr<runtime::Accepted>& accepted, Endpoint& endpoint) {
  server->accept(std::move(accepted), std::move(endpoint));
  co_return;
}

}  // namespace

void ShardServer::accept(std::unique_ptr<runtime::Accepted> accepted, Endpoint endpoint) {
  shard_.stats.listeners[endpoint.listener].accepted_connections.add();
  tasks_.spawn(run(accepted->attach(), std::move(endpoint)));
}

runtime::Task<> ShardServer::run(std::unique_ptr<runtime::Socket> socket, Endpoint endpoint) {
  Session session(shard_, std::move(socket), std::move(endpoint));
  sessions_.insert(&session);
  co_await session.run();
  sessions_.erase(&session);
  ended_.notify_all();
}

// A few clients must not keep from all others what there is of memory.
runtime::Task<> ShardServer::watch_memory() {
  runtime::Shard& shard = shard_.streams.shard();
  while (!stopping_) {
    co_await stop_wake_.wait_until(shard.now() + kMemoryWatch);
    if (shard_.memory.is_waited_for() || shard_.reply_memory > shard_.memory.limit()) end_most_stuck(shard.now());
  }
}

void ShardServer::end_most_stuck(MonoTime now) {
  Session* most_stuck = nullptr;
  std::size_t most = 0;
  for (Session* session : sessions_) {
    const std::size_t stuck = session->stuck_memory(now);
    if (stuck < kStuckMemoryMin || stuck <= most) continue;
    most = stuck;
    most_stuck = session;
  }
  if (most_stuck == nullptr) return;
  most_stuck->traffic().stuck_connections.add();
  shard_.bad_input.write(now, LogLevel::warning, "kafka",
                         "{}: keeps {} bytes of memory that others wait for; connection closed", most_stuck->peer(),
                         most);
  most_stuck->abort();
}

runtime::Task<> ShardServer::stop(MonoTime deadline) {
  stopping_ = true;
  stop_wake_.notify_all();
  shard_.logins.begin_stop();
  // A session may end, and leave the set, inside the call.
  for (Session* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) session->stop();
  while (!sessions_.empty()) {
    if (!co_await ended_.wait_until(deadline)) break;
  }
  for (Session* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) session->abort();
  co_await tasks_.join();
}

Acceptor::Acceptor(std::vector<ShardServer*> shards, std::unique_ptr<runtime::Listener> listener, Endpoint endpoint)
    : shards_(std::move(shards)), listener_(std::move(listener)), endpoint_(std::move(endpoint)) {}

void Acceptor::start() { tasks_.spawn(run()); }

runtime::Task<> Acceptor::stop() {
  listener_->close();
  co_await tasks_.join();
}

runtime::Task<> Acceptor::run() {
  while (true) {
    auto accepted = co_await listener_->accept();
    if (!accepted && accepted.error().code == Errc::cancelled) co_return;
    if (!accepted) {
      log_warning("kafka", "cannot accept connections: {}", accepted.error().message);
      co_await runtime::sleep_for(kAcceptPause);
      continue;
    }
    std::size_t total = 0;
    std::size_t fewest = next_;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      const std::size_t at = (next_ + i) % shards_.size();
      const auto connections = shards_[at]->stats().connections.value();
      total += static_cast<std::size_t>(connections);
      if (connections < shards_[fewest]->stats().connections.value()) fewest = at;
    }
    ShardServer& chosen = *shards_[fewest];
    if (total >= chosen.shard().node.options.connections_max) {
      shards_[0]->shard().stats.listeners[endpoint_.listener].refused_connections.add();
      continue;
    }
    next_ = (fewest + 1) % shards_.size();
    co_await runtime::call_on(chosen.shard().streams.shard(), accept_on_shard, &chosen, std::move(*accepted),
                              endpoint_);
  }
}

}  // namespace leat::kafka
