#include "protocol/api/live/websocket_session.h"

#include "base/json_text.h"
#include "protocol/api/commands.h"
#include "protocol/api/live/live_request.h"
#include "protocol/api/live/live_shard.h"
#include "protocol/api/node.h"
#include "protocol/api/once.h"
#include "protocol/api/tags.h"
#include "protocol/api/publisher.h"
#include "protocol/api/queue_calls.h"
#include "protocol/resp/topic_channels.h"
#include "runtime/shard.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Operation;
using security::ResourceType;

// A client that says nothing for so long is asked, and after as long again ended.
constexpr Duration kIdleMax = std::chrono::seconds(40);
constexpr std::size_t kPrefetchMax = 1000;

void append_member(std::string_view name, std::string_view value, std::string& out) {
  append_bytes_member(name, as_bytes(value), out);
}

pubsub::Kind kind_of(const LiveRequest& request) {
  return request.pattern ? pubsub::Kind::pattern : pubsub::Kind::channel;
}

}  // namespace

WebSocketSession::WebSocketSession(LiveShard& shard, security::Principal principal)
    : LiveClient(shard, std::move(principal)) {
  live().shard().stats.websockets.add(1);
}

WebSocketSession::~WebSocketSession() { live().shard().stats.websockets.add(-1); }

Task<> WebSocketSession::run(http::Connection& connection) {
  attach(connection);
  heard_at_ = runtime::Shard::current().now();
  while (!is_ended()) {
    const std::string bytes = co_await connection.read();
    if (bytes.empty()) break;
    heard_at_ = runtime::Shard::current().now();
    is_pinged_ = false;
    BytesView input = as_bytes(bytes);
    bool goes_on = true;
    while (goes_on) {
      auto message = decoder_.next(input);
      send_output();
      if (!message) break;
      goes_on = take(std::move(*message));
      // Who does not take the answers is not asked for more.
      co_await wait_for_room();
      while (requests_ >= kRequestsMax && !is_ended()) co_await request_done_.wait();
    }
    if (decoder_.is_closed() || !goes_on) break;
  }
  flush();
  for (const auto& subscription : queues_) subscription->stop();
  co_await detach();
}

void WebSocketSession::finish() {
  if (connection() != nullptr) close(http::CloseCode::going_away, "the server stops");
}

void WebSocketSession::close(http::CloseCode code, std::string_view reason) {
  decoder_.close(code, reason);
  send_output();
  flush();
  end_connection();
}

void WebSocketSession::send_output() {
  if (const std::string output = decoder_.take_output(); !output.empty()) send(output);
}

void WebSocketSession::send_event(std::string_view json) {
  std::string frame;
  http::append_frame_head(frame, http::Opcode::text, json.size());
  frame += json;
  send(frame);
}

void WebSocketSession::take_record(const pubsub::TailRecord& /*record*/, const LiveEvent& event) { send(event.frame); }
void WebSocketSession::send_message(const LiveEvent& event) { send(event.frame); }

void WebSocketSession::end_topic(const std::string& topic, const Error& why) {
  send_event(ended_event("topic", topic, problem_of(why)));
}

void WebSocketSession::tell_loss(std::uint64_t count) { send_event(lost_event(count)); }

void WebSocketSession::keep_alive(MonoTime now) {
  if (has_expired()) return close(http::CloseCode::policy_violation, "the token has expired or was revoked");
  if (now - heard_at_ < kIdleMax) return;
  if (is_pinged_ && now - heard_at_ >= 2 * kIdleMax) return end_connection();
  if (is_pinged_) return;
  is_pinged_ = true;
  std::string frame;
  http::append_frame_head(frame, http::Opcode::ping, 0);
  send(frame);
}

bool WebSocketSession::take(http::WebSocketMessage message) {
  live().shard().stats.live_received.add();
  if (has_expired()) {
    close(http::CloseCode::policy_violation, "the token has expired or was revoked");
    return false;
  }
  if (!message.is_text) {
    close(http::CloseCode::unsupported_data, "messages are JSON");
    return false;
  }
  std::string id;
  auto request = parse_live_request(message.payload, id);
  if (!request) {
    send_answer(LiveOp::ping, id, std::unexpected(request.error()));
    return true;
  }
  if (const auto admitted = admit(message.payload.size()); !admitted) {
    send_answer(request->op, id, std::unexpected(admitted.error()));
    return true;
  }
  ++requests_;
  tasks().spawn(serve(std::make_unique<LiveRequest>(std::move(*request)), std::move(id)));
  return true;
}

