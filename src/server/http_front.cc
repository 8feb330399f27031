#include "server/http_front.h"

#include "base/logging.h"
#include "protocol/api/own_host.h"
#include "protocol/api/page.h"
#include "protocol/api/problem.h"
#include "runtime/call.h"
#include "server/metrics.h"
#include "server/wiring.h"

namespace leat::server {
namespace {

using http::HttpRequest;
using http::HttpResponse;
using runtime::Task;

constexpr std::string_view kApi = "/v1";

bool is_of_api(std::string_view path) {
  return path.starts_with(kApi) && (path.size() == kApi.size() || path[kApi.size()] == '/');
}

// Those say nothing, and are asked for by balancers, which name whomever they stand for.
bool is_of_health(std::string_view path) { return path == "/healthz" || path == "/readyz"; }

Task<HttpResponse> answer_admin(const http::Router* router, const HttpRequest* request) {
  co_return co_await router->handle(*request);
}

}  // namespace

// What lives on one shard. Made by the first one, used and freed there.
struct HttpFront::Part {
  HttpFront* front = nullptr;
  runtime::Shard* shard = nullptr;
  std::unique_ptr<api::ApiShard> made;
  api::ApiShard* api = nullptr;  // the same, once every shard has its own
  std::unique_ptr<http::ShardServer> server;
};

namespace {

template <class Part>
Task<> make_api(Part* part, const api::ApiNode* node, stream::StreamShard* streams, queue::QueueShard* queues,
                std::vector<api::ApiShard*>* all) {
  part->made = std::make_unique<api::ApiShard>(*node, *streams, *queues);
  all->push_back(part->made.get());
  co_return;
}
template <class Part>
Task<> begin_api(Part* part) {
  part->api = part->made.get();
  part->api->start();
  co_return;
}
template <class Part>
Task<> end_api(Part* part, Milliseconds grace) {
  if (part->api) co_await part->api->stop(runtime::Shard::current().now() + grace);
}
template <class Part>
Task<> end_server(Part* part) {
  co_await part->server->stop(runtime::Shard::current().now());
}
template <class Part>
Task<> drop_part(std::unique_ptr<Part>* part) {
  part->reset();
  co_return;
}

}  // namespace

HttpFront::HttpFront(std::vector<runtime::Shard*> shards, std::shared_ptr<const security::Policies> policies)
    : shards_(std::move(shards)), policies_(std::move(policies)), logins_("http", *policies_) {}
HttpFront::~HttpFront() = default;

Task<HttpResponse> HttpFront::answer(Part& part, const HttpRequest& request) {
  if (!is_of_health(request.path) && api::is_misdirected(request, cors_origins_, *policies_))
    co_return api::misdirected_response(request);
  if (is_of_api(request.path)) {
    if (part.api != nullptr) co_return co_await part.api->answer(request);
    co_return api::problem_response({503, "starting", "the server starts; /readyz tells when it serves", 1},
                                    request.path);
  }
  if (auto page = api::find_page(request)) co_return std::move(*page);
  co_return co_await runtime::call_on(*shards_[0], answer_admin, &admin_, &request);
}

Task<Status> HttpFront::start(const ServerConfig& config, TlsListeners& tls, http::NotReady not_ready,
                              observe::MetricsRegistry& registry, std::vector<BoundEndpoint>& endpoints) {
  cors_origins_ = config.http.cors_origins;
  admin_ = http::admin_routes(std::move(not_ready), registry, policies_, logins_);
  registry.add([this](observe::MetricsPage& page) { collect_logins(page, logins_); });
  std::vector<http::ShardServer*> servers;
  for (runtime::Shard* shard : shards_) {
    Part& part = *parts_.emplace_back(std::make_unique<Part>());
    part.front = this;
    part.shard = shard;
    http::Options options = http_options(config);
    options.limits.streams_body = [&part](const HttpRequest& head) {
      return part.api != nullptr && is_of_api(head.path) && part.api->streams_body(head);
    };
    options.refusal = [](const http::Fault& fault) {
      return api::problem_response({fault.status, "malformed-request", fault.message, 0}, {});
    };
    part.server = std::make_unique<http::ShardServer>(
        *shard, [&part](const HttpRequest& request) { return part.front->answer(part, request); }, options);
    servers.push_back(part.server.get());
    registry.add([server = part.server.get()](observe::MetricsPage& page) {
      http::collect(page, server->stats(), to_string(ListenerProtocol::http));
    });
  }
  for (const ListenerConfig& wanted : config.listeners) {
    if (wanted.protocol != ListenerProtocol::http) continue;
    auto listener = runtime::Shard::current().network().listen(wanted.host, wanted.port);
    if (!listener) co_return explain_listen(wanted, listener.error());
    acceptors_.push_back(std::make_unique<http::Acceptor>(servers, tls.wrap(std::move(*listener), wanted)));
    endpoints.push_back({ListenerProtocol::http, wanted.host, acceptors_.back()->port(), wanted.is_tls});
    acceptors_.back()->start();
    log_info("server", "{} on {}:{}", protocol_name(wanted.protocol, wanted.is_tls), wanted.host,
             acceptors_.back()->port());
  }
  co_return Status{};
}

Task<> HttpFront::serve_api(api::ApiNode& node, const std::vector<queue::QueueShard*>& queues,
                            observe::MetricsRegistry& registry) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part* part = parts_[i].get();
    co_await runtime::call_on(*shards_[i], make_api<Part>, part, &node, &node.streams.shard(i), queues[i],
                              &node.shards);
    registry.add(*shards_[i], [part](observe::MetricsPage& page) {
      api::collect(page, part->made->stats);
      collect_logins(page, part->made->logins);
      collect_quotas(page, part->made->quotas);
    });
  }
  for (std::size_t i = 0; i < parts_.size(); ++i)
    co_await runtime::call_on(*shards_[i], begin_api<Part>, parts_[i].get());
}

Task<> HttpFront::stop_api(Milliseconds grace) {
  for (std::size_t i = 0; i < parts_.size(); ++i)
    co_await runtime::call_on(*shards_[i], end_api<Part>, parts_[i].get(), grace);
}

Task<> HttpFront::stop() {
  logins_.begin_stop();
  for (const auto& acceptor : acceptors_) co_await acceptor->stop();
  for (std::size_t i = 0; i < parts_.size(); ++i)
    co_await runtime::call_on(*shards_[i], end_server<Part>, parts_[i].get());
}

Task<> HttpFront::drop() {
  for (std::size_t i = 0; i < parts_.size(); ++i) co_await runtime::call_on(*shards_[i], drop_part<Part>, &parts_[i]);
  parts_.clear();
}

}  // namespace leat::server
