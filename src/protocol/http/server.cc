#include "protocol/http/server.h"

#include "runtime/call.h"

namespace leat::http {
namespace {

// accept() fails when the process is out of descriptors; some may be free again after a while.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

runtime::Task<> accept_on_shard(ShardServer* server, std::unique_ptr<runtime::Accepted>& accepted) {
  server->accept(std::move(accepted));
  co_return;
}

}  // namespace

ShardServer::ShardServer(runtime::Shard& shard, Handler handler, const Options& options)
    : shard_(shard),
      handler_(std::move(handler)),
      options_(options),
      bodies_(options.bodies_size_max, options.limits.body_size_max),
      context_{handler_, options_, stats_, bodies_, log_limiter_} {}

ShardServer::~ShardServer() = default;

void ShardServer::accept(std::unique_ptr<runtime::Accepted> accepted) {
  auto socket = accepted->attach();
  stats_.accepted.add();
  if (is_stopping_) {
    stats_.rejected.add();
    return;
  }
  tasks_.spawn(serve(std::move(socket)));
}

runtime::Task<> ShardServer::serve(std::unique_ptr<runtime::Socket> socket) {
  Session session(std::move(socket), context_);
  sessions_.insert(&session);
  stats_.connections.set(static_cast<std::int64_t>(sessions_.size()));
  co_await session.run();
  sessions_.erase(&session);
  stats_.connections.set(static_cast<std::int64_t>(sessions_.size()));
  session_ended_.notify_all();
}

runtime::Task<> ShardServer::stop(MonoTime deadline) {
  is_stopping_ = true;
  for (auto* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) session->finish();
  while (!sessions_.empty()) {
    if (!co_await session_ended_.wait_until(deadline)) break;
  }
  for (auto* session : std::vector<Session*>(sessions_.begin(), sessions_.end())) session->end();
  co_await tasks_.join();
}

Acceptor::Acceptor(std::vector<ShardServer*> servers, std::unique_ptr<runtime::Listener> listener)
    : servers_(std::move(servers)), listener_(std::move(listener)) {}

void Acceptor::start() { tasks_.spawn(run()); }

runtime::Task<> Acceptor::stop() {
  listener_->close();
  co_await tasks_.join();
}

ShardServer* Acceptor::choose() {
  std::int64_t total = 0;
  std::size_t fewest = next_;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::size_t at = (next_ + i) % servers_.size();
    const auto connections = servers_[at]->stats().connections.value();
    total += connections;
    if (connections < servers_[fewest]->stats().connections.value()) fewest = at;
  }
  if (static_cast<std::size_t>(total) >= servers_[fewest]->options().connections_max) return nullptr;
  next_ = (fewest + 1) % servers_.size();
  return servers_[fewest];
}

runtime::Task<> Acceptor::run() {
  const std::string_view name = servers_[0]->options().name;
  while (true) {
    auto accepted = co_await listener_->accept();
    if (!accepted) {
      if (accepted.error().code == Errc::cancelled) co_return;
      log_limiter_.write(runtime::Shard::current().now(), LogLevel::warning, name, "cannot accept a connection: {}",
                         accepted.error().message);
      co_await runtime::sleep_for(kAcceptPause);
      continue;
    }
    if (ShardServer* chosen = choose()) {
      co_await runtime::call_on(chosen->shard(), accept_on_shard, chosen, std::move(*accepted));
      continue;
    }
    servers_[0]->stats_.rejected.add();
    log_limiter_.write(runtime::Shard::current().now(), LogLevel::warning, name,
                       "{}: connection closed, {} are open already ({}.max_connections)", (*accepted)->attach()->peer(),
                       servers_[0]->options().connections_max, name);
  }
}

}  // namespace leat::http