Task<> WebSocketSession::serve(std::unique_ptr<LiveRequest> request, std::string id) {
  const auto done = co_await perform(*request);
  --requests_;
  request_done_.notify_all();
  send_answer(request->op, id, done);
}

void WebSocketSession::send_answer(LiveOp op, const std::string& id, const Outcome<std::string>& done) {
  if (done && id.empty()) return;
  std::string json = done ? fmt::format(R"({{"type":"{}")", done_word(op)) : R"({"type":"error")";
  if (!id.empty()) json += fmt::format(R"(,"id":{})", id);
  if (done) {
    json += *done;
  } else {
    live().shard().stats.problems.add();
    json += R"(,"problem":)";
    append_problem(done.error(), json);
  }
  json += '}';
  send_event(json);
}

// Whether a message of so many bytes is within the quota of the user. Error: 429.
Outcome<> WebSocketSession::admit(std::size_t bytes) {
  const Duration wait = try_request(bytes);
  if (wait <= Duration{0}) return {};
  return std::unexpected(quota_exceeded(wait));
}

WebSocketSession::Done WebSocketSession::perform(const LiveRequest& request) {
  switch (request.op) {
    case LiveOp::subscribe:
    case LiveOp::unsubscribe: return change_subscription(request);
    case LiveOp::publish:
    case LiveOp::send: return put(request);
    case LiveOp::acknowledge:
    case LiveOp::release:
    case LiveOp::extend: return settle(request);
    case LiveOp::ping: break;
  }
  return [](std::string nothing) -> Done { co_return nothing; }(std::string());
}

Outcome<> WebSocketSession::authorize(Operation operation, ResourceType type, std::string_view name) {
  if (live().shard().node.policies.admits("http", principal(), operation, {type, name})) return {};
  return refuse(403, "permission-denied",
                fmt::format("{} on {} '{}' is not granted", to_string(operation), to_string(type), name));
}

WebSocketSession::Done WebSocketSession::change_subscription(const LiveRequest& request) {
  co_await changing_.reserve(1);
  const runtime::Reservation turn(changing_, 1);
  co_return co_await (request.op == LiveOp::subscribe ? subscribe(request) : unsubscribe(request));
}

WebSocketSession::Done WebSocketSession::subscribe(const LiveRequest& request) {
  if (live().subscriptions(*this) + queues_.size() >= kSubscriptionsMax)
    co_return refuse(429, "too-many-subscriptions", fmt::format("there are {} already", kSubscriptionsMax));
  if (request.topic) co_return co_await subscribe_topic(request);
  if (request.queue) co_return co_await subscribe_queue(request);
  const std::string& name = request.pattern ? *request.pattern : *request.channel;
  if (request.channel) LEAT_CO_CHECK(authorize(Operation::read, ResourceType::channel, name));
  API_CHECK(co_await live().listen(*this, kind_of(request), name));
  std::string members;
  append_member(request.pattern ? "pattern" : "channel", name, members);
  co_return members;
}

WebSocketSession::Done WebSocketSession::subscribe_topic(const LiveRequest& request) {
  LEAT_CO_CHECK(authorize(Operation::read, ResourceType::topic, *request.topic));
  API_TRY(const auto begins, co_await live().follow(*this, *request.topic, request.start));
  std::string members;
  append_member("topic", *request.topic, members);
  members += R"(,"offsets":{)";
  for (std::size_t i = 0; i < begins.size(); ++i)
    fmt::format_to(std::back_inserter(members), R"({}"{}":{})", i == 0 ? "" : ",", i, begins[i]);
  members += '}';
  co_return members;
}

QueueSubscription* WebSocketSession::find_queue(std::string_view name) {
  for (const auto& each : queues_) {
    if (each->name() == name) return each.get();
  }
  return nullptr;
}

