#include "protocol/resp/session.h"

#include <algorithm>

namespace leat::resp {
namespace {

// What a blocked client may send ahead before it is not read any more.
constexpr std::size_t kReadAheadMax = std::size_t{1} << 20;
// The same of one whose password is being looked at.
constexpr std::size_t kStrangersReadAheadMax = std::size_t{64} << 10;
constexpr std::size_t kKeptCapacityMax = std::size_t{64} << 10;

bool must_close(const Client& client) { return client.close_after_reply && client.held_replies == 0; }

}  // namespace

Session::Session(Executor& executor, std::unique_ptr<runtime::Socket> socket, std::string local)
    : executor_(executor),
      socket_(std::move(socket)),
      client_(executor, *this, executor.next_client_id(), socket_->peer(), std::move(local)),
      parser_(executor.settings().limits) {
  if (security::QuotaLedger* quotas = executor.identities().quotas())
    quota_ = std::make_unique<security::QuotaAccount>(*quotas, security::host_of(socket_->peer()));
  resumption_.session = this;
  resumption_.run = [](runtime::Work* work) {
    auto& resumption = *static_cast<Resumption*>(work);
    resumption.sent = false;
    resumption.session->execute_received();
    resumption.session->changed_.notify_all();
  };
}

Session::~Session() = default;

bool Session::may_execute() const {
  return !broken_ && !is_waiting_ && !client_.is_blocked() && !client_.suspended && !client_.close_after_reply &&
         !client_.closing && !is_full();
}

bool Session::may_read() const {
  if (is_full()) return false;
  if (!client_.is_blocked() && !client_.suspended && !is_waiting_) return true;
  const bool is_limited = is_waiting_ || executor_.identities().must_authenticate(client_);
  return received_.size() < (is_limited ? kStrangersReadAheadMax : kReadAheadMax);
}

bool Session::owes_replies() const {
  return !broken_ && !client_.closing && !client_.is_blocked() && !client_.suspended &&
         (client_.has_output || client_.held_bytes > 0 || !sending_.empty() || writing_);
}

runtime::Task<> Session::run() {
  while (!broken_) {
    if (!may_read()) {
      co_await changed_.wait();
      continue;
    }
    if (!co_await read_more()) break;
  }
  draining_ = true;
  while (owes_replies()) co_await changed_.wait();
  end();
  co_await tasks_.join();
  while (resumption_.sent || client_.suspended) co_await changed_.wait();
}

// False when the connection is over. What is received may be executed while this waits (see Resumption), so it is kept free of
// room for what comes next.
runtime::Task<bool> Session::read_more() {
  const auto got = co_await socket_->read_shared();
  if (!got || got->empty()) co_return false;
  executor_.stats().bytes_in.add(got->size());
  if (!std::exchange(is_known_, true))
    executor_.identities().certify(client_, socket_->certified_name(), socket_->certified_until());
  const std::string_view input = as_text(*got);
  if (!received_.empty()) {
    received_.append(input);
    execute_received();
    co_return true;
  }
  const std::size_t done = execute(input);
  if (done < input.size()) {
    received_.assign(input.substr(done));
    executor_.outputs().measure(client_);
  }
  co_return true;
}

void Session::charge(std::size_t bytes) {
  if (quota_ == nullptr || !executor_.identities().quotas()->has_quotas()) return;
  quota_->follow(Identities::principal_of(client_));
  const Duration wait = std::max(
      {quota_->charge_request(), quota_->charge_in(bytes), quota_->charge_out(std::exchange(unpaid_bytes_out_, 0))});
  if (wait <= Duration{0}) return;
  not_before_ = executor_.shard().now() + wait;
  if (!std::exchange(is_waiting_, true)) tasks_.spawn(go_on_later());
}

runtime::Task<> Session::go_on_later() {
  while (!broken_ && executor_.shard().now() < not_before_) co_await changed_.wait_until(not_before_);
  is_waiting_ = false;
  if (!broken_) execute_received();
  changed_.notify_all();
}

void Session::execute_received() {
  received_.erase(0, execute(received_));
  if (received_.empty() && received_.capacity() > kKeptCapacityMax) received_.shrink_to_fit();
  executor_.outputs().measure(client_);
}

std::size_t Session::memory() const {
  static const std::size_t inside = std::string().capacity();
  const auto size_of = [](const std::string& text) { return text.capacity() > inside ? text.capacity() : 0; };
  return size_of(received_) + size_of(sending_) + in_flight_;
}

std::size_t Session::execute(std::string_view input) {
  if (!may_execute()) return 0;
  executor_.begin_batch();
  Pipeline& pipeline = executor_.pipeline();
  std::size_t done = 0;
  while (done < input.size()) {
    const bool is_stranger = executor_.identities().must_authenticate(client_);
    parser_.set_authenticated(!is_stranger);
    const Parser::State behind = pipeline.read(parser_, input.substr(done));
    if (pipeline.size() > 1) executor_.prefetch(client_, pipeline);
    const bool all = execute(pipeline, done);
    pipeline.clear();
    if (!all || !may_execute()) {
      parser_.restart();
      return done;
    }
    if (behind == Parser::State::error && is_stranger && !executor_.identities().must_authenticate(client_)) {
      // What follows may be more than what it was let in with.
      parser_.restart();
      continue;
    }
    if (behind == Parser::State::error) {
      executor_.refuse(client_, parser_.error());
      return input.size();
    }
    if (behind == Parser::State::more) break;
  }
  return done;
}

// Adds to `done` the bytes of those that were executed. False: not all, the client cannot go on.
bool Session::execute(const Pipeline& pipeline, std::size_t& done) {
  for (std::size_t i = 0; i < pipeline.size(); ++i) {
    if (!may_execute()) return false;
    done += pipeline.consumed(i);
    if (pipeline.arguments(i).empty()) continue;
    charge(pipeline.consumed(i));
    executor_.execute(client_, pipeline.arguments(i));
  }
  return true;
}

void Session::send(Client& client, std::string& bytes) {
  if (sending_.empty()) {
    std::swap(sending_, bytes);
  } else {
    sending_ += bytes;
  }
  bytes.clear();
  if (bytes.capacity() > kKeptCapacityMax) bytes.shrink_to_fit();
  const bool may_write = !writing_ && !broken_;
  if (may_write) write_at_once();
  executor_.outputs().measure(client);
  if (may_write && (!sending_.empty() || must_close(client))) tasks_.spawn(write_out());
  if (draining_) changed_.notify_all();
}

// Most replies leave here, without a copy of them or anything that waits.
void Session::write_at_once() {
  if (sending_.empty()) return;
  const bool was_full = may_be_full();
  const std::size_t sent = socket_->write_at_once(as_bytes(sending_));
  if (sent == 0) return;
  executor_.stats().bytes_out.add(sent);
  unpaid_bytes_out_ += sent;
  sending_.erase(0, sent);
  if (sending_.empty() && sending_.capacity() > kKeptCapacityMax) sending_.shrink_to_fit();
  if (was_full) resume(client_);
}

runtime::Task<> Session::write_out() {
  writing_ = true;
  while (!sending_.empty() && !broken_) {
    runtime::Chain chain;
    chain.append(Bytes::copy_of(as_bytes(sending_)));
    executor_.stats().bytes_out.add(sending_.size());
    unpaid_bytes_out_ += sending_.size();
    in_flight_ = sending_.size();
    sending_.clear();
    if (sending_.capacity() > kKeptCapacityMax) sending_.shrink_to_fit();
    if (!co_await socket_->write(chain)) broken_ = true;
    const bool was_full = may_be_full();  // perhaps only since the write began
    in_flight_ = 0;
    executor_.outputs().measure(client_);
    if (was_full && !broken_) resume(client_);
  }
  writing_ = false;
  if (must_close(client_) || broken_) {
    end();
  } else if (draining_) {
    changed_.notify_all();
  }
}

void Session::resume(Client& /*client*/) {
  if (broken_) return changed_.notify_all();
  if (resumption_.sent) return;
  resumption_.sent = true;
  executor_.shard().send(resumption_);
}

void Session::close(Client& /*client*/) {
  std::string().swap(sending_);
  end();
}

void Session::end() {
  broken_ = true;
  // What it waits for must not go to nobody.
  if (client_.blocked) executor_.blocking().drop(client_);
  socket_->close();
  changed_.notify_all();
}

}  // namespace leat::resp
