#include "protocol/sqs/model.h"

namespace leat::sqs {
namespace {

using aws::Field;
using aws::field;
using aws::keyed;
using aws::kNothing;
using aws::required;

constexpr Field kAttributeValue[] = {
    field<&AttributeValue::string_value>("StringValue"),
    field<&AttributeValue::binary_value>("BinaryValue"),
    field<&AttributeValue::string_list>("StringListValues", "StringListValue"),
    field<&AttributeValue::binary_list>("BinaryListValues", "BinaryListValue"),
    field<&AttributeValue::data_type>("DataType"),
};
constexpr Field kSendEntry[] = {
    required(field<&SendEntry::id>("Id")),
    required(field<&SendEntry::body>("MessageBody")),
    field<&SendEntry::delay_seconds>("DelaySeconds"),
    field<&SendEntry::attributes>("MessageAttributes", "MessageAttribute"),
    field<&SendEntry::system_attributes>("MessageSystemAttributes", "MessageSystemAttribute"),
    field<&SendEntry::dedup_id>("MessageDeduplicationId"),
    field<&SendEntry::group_id>("MessageGroupId"),
};
constexpr Field kSendResult[] = {
    field<&SendResult::id>("Id"),
    field<&SendResult::message_id>("MessageId"),
    field<&SendResult::md5_of_body>("MD5OfMessageBody"),
    field<&SendResult::md5_of_attributes>("MD5OfMessageAttributes"),
    field<&SendResult::md5_of_system_attributes>("MD5OfMessageSystemAttributes"),
    field<&SendResult::sequence_number>("SequenceNumber"),
};
constexpr Field kFailedEntry[] = {
    field<&FailedEntry::id>("Id"),
    field<&FailedEntry::is_senders_fault>("SenderFault"),
    field<&FailedEntry::code>("Code"),
    field<&FailedEntry::message>("Message"),
};
constexpr Field kDeleteEntry[] = {
    required(field<&ReceiptEntry::id>("Id")),
    required(field<&ReceiptEntry::receipt_handle>("ReceiptHandle")),
};
constexpr Field kVisibilityEntry[] = {
    required(field<&ReceiptEntry::id>("Id")),
    required(field<&ReceiptEntry::receipt_handle>("ReceiptHandle")),
    field<&ReceiptEntry::visibility_timeout>("VisibilityTimeout"),
};
constexpr Field kDoneEntry[] = {
    field<&DoneEntry::id>("Id"),
};
constexpr Field kReceivedMessage[] = {
    field<&ReceivedMessage::message_id>("MessageId"),
    field<&ReceivedMessage::receipt_handle>("ReceiptHandle"),
    field<&ReceivedMessage::md5_of_body>("MD5OfBody"),
    field<&ReceivedMessage::body>("Body"),
    field<&ReceivedMessage::attributes>("Attributes", "Attribute"),
    field<&ReceivedMessage::md5_of_attributes>("MD5OfMessageAttributes"),
    field<&ReceivedMessage::message_attributes>("MessageAttributes", "MessageAttribute"),
};
constexpr Field kMoveTask[] = {
    field<&MoveTask::task_handle>("TaskHandle"),
    field<&MoveTask::status>("Status"),
    field<&MoveTask::source_arn>("SourceArn"),
    field<&MoveTask::destination_arn>("DestinationArn"),
    field<&MoveTask::rate_max>("MaxNumberOfMessagesPerSecond"),
    field<&MoveTask::moved>("ApproximateNumberOfMessagesMoved"),
    field<&MoveTask::to_move>("ApproximateNumberOfMessagesToMove"),
    field<&MoveTask::failure_reason>("FailureReason"),
    field<&MoveTask::started>("StartedTimestamp"),
};

constexpr Field kAddPermissionInput[] = {
    required(field<&AddPermissionInput::queue_url>("QueueUrl")),
    required(field<&AddPermissionInput::label>("Label")),
    required(field<&AddPermissionInput::accounts>("AWSAccountIds", "AWSAccountId")),
    required(field<&AddPermissionInput::actions>("Actions", "ActionName")),
};
constexpr Field kCancelMoveTaskInput[] = {
    required(field<&CancelMoveTaskInput::task_handle>("TaskHandle")),
};
constexpr Field kCancelMoveTaskOutput[] = {
    field<&CancelMoveTaskOutput::moved>("ApproximateNumberOfMessagesMoved"),
};
constexpr Field kChangeVisibilityInput[] = {
    required(field<&ChangeVisibilityInput::queue_url>("QueueUrl")),
    required(field<&ChangeVisibilityInput::receipt_handle>("ReceiptHandle")),
    required(field<&ChangeVisibilityInput::visibility_timeout>("VisibilityTimeout")),
};
constexpr Field kChangeVisibilityBatchInput[] = {
    required(field<&ChangeVisibilityBatchInput::queue_url>("QueueUrl")),
    field<&ChangeVisibilityBatchInput::entries>("Entries", "ChangeMessageVisibilityBatchRequestEntry"),
};
constexpr Field kChangeVisibilityBatchOutput[] = {
    required(field<&ChangeVisibilityBatchOutput::successful>("Successful", "ChangeMessageVisibilityBatchResultEntry")),
    required(field<&ChangeVisibilityBatchOutput::failed>("Failed", "BatchResultErrorEntry")),
};
constexpr Field kCreateQueueInput[] = {
    required(field<&CreateQueueInput::queue_name>("QueueName")),
    field<&CreateQueueInput::attributes>("Attributes", "Attribute"),
    keyed(field<&CreateQueueInput::tags>("tags", "Tag"), "Key"),
};
constexpr Field kQueueUrlOutput[] = {
    field<&QueueUrlOutput::queue_url>("QueueUrl"),
};
constexpr Field kDeleteMessageInput[] = {
    required(field<&DeleteMessageInput::queue_url>("QueueUrl")),
    required(field<&DeleteMessageInput::receipt_handle>("ReceiptHandle")),
};
constexpr Field kDeleteMessageBatchInput[] = {
    required(field<&DeleteMessageBatchInput::queue_url>("QueueUrl")),
    field<&DeleteMessageBatchInput::entries>("Entries", "DeleteMessageBatchRequestEntry"),
};
constexpr Field kDeleteMessageBatchOutput[] = {
    required(field<&DeleteMessageBatchOutput::successful>("Successful", "DeleteMessageBatchResultEntry")),
    required(field<&DeleteMessageBatchOutput::failed>("Failed", "BatchResultErrorEntry")),
};
constexpr Field kQueueInput[] = {
    required(field<&QueueInput::queue_url>("QueueUrl")),
};
constexpr Field kGetQueueAttributesInput[] = {
    required(field<&GetQueueAttributesInput::queue_url>("QueueUrl")),
    field<&GetQueueAttributesInput::names>("AttributeNames", "AttributeName"),
};
constexpr Field kGetQueueAttributesOutput[] = {
    field<&GetQueueAttributesOutput::attributes>("Attributes", "Attribute"),
};
constexpr Field kGetQueueUrlInput[] = {
    required(field<&GetQueueUrlInput::queue_name>("QueueName")),
    field<&GetQueueUrlInput::owner>("QueueOwnerAWSAccountId"),
};
constexpr Field kListDeadLetterSourceQueuesInput[] = {
    required(field<&ListDeadLetterSourceQueuesInput::queue_url>("QueueUrl")),
    field<&ListDeadLetterSourceQueuesInput::next_token>("NextToken"),
    field<&ListDeadLetterSourceQueuesInput::max_results>("MaxResults"),
};
constexpr Field kListDeadLetterSourceQueuesOutput[] = {
    required(field<&ListDeadLetterSourceQueuesOutput::urls>("queueUrls", "QueueUrl")),
    field<&ListDeadLetterSourceQueuesOutput::next_token>("NextToken"),
};
constexpr Field kListMoveTasksInput[] = {
    required(field<&ListMoveTasksInput::source_arn>("SourceArn")),
    field<&ListMoveTasksInput::max_results>("MaxResults"),
};
constexpr Field kListMoveTasksOutput[] = {
    required(field<&ListMoveTasksOutput::tasks>("Results", "ListMessageMoveTasksResultEntry")),
};
constexpr Field kListQueueTagsOutput[] = {
    keyed(field<&ListQueueTagsOutput::tags>("Tags", "Tag"), "Key"),
};
constexpr Field kListQueuesInput[] = {
    field<&ListQueuesInput::prefix>("QueueNamePrefix"),
    field<&ListQueuesInput::next_token>("NextToken"),
    field<&ListQueuesInput::max_results>("MaxResults"),
};
constexpr Field kListQueuesOutput[] = {
    required(field<&ListQueuesOutput::urls>("QueueUrls", "QueueUrl")),
    field<&ListQueuesOutput::next_token>("NextToken"),
};
constexpr Field kReceiveMessageInput[] = {
    required(field<&ReceiveMessageInput::queue_url>("QueueUrl")),
    field<&ReceiveMessageInput::attribute_names>("AttributeNames", "AttributeName"),
    field<&ReceiveMessageInput::system_attribute_names>("MessageSystemAttributeNames", "AttributeName"),
    field<&ReceiveMessageInput::message_attribute_names>("MessageAttributeNames", "MessageAttributeName"),
    field<&ReceiveMessageInput::max_messages>("MaxNumberOfMessages"),
    field<&ReceiveMessageInput::visibility_timeout>("VisibilityTimeout"),
    field<&ReceiveMessageInput::wait_seconds>("WaitTimeSeconds"),
    field<&ReceiveMessageInput::attempt_id>("ReceiveRequestAttemptId"),
};
constexpr Field kReceiveMessageOutput[] = {
    field<&ReceiveMessageOutput::messages>("Messages", "Message"),
};
constexpr Field kRemovePermissionInput[] = {
    required(field<&RemovePermissionInput::queue_url>("QueueUrl")),
    required(field<&RemovePermissionInput::label>("Label")),
};
constexpr Field kSendMessageInput[] = {
    required(field<&SendMessageInput::queue_url>("QueueUrl")),
    required(field<&SendMessageInput::message, &SendEntry::body>("MessageBody")),
    field<&SendMessageInput::message, &SendEntry::delay_seconds>("DelaySeconds"),
    field<&SendMessageInput::message, &SendEntry::attributes>("MessageAttributes", "MessageAttribute"),
    field<&SendMessageInput::message, &SendEntry::system_attributes>("MessageSystemAttributes",
                                                                     "MessageSystemAttribute"),
    field<&SendMessageInput::message, &SendEntry::dedup_id>("MessageDeduplicationId"),
    field<&SendMessageInput::message, &SendEntry::group_id>("MessageGroupId"),
};
constexpr Field kSendMessageBatchInput[] = {
    required(field<&SendMessageBatchInput::queue_url>("QueueUrl")),
    field<&SendMessageBatchInput::entries>("Entries", "SendMessageBatchRequestEntry"),
};
constexpr Field kSendMessageBatchOutput[] = {
    required(field<&SendMessageBatchOutput::successful>("Successful", "SendMessageBatchResultEntry")),
    required(field<&SendMessageBatchOutput::failed>("Failed", "BatchResultErrorEntry")),
};
constexpr Field kSetQueueAttributesInput[] = {
    required(field<&SetQueueAttributesInput::queue_url>("QueueUrl")),
    required(field<&SetQueueAttributesInput::attributes>("Attributes", "Attribute")),
};
constexpr Field kStartMoveTaskInput[] = {
    required(field<&StartMoveTaskInput::source_arn>("SourceArn")),
    field<&StartMoveTaskInput::destination_arn>("DestinationArn"),
    field<&StartMoveTaskInput::rate_max>("MaxNumberOfMessagesPerSecond"),
};
constexpr Field kStartMoveTaskOutput[] = {
    field<&StartMoveTaskOutput::task_handle>("TaskHandle"),
};
constexpr Field kTagQueueInput[] = {
    required(field<&TagQueueInput::queue_url>("QueueUrl")),
    required(keyed(field<&TagQueueInput::tags>("Tags", "Tag"), "Key")),
};
constexpr Field kUntagQueueInput[] = {
    required(field<&UntagQueueInput::queue_url>("QueueUrl")),
    required(field<&UntagQueueInput::keys>("TagKeys", "TagKey")),
};

constexpr Field kBrowsedMessage[] = {
    field<&BrowsedMessage::partition>("Partition"),
    field<&BrowsedMessage::offset>("Offset"),
    field<&BrowsedMessage::deliveries>("Deliveries"),
    field<&BrowsedMessage::sent>("SentTimestamp"),
    field<&BrowsedMessage::key>("Key"),
    field<&BrowsedMessage::body>("Body"),
    field<&BrowsedMessage::headers>("Headers"),
    field<&BrowsedMessage::base64>("Base64"),
};
constexpr Field kBrowseMessagesInput[] = {
    required(field<&BrowseMessagesInput::queue_url>("QueueUrl")),
    field<&BrowseMessagesInput::max_messages>("MaxNumberOfMessages"),
};
constexpr Field kBrowseMessagesOutput[] = {
    required(field<&BrowseMessagesOutput::messages>("Messages")),
    field<&BrowseMessagesOutput::truncated>("Truncated"),
};
constexpr Field kDescribeQueueOutput[] = {
    field<&DescribeQueueOutput::queue_name>("QueueName"), field<&DescribeQueueOutput::topic>("Topic"),
    field<&DescribeQueueOutput::ready>("Ready"),          field<&DescribeQueueOutput::in_flight>("InFlight"),
    field<&DescribeQueueOutput::delayed>("Delayed"),      field<&DescribeQueueOutput::oldest>("OldestTimestamp"),
    field<&DescribeQueueOutput::settings>("Settings"),
};
constexpr Field kRewindQueueInput[] = {
    required(field<&RewindQueueInput::queue_url>("QueueUrl")),
    required(field<&RewindQueueInput::to>("To")),
};

constexpr Field kMessagePlace[] = {
    required(field<&MessagePlace::partition>("Partition")),
    required(field<&MessagePlace::offset>("Offset")),
};
constexpr Field kMessageOutcome[] = {
    field<&MessageOutcome::partition>("Partition"),
    field<&MessageOutcome::offset>("Offset"),
    field<&MessageOutcome::failure>("Failure"),
};
constexpr Field kRedriveMessagesInput[] = {
    required(field<&RedriveMessagesInput::queue_url>("QueueUrl")),
    field<&RedriveMessagesInput::destination>("Destination"),
    required(field<&RedriveMessagesInput::messages>("Messages")),
};
constexpr Field kRedriveMessagesOutput[] = {
    required(field<&RedriveMessagesOutput::outcomes>("Outcomes")),
};

constexpr Message kOwnMessages[] = {
    {"BrowseMessages", {kBrowseMessagesInput}, {kBrowseMessagesOutput}},
    {"DescribeQueue", {kQueueInput}, {kDescribeQueueOutput}},
    {"RedriveMessages", {kRedriveMessagesInput}, {kRedriveMessagesOutput}},
    {"RewindQueue", {kRewindQueueInput}, kNothing},
};

constexpr Message kMessages[] = {
    {"AddPermission", {kAddPermissionInput}, kNothing},
    {"CancelMessageMoveTask", {kCancelMoveTaskInput}, {kCancelMoveTaskOutput}},
    {"ChangeMessageVisibility", {kChangeVisibilityInput}, kNothing},
    {"ChangeMessageVisibilityBatch", {kChangeVisibilityBatchInput}, {kChangeVisibilityBatchOutput}},
    {"CreateQueue", {kCreateQueueInput}, {kQueueUrlOutput}},
    {"DeleteMessage", {kDeleteMessageInput}, kNothing},
    {"DeleteMessageBatch", {kDeleteMessageBatchInput}, {kDeleteMessageBatchOutput}},
    {"DeleteQueue", {kQueueInput}, kNothing},
    {"GetQueueAttributes", {kGetQueueAttributesInput}, {kGetQueueAttributesOutput}},
    {"GetQueueUrl", {kGetQueueUrlInput}, {kQueueUrlOutput}},
    {"ListDeadLetterSourceQueues", {kListDeadLetterSourceQueuesInput}, {kListDeadLetterSourceQueuesOutput}},
    {"ListMessageMoveTasks", {kListMoveTasksInput}, {kListMoveTasksOutput}},
    {"ListQueueTags", {kQueueInput}, {kListQueueTagsOutput}},
    {"ListQueues", {kListQueuesInput}, {kListQueuesOutput}},
    {"PurgeQueue", {kQueueInput}, kNothing},
    {"ReceiveMessage", {kReceiveMessageInput}, {kReceiveMessageOutput}},
    {"RemovePermission", {kRemovePermissionInput}, kNothing},
    {"SendMessage", {kSendMessageInput}, {std::span(kSendResult).subspan(1)}},
    {"SendMessageBatch", {kSendMessageBatchInput}, {kSendMessageBatchOutput}},
    {"SetQueueAttributes", {kSetQueueAttributesInput}, kNothing},
    {"StartMessageMoveTask", {kStartMoveTaskInput}, {kStartMoveTaskOutput}},
    {"TagQueue", {kTagQueueInput}, kNothing},
    {"UntagQueue", {kUntagQueueInput}, kNothing},
};

}  // namespace

constexpr Shape kAttributeValueShape{kAttributeValue};
constexpr Shape kSendEntryShape{kSendEntry};
constexpr Shape kSendResultShape{kSendResult};
constexpr Shape kFailedEntryShape{kFailedEntry};
constexpr Shape kDeleteEntryShape{kDeleteEntry};
constexpr Shape kVisibilityEntryShape{kVisibilityEntry};
constexpr Shape kDeletedEntryShape{kDoneEntry};
constexpr Shape kChangedEntryShape{kDoneEntry};
constexpr Shape kReceivedMessageShape{kReceivedMessage};
constexpr Shape kMoveTaskShape{kMoveTask};
constexpr Shape kBrowsedMessageShape{kBrowsedMessage};
constexpr Shape kMessagePlaceShape{kMessagePlace};
constexpr Shape kMessageOutcomeShape{kMessageOutcome};

std::span<const Message> messages() { return kMessages; }
std::span<const Message> own_messages() { return kOwnMessages; }

}  // namespace leat::sqs
