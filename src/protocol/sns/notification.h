#pragma once

#include <string>
#include <string_view>

#include "protocol/sns/signer.h"
#include "protocol/sqs/message_attributes.h"
#include "queue/queues.h"

// A message of a topic as its subscribers get it (the AWS page "Parsing Amazon SNS message formats"; the mapping from
// records: docs/formats/queue-messages.md, "SNS").
namespace leat::sns {

// Headers that only messages of topics have.
inline constexpr std::string_view kSubjectHeader = "leat-sns-subject";
inline constexpr std::string_view kStructureHeader = "leat-sns-structure";  // "json": a text for each protocol

// What a record says. Borrows from the delivery and `arena`.
struct Published {
  std::string_view message;  // of this protocol; base64 when the record's value is no text
  std::string_view subject;  // not set: none
  sqs::AttributeMap attributes;
  std::vector<log::RecordHeader> headers;
  std::string_view message_id;
  std::string_view sequence_number;  // of a FIFO topic
  std::string_view timestamp;        // ISO 8601
  std::string_view group;            // not set: none
  std::string_view dedup_id;         // the publisher's; not set: none
};
[[nodiscard]] Published read_published(const queue::Delivery& delivery, const queue::Queue& subscription,
                                       std::string_view protocol, aws::Arena& arena);

// What a FIFO queue takes for the same message: the publisher's id. Records of other producers have none: only a topic that
// deduplicates by content takes equal ones for the same.
[[nodiscard]] std::string_view dedup_id_of(const Published& published, const queue::Delivery& delivery, bool by_content,
                                           aws::Arena& arena);

// The text for a protocol of a message whose structure is "json"; nullopt: it is no JSON object with a "default" text.
[[nodiscard]] std::optional<std::string> text_for(std::string_view message, std::string_view protocol);

// What goes to an endpoint; texts that are not set are left out.
struct Notification {
  std::string_view type;
  std::string_view message_id;
  std::string_view token;
  std::string_view topic_arn;
  std::string_view subject;
  std::string_view message;
  std::string_view timestamp;
  std::string_view subscribe_url;
  std::string_view unsubscribe_url;
  std::string_view sequence_number;
  const sqs::AttributeMap* attributes = nullptr;
};
struct Signature {
  SignatureVersion version;
  std::string text;
  std::string certificate_url;
};
[[nodiscard]] std::string text_to_sign(const Notification& notification);
[[nodiscard]] std::string to_json(const Notification& notification, const Signature* signature);

}  // namespace leat::sns
