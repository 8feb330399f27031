#include "protocol/kafka/session.h"

#include "protocol/kafka/fetch_session.h"
#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

constexpr std::size_t kFrameSizeBytes = 4;
// API key, version, correlation id and the client id's length.
constexpr std::size_t kRequestSizeMin = 8;
// Where there are users, the most that is read from who is none of them.
constexpr std::size_t kRequestOfNobodyMax = std::size_t{512} << 10;
// A request may take this part of the shard's memory for requests at most, so that a few cannot starve the rest.
constexpr std::size_t kBudgetParts = 4;
// While others wait for memory: how long a client may take to send the next bytes of a request, or leave its requests
// waiting and its replies unread.
constexpr std::chrono::seconds kStuckReading(2);
constexpr std::chrono::seconds kStuckWaiting(5);

std::uint64_t microseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace

Session::Session(KafkaShard& shard, std::unique_ptr<runtime::Socket> socket, Endpoint endpoint)
    : shard_(shard),
      traffic_(shard.stats.listeners[endpoint.listener]),
      socket_(std::move(socket)),
      connection_(shard, std::move(endpoint), socket_->peer()) {}

runtime::Task<> Session::run() {
  shard_.stats.connections.add(1);
  traffic_.connections.add(1);
  last_activity_ = shard_.streams.shard().now();
  check_idle();
  tasks_.spawn(write_replies());
  if (co_await admit()) co_await read_requests();
  reading_ = false;
  end_polls();
  changed_.notify_all();
  co_await tasks_.join();
  idle_timer_.cancel();
  socket_->close();
  shard_.stats.connections.add(-1);
  traffic_.connections.add(-1);
}

std::size_t Session::stuck_memory(MonoTime now) const {
  std::size_t stuck = 0;
  if (now - last_progress_ >= kStuckReading) stuck += receiving_;
  if (now - sending_since_ >= kStuckWaiting) stuck += sending_;
  for (const auto& slot : slots_) {
    // What producers sent waits for the disk, not for a client.
    const bool waits = slot->request.api != ApiKey::kProduce && now - slot->started >= kStuckWaiting;
    if (waits) stuck += slot->memory.amount() + slot->reply_memory;
  }
  return stuck;
}

void Session::stop() {
  stopping_ = true;
  end_polls();
  if (slots_.empty()) socket_->close();
}

void Session::abort() {
  end_polls();
  socket_->close();
}

void Session::end_polls() {
  connection_.closing = true;
  for (runtime::Notifier* poll : connection_.long_polls) poll->notify_all();
  changed_.notify_all();
}

void Session::check_idle() {
  const MonoTime now = shard_.streams.shard().now();
  const MonoTime due = std::max(last_activity_, connection_.not_before) + shard_.node.options.connection_idle;
  if (now >= due && slots_.empty()) {
    socket_->close();
    return;
  }
  shard_.streams.shard().timers().arm(idle_timer_, std::max(due, now + std::chrono::seconds(1)));
}

// Whether the connection is one that its address may make now.
runtime::Task<bool> Session::admit() {
  const auto wait = connection_.quotas.charge_connection();
  connection_.not_before = last_activity_ + wait.value_or(security::QuotaAccount::kConnectionWaitMax);
  co_return co_await wait_for_quota() && wait.has_value();
}

// Returns when the client may go on; false: the session ends first.
runtime::Task<bool> Session::wait_for_quota() {
  while (!connection_.closing && shard_.streams.shard().now() < connection_.not_before)
    co_await changed_.wait_until(connection_.not_before);
  co_return !connection_.closing;
}

// Charges a request that was read to whom it is from. False: the connection is one more than that one may have.
bool Session::charge(Request& request, std::size_t bytes) {
  if (request.api == ApiKey::kApiVersions) return true;
  security::QuotaAccount& account = connection_.quotas;
  if (!account.use(connection_.principal, request.client_id)) return false;
  request.hold(account.charge_request());
  if (request.api == ApiKey::kProduce) request.hold(account.charge_in(bytes));
  return true;
}

