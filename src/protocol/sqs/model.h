#pragma once

#include "protocol/aws/api.h"

// What the actions of Amazon SQS (API version 2012-11-05) take and answer. Names of members follow the API's; model.cc has
// the tables from which both codecs follow.
namespace leat::sqs {

using aws::Arena;
using aws::Blob;
using aws::is_aws_text;
using aws::is_set;
using aws::kEmptyText;
using aws::Message;
using aws::Named;
using aws::Shape;

using TextMap = std::vector<Named<std::string_view>>;
using Integer = std::optional<std::int64_t>;

struct AttributeValue {
  std::string_view data_type;
  std::string_view string_value;
  Blob binary_value;
  std::vector<std::string_view> string_list;
  std::vector<std::string_view> binary_list;  // never taken: only its presence matters
};
using AttributeMap = std::vector<Named<AttributeValue>>;

struct QueueInput {  // DeleteQueue, ListQueueTags, PurgeQueue
  std::string_view queue_url;
};
struct QueueUrlOutput {  // CreateQueue, GetQueueUrl
  std::string_view queue_url;
};
struct EmptyOutput {};

struct AddPermissionInput {
  std::string_view queue_url;
  std::string_view label;
  std::vector<std::string_view> accounts;
  std::vector<std::string_view> actions;
};
struct RemovePermissionInput {
  std::string_view queue_url;
  std::string_view label;
};

struct CreateQueueInput {
  std::string_view queue_name;
  TextMap attributes;
  TextMap tags;
};
struct GetQueueUrlInput {
  std::string_view queue_name;
  std::string_view owner;
};
struct ListQueuesInput {
  std::string_view prefix;
  std::string_view next_token;
  Integer max_results;
};
struct ListQueuesOutput {
  std::vector<std::string_view> urls;
  std::string_view next_token;
};
struct ListDeadLetterSourceQueuesInput {
  std::string_view queue_url;
  std::string_view next_token;
  Integer max_results;
};
struct ListDeadLetterSourceQueuesOutput {
  std::vector<std::string_view> urls;
  std::string_view next_token;
};

struct GetQueueAttributesInput {
  std::string_view queue_url;
  std::vector<std::string_view> names;
};
struct GetQueueAttributesOutput {
  TextMap attributes;
};
struct SetQueueAttributesInput {
  std::string_view queue_url;
  TextMap attributes;
};

struct TagQueueInput {
  std::string_view queue_url;
  TextMap tags;
};
struct UntagQueueInput {
  std::string_view queue_url;
  std::vector<std::string_view> keys;
};
struct ListQueueTagsOutput {
  TextMap tags;
};

struct SendEntry {
  std::string_view id;
  std::string_view body;
  Integer delay_seconds;
  AttributeMap attributes;
  AttributeMap system_attributes;
  std::string_view dedup_id;
  std::string_view group_id;
};
struct SendResult {
  std::string_view id;
  std::string_view message_id;
  std::string_view md5_of_body;
  std::string_view md5_of_attributes;
  std::string_view md5_of_system_attributes;
  std::string_view sequence_number;
};
struct FailedEntry {
  std::string_view id;
  std::optional<bool> is_senders_fault;
  std::string_view code;
  std::string_view message;
};
struct SendMessageInput {
  std::string_view queue_url;
  SendEntry message;
};
struct SendMessageBatchInput {
  std::string_view queue_url;
  std::vector<SendEntry> entries;
};
struct SendMessageBatchOutput {
  std::vector<SendResult> successful;
  std::vector<FailedEntry> failed;
};

struct ReceiptEntry {  // to delete, or to change the visibility of
  std::string_view id;
  std::string_view receipt_handle;
  Integer visibility_timeout;
};
struct DeleteEntry : ReceiptEntry {};
struct VisibilityEntry : ReceiptEntry {};
struct DoneEntry {
  std::string_view id;
};
struct DeleteMessageInput {
  std::string_view queue_url;
  std::string_view receipt_handle;
};
struct DeleteMessageBatchInput {
  std::string_view queue_url;
  std::vector<DeleteEntry> entries;
};
struct ChangeVisibilityInput {
  std::string_view queue_url;
  std::string_view receipt_handle;
  Integer visibility_timeout;
};
struct ChangeVisibilityBatchInput {
  std::string_view queue_url;
  std::vector<VisibilityEntry> entries;
};
struct DeletedEntry : DoneEntry {};
struct ChangedEntry : DoneEntry {};
struct DeleteMessageBatchOutput {
  std::vector<DeletedEntry> successful;
  std::vector<FailedEntry> failed;
};
struct ChangeVisibilityBatchOutput {
  std::vector<ChangedEntry> successful;
  std::vector<FailedEntry> failed;
};

struct ReceiveMessageInput {
  std::string_view queue_url;
  std::vector<std::string_view> attribute_names;         // the older name of the next one
  std::vector<std::string_view> system_attribute_names;  // "All" or names
  std::vector<std::string_view> message_attribute_names;
  Integer max_messages;
  Integer visibility_timeout;
  Integer wait_seconds;
  std::string_view attempt_id;
};
struct ReceivedMessage {
  std::string_view message_id;
  std::string_view receipt_handle;
  std::string_view md5_of_body;
  std::string_view body;
  TextMap attributes;
  std::string_view md5_of_attributes;
  AttributeMap message_attributes;
};
struct ReceiveMessageOutput {
  std::vector<ReceivedMessage> messages;
};

struct StartMoveTaskInput {
  std::string_view source_arn;
  std::string_view destination_arn;
  Integer rate_max;
};
struct StartMoveTaskOutput {
  std::string_view task_handle;
};
struct CancelMoveTaskInput {
  std::string_view task_handle;
};
struct CancelMoveTaskOutput {
  Integer moved;
};
struct ListMoveTasksInput {
  std::string_view source_arn;
  Integer max_results;
};
struct MoveTask {
  std::string_view task_handle;
  std::string_view status;
  std::string_view source_arn;
  std::string_view destination_arn;
  Integer rate_max;
  Integer moved;
  Integer to_move;
  std::string_view failure_reason;
  Integer started;
};
struct ListMoveTasksOutput {
  std::vector<MoveTask> tasks;
};

// leat's own actions, for what SQS has none (docs/formats/queue-messages.md).
struct BrowseMessagesInput {
  std::string_view queue_url;
  Integer max_messages;
};
struct BrowsedMessage {
  Integer partition;
  Integer offset;
  Integer deliveries;
  Integer sent;
  std::string_view key;
  std::string_view body;
  TextMap headers;                       // all of them
  std::vector<std::string_view> base64;  // which of these are no text and so encoded: "Key", "Body", names of headers
};
struct BrowseMessagesOutput {
  std::vector<BrowsedMessage> messages;
  std::optional<bool> truncated;  // fewer than were asked for and are there, since they are large
};
struct DescribeQueueOutput {
  std::string_view queue_name;
  std::string_view topic;
  Integer ready;
  Integer in_flight;
  Integer delayed;
  Integer oldest;    // when it was sent; absent when the queue is empty
  TextMap settings;  // that differ from their defaults
};
struct RewindQueueInput {
  std::string_view queue_url;
  std::string_view to;
};

struct MessagePlace {
  Integer partition;
  Integer offset;
};
struct RedriveMessagesInput {
  std::string_view queue_url;
  std::string_view destination;  // a queue's name; absent: each goes back to where it came from
  std::vector<MessagePlace> messages;
};
struct MessageOutcome {
  Integer partition;
  Integer offset;
  std::string_view failure;  // absent: it was moved
};
struct RedriveMessagesOutput {
  std::vector<MessageOutcome> outcomes;
};

// The shapes of all of them.
extern const Shape kAttributeValueShape, kSendEntryShape, kSendResultShape, kFailedEntryShape, kDeleteEntryShape,
    kVisibilityEntryShape, kDeletedEntryShape, kChangedEntryShape, kReceivedMessageShape, kMoveTaskShape,
    kBrowsedMessageShape, kMessagePlaceShape, kMessageOutcomeShape;

// All actions, in the order of their names.
[[nodiscard]] std::span<const Message> messages();
// Leat's own, in the same order; in JSON only.
[[nodiscard]] std::span<const Message> own_messages();

}  // namespace leat::sqs

namespace leat::aws {

template <>
inline constexpr const Shape* kShapeOf<sqs::AttributeValue> = &sqs::kAttributeValueShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::SendEntry> = &sqs::kSendEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::SendResult> = &sqs::kSendResultShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::FailedEntry> = &sqs::kFailedEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::DeleteEntry> = &sqs::kDeleteEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::VisibilityEntry> = &sqs::kVisibilityEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::DeletedEntry> = &sqs::kDeletedEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::ChangedEntry> = &sqs::kChangedEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::ReceivedMessage> = &sqs::kReceivedMessageShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::MoveTask> = &sqs::kMoveTaskShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::BrowsedMessage> = &sqs::kBrowsedMessageShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::MessagePlace> = &sqs::kMessagePlaceShape;
template <>
inline constexpr const Shape* kShapeOf<sqs::MessageOutcome> = &sqs::kMessageOutcomeShape;

}  // namespace leat::aws
