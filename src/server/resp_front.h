#pragma once

#include <memory>
#include <vector>

#include "protocol/resp/server.h"
#include "server/banner.h"
#include "server/tls_listeners.h"

namespace leat::server {

// The Redis front door: the keyspace, on one shard, and its listeners. Started and stopped on the first shard.
class RespFront {
 public:
  // The keyspace lives on `owner`.
  explicit RespFront(runtime::Shard& owner) : owner_(owner) {}

  // Opens the listeners of `config`, which do not accept yet, and adds them to `endpoints`.
  runtime::Task<Status> start(const ServerConfig& config, TlsListeners& tls, std::vector<BoundEndpoint>& endpoints);
  void accept();
  runtime::Task<> stop();

  [[nodiscard]] runtime::Shard& owner() const { return owner_; }
  // nullptr before start() and after stop().
  [[nodiscard]] resp::Server* server() const { return server_.get(); }

 private:
  runtime::Shard& owner_;
  std::unique_ptr<resp::Server> server_;
  std::vector<std::unique_ptr<resp::Acceptor>> acceptors_;
};

}  // namespace leat::server
