#pragma once

#include <memory>
#include <optional>

#include "protocol/http/router.h"
#include "protocol/http/server.h"

namespace leat::http {

// A router's HTTP on one port, on the shard that starts it.
class HttpListener {
 public:
  HttpListener(Router router, const Options& options);
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;
  ~HttpListener();  // stopped, or never started

  // Serves what `listener` accepts, until stop().
  void start(std::unique_ptr<runtime::Listener> listener);
  // Accepts no more, ends idle connections, waits for requests in flight, and after `grace` closes theirs too.
  runtime::Task<> stop(Duration grace);

  [[nodiscard]] std::uint16_t port() const { return acceptor_->port(); }
  [[nodiscard]] const Stats& stats() const { return server_->stats(); }

 private:
  Router router_;
  Options options_;
  std::unique_ptr<ShardServer> server_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace leat::http
