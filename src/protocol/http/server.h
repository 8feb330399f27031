#pragma once

#include <memory>
#include <set>
#include <vector>

#include "protocol/http/session.h"

namespace leat::http {

// The connections of one shard, whose requests one handler answers. Made, used and stopped on that shard.
class ShardServer {
 public:
  ShardServer(runtime::Shard& shard, Handler handler, const Options& options);
  ShardServer(const ShardServer&) = delete;
  ShardServer& operator=(const ShardServer&) = delete;
  ~ShardServer();  // stopped

  // Serves a connection until it ends.
  void accept(std::unique_ptr<runtime::Accepted> accepted);
  // Ends idle connections, lets requests in flight be answered, until `deadline`, then ends what is left.
  runtime::Task<> stop(MonoTime deadline);

  // From any thread.
  [[nodiscard]] const Stats& stats() const { return stats_; }
  [[nodiscard]] runtime::Shard& shard() { return shard_; }
  [[nodiscard]] const Options& options() const { return options_; }

 private:
  friend class Acceptor;
  runtime::Task<> serve(std::unique_ptr<runtime::Socket> socket);

  runtime::Shard& shard_;
  Handler handler_;
  Options options_;
  Stats stats_;
  BodyBudgets bodies_;
  LogLimiter log_limiter_;
  SessionContext context_;
  std::set<Session*> sessions_;
  runtime::Notifier session_ended_;
  runtime::TaskScope tasks_;
  bool is_stopping_ = false;
};

// One listening address. Accepts on the shard of the first server and gives each connection to the one with the fewest.
class Acceptor {
 public:
  Acceptor(std::vector<ShardServer*> servers, std::unique_ptr<runtime::Listener> listener);
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start();
  // Accepts no more.
  runtime::Task<> stop();
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }

 private:
  runtime::Task<> run();
  // Where the next connection goes; nullptr when there are too many already.
  [[nodiscard]] ShardServer* choose();

  std::vector<ShardServer*> servers_;
  std::unique_ptr<runtime::Listener> listener_;
  std::size_t next_ = 0;
  LogLimiter log_limiter_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::http
