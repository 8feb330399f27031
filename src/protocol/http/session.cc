#include "protocol/http/session.h"

#include "base/logging.h"
#include "runtime/shard.h"

namespace leat::http {
namespace {

// What may have arrived and wait, behind the request that is being answered, before no more is read.
constexpr std::size_t kUnreadSizeMax = std::size_t{128} << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kKeptInputSizeMax = std::size_t{16} << 10;
// After a fault, what the client still sends is read for a while: closing at once could take the answer away from it.
constexpr Duration kDrainTime = std::chrono::seconds(1);
constexpr std::size_t kDrainSize = std::size_t{256} << 10;

MonoTime now() { return runtime::Shard::current().now(); }

}  // namespace

void Session::Deadline::set(Duration time) {
  due_ = now() + time;
  if (armed() && deadline() <= *due_) return;
  cancel();
  runtime::Shard::current().timers().arm(*this, *due_);
}

void Session::Deadline::fire() {
  if (!due_) return;
  if (now() < *due_) {
    runtime::Shard::current().timers().arm(*this, *due_);
    return;
  }
  session_.context_.stats.timed_out.add();
  session_.end();
}

Session::Session(std::unique_ptr<runtime::Socket> socket, const SessionContext& context)
    : socket_(std::move(socket)),
      context_(context),
      peer_(socket_->peer()),
      parser_(std::in_place, context.options.limits),
      deadline_(*this),
      room_(context.bodies) {}

void Session::finish() {
  is_finishing_ = true;
  if (is_idle_) socket_->close();
  if (takeover_) takeover_->finish();
}

void Session::end() {
  is_closed_ = true;
  has_ended_ = true;
  presence_.leave();  // whoever reads may not: while much is unread, it waits
  socket_->close();
  if (is_waiting_for_room_) room_.shrink(0);  // the wait may be long, and others may wait for what this one has
  input_changed_.notify_all();
}

runtime::Task<> Session::run() {
  reader_.spawn(read_all());
  while (co_await await_request()) {
    auto request = co_await read_request();
    if (!request) {
      if (auto* fault = std::get_if<Fault>(&request.error())) co_await refuse(std::move(*fault));
      break;
    }
    const bool goes_on = co_await answer();
    room_.shrink(0);
    if (takeover_) co_await hand_over(takeover_);
    if (!goes_on) break;
  }
  deadline_.clear();
  room_.shrink(0);
  has_ended_ = true;
  end();
  co_await reader_.join();
}

// Runs beside everything else the session does.
runtime::Task<> Session::read_all() {
  while (!has_ended_) {
    if (unread().size() >= kUnreadSizeMax) {
      co_await input_changed_.wait();
      continue;
    }
    const auto block = co_await socket_->read_shared();
    if (!block || block->empty()) break;
    context_.stats.received_bytes.add(block->size());
    input_.append(as_text(*block));
    input_changed_.notify_all();
  }
  has_ended_ = true;
  presence_.leave();
  input_changed_.notify_all();
}

void Session::take(std::size_t count) {
  const bool was_full = unread().size() >= kUnreadSizeMax;
  taken_ += count;
  if (taken_ == input_.size()) {
    if (input_.capacity() > kKeptInputSizeMax) input_ = {};
    input_.clear();
    taken_ = 0;
  } else if (taken_ > kUnreadSizeMax) {
    input_.erase(0, taken_);
    taken_ = 0;
  }
  if (was_full) input_changed_.notify_all();
}

runtime::Task<bool> Session::await_request() {
  if (!unread().empty()) co_return true;
  if (is_finishing_) co_return false;
  deadline_.set(context_.options.idle_timeout);
  is_idle_ = true;
  while (unread().empty() && !has_ended_) co_await input_changed_.wait();
  is_idle_ = false;
  co_return !unread().empty();
}

runtime::Task<std::expected<void, Session::Failure>> Session::read_request() {
  bool is_limited = false;  // in time, once it has to wait: most requests arrive whole
  bool has_begun = false;   // the body
  while (!parser_->done()) {
    const auto advanced = advance();
    if (!advanced) co_return std::unexpected(advanced.error());
    if (parser_->done() || (parser_->head_done() && parser_->streams_body())) break;
    const bool begins = parser_->head_done() && !std::exchange(has_begun, parser_->head_done());
    if (begins && !parser_->wants_continue() && room_.try_start(parser_->body_size_max())) continue;
    if (begins || room_.must_grow(parser_->body_size())) {
      if (!std::exchange(is_limited, true)) deadline_.set(context_.options.request_timeout);
      const bool has_room = co_await find_room();
      if (!has_room) co_return std::unexpected(Ended::connection);
      continue;
    }
    if (*advanced) continue;
    if (has_ended_) co_return std::unexpected(Ended::connection);
    if (!std::exchange(is_limited, true)) deadline_.set(context_.options.request_timeout);
    co_await input_changed_.wait();
  }
  room_.shrink(parser_->body_size());  // one in chunks had room for the largest
  deadline_.clear();
  co_return std::expected<void, Failure>();
}

runtime::Task<bool> Session::find_room() {
  const bool begins = parser_->body_size() == 0;
  is_waiting_for_room_ = true;
  if (begins) {
    co_await room_.start(parser_->body_size_max());
  } else {
    co_await room_.grow();
  }
  is_waiting_for_room_ = false;
  if (is_closed_) co_return false;
  if (!begins || !parser_->wants_continue() || !unread().empty()) co_return true;
  const bool is_sent = co_await send(Bytes::copy_of(as_bytes(kContinue)));
  deadline_.set(context_.options.request_timeout);  // sending ended the one that was set
  co_return is_sent;
}

std::expected<bool, Session::Failure> Session::advance() {
  const auto consumed = parser_->consume(unread());
  if (!consumed) return std::unexpected(consumed.error());
  take(*consumed);
  return *consumed > 0;
}

runtime::Task<bool> Session::answer() {
  HttpRequest& request = parser_->request();
  has_invited_ = false;
  request.peer = peer_;
  request.is_secure = socket_->is_secure();
  request.certified_name = socket_->certified_name();
  request.certified_until = socket_->certified_until();
  request.presence = &presence_;
  if (!parser_->done()) request.source = this;
  const auto start = now();
  HttpResponse response;
  try {
    response = co_await context_.handler(request);
  } catch (const std::exception& failure) {
    log_error(context_.options.name, "{} {} failed: {}", request.method, request.path, failure.what());
    response = text_response(500, "the server failed to answer; its log says why");
  }
  const bool is_read = parser_->done();
  const bool head_only = request.method == "HEAD";
  if (head_only) response.takeover = nullptr;
  const bool keep_alive = request.keep_alive && !is_finishing_ && is_read && response.takeover == nullptr;
  const ResponseContext how{head_only, keep_alive, runtime::Shard::current().wall_now()};
  Bytes encoded = encode_response(response, how);
  response.body = std::string();  // sending may take long, and a copy is enough
  const std::size_t sent = write_at_once(encoded);
  bool is_sent = sent == encoded.size();
  if (!is_sent) is_sent = co_await send(sent == 0 ? std::move(encoded) : Bytes::copy_of(encoded.view().subspan(sent)));
  context_.stats.responses[static_cast<std::size_t>(std::clamp(response.status / 100, 1, 5))].add();
  context_.stats.request_latency.record_us(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now() - start).count()));
  if (is_sent && !is_read) co_await drain();
  if (is_sent && is_read) takeover_ = std::move(response.takeover);
  parser_->restart();
  co_return is_sent&& keep_alive;
}

