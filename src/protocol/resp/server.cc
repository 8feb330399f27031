#include "protocol/resp/server.h"

#include "protocol/resp/replayer.h"
#include "runtime/call.h"

namespace leat::resp {
namespace {

// accept() fails when the process is out of descriptors; some may be free again after a while.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

runtime::Task<> accept_on_shard(Server* server, std::unique_ptr<runtime::Accepted>& accepted, std::string& local) {
  server->accept(std::move(accepted), std::move(local));
  co_return;
}

}  // namespace

runtime::Task<Status> Server::load(std::shared_ptr<log::Partition> journal, std::shared_ptr<log::Partition> locks) {
  journal_ = std::make_unique<keyspace::Journal>(std::move(journal));
  const MonoTime begun = shard().now();
  {
    Replayer replayer(executor_);
    LEAT_CO_CHECK(co_await journal_->replay([&replayer](const auto& unit) { return replayer.apply(unit); }));
    if (replayer.units() > 0) {
      const auto took = std::chrono::duration_cast<Milliseconds>(shard().now() - begun);
      log_info("resp", "the keyspace is rebuilt from {} units in {} ms", replayer.units(), took.count());
    }
  }
  LEAT_CO_CHECK(co_await executor_.locks().start(std::move(locks)));
  executor_.start_journal(*journal_);
  co_return Status{};
}

void Server::accept(std::unique_ptr<runtime::Accepted> accepted, std::string local) {
  auto socket = accepted->attach();
  if (stopping_) return;
  executor_.stats().accepted_connections.add();
  if (connections_ >= executor_.settings().connections_max) {
    executor_.stats().refused_connections.add();
    tasks_.spawn(turn_away(std::move(socket)));
    return;
  }
  tasks_.spawn(serve(std::move(socket), std::move(local)));
}

runtime::Task<> Server::turn_away(std::unique_ptr<runtime::Socket> socket) {
  runtime::Chain chain;
  chain.append(Bytes::copy_of(as_bytes("-ERR max number of clients reached\r\n")));
  (void)co_await socket->write(chain);
  socket->close();
}

runtime::Task<> Server::serve(std::unique_ptr<runtime::Socket> socket, std::string local) {
  Session session(executor_, std::move(socket), std::move(local));
  ++connections_;
  co_await session.run();
  --connections_;
}

runtime::Task<> Server::stop() {
  stopping_ = true;
  local_commands_.begin_stop();
  co_await executor_.stop();
  co_await local_commands_.stop();
  co_await tasks_.join();
}

Acceptor::Acceptor(Server& server, std::unique_ptr<runtime::Listener> listener, std::string host)
    : server_(server), listener_(std::move(listener)), local_(fmt::format("{}:{}", host, listener_->port())) {}

void Acceptor::start() { tasks_.spawn(run()); }

runtime::Task<> Acceptor::stop() {
  listener_->close();
  co_await tasks_.join();
}

runtime::Task<> Acceptor::run() {
  while (true) {
    auto accepted = co_await listener_->accept();
    if (!accepted) {
      if (accepted.error().code == Errc::cancelled) co_return;
      log_limiter_.write(runtime::Shard::current().now(), LogLevel::warning, "resp", "cannot accept a connection: {}",
                         accepted.error().message);
      co_await runtime::sleep_for(kAcceptPause);
      continue;
    }
    co_await runtime::call_on(server_.shard(), accept_on_shard, &server_, std::move(*accepted), local_);
  }
}

}  // namespace leat::resp
