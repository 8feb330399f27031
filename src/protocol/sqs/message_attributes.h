#pragma once

#include "protocol/sqs/errors.h"
#include "protocol/sqs/model.h"
#include "protocol/aws/text.h"
#include "queue/queues.h"

// Between SQS's messages and records (docs/formats/queue-messages.md, "SQS").
namespace leat::sqs {

// Headers that only SQS's messages have.
inline constexpr std::string_view kTypesHeader = "leat-sqs-types";    // of attributes that are not plain Strings
inline constexpr std::string_view kTraceHeader = "leat-sqs-trace";    // AWSTraceHeader
inline constexpr std::string_view kSenderHeader = "leat-sqs-sender";  // an access key's id
// Message attributes that are leat's.
inline constexpr std::string_view kEncodingAttribute = "leat-encoding";
inline constexpr std::string_view kPriorityAttribute = "leat-priority";
inline constexpr std::string_view kTimeToLiveAttribute = "leat-ttl";  // seconds

inline constexpr std::int64_t kMessageSizeMax = std::int64_t{1} << 20;

// What MD5OfMessageAttributes is made of: names in order, each with its type and value.
[[nodiscard]] std::string md5_of_attributes(const AttributeMap& attributes);

// Body, names, types and values of attributes.
[[nodiscard]] std::size_t size_of(const SendEntry& entry);

struct PreparedMessage {
  queue::NewMessage message;
  SendResult result;  // the MD5s
};
// Checks a message by SQS's rules and makes it one of the queue's. Texts that it needs beyond the entry's are kept in
// `arena`. Errors: invalid_message_contents, invalid_parameter_value, missing_parameter, unsupported_operation.
[[nodiscard]] Outcome<PreparedMessage> prepare_message(const SendEntry& entry, const queue::Queue& queue,
                                                       std::string_view sender, Arena& arena);

// Of FIFO queues: 20 digits that only grow within a message group.
[[nodiscard]] std::string sequence_number(Offset offset);

// Which attributes a consumer wants to see.
struct Wanted {
  std::vector<std::string_view> system;      // names; "All"
  std::vector<std::string_view> attributes;  // names; "All" or ".*"; "prefix.*"
};
// Error: invalid_attribute_name.
[[nodiscard]] Outcome<Wanted> wanted_by(const ReceiveMessageInput& in);

// The text of the first header of that name; not set when there is none.
[[nodiscard]] std::string_view header_in(const std::vector<log::RecordHeader>& headers, std::string_view name);
// Headers as the attributes that Wanted::attributes ask for. Borrows from them and `arena`.
[[nodiscard]] AttributeMap attributes_in(const std::vector<log::RecordHeader>& headers,
                                         const std::vector<std::string_view>& patterns, Arena& arena);

struct DeliveryContext {
  const queue::Queue& queue;
  const queue::Queues& queues;
  const Wanted& wanted;
  std::string_view account;     // the sender, when nobody is known
  std::string_view arn_prefix;  // of queues
};
// What a delivery looks like to SQS's consumer. Borrows from the delivery and `arena`.
[[nodiscard]] ReceivedMessage show_message(const queue::Delivery& delivery, const DeliveryContext& context,
                                           Arena& arena);

}  // namespace leat::sqs