runtime::Task<> Session::hand_over(std::shared_ptr<Takeover> takeover) {
  parser_.reset();  // such a connection may last
  if (is_finishing_) takeover->finish();
  co_await takeover->run(*this);
  takeover_ = nullptr;
}

runtime::Task<std::expected<std::string, Fault>> Session::next() {
  std::string& body = parser_->request().body;
  deadline_.set(context_.options.request_timeout);
  if (parser_->wants_continue() && body.empty() && unread().empty() && !std::exchange(has_invited_, true)) {
    const bool is_sent = co_await send(Bytes::copy_of(as_bytes(kContinue)));
    if (!is_sent) co_return std::unexpected(Fault{400, "the client is gone"});
    deadline_.set(context_.options.request_timeout);
  }
  while (body.empty() && !parser_->done()) {
    const auto consumed = parser_->consume(unread());
    if (!consumed) co_return std::unexpected(consumed.error());
    take(*consumed);
    if (*consumed > 0 || parser_->done()) continue;
    if (has_ended_) co_return std::unexpected(Fault{400, "the body is cut off"});
    co_await input_changed_.wait();
  }
  deadline_.clear();
  co_return std::exchange(body, {});
}

runtime::Task<std::string> Session::read() {
  while (unread().empty() && !has_ended_) co_await input_changed_.wait();
  std::string bytes(unread());
  take(bytes.size());
  co_return bytes;
}

runtime::Task<bool> Session::write(const runtime::Chain& chain) {
  const auto written = co_await socket_->write(chain);
  if (written) context_.stats.sent_bytes.add(chain.size());
  co_return written.has_value();
}

std::size_t Session::write_at_once(BytesView bytes) {
  const std::size_t sent = socket_->write_at_once(bytes);
  context_.stats.sent_bytes.add(sent);
  return sent;
}

runtime::Task<> Session::refuse(Fault fault) {
  context_.stats.malformed.add();
  context_.stats.responses[static_cast<std::size_t>(fault.status / 100)].add();
  context_.log_limiter.write(now(), LogLevel::info, context_.options.name, "{}: request refused with {}: {}", peer_,
                             fault.status, fault.message);
  const HttpResponse refusal =
      context_.options.refusal ? context_.options.refusal(fault) : text_response(fault.status, fault.message);
  const ResponseContext how{false, false, runtime::Shard::current().wall_now()};
  const bool is_sent = co_await send(encode_response(refusal, how));
  if (is_sent) co_await drain();
}

runtime::Task<> Session::drain() {
  deadline_.set(kDrainTime);
  for (std::size_t drained = 0; drained < kDrainSize && !has_ended_;) {
    drained += unread().size();
    take(unread().size());
    co_await input_changed_.wait();
  }
}

runtime::Task<bool> Session::send(Bytes bytes) {
  deadline_.set(context_.options.request_timeout);
  const auto size = bytes.size();
  runtime::Chain chain;
  chain.append(std::move(bytes));
  const auto written = co_await socket_->write(chain);
  deadline_.clear();
  if (written) context_.stats.sent_bytes.add(size);
  co_return written.has_value();
}

}  // namespace leat::http
