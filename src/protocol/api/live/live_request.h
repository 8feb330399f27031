#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/api/queue_calls.h"
#include "protocol/api/record_json.h"
#include "pubsub/topic_tails.h"

namespace leat::api {

enum class LiveOp : std::uint8_t { subscribe, unsubscribe, publish, send, acknowledge, release, extend, ping };
// What an answer's "type" is when it was done: "subscribed".
[[nodiscard]] std::string_view done_word(LiveOp op);

// A message of a WebSocket's client (docs/live.md).
struct LiveRequest {
  LiveOp op = LiveOp::ping;
  // What it is about: one of these.
  std::optional<std::string> topic;
  std::optional<std::string> channel;
  std::optional<std::string> pattern;
  std::optional<std::string> queue;
  [[nodiscard]] const std::string& name() const {
    return topic ? *topic : channel ? *channel : pattern ? *pattern : *queue;
  }

  pubsub::TailStart start;            // subscribe to a topic
  std::int64_t prefetch = 1;          // subscribe to a queue: messages at a time,
  std::optional<Milliseconds> lease;  // and for how long each
  ParsedRecord record;                // publish; to a channel: its value
  ParsedMessage message;              // send
  std::string idempotency_key;        // publish and send; empty: none
  std::string content;                // the same for the same request, whatever its id; only with that key
  std::vector<queue::Receipt> receipts;
  Milliseconds settle_for{0};  // extend: the lease from now on; release: until it is delivered again
};

// `id`: of the request, as JSON, to be repeated in the answer, whatever is wrong with the rest; empty: it has none, and no answer
// is wanted if it is done. Error: 400, in words.
[[nodiscard]] Outcome<LiveRequest> parse_live_request(std::string_view json, std::string& id);

}  // namespace leat::api
