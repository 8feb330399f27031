#pragma once

#include <memory>
#include <vector>

#include "observe/registry.h"
#include "protocol/resp/server.h"
#include "server/banner.h"
#include "server/tls_listeners.h"
#include "stream/topic_service.h"

namespace leat::server {

// The Redis front door: the keyspace, on one shard, and its listeners. Started and stopped on the first shard.
class RespFront {
 public:
  // Rebuilds the keyspace from its journal, which is made if it is not there, on the shard that owns it, and opens the
  // listeners of `config`, which do not accept yet, and adds them to `endpoints`. `policies`: whose users and grants hold there,
  // and `users`, where they are changed, last longer.
  runtime::Task<Status> start(const ServerConfig& config, std::shared_ptr<security::Policies> policies,
                              security::PolicyService& users, stream::TopicService& topics,
                              const stream::Streams& streams, TlsListeners& tls, std::vector<BoundEndpoint>& endpoints);
  void accept();
  // Ends all connections. What was executed is in the journal on return.
  runtime::Task<> stop();
  // Frees the keyspace, on its shard.
  runtime::Task<> drop();
  // Asks the locks of this node, from any shard, as long as this lasts. After start().
  [[nodiscard]] stream::CheckFences check_fences();
  // After start(), until drop().
  [[nodiscard]] resp::Server& server() { return *server_; }
  // Adds what the keyspace tells to the metrics page. After start().
  void register_metrics(observe::MetricsRegistry& registry);

 private:
  std::unique_ptr<resp::Server> server_;
  std::vector<std::unique_ptr<resp::Acceptor>> acceptors_;
};

}  // namespace leat::server
