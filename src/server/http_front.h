#pragma once

#include <memory>
#include <string>
#include <vector>

#include "observe/registry.h"
#include "protocol/api/node.h"
#include "protocol/http/handlers.h"
#include "protocol/http/server.h"
#include "security/login.h"
#include "server/banner.h"
#include "server/config/config.h"
#include "server/tls_listeners.h"

namespace leat::server {

// The HTTP front door: health, readiness and metrics from the first moment to the last, and the API (/v1) in between. Connections
// are spread over all shards. Started and stopped on the first shard.
class HttpFront {
 public:
  HttpFront(std::vector<runtime::Shard*> shards, std::shared_ptr<const security::Policies> policies);
  ~HttpFront();
  HttpFront(const HttpFront&) = delete;
  HttpFront& operator=(const HttpFront&) = delete;

  // Opens the listeners of `config`, which accept from here on, and adds them to `endpoints`.
  runtime::Task<Status> start(const ServerConfig& config, TlsListeners& tls, http::NotReady not_ready,
                              observe::MetricsRegistry& registry, std::vector<BoundEndpoint>& endpoints);
  // The API answers from here on. `node` outlives stop(). `queues`: of each shard.
  runtime::Task<> serve_api(api::ApiNode& node, const std::vector<queue::QueueShard*>& queues,
                            observe::MetricsRegistry& registry);
  // The API answers no more; what waits ends, and requests under way have `grace` to end.
  runtime::Task<> stop_api(Milliseconds grace);
  // Ends all connections.
  runtime::Task<> stop();
  // Frees what the shards have of it, on them.
  runtime::Task<> drop();

 private:
  struct Part;

  runtime::Task<http::HttpResponse> answer(Part& part, const http::HttpRequest& request);

  std::vector<runtime::Shard*> shards_;
  std::shared_ptr<const security::Policies> policies_;
  std::vector<std::string> cors_origins_;
  security::Logins logins_;
  http::Router admin_;  // on the first shard
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<std::unique_ptr<http::Acceptor>> acceptors_;
};

}  // namespace leat::server