runtime::Task<> Session::read_requests() {
  while (!connection_.closing) {
    auto slot = co_await read_request();
    if (!slot) {
      if (slot.error().code == Errc::invalid_argument || slot.error().code == Errc::too_large)
        refuse(slot.error().message);
      co_return;
    }
    if (*slot == nullptr || stopping_) co_return;
    Slot& next = **slot;
    next.started = last_activity_;
    if (expects_token()) {
      next.request.api = ApiKey::kSaslAuthenticate;
      slots_.push_back(std::move(*slot));
      tasks_.spawn(serve_token(next));
      co_await until_answered();
      continue;
    }
    Reader reader(next.body);
    const auto header = decode_request_header(reader);
    if (!header) {
      refuse(header.error().message);
      co_return;
    }
    next.request.api = static_cast<ApiKey>(header->request_api_key);
    next.request.version = header->request_api_version;
    next.request.correlation_id = header->correlation_id;
    next.request.client_id = header->client_id.value_or("");
    // Who the client is, and how it says so, is settled before the next request is looked at.
    const bool decides_what_follows =
        next.request.api == ApiKey::kSaslHandshake || next.request.api == ApiKey::kSaslAuthenticate;
    if (!decides_what_follows && is_being_authenticated() && next.request.api != ApiKey::kApiVersions) {
      refuse("a request came before it was known from whom");
      co_return;
    }
    if (!decides_what_follows && has_expired()) {
      refuse("the token that it came with has expired or was revoked");
      co_return;
    }
    if (!decides_what_follows && !charge(next.request, next.body.size() + kFrameSizeBytes)) co_return;
    slots_.push_back(std::move(*slot));
    tasks_.spawn(serve(next, reader));
    if (decides_what_follows) co_await until_answered();
    while (!connection_.closing && must_wait()) co_await changed_.wait();
    if (stopping_) co_return;
  }
}

// Whether the client has begun to say who it is, and has not come to a good end.
bool Session::is_being_authenticated() const { return connection_.sasl != nullptr && !connection_.sasl->principal(); }

// Whether what comes next is a token of SASL without a header.
bool Session::expects_token() const { return is_being_authenticated() && connection_.sasl->raw; }

// Whom the client's certificate names, until it says by SASL who it is.
void Session::take_certificate() {
  if (connection_.authenticated || connection_.sasl != nullptr || socket_->certified_name().empty()) return;
  auto principal =
      shard_.logins.by_certificate(socket_->certified_name(), socket_->certified_until(), connection_.peer);
  if (!principal) return;
  connection_.principal = std::move(*principal);
  connection_.authenticated = true;
  connection_.is_certified = true;
}

// Whether the client has to say again who it is, and has not (KIP-368).
bool Session::has_expired() const {
  return !shard_.node.policies.holds(connection_.principal, shard_.streams.shard().wall_now());
}

runtime::Task<> Session::until_answered() {
  while (!connection_.closing && !slots_.empty()) co_await changed_.wait();
}

// Whether replies have to go out before another request is read.
bool Session::must_wait() const {
  return slots_.size() >= kPipelineMax || (!slots_.empty() && shard_.reply_memory > shard_.memory.limit());
}

// Fills `into` from what was read ahead, then from the socket. False when the stream ended before its first byte.
runtime::Task<Result<bool>> Session::read_bytes(MutableBytes into) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    if (ahead_begin_ == ahead_end_) {
      // A large rest goes straight to its place.
      const bool straight = into.size() - filled >= ahead_.size();
      const auto got = co_await socket_->read_some(straight ? into.subspan(filled) : MutableBytes(ahead_));
      if (!got) co_return fail(got.error());
      if (*got == 0) {
        if (filled > 0) co_return fail(Errc::io, "the stream ended inside a request");
        co_return false;
      }
      last_progress_ = shard_.streams.shard().now();
      if (straight) {
        filled += *got;
        continue;
      }
      ahead_begin_ = 0;
      ahead_end_ = *got;
    }
    const std::size_t n = std::min(into.size() - filled, ahead_end_ - ahead_begin_);
    std::memcpy(into.data() + filled, ahead_.data() + ahead_begin_, n);
    ahead_begin_ += n;
    filled += n;
  }
  co_return true;
}

