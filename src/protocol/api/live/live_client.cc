#include "protocol/api/live/live_client.h"

#include "protocol/api/live/live_shard.h"
#include "protocol/api/node.h"
#include "protocol/api/record_json.h"
#include "runtime/shard.h"

namespace leat::api {
namespace {

constexpr std::size_t kKeptCapacityMax = std::size_t{4} << 10;

}  // namespace

std::string ended_event(std::string_view what, std::string_view name, const Problem& why) {
  std::string json = R"({"type":"ended")";
  append_bytes_member(what, as_bytes(name), json);
  json += R"(,"problem":)";
  append_problem(why, json);
  json += '}';
  return json;
}

std::string lost_event(std::uint64_t count) { return fmt::format(R"({{"type":"lost","messages":{}}})", count); }

LiveClient::LiveClient(LiveShard& shard, security::Principal principal)
    : shard_(shard), principal_(std::move(principal)), quota_(shard.shard().quotas, principal_.host) {}

LiveClient::~LiveClient() = default;

void LiveClient::attach(http::Connection& connection) {
  connection_ = &connection;
  sent_at_ = runtime::Shard::current().now();
  shard_.add(*this);
}

runtime::Task<> LiveClient::detach() {
  end_connection();
  shard_.forget(*this);
  co_await tasks_.join();
  shard_.remove(*this);
  connection_ = nullptr;
}

void LiveClient::end_connection() {
  if (ended_) return;
  ended_ = true;
  if (connection_ != nullptr) connection_->close();
  room_.notify_all();
}

void LiveClient::send(std::string_view bytes) {
  if (ended_) return;
  out_ += bytes;
  if (is_dirty_ || is_writing_) return;
  is_dirty_ = true;
  shard_.flush_later(*this);
}

bool LiveClient::has_expired() const {
  return !shard_.shard().node.policies.holds(principal_, runtime::Shard::current().wall_now());
}

void LiveClient::take_message(std::string_view channel, const LiveEvent& event) {
  if (unsent() > kUnsentMax) {
    if (!ended_) shard_.count_slow(*this, channel);
    return end_connection();
  }
  send_message(event);
}

// So much was unsent before.
void LiveClient::sent(std::size_t before) {
  sent_at_ = runtime::Shard::current().now();
  if (before < kRoom || unsent() >= kRoom) return;
  room_.notify_all();
  shard_.resume(*this);
  has_room_again();
}

void LiveClient::flush() {
  is_dirty_ = false;
  if (ended_ || is_writing_ || out_.empty()) return;
  const std::size_t before = unsent();
  // What is limited goes out piece by piece.
  const bool is_limited = quota_.use(principal_, "") && quota_.out_at_once() != UINT64_MAX;
  if (!is_limited) out_.erase(0, connection_->write_at_once(as_bytes(out_)));
  if (out_.empty() && out_.capacity() > kKeptCapacityMax) std::string().swap(out_);
  if (!out_.empty()) tasks_.spawn(write_out());
  sent(before);
}

runtime::Task<> LiveClient::write_out() {
  is_writing_ = true;
  while (!out_.empty() && !ended_) {
    runtime::Chain chain;
    const std::size_t size = std::min<std::uint64_t>(out_.size(), quota_.out_at_once());
    chain.append(Bytes::copy_of(as_bytes(std::string_view(out_).substr(0, size))));
    in_flight_ = size;
    out_.erase(0, size);
    if (out_.empty()) std::string().swap(out_);
    const bool is_written = co_await connection_->write(chain);
    if (!is_written) end_connection();
    co_await pause(quota_.charge_out(in_flight_));
    const std::size_t before = unsent();
    in_flight_ = 0;
    sent(before);
  }
  is_writing_ = false;
}

runtime::Task<> LiveClient::pause(Duration wait) {
  const MonoTime until = runtime::Shard::current().now() + wait;
  while (!ended_ && runtime::Shard::current().now() < until) co_await room_.wait_until(until);
}

runtime::Task<> LiveClient::wait_for_room() {
  while (!ended_ && unsent() >= kRoom) co_await room_.wait();
}

}  // namespace leat::api
