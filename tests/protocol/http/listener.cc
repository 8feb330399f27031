#include "tests/protocol/http/listener.h"

#include "runtime/shard.h"

namespace leat::http {

HttpListener::HttpListener(Router router, const Options& options) : router_(std::move(router)), options_(options) {
  server_ = std::make_unique<ShardServer>(
      runtime::Shard::current(), [this](const HttpRequest& request) { return router_.handle(request); }, options_);
}

HttpListener::~HttpListener() = default;

void HttpListener::start(std::unique_ptr<runtime::Listener> listener) {
  acceptor_ = std::make_unique<Acceptor>(std::vector<ShardServer*>{server_.get()}, std::move(listener));
  acceptor_->start();
}

runtime::Task<> HttpListener::stop(Duration grace) {
  if (acceptor_) co_await acceptor_->stop();
  co_await server_->stop(runtime::Shard::current().now() + grace);
}

}  // namespace leat::http
