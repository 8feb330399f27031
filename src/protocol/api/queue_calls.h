#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/api/record_json.h"
#include "protocol/api/request.h"

// What everything about queues' messages has in common, over HTTP and over WebSockets.
namespace leat::api {

// The queue that the path names. Error: 404.
[[nodiscard]] Outcome<queue::QueuePtr> find_queue(const Request& request);
[[nodiscard]] Outcome<queue::QueuePtr> find_queue(const ApiShard& shard, std::string_view name);

// Whether the client may send to the queue of that name, and so to the topic that it is on, if that is not its own. Error: a
// problem that says what is lacking.
[[nodiscard]] Outcome<> authorize_sending(const Request& request, std::string_view name);

// Receipts as clients see them: PARTITION.OFFSET.REWINDS.DELIVERY. Error: 400.
[[nodiscard]] std::string text_of(const queue::Receipt& receipt);
[[nodiscard]] Outcome<queue::Receipt> parse_receipt(std::string_view text);

// A message that is delivered (Message in openapi.yaml), without the braces around it. `is_leased`: it has a receipt. Error:
// corrupt.
[[nodiscard]] Status append_message(const queue::Delivery& delivery, bool is_leased, std::string& out);

// A message to be sent, as a client wrote it.
struct ParsedMessage {
  std::string body;
  std::optional<std::string> group;
  ParsedHeaders headers;
  std::string dedup_id;
  std::optional<Milliseconds> delay;
  std::optional<Milliseconds> time_to_live;
  std::uint8_t priority = 0;
};
// The members of an object that make one. Error: 400.
[[nodiscard]] Outcome<ParsedMessage> message_members(const JsonObject& object);
// A body: one message, or {"messages": [...]}. What follows `json` may be read, as for parse_records(). Error: 400.
[[nodiscard]] Outcome<std::vector<ParsedMessage>> parse_messages(std::string_view json, std::size_t messages_max);
// One outcome a message, in their order.
[[nodiscard]] runtime::Task<std::vector<Result<queue::Sent>>> send_all(ApiShard& shard, queue::QueuePtr queue,
                                                                       const std::vector<ParsedMessage>& messages);

// Lets others have messages that nobody is there for any more.
[[nodiscard]] runtime::Task<> give_back(ApiShard& shard, queue::QueuePtr queue,
                                        const std::vector<queue::Delivery>& deliveries);

}  // namespace leat::api
