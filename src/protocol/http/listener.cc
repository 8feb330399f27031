#include "protocol/http/listener.h"

#include "runtime/shard.h"

namespace leat::http {
namespace {

// accept() fails when the process is out of descriptors; some may be free again after a while.
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

HttpListener::HttpListener(Router router, const Options& options)
    : router_(std::move(router)),
      options_(options),
      bodies_(std::max(options.bodies_size_max, options.limits.body_size_max)),
      context_{router_, options_, stats_, bodies_, log_limiter_} {}

HttpListener::~HttpListener() = default;

void HttpListener::start(std::unique_ptr<runtime::Listener> listener) {
  listener_ = std::move(listener);
  tasks_.spawn(accept_all());
}

runtime::Task<> HttpListener::accept_all() {
  while (!is_stopping_) {
    auto accepted = co_await listener_->accept();
    if (!accepted) {
      if (is_stopping_ || accepted.error().code == Errc::cancelled) co_return;
      log_limiter_.write(runtime::Shard::current().now(), LogLevel::warning, "http", "cannot accept a connection: {}",
                         accepted.error().message);
      co_await runtime::sleep_for(kAcceptPause);
      continue;
    }
    auto socket = (*accepted)->attach();
    stats_.accepted.add();
    if (is_stopping_ || sessions_.size() >= options_.connections_max) {
      stats_.rejected.add();
      log_limiter_.write(runtime::Shard::current().now(), LogLevel::warning, "http",
                         "{}: connection closed, {} are open already (http.max_connections)", socket->peer(),
                         sessions_.size());
      socket->close();
      continue;
    }
    tasks_.spawn(serve(std::move(socket)));
  }
}

runtime::Task<> HttpListener::serve(std::unique_ptr<runtime::Socket> socket) {
  Session session(std::move(socket), context_);
  sessions_.insert(&session);
  stats_.connections.set(static_cast<std::int64_t>(sessions_.size()));
  co_await session.run();
  sessions_.erase(&session);
  stats_.connections.set(static_cast<std::int64_t>(sessions_.size()));
  session_ended_.notify_all();
}

runtime::Task<> HttpListener::stop(Duration grace) {
  is_stopping_ = true;
  if (listener_) listener_->close();
  for (auto* session : sessions_) session->finish();
  const auto deadline = runtime::Shard::current().now() + grace;
  while (!sessions_.empty()) {
    if (!co_await session_ended_.wait_until(deadline)) break;
  }
  for (auto* session : sessions_) session->close();
  co_await tasks_.join();
}

}  // namespace leat::http
