#include "protocol/http/session.h"

#include "runtime/shard.h"

namespace leat::http {
namespace {

constexpr std::size_t kReadSize = 4096;
// After a fault, what the client still sends is read for a while: closing at once could take the answer away from it.
constexpr Duration kDrainTime = std::chrono::seconds(1);
constexpr std::size_t kDrainSize = std::size_t{256} << 10;

MonoTime now() { return runtime::Shard::current().now(); }

}  // namespace

class Session::Deadline final : private runtime::Timer {
 public:
  Deadline(Session& session, Duration time) : session_(session) {
    runtime::Shard::current().timers().arm(*this, now() + time);
  }

 private:
  void fire() override {
    session_.context_.stats.timed_out.add();
    session_.close();
  }
  Session& session_;
};

Session::Session(std::unique_ptr<runtime::Socket> socket, const SessionContext& context)
    : socket_(std::move(socket)), context_(context) {}

void Session::finish() {
  is_finishing_ = true;
  if (is_idle_) socket_->close();
}

void Session::close() { socket_->close(); }

runtime::Task<> Session::run() {
  while (co_await await_request()) {
    runtime::Reservation body;
    auto request = co_await read_request(body);
    if (!request) {
      if (auto* fault = std::get_if<Fault>(&request.error())) co_await refuse(std::move(*fault));
      break;
    }
    if (!co_await answer(*request)) break;
  }
  socket_->close();
}

runtime::Task<bool> Session::await_request() {
  if (!input_.empty()) co_return true;
  if (is_finishing_) co_return false;
  const Deadline deadline(*this, context_.options.idle_timeout);
  is_idle_ = true;
  const bool is_there = co_await read_more();
  is_idle_ = false;
  co_return is_there;
}

runtime::Task<std::expected<HttpRequest, Session::Failure>> Session::read_request(runtime::Reservation& body) {
  const Deadline deadline(*this, context_.options.request_timeout);
  RequestParser parser(context_.options.limits);
  while (!parser.head_done()) {
    if (auto advanced = co_await advance(parser); !advanced) co_return std::unexpected(std::move(advanced.error()));
  }
  if (const auto size = parser.body_size_max(); size > 0) {
    co_await context_.bodies.reserve(size);
    body = runtime::Reservation(context_.bodies, size);
    if (parser.wants_continue() && input_.empty()) {
      if (!co_await send(Bytes::copy_of(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"))))
        co_return std::unexpected(Ended::connection);
    }
  }
  while (!parser.done()) {
    if (auto advanced = co_await advance(parser); !advanced) co_return std::unexpected(std::move(advanced.error()));
  }
  auto request = parser.take();
  request.peer = socket_->peer();
  co_return request;
}

// Feeds the parser what is there, or waits for more.
runtime::Task<std::expected<void, Session::Failure>> Session::advance(RequestParser& parser) {
  const auto consumed = parser.consume(input_);
  if (!consumed) co_return std::unexpected(consumed.error());
  input_.erase(0, *consumed);
  const bool is_waiting = *consumed == 0 && !parser.done();
  if (is_waiting && !co_await read_more()) co_return std::unexpected(Ended::connection);
  co_return std::expected<void, Failure>();
}

runtime::Task<bool> Session::read_more() {
  std::array<std::byte, kReadSize> block;
  const auto count = co_await socket_->read_some(block);
  if (!count || *count == 0) co_return false;
  context_.stats.received_bytes.add(*count);
  input_.append(as_text(BytesView(block).first(*count)));
  co_return true;
}

runtime::Task<bool> Session::answer(const HttpRequest& request) {
  const auto start = now();
  const auto response = co_await context_.router.handle(request);
  const bool keep_alive = request.keep_alive && !is_finishing_;
  const ResponseContext how{request.method == "HEAD", keep_alive, runtime::Shard::current().wall_now()};
  const bool is_sent = co_await send(encode_response(response, how));
  context_.stats.responses[static_cast<std::size_t>(std::clamp(response.status / 100, 1, 5))].add();
  context_.stats.request_latency.record_us(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now() - start).count()));
  const bool go_on = is_sent && keep_alive;
  co_return go_on;
}

runtime::Task<> Session::refuse(Fault fault) {
  context_.stats.malformed.add();
  context_.stats.responses[static_cast<std::size_t>(fault.status / 100)].add();
  context_.log_limiter.write(now(), LogLevel::info, "http", "{}: request refused with {}: {}", socket_->peer(),
                             fault.status, fault.message);
  const ResponseContext how{false, false, runtime::Shard::current().wall_now()};
  if (!co_await send(encode_response(text_response(fault.status, fault.message), how))) co_return;
  const Deadline deadline(*this, kDrainTime);
  for (std::size_t drained = 0; drained < kDrainSize; drained += input_.size()) {
    input_.clear();
    if (!co_await read_more()) co_return;
  }
}

runtime::Task<bool> Session::send(Bytes bytes) {
  const Deadline deadline(*this, context_.options.request_timeout);
  const auto size = bytes.size();
  runtime::Chain chain;
  chain.append(std::move(bytes));
  const auto written = co_await socket_->write(chain);
  if (written) context_.stats.sent_bytes.add(size);
  co_return written.has_value();
}

}  // namespace leat::http