// The next request's bytes, its memory reserved before they are read; nullptr at the end of the stream.
runtime::Task<Result<std::unique_ptr<Session::Slot>>> Session::read_request() {
  std::array<std::byte, kFrameSizeBytes> prefix;
  LEAT_CO_TRY(const bool more, co_await read_bytes(prefix));
  if (!more || !co_await wait_for_quota()) co_return nullptr;
  take_certificate();
  const auto size = load_be<std::int32_t>(prefix.data());
  if (size < (expects_token() ? 0 : static_cast<std::int32_t>(kRequestSizeMin)))
    co_return fail(Errc::invalid_argument, fmt::format("a request of {} bytes cannot be", size));
  const auto bytes = static_cast<std::size_t>(size);
  const bool is_nobody = !connection_.authenticated && !shard_.node.policies.current()->is_open();
  const std::size_t limit = std::min({shard_.node.options.request_size_max, shard_.memory.limit() / kBudgetParts,
                                      is_nobody ? kRequestOfNobodyMax : std::numeric_limits<std::size_t>::max()});
  if (bytes > limit)
    co_return fail(Errc::too_large, fmt::format("a request of {} bytes is above the limit of {}", bytes, limit));
  co_await shard_.memory.reserve(bytes);
  auto slot = std::make_unique<Slot>(connection_, runtime::Reservation(shard_.memory, bytes));
  slot->body = Bytes::uninitialized(bytes);
  receiving_ = bytes;
  last_progress_ = shard_.streams.shard().now();
  LEAT_CO_TRY(const bool whole, co_await read_bytes(slot->body.mutable_view()));
  receiving_ = 0;
  if (!whole) co_return fail(Errc::io, "the stream ended inside a request");
  traffic_.bytes_in.add(bytes + kFrameSizeBytes);
  last_activity_ = shard_.streams.shard().now();
  co_return slot;
}

runtime::Task<> Session::serve(Slot& slot, Reader reader) {
  auto reply = co_await dispatch(slot.request, reader);
  if (reply) {
    slot.reply = std::move(*reply);
  } else {
    refuse(reply.error().message);
    slot.reply.close = true;
  }
  answered(slot);
}

// The answer is a token too, or the end of the connection.
runtime::Task<> Session::serve_token(Slot& slot) {
  const auto answer = co_await authenticate(slot.request, std::string(as_text(slot.body)));
  if (answer) {
    Bytes frame = Bytes::uninitialized(kFrameSizeBytes + answer->size());
    store_be(frame.mutable_view().data(), static_cast<std::int32_t>(answer->size()));
    std::memcpy(frame.mutable_view().data() + kFrameSizeBytes, answer->data(), answer->size());
    slot.reply.frame.emplace().append(std::move(frame));
  } else {
    slot.reply.close = true;
  }
  answered(slot);
}

void Session::answered(Slot& slot) {
  // Nothing of the request is needed any more.
  slot.body = {};
  slot.memory.reset();
  if (slot.reply.frame) slot.reply_memory = slot.reply.frame->memory();
  shard_.reply_memory += slot.reply_memory;
  slot.done = true;
  changed_.notify_all();
}

runtime::Task<> Session::write_replies() {
  bool broken = false;
  while (true) {
    while (slots_.empty() || !slots_.front()->done) {
      if (slots_.empty() && (!reading_ || stopping_)) {
        socket_->close();
        co_return;
      }
      co_await changed_.wait();
    }
    const std::unique_ptr<Slot> slot = std::move(slots_.front());
    slots_.pop_front();
    changed_.notify_all();
    if (slot->reply.frame && !broken) {
      traffic_.bytes_out.add(slot->reply.frame->size());
      sending_ = slot->reply_memory;
      sending_since_ = shard_.streams.shard().now();
      broken = !co_await socket_->write(*slot->reply.frame);
      sending_ = 0;
    }
    shard_.reply_memory -= slot->reply_memory;
    const auto key = static_cast<std::size_t>(slot->request.api);
    if (key < KafkaStats::kApis) {
      KafkaStats::Api& api = shard_.stats.apis[key];
      api.requests.add();
      api.latency.record_us(microseconds(shard_.streams.shard().now() - slot->started));
    }
    if (broken || slot->reply.close) {
      broken = true;
      abort();
    }
  }
}

void Session::refuse(std::string_view why) {
  traffic_.malformed_requests.add();
  shard_.bad_input.write(shard_.streams.shard().now(), LogLevel::warning, "kafka", "{}: {}; connection closed",
                         connection_.peer, why);
}

}  // namespace leat::kafka