WebSocketSession::Done WebSocketSession::subscribe_queue(const LiveRequest& request) {
  const std::string& name = *request.queue;
  LEAT_CO_CHECK(authorize(Operation::read, ResourceType::queue, name));
  LEAT_CO_CHECK(api::find_queue(live().shard(), name));
  if (find_queue(name) != nullptr)
    co_return refuse(409, "exists", fmt::format("queue '{}' is subscribed to already", name));
  const auto prefetch = static_cast<std::size_t>(std::clamp<std::int64_t>(request.prefetch, 1, kPrefetchMax));
  auto subscription = std::make_shared<QueueSubscription>(
      live().shard().queues, name, prefetch, request.lease,
      [this](QueueSubscription& from, queue::Delivery delivery) { take_delivery(from, std::move(delivery)); });
  queues_.push_back(subscription);
  tasks().spawn(push(subscription));
  std::string members;
  append_member("queue", name, members);
  co_return members;
}

void WebSocketSession::take_delivery(QueueSubscription& subscription, queue::Delivery delivery) {
  const std::string& name = subscription.name();
  if (find_queue(name) != &subscription) return;  // it was given up meanwhile: others get it
  // So they do when what was granted when it began was taken back.
  if (!authorize(Operation::read, ResourceType::queue, name)) return subscription.stop();
  std::string json = R"({"type":"delivery")";
  append_member("queue", name, json);
  json += ',';
  if (!append_message(delivery, true, json)) return;
  json += '}';
  send_event(json);
  if (!has_room()) subscription.hold();
}

void WebSocketSession::has_room_again() {
  for (const auto& subscription : queues_) subscription->go_on();
}

// Until the subscription ends, or its queue does.
Task<> WebSocketSession::push(std::shared_ptr<QueueSubscription> subscription) {
  const Status status = co_await subscription->run();
  co_await subscription->give_back();
  std::erase(queues_, subscription);
  const auto allowed = authorize(Operation::read, ResourceType::queue, subscription->name());
  if ((status && allowed) || is_ended()) co_return;
  const Problem why = allowed ? problem_of(status.error()) : allowed.error();
  send_event(ended_event("queue", subscription->name(), why));
}

WebSocketSession::Done WebSocketSession::unsubscribe(const LiveRequest& request) {
  std::string members;
  if (request.queue) {
    QueueSubscription* subscription = find_queue(*request.queue);
    if (subscription == nullptr) co_return refuse(404, "not-found", "it is not subscribed to");
    subscription->stop();
    std::erase_if(queues_, [&](const auto& each) { return each.get() == subscription; });
    append_member("queue", *request.queue, members);
    co_return members;
  }
  const bool was_there =
      request.topic ? live().unfollow(*this, *request.topic)
                    : live().unlisten(*this, kind_of(request), request.pattern ? *request.pattern : *request.channel);
  if (!was_there) co_return refuse(404, "not-found", "it is not subscribed to");
  append_member(request.topic ? "topic" : request.pattern ? "pattern" : "channel", request.name(), members);
  co_return members;
}

WebSocketSession::Done WebSocketSession::put(const LiveRequest& request) {
  const bool has_key = !request.idempotency_key.empty();
  runtime::Reservation turn;
  if (has_key || putting_.used() > 0) {
    co_await putting_.reserve(1);
    turn = runtime::Reservation(putting_, 1);
  }
  if (has_key) co_return co_await put_once(request, std::move(turn));
  turn.reset();
  co_return co_await put_now(request);
}

// `turn` lasts until it is known whether this was done before.
WebSocketSession::Done WebSocketSession::put_once(const LiveRequest& request, runtime::Reservation turn) {
  const ApiNode& node = live().shard().node;
  const OnceKey key = once_key(node, principal(), request.idempotency_key);
  LEAT_CO_TRY(const StoredAnswer known, co_await claim_once(node, key, digest_of(request.content)));
  if (known != nullptr) {
    live().shard().stats.repeated.add();
    co_return known->body + R"(,"replayed":true)";
  }
  turn.reset();
  auto done = co_await put_now(request);
  std::shared_ptr<IdempotencyStore::Stored> stored;
  if (done) {
    stored = std::make_shared<IdempotencyStore::Stored>();
    stored->body = *done;
  }
  co_await settle_once(node, key, std::move(stored));
  co_return done;
}

