#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/queue_calls.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::Operation;
using security::ResourceType;

constexpr std::size_t kMessagesMax = 1000;
constexpr std::size_t kPeekBytesMax = std::size_t{8} << 20;
constexpr int kMultiStatus = 207;

// What the parameters and the body say of one message.
ParsedMessage message_of(const Request& request) {
  ParsedMessage message;
  message.body = request.http.body;
  if (request.has("group")) message.group = std::string(request.text("group"));
  message.dedup_id = request.text("dedup_id");
  if (const auto delay = request.integer("delay_ms")) message.delay = Milliseconds(*delay);
  message.priority = static_cast<std::uint8_t>(request.number("priority"));
  return message;
}

Outcome<std::vector<ParsedMessage>> messages_of(const Request& request) {
  if (request.media_type() != "application/json") return std::vector<ParsedMessage>{message_of(request)};
  for (const std::string_view name : {"group", "dedup_id", "delay_ms", "priority"}) {
    if (request.has(name)) return refuse(400, "invalid-parameter", "a message in JSON has its parameters itself");
  }
  return parse_messages(request.http.body, kMessagesMax);
}

void append_sent(const Result<queue::Sent>& sent, std::string& out) {
  if (!sent) {
    out += R"({"error":)";
    append_problem(problem_of(sent.error()), out);
  } else {
    fmt::format_to(std::back_inserter(out), R"({{"partition":{},"offset":{},"timestamp":{},"duplicate":{})",
                   sent->partition, sent->offset, sent->sent, sent->duplicate);
  }
  out += '}';
}

Outcome<http::HttpResponse> response_of(const std::vector<queue::Delivery>& messages, bool are_leased,
                                        bool is_cut = false) {
  std::string body = R"({"messages":[)";
  for (const queue::Delivery& message : messages) {
    body += &message == &messages.front() ? "{" : ",{";
    if (const Status written = append_message(message, are_leased, body); !written) return refuse(written.error());
    body += '}';
  }
  body += is_cut ? R"(],"truncated":true})" : "]}";
  return json_text_response(200, std::move(body));
}

Answer peek(Request& request, queue::QueuePtr queue) {
  API_TRY(const auto found, co_await request.shard.queues.browse(
                                std::move(queue), static_cast<std::size_t>(request.number("limit")), kPeekBytesMax));
  co_return response_of(found.messages, false, found.is_cut);
}

// Receipts that were understood, and where they were in the request.
struct Receipts {
  std::vector<std::string> texts;
  std::vector<queue::Receipt> parsed;
};
Outcome<Receipts> receipts_of(const Json& body) {
  Receipts receipts;
  receipts.texts = body.at("receipts").get<std::vector<std::string>>();
  for (const std::string& text : receipts.texts) {
    LEAT_TRY(receipts.parsed.emplace_back(), parse_receipt(text));
  }
  return receipts;
}

Outcome<http::HttpResponse> response_of(const Receipts& receipts, const std::vector<Status>& outcomes) {
  const auto failed = std::ranges::count_if(outcomes, [](const Status& status) { return !status; });
  if (failed == 1 && outcomes.size() == 1) return refuse(outcomes.front().error());
  std::string body = R"({"results":[)";
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    fmt::format_to(std::back_inserter(body), R"({}{{"receipt":"{}")", i == 0 ? "" : ",", receipts.texts[i]);
    if (!outcomes[i]) {
      body += R"(,"error":)";
      append_problem(problem_of(outcomes[i].error()), body);
    }
    body += '}';
  }
  body += "]}";
  return json_text_response(failed == 0 ? 200 : kMultiStatus, std::move(body));
}

Answer change_leases(const Request& request, Milliseconds lease, std::string reason) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  LEAT_CO_TRY(const Receipts receipts, receipts_of(*request.body));
  std::vector<queue::LeaseChange> changes;
  for (const queue::Receipt& receipt : receipts.parsed) changes.push_back({receipt, lease, reason});
  co_return response_of(receipts, co_await request.shard.queues.set_lease(queue, changes));
}

}  // namespace

Answer send_messages(Request& request) {
  LEAT_CO_TRY(queue::QueuePtr queue, find_queue(request));
  LEAT_CO_CHECK(authorize_sending(request, queue->name));
  LEAT_CO_TRY(const auto messages, messages_of(request));
  const auto sent = co_await send_all(request.shard, std::move(queue), messages);
  const auto failed = std::ranges::count_if(sent, [](const auto& each) { return !each; });
  if (static_cast<std::size_t>(failed) == sent.size()) co_return refuse(sent.front().error());
  std::string body = R"({"messages":[)";
  for (const auto& each : sent) {
    if (&each != &sent.front()) body += ',';
    append_sent(each, body);
  }
  body += "]}";
  co_return json_text_response(failed == 0 ? 200 : kMultiStatus, std::move(body));
}

Answer receive_messages(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  const Json& body = *request.body;
  queue::ReceiveRequest wanted;
  wanted.count_max = body.value("max", std::size_t{1});
  if (body.contains("wait_ms")) wanted.wait = Milliseconds(body.at("wait_ms").get<std::int64_t>());
  if (body.contains("lease_ms")) wanted.lease = Milliseconds(body.at("lease_ms").get<std::int64_t>());
  wanted.attempt_id = body.value("attempt_id", "");
  wanted.gone = request.http.presence->gone();
  API_TRY(const auto messages, co_await request.shard.queues.receive(queue, std::move(wanted)));
  if (request.http.presence->is_gone()) co_await give_back(request.shard, queue, messages);
  co_return response_of(messages, true);
}

Answer peek_messages(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  co_return co_await peek(request, queue);
}

Answer peek_dead_letters(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  const std::string& dead = queue->settings.dead_letter_queue;
  if (dead.empty()) co_return refuse(404, "not-found", "the queue has no dead-letter queue");
  LEAT_CO_CHECK(request.authorize(Operation::read, ResourceType::queue, dead));
  LEAT_CO_TRY(const queue::QueuePtr letters, find_queue(request.shard, dead));
  co_return co_await peek(request, letters);
}

Answer acknowledge_messages(Request& request) {
  LEAT_CO_TRY(const queue::QueuePtr queue, find_queue(request));
  LEAT_CO_TRY(const Receipts receipts, receipts_of(*request.body));
  co_return response_of(receipts, co_await request.shard.queues.acknowledge(queue, receipts.parsed));
}

Answer extend_leases(Request& request) {
  return change_leases(request, Milliseconds(request.body->at("lease_ms").get<std::int64_t>()), {});
}

Answer release_messages(Request& request) {
  return change_leases(request, Milliseconds(request.body->value("delay_ms", std::int64_t{0})),
                       request.body->value("reason", ""));
}

}  // namespace leat::api
