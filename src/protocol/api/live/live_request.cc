#include "protocol/api/live/live_request.h"

#include <charconv>

#include "protocol/api/json_members.h"

namespace leat::api {
namespace {

constexpr std::size_t kIdSizeMax = 128;
constexpr std::size_t kIdempotencyKeySizeMax = 255;
constexpr std::size_t kReceiptsMax = 1000;
constexpr std::int64_t kLeaseMax = 43'200'000;

struct Word {
  std::string_view op;
  LiveOp value;
  std::string_view done;
};
constexpr Word kWords[] = {
    {"subscribe", LiveOp::subscribe, "subscribed"},
    {"unsubscribe", LiveOp::unsubscribe, "unsubscribed"},
    {"publish", LiveOp::publish, "published"},
    {"send", LiveOp::send, "sent"},
    {"acknowledge", LiveOp::acknowledge, "acknowledged"},
    {"release", LiveOp::release, "released"},
    {"extend", LiveOp::extend, "extended"},
    {"ping", LiveOp::ping, "pong"},
};

Outcome<std::string> read_id(const JsonObject& object) {
  const JsonValue* id = object.find("id");
  if (id == nullptr) return std::string();
  if (!id->is_text && id->text.find_first_not_of("-0123456789") != std::string_view::npos)
    return invalid_body("id is neither a text nor an integer");
  LEAT_TRY(std::string text, json_text(*id));
  if (text.size() > kIdSizeMax) return invalid_body("id is too long");
  return text;
}

Outcome<LiveOp> read_op(const JsonObject& object) {
  LEAT_TRY(const auto op, text_member("op", object));
  for (const Word& word : kWords) {
    if (op && *op == word.op) return word.value;
  }
  return invalid_body("op is none of subscribe, unsubscribe, publish, send, acknowledge, release, extend and ping");
}

// Where to begin in a topic: "from", "time" or "offsets".
Outcome<pubsub::TailStart> read_start(const JsonObject& object) {
  pubsub::TailStart start;
  LEAT_TRY(const auto from, text_member("from", object));
  if (from && *from != "latest" && *from != "earliest") return invalid_body("from is neither latest nor earliest");
  start.earliest = from && *from == "earliest";
  LEAT_TRY(const auto time, integer_member("time", 0, INT64_MAX, object));
  if (time) start.time = Timestamp(*time);
  const JsonValue* offsets = object.find("offsets");
  if (offsets == nullptr) return start;
  LEAT_TRY(const JsonObject by_partition, parse_object(*offsets, Level::list));
  for (const auto& [name, value] : by_partition.members()) {
    std::int32_t partition = 0;
    const char* end = name.data() + name.size();
    const auto [behind, error] = std::from_chars(name.data(), end, partition);
    const auto offset = value.integer();
    if (error != std::errc() || behind != end || !offset || *offset < 0)
      return invalid_body("offsets has partitions' numbers as names and offsets as values");
    start.offsets[partition] = *offset;
  }
  return start;
}

Outcome<> read_topic_or_channel(const JsonObject& object, LiveRequest& request) {
  LEAT_TRY(request.topic, text_member("topic", object));
  LEAT_TRY(request.channel, text_member("channel", object));
  LEAT_TRY(request.pattern, text_member("pattern", object));
  LEAT_TRY(request.queue, text_member("queue", object));
  return {};
}

// That it names one thing, of those that this can be done with.
Outcome<> check_target(const LiveRequest& request, bool topic, bool channel, bool pattern, bool queue) {
  const int named =
      (request.topic ? 1 : 0) + (request.channel ? 1 : 0) + (request.pattern ? 1 : 0) + (request.queue ? 1 : 0);
  const bool fits = (!request.topic || topic) && (!request.channel || channel) && (!request.pattern || pattern) &&
                    (!request.queue || queue);
  if (named == 1 && fits) return {};
  std::vector<std::string_view> can;
  if (topic) can.emplace_back("topic");
  if (channel) can.emplace_back("channel");
  if (pattern) can.emplace_back("pattern");
  if (queue) can.emplace_back("queue");
  return invalid_body(fmt::format("it has to name one {}", fmt::join(can, " or ")));
}

Outcome<> read_subscribe(const JsonObject& object, LiveRequest& request) {
  constexpr std::string_view kMembers[] = {"op",   "id",      "topic", "channel",  "pattern", "queue",
                                           "from", "offsets", "time",  "prefetch", "lease_ms"};
  LEAT_CHECK(check_members(object, kMembers, "subscribe"));
  LEAT_CHECK(check_target(request, true, true, true, true));
  LEAT_TRY(request.start, read_start(object));
  LEAT_TRY(const auto prefetch, integer_member("prefetch", 1, 1000, object));
  request.prefetch = prefetch.value_or(1);
  LEAT_TRY(const auto lease, integer_member("lease_ms", 1, kLeaseMax, object));
  if (lease) request.lease = Milliseconds(*lease);
  return {};
}

Outcome<> read_idempotency_key(const JsonObject& object, LiveRequest& request) {
  LEAT_TRY(const auto key, text_member("idempotency_key", object));
  if (!key) return {};
  if (key->empty() || key->size() > kIdempotencyKeySizeMax)
    return invalid_body(fmt::format("idempotency_key has 1 to {} bytes", kIdempotencyKeySizeMax));
  request.idempotency_key = *key;
  for (const auto& [name, value] : object.members()) {
    if (name == "id") continue;
    LEAT_TRY(const std::string text, json_text(value));
    request.content += fmt::format("{}:{},", name, text);
  }
  return {};
}

Outcome<> read_publish(const JsonObject& object, LiveRequest& request) {
  constexpr std::string_view kMembers[] = {"op",         "id",    "topic",        "channel",        "key",
                                           "key_base64", "value", "value_base64", "headers",        "partition",
                                           "timestamp",  "data",  "data_base64",  "idempotency_key"};
  LEAT_CHECK(check_members(object, kMembers, "publish"));
  LEAT_CHECK(check_target(request, true, true, false, false));
  LEAT_CHECK(read_idempotency_key(object, request));
  if (request.channel) {
    LEAT_TRY(request.record.value, bytes_member("data", object));
    return {};
  }
  LEAT_TRY(request.record, record_members(object));
  return {};
}

Outcome<> read_send(const JsonObject& object, LiveRequest& request) {
  constexpr std::string_view kMembers[] = {"op",          "id",       "queue",    "body",
                                           "body_base64", "group",    "headers",  "delay_ms",
                                           "ttl_ms",      "priority", "dedup_id", "idempotency_key"};
  LEAT_CHECK(check_members(object, kMembers, "send"));
  LEAT_CHECK(check_target(request, false, false, false, true));
  LEAT_CHECK(read_idempotency_key(object, request));
  LEAT_TRY(request.message, message_members(object));
  return {};
}

Outcome<> read_receipts(const JsonObject& object, LiveRequest& request) {
  constexpr std::string_view kMembers[] = {"op", "id", "queue", "receipts", "delay_ms", "lease_ms"};
  LEAT_CHECK(check_members(object, kMembers, "it"));
  LEAT_CHECK(check_target(request, false, false, false, true));
  const JsonValue* list = object.find("receipts");
  const auto receipts = list == nullptr ? std::vector<JsonValue>() : parse_list(*list, Level::list);
  if (!receipts || receipts->empty() || receipts->size() > kReceiptsMax)
    return invalid_body(fmt::format("receipts is no list of 1 to {}", kReceiptsMax));
  for (const JsonValue& each : *receipts) {
    if (!each.is_text) return invalid_body("a receipt is no text");
    LEAT_TRY(request.receipts.emplace_back(), parse_receipt(each.text));
  }
  const std::string_view name = request.op == LiveOp::extend ? "lease_ms" : "delay_ms";
  LEAT_TRY(const auto time, integer_member(name, request.op == LiveOp::extend ? 1 : 0, kLeaseMax, object));
  if (request.op == LiveOp::extend && !time) return invalid_body("extend has no lease_ms");
  request.settle_for = Milliseconds(time.value_or(0));
  return {};
}

Outcome<> read_unsubscribe(const JsonObject& object, const LiveRequest& request) {
  constexpr std::string_view kMembers[] = {"op", "id", "topic", "channel", "pattern", "queue"};
  LEAT_CHECK(check_members(object, kMembers, "unsubscribe"));
  return check_target(request, true, true, true, true);
}

}  // namespace

std::string_view done_word(LiveOp op) {
  for (const Word& word : kWords) {
    if (word.value == op) return word.done;
  }
  return "done";
}

Outcome<LiveRequest> parse_live_request(std::string_view json, std::string& id) {
  LEAT_TRY(const JsonObject object, parse_object(json, Level::root, false));
  LEAT_TRY(id, read_id(object));
  LiveRequest request;
  LEAT_TRY(request.op, read_op(object));
  LEAT_CHECK(read_topic_or_channel(object, request));
  switch (request.op) {
    case LiveOp::subscribe: LEAT_CHECK(read_subscribe(object, request)); break;
    case LiveOp::unsubscribe: LEAT_CHECK(read_unsubscribe(object, request)); break;
    case LiveOp::publish: LEAT_CHECK(read_publish(object, request)); break;
    case LiveOp::send: LEAT_CHECK(read_send(object, request)); break;
    case LiveOp::acknowledge:
    case LiveOp::release:
    case LiveOp::extend: LEAT_CHECK(read_receipts(object, request)); break;
    case LiveOp::ping: break;
  }
  return request;
}

}  // namespace leat::api
