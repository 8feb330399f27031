#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "queue/queues.h"

// What SQS's clients hold for a delivery: base64url of a version byte, the queue's id, the receipt's fields and a checksum
// (docs/formats/queue-messages.md). Opaque to them, and good on every connection and after a restart.
namespace leat::sqs {

[[nodiscard]] std::string to_handle(const queue::QueueId& queue, const queue::Receipt& receipt);
// nullopt: it is none, or another queue's.
[[nodiscard]] std::optional<queue::Receipt> from_handle(std::string_view handle, const queue::QueueId& queue);

// Names a message to people and SDKs: the same in the answer to its send, at each of its deliveries, and as a dead letter.
[[nodiscard]] std::string message_id(const TopicId& topic, PartitionIndex partition, Offset offset);

}  // namespace leat::sqs
