#pragma once

#include <memory>
#include <set>
#include <vector>

#include "protocol/kafka/node.h"
#include "protocol/kafka/session.h"
#include "runtime/network.h"

namespace leat::kafka {

// The connections of one shard.
class ShardServer {
 public:
  ShardServer(const KafkaNode& node, stream::StreamShard& streams) : shard_(node, streams) {}

  void start() { tasks_.spawn(watch_memory()); }
  // Serves a connection until it ends.
  void accept(std::unique_ptr<runtime::Accepted> accepted, Endpoint endpoint);
  // Lets requests in flight finish, until `deadline`, then ends what is left. Nothing is accepted any more.
  runtime::Task<> stop(MonoTime deadline);

  [[nodiscard]] const KafkaStats& stats() const { return shard_.stats; }
  [[nodiscard]] KafkaShard& shard() { return shard_; }
  [[nodiscard]] const KafkaShard& shard() const { return shard_; }

 private:
  runtime::Task<> run(std::unique_ptr<runtime::Socket> socket, Endpoint endpoint);
  runtime::Task<> watch_memory();
  void end_most_stuck(MonoTime now);

  KafkaShard shard_;
  std::set<Session*> sessions_;
  runtime::TaskScope tasks_;
  runtime::Notifier ended_;
  runtime::Notifier stop_wake_;
  bool stopping_ = false;
};

// One listening address. Accepts on the shard that started it and gives each connection to the shard with the fewest.
class Acceptor {
 public:
  Acceptor(std::vector<ShardServer*> shards, std::unique_ptr<runtime::Listener> listener, Endpoint endpoint);

  void start();
  runtime::Task<> stop();
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  runtime::Task<> run();

  std::vector<ShardServer*> shards_;
  std::unique_ptr<runtime::Listener> listener_;
  Endpoint endpoint_;
  std::size_t next_ = 0;
  runtime::TaskScope tasks_;
};

}  // namespace leat::kafka
