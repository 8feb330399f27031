#include "security/tls_endpoint.h"

#include "runtime/shard.h"

namespace leat::security {
namespace {

class TlsAccepted final : public runtime::Accepted {
 public:
  TlsAccepted(std::unique_ptr<runtime::Accepted> inner, TlsEndpoint& endpoint)
      : inner_(std::move(inner)), endpoint_(endpoint) {}
  std::unique_ptr<runtime::Socket> attach() override { return endpoint_.wrap(inner_->attach()); }

 private:
  std::unique_ptr<runtime::Accepted> inner_;
  TlsEndpoint& endpoint_;
};

class TlsListener final : public runtime::Listener {
 public:
  TlsListener(std::unique_ptr<runtime::Listener> inner, TlsEndpoint& endpoint)
      : inner_(std::move(inner)), endpoint_(endpoint) {}
  runtime::Task<Result<std::unique_ptr<runtime::Accepted>>> accept() override {
    auto accepted = co_await inner_->accept();
    if (!accepted) co_return accepted;
    co_return std::make_unique<TlsAccepted>(std::move(*accepted), endpoint_);
  }
  void close() override { inner_->close(); }
  std::uint16_t port() const override { return inner_->port(); }

 private:
  std::unique_ptr<runtime::Listener> inner_;
  TlsEndpoint& endpoint_;
};

}  // namespace

TlsEndpoint::TlsEndpoint(const std::string& name, bool answers_http, std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) {
    shards_.push_back(std::make_shared<TlsShard>());
    shards_.back()->name = name;
    shards_.back()->answers_http = answers_http;
  }
}

std::unique_ptr<runtime::Socket> TlsEndpoint::wrap(std::unique_ptr<runtime::Socket> socket) {
  return std::make_unique<TlsSocket>(std::move(socket), context_.load(),
                                     shards_.at(runtime::Shard::current().id().value()));
}

std::uint64_t TlsEndpoint::completed() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->completed.value();
  return sum;
}

std::uint64_t TlsEndpoint::failed() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->failed.value();
  return sum;
}

std::unique_ptr<runtime::Listener> make_tls_listener(std::unique_ptr<runtime::Listener> inner, TlsEndpoint& endpoint) {
  return std::make_unique<TlsListener>(std::move(inner), endpoint);
}

}  // namespace leat::security
