#include "protocol/api/queue_calls.h"

#include <charconv>

namespace leat::api {
namespace {

constexpr std::string_view kMembers[] = {"body",     "body_base64", "group",    "headers",
                                         "delay_ms", "ttl_ms",      "priority", "dedup_id"};
constexpr std::int64_t kDelayMax = 31'536'000'000;
constexpr std::size_t kDedupIdMax = 128;

Outcome<std::optional<Milliseconds>> duration_member(std::string_view name, std::int64_t min, std::int64_t max,
                                                     const JsonObject& object) {
  LEAT_TRY(const auto value, integer_member(name, min, max, object));
  return value ? std::optional(Milliseconds(*value)) : std::nullopt;
}

Outcome<ParsedMessage> message_of(const JsonObject& object) {
  LEAT_CHECK(check_members(object, kMembers, "a message"));
  return message_members(object);
}

}  // namespace

Outcome<ParsedMessage> message_members(const JsonObject& object) {
  ParsedMessage message;
  LEAT_TRY(auto body, bytes_member("body", object));
  message.body = std::move(body).value_or("");
  LEAT_TRY(message.group, text_member("group", object));
  LEAT_TRY(message.headers, headers_member(object));
  for (const auto& [key, value] : message.headers) {
    if (queue::is_reserved_header(key)) return invalid_body(fmt::format("header '{}' is leat's own", key));
  }
  LEAT_TRY(auto dedup_id, text_member("dedup_id", object));
  message.dedup_id = std::move(dedup_id).value_or("");
  if (message.dedup_id.size() > kDedupIdMax) return invalid_body("dedup_id is too long");
  LEAT_TRY(message.delay, duration_member("delay_ms", 0, kDelayMax, object));
  LEAT_TRY(message.time_to_live, duration_member("ttl_ms", 1, INT64_MAX, object));
  LEAT_TRY(const auto priority, integer_member("priority", 0, queue::kPriorities - 1, object));
  message.priority = static_cast<std::uint8_t>(priority.value_or(0));
  return message;
}

Outcome<queue::QueuePtr> find_queue(const ApiShard& shard, std::string_view name) {
  auto found = shard.queues.find(name);
  if (found == nullptr) return refuse(404, "not-found", fmt::format("there is no queue '{}'", name));
  return found;
}
Outcome<queue::QueuePtr> find_queue(const Request& request) { return find_queue(request.shard, request.text("queue")); }

Outcome<> authorize_sending(const Request& request, std::string_view name) {
  using security::Operation;
  using security::ResourceType;
  LEAT_CHECK(request.authorize(Operation::write, ResourceType::queue, name));
  const queue::QueuePtr queue = request.shard.queues.find(name);
  if (queue == nullptr || queue->owns_topic) return {};
  return request.authorize(Operation::write, ResourceType::topic, queue->topic);
}

std::string text_of(const queue::Receipt& receipt) {
  return fmt::format("{}.{}.{}.{}", receipt.partition, receipt.offset, receipt.rewinds, receipt.delivery);
}

Outcome<queue::Receipt> parse_receipt(std::string_view text) {
  std::array<std::int64_t, 4> numbers{};
  const char* at = text.data();
  const char* end = at + text.size();
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto [behind, error] = std::from_chars(at, end, numbers[i]);
    const bool is_last = i + 1 == numbers.size();
    const bool goes_on = is_last ? behind == end : behind != end && *behind == '.';
    const std::int64_t max = i == 1 ? INT64_MAX : i == 0 ? INT32_MAX : std::int64_t{UINT32_MAX};
    if (error != std::errc() || !goes_on || numbers[i] < 0 || numbers[i] > max)
      return refuse(400, "invalid-receipt", fmt::format("'{}' is no receipt", text));
    at = behind + 1;
  }
  return queue::Receipt{PartitionIndex(static_cast<std::int32_t>(numbers[0])), Offset(numbers[1]),
                        static_cast<std::uint32_t>(numbers[2]), static_cast<std::uint32_t>(numbers[3])};
}

Status append_message(const queue::Delivery& delivery, bool is_leased, std::string& out) {
  const queue::Receipt& receipt = delivery.receipt;
  fmt::format_to(std::back_inserter(out), R"("partition":{},"offset":{},"sent":{},"deliveries":{})", receipt.partition,
                 receipt.offset, delivery.record.timestamp, receipt.delivery);
  if (is_leased) {
    fmt::format_to(std::back_inserter(out), R"(,"receipt":"{}","first_delivered":{})", text_of(receipt),
                   delivery.first_delivered);
  }
  if (delivery.record.key) append_bytes_member("group", delivery.record.key, out);
  append_bytes_member("body", delivery.record.value, out);
  return append_headers_member(delivery.record.raw_headers, is_leased, out);
}

Outcome<std::vector<ParsedMessage>> parse_messages(std::string_view json, std::size_t messages_max) {
  return parse_items<ParsedMessage>(json, "messages", messages_max, message_of);
}

runtime::Task<> give_back(ApiShard& shard, queue::QueuePtr queue, const std::vector<queue::Delivery>& deliveries) {
  std::vector<queue::LeaseChange> changes;
  for (const queue::Delivery& delivery : deliveries) changes.push_back({delivery.receipt, Milliseconds(0), {}});
  (void)co_await shard.queues.set_lease(std::move(queue), changes);
}

runtime::Task<std::vector<Result<queue::Sent>>> send_all(ApiShard& shard, queue::QueuePtr queue,
                                                         const std::vector<ParsedMessage>& messages) {
  std::vector<queue::NewMessage> made;
  made.reserve(messages.size());
  for (const ParsedMessage& message : messages) {
    queue::NewMessage& each = made.emplace_back();
    each.body = as_bytes(message.body);
    if (message.group) each.group = as_bytes(*message.group);
    for (const auto& [key, value] : message.headers)
      each.headers.push_back({key, value ? std::optional(as_bytes(*value)) : std::nullopt});
    each.dedup_id = message.dedup_id;
    each.delay = message.delay;
    each.time_to_live = message.time_to_live;
    each.priority = message.priority;
  }
  co_return co_await shard.queues.send(std::move(queue), made);
}

}  // namespace leat::api