WebSocketSession::Done WebSocketSession::put_now(const LiveRequest& request) {
  return request.op == LiveOp::send ? send_to_queue(request) : publish(request);
}

WebSocketSession::Done WebSocketSession::publish(const LiveRequest& request) {
  if (request.topic) co_return co_await publish_record(request);
  const std::string& channel = *request.channel;
  if (resp::is_topic_channel(channel)) co_return refuse(400, "invalid-argument", "publish to a topic as a topic");
  LEAT_CO_CHECK(authorize(Operation::write, ResourceType::channel, channel));
  resp::LocalOptions options{.peer = connection() != nullptr ? connection()->peer() : "", .name = "http"};
  API_TRY(const auto reply, co_await live().shard().node.keyspace.local_commands().run(
                                {"PUBLISH", channel, request.record.value.value_or("")}, std::move(options)));
  if (const auto* failure = reply.failure()) co_return std::unexpected(problem_of_reply(failure->text));
  co_return fmt::format(R"(,"receivers":{})", reply.integer() == nullptr ? 0 : *reply.integer());
}

WebSocketSession::Done WebSocketSession::publish_record(const LiveRequest& request) {
  LEAT_CO_CHECK(authorize(Operation::write, ResourceType::topic, *request.topic));
  const catalog::Topic* topic = live().shard().topics().find(*request.topic);
  if (topic == nullptr) co_return refuse(404, "not-found", fmt::format("there is no topic '{}'", *request.topic));
  if (topic->entry.internal)
    co_return refuse(403, "permission-denied", fmt::format("'{}' is leat's own", *request.topic));
  Publisher publisher(live().shard(), *topic);
  LEAT_CO_CHECK(publisher.check(request.record));
  publisher.add(request.record);
  const auto placed = co_await publisher.flush();
  if (placed[0].problem) co_return std::unexpected(*placed[0].problem);
  co_return fmt::format(R"(,"partition":{},"offset":{})", placed[0].partition, placed[0].offset);
}

WebSocketSession::Done WebSocketSession::send_to_queue(const LiveRequest& request) {
  LEAT_CO_CHECK(authorize(Operation::write, ResourceType::queue, *request.queue));
  LEAT_CO_TRY(const queue::QueuePtr queue, api::find_queue(live().shard(), *request.queue));
  if (!queue->owns_topic) LEAT_CO_CHECK(authorize(Operation::write, ResourceType::topic, queue->topic));
  const auto sent = co_await send_all(live().shard(), queue, {request.message});
  if (!sent[0]) co_return refuse(sent[0].error());
  co_return fmt::format(R"(,"partition":{},"offset":{},"duplicate":{})", sent[0]->partition, sent[0]->offset,
                        sent[0]->duplicate);
}

// Acknowledges, gives back or keeps longer what was delivered.
WebSocketSession::Done WebSocketSession::settle(const LiveRequest& request) {
  LEAT_CO_CHECK(authorize(Operation::read, ResourceType::queue, *request.queue));
  LEAT_CO_TRY(const queue::QueuePtr queue, api::find_queue(live().shard(), *request.queue));
  std::vector<Status> outcomes;
  if (request.op == LiveOp::acknowledge) {
    outcomes = co_await live().shard().queues.acknowledge(queue, request.receipts);
  } else {
    std::vector<queue::LeaseChange> changes;
    for (const queue::Receipt& receipt : request.receipts) changes.push_back({receipt, request.settle_for, {}});
    outcomes = co_await live().shard().queues.set_lease(queue, changes);
  }
  QueueSubscription* subscription = find_queue(*request.queue);
  std::string members = R"(,"results":[)";
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (subscription != nullptr && request.op != LiveOp::extend) subscription->settled(request.receipts[i]);
    fmt::format_to(std::back_inserter(members), R"({}{{"receipt":"{}")", i == 0 ? "" : ",",
                   text_of(request.receipts[i]));
    if (!outcomes[i]) {
      members += R"(,"error":)";
      append_problem(problem_of(outcomes[i].error()), members);
    }
    members += '}';
  }
  members += ']';
  co_return members;
}

}  // namespace leat::api
