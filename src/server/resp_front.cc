#include "server/resp_front.h"

#include "base/logging.h"
#include "runtime/call.h"
#include "server/wiring.h"

namespace leat::server {
namespace {

using runtime::Task;

Task<> make_server(std::unique_ptr<resp::Server>* server, const ServerConfig* config) {
  *server = std::make_unique<resp::Server>(runtime::Shard::current(), resp_settings(*config));
  co_return;
}

Task<> stop_server(std::unique_ptr<resp::Server>* server) {
  co_await (*server)->stop();
  server->reset();
}

}  // namespace

Task<Status> RespFront::start(const ServerConfig& config, TlsListeners& tls, std::vector<BoundEndpoint>& endpoints) {
  co_await runtime::call_on(owner_, make_server, &server_, &config);
  for (const ListenerConfig& wanted : config.listeners) {
    if (wanted.protocol != ListenerProtocol::resp) continue;
    auto listener = runtime::Shard::current().network().listen(wanted.host, wanted.port);
    if (!listener) co_return explain_listen(wanted, listener.error());
    acceptors_.push_back(
        std::make_unique<resp::Acceptor>(*server_, tls.wrap(std::move(*listener), wanted), wanted.host));
    endpoints.push_back({ListenerProtocol::resp, wanted.host, acceptors_.back()->port(), wanted.is_tls});
    log_info("server", "{} on {}:{}", protocol_name(wanted.protocol, wanted.is_tls), wanted.host,
             acceptors_.back()->port());
  }
  co_return Status{};
}

void RespFront::accept() {
  for (const auto& acceptor : acceptors_) acceptor->start();
}

Task<> RespFront::stop() {
  for (const auto& acceptor : acceptors_) co_await acceptor->stop();
  if (server_) co_await runtime::call_on(owner_, stop_server, &server_);
}

}  // namespace leat::server
