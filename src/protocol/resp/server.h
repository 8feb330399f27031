#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/resp/executor.h"
#include "protocol/resp/local_commands.h"
#include "protocol/resp/session.h"
#include "runtime/network.h"
#include "runtime/sync.h"

namespace leat::resp {

// The keyspace of this node and the connections to it. Made, used and stopped on the shard of its executor.
class Server {
 public:
  Server(runtime::Shard& shard, Settings settings) : executor_(shard, std::move(settings)) {}

  [[nodiscard]] runtime::Shard& shard() const { return executor_.shard(); }
  [[nodiscard]] Executor& executor() { return executor_; }
  // Commands of callers inside the server: from any shard, as long as this lasts. After stop() they are cancelled.
  [[nodiscard]] LocalCommands& local_commands() { return local_commands_; }
  // From any thread.
  [[nodiscard]] const Stats& stats() { return executor_.stats(); }

  // Rebuilds the keyspace and the locks from their journals, which are then continued. Before the first connection. Errors:
  // those of reading, corrupt.
  runtime::Task<Status> load(std::shared_ptr<log::Partition> journal, std::shared_ptr<log::Partition> locks);
  // Channels may be topics from here on.
  void serve_topics(const stream::Streams& streams) { executor_.serve_topics(streams); }

  // Serves a connection until it ends. `local` is the address that it came to.
  void accept(std::unique_ptr<runtime::Accepted> accepted, std::string local);
  // Ends all connections. Returns when nothing of them is left, and what was executed is in the journal.
  runtime::Task<> stop();

 private:
  runtime::Task<> serve(std::unique_ptr<runtime::Socket> socket, std::string local);
  // Tells why and closes.
  runtime::Task<> turn_away(std::unique_ptr<runtime::Socket> socket);

  std::unique_ptr<keyspace::Journal> journal_;
  Executor executor_;
  LocalCommands local_commands_{executor_};
  std::size_t connections_ = 0;
  runtime::TaskScope tasks_;
  bool stopping_ = false;
};

// One listening address. Accepts on the shard that started it.
class Acceptor {
 public:
  Acceptor(Server& server, std::unique_ptr<runtime::Listener> listener, std::string host);

  void start();
  runtime::Task<> stop();
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }

 private:
  runtime::Task<> run();

  Server& server_;
  std::unique_ptr<runtime::Listener> listener_;
  std::string local_;
  LogLimiter log_limiter_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
