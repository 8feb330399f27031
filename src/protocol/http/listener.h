#pragma once

#include <memory>
#include <set>
#include <string>

#include "protocol/http/session.h"

namespace leat::http {

// HTTP on one port, on the shard that starts it.
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

  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  runtime::Task<> accept_all();
  runtime::Task<> serve(std::unique_ptr<runtime::Socket> socket);

  Router router_;
  Options options_;
  Stats stats_;
  runtime::Budget bodies_;
  LogLimiter log_limiter_;
  SessionContext context_;
  std::unique_ptr<runtime::Listener> listener_;
  std::set<Session*> sessions_;
  runtime::Notifier session_ended_;
  runtime::TaskScope tasks_;
  bool is_stopping_ = false;
};

}  // namespace leat::http
