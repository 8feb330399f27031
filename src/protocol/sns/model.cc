#include "protocol/sns/model.h"

namespace leat::sns {
namespace {

using aws::Field;
using aws::field;
using aws::keyed;
using aws::kNothing;
using aws::required;

// The map of attributes, as the Query form names its parts.
template <auto... Path>
constexpr Field attributes(std::string_view query_name = "Attributes.entry") {
  Field made = keyed(field<Path...>("Attributes", query_name), "key");
  made.value_name = "value";
  return made;
}

constexpr Field kTag[] = {required(field<&Tag::key>("Key")), field<&Tag::value>("Value")};
constexpr Field kTopicArn[] = {required(field<&TopicArnText::topic_arn>("TopicArn"))};
constexpr Field kSubscription[] = {
    field<&ShownSubscription::topic_arn>("TopicArn"),
    field<&ShownSubscription::protocol>("Protocol"),
    field<&ShownSubscription::subscription_arn>("SubscriptionArn"),
    field<&ShownSubscription::owner>("Owner"),
    field<&ShownSubscription::endpoint>("Endpoint"),
};
constexpr Field kPublishEntry[] = {
    required(field<&PublishEntry::id>("Id")),
    field<&PublishEntry::message>("Message"),  // in a batch its entry fails alone
    field<&PublishEntry::subject>("Subject"),
    field<&PublishEntry::structure>("MessageStructure"),
    field<&PublishEntry::attributes>("MessageAttributes", "MessageAttributes.entry"),
    field<&PublishEntry::dedup_id>("MessageDeduplicationId"),
    field<&PublishEntry::group_id>("MessageGroupId"),
};
constexpr Field kPublishResult[] = {
    field<&PublishResult::id>("Id"),
    field<&PublishResult::message_id>("MessageId"),
    field<&PublishResult::sequence_number>("SequenceNumber"),
};

constexpr Field kCreateTopicInput[] = {
    required(field<&CreateTopicInput::name>("Name")),
    attributes<&CreateTopicInput::attributes>(),
    field<&CreateTopicInput::tags>("Tags", "Tags.member"),
};
constexpr Field kPageInput[] = {field<&PageInput::next_token>("NextToken")};
constexpr Field kListTopicsOutput[] = {
    required(field<&ListTopicsOutput::topics>("Topics", "Topics.member")),
    field<&ListTopicsOutput::next_token>("NextToken"),
};
constexpr Field kAttributesOutput[] = {required(attributes<&AttributesOutput::attributes>())};
constexpr Field kSetTopicAttributesInput[] = {
    required(field<&SetTopicAttributesInput::topic_arn>("TopicArn")),
    required(field<&SetTopicAttributesInput::name>("AttributeName")),
    field<&SetTopicAttributesInput::value>("AttributeValue"),
};
constexpr Field kSubscribeInput[] = {
    required(field<&SubscribeInput::topic_arn>("TopicArn")),
    required(field<&SubscribeInput::protocol>("Protocol")),
    field<&SubscribeInput::endpoint>("Endpoint"),
    attributes<&SubscribeInput::attributes>(),
    field<&SubscribeInput::returns_arn>("ReturnSubscriptionArn"),
};
constexpr Field kConfirmSubscriptionInput[] = {
    required(field<&ConfirmSubscriptionInput::topic_arn>("TopicArn")),
    required(field<&ConfirmSubscriptionInput::token>("Token")),
    field<&ConfirmSubscriptionInput::authenticate_on_unsubscribe>("AuthenticateOnUnsubscribe"),
};
constexpr Field kSubscriptionArn[] = {required(field<&SubscriptionArnText::subscription_arn>("SubscriptionArn"))};
constexpr Field kListSubscriptionsByTopicInput[] = {
    required(field<&ListSubscriptionsByTopicInput::topic_arn>("TopicArn")),
    field<&ListSubscriptionsByTopicInput::next_token>("NextToken"),
};
constexpr Field kListSubscriptionsOutput[] = {
    required(field<&ListSubscriptionsOutput::subscriptions>("Subscriptions", "Subscriptions.member")),
    field<&ListSubscriptionsOutput::next_token>("NextToken"),
};
constexpr Field kSetSubscriptionAttributesInput[] = {
    required(field<&SetSubscriptionAttributesInput::subscription_arn>("SubscriptionArn")),
    required(field<&SetSubscriptionAttributesInput::name>("AttributeName")),
    field<&SetSubscriptionAttributesInput::value>("AttributeValue"),
};
constexpr Field kPublishInput[] = {
    field<&PublishInput::topic_arn>("TopicArn"),
    field<&PublishInput::target_arn>("TargetArn"),
    field<&PublishInput::phone_number>("PhoneNumber"),
    field<&PublishInput::entry, &PublishEntry::message>("Message"),
    field<&PublishInput::entry, &PublishEntry::subject>("Subject"),
    field<&PublishInput::entry, &PublishEntry::structure>("MessageStructure"),
    field<&PublishInput::entry, &PublishEntry::attributes>("MessageAttributes", "MessageAttributes.entry"),
    field<&PublishInput::entry, &PublishEntry::dedup_id>("MessageDeduplicationId"),
    field<&PublishInput::entry, &PublishEntry::group_id>("MessageGroupId"),
};
constexpr Field kPublishBatchInput[] = {
    required(field<&PublishBatchInput::topic_arn>("TopicArn")),
    field<&PublishBatchInput::entries>("PublishBatchRequestEntries", "PublishBatchRequestEntries.member"),
};
constexpr Field kPublishBatchOutput[] = {
    required(field<&PublishBatchOutput::successful>("Successful", "Successful.member")),
    required(field<&PublishBatchOutput::failed>("Failed", "Failed.member")),
};
constexpr Field kResourceInput[] = {required(field<&ResourceInput::resource_arn>("ResourceArn"))};
constexpr Field kTagResourceInput[] = {
    required(field<&TagResourceInput::resource_arn>("ResourceArn")),
    required(field<&TagResourceInput::tags>("Tags", "Tags.member")),
};
constexpr Field kUntagResourceInput[] = {
    required(field<&UntagResourceInput::resource_arn>("ResourceArn")),
    required(field<&UntagResourceInput::keys>("TagKeys", "TagKeys.member")),
};
constexpr Field kListTagsOutput[] = {required(field<&ListTagsOutput::tags>("Tags", "Tags.member"))};

constexpr Message kMessages[] = {
    {"ConfirmSubscription", {kConfirmSubscriptionInput}, {kSubscriptionArn}},
    {"CreateTopic", {kCreateTopicInput}, {kTopicArn}},
    {"DeleteTopic", {kTopicArn}, kNothing},
    {"GetSubscriptionAttributes", {kSubscriptionArn}, {kAttributesOutput}},
    {"GetTopicAttributes", {kTopicArn}, {kAttributesOutput}},
    {"ListSubscriptions", {kPageInput}, {kListSubscriptionsOutput}},
    {"ListSubscriptionsByTopic", {kListSubscriptionsByTopicInput}, {kListSubscriptionsOutput}},
    {"ListTagsForResource", {kResourceInput}, {kListTagsOutput}},
    {"ListTopics", {kPageInput}, {kListTopicsOutput}},
    {"Publish", {kPublishInput}, {std::span(kPublishResult).subspan(1)}},
    {"PublishBatch", {kPublishBatchInput}, {kPublishBatchOutput}},
    {"SetSubscriptionAttributes", {kSetSubscriptionAttributesInput}, kNothing},
    {"SetTopicAttributes", {kSetTopicAttributesInput}, kNothing},
    {"Subscribe", {kSubscribeInput}, {kSubscriptionArn}},
    {"TagResource", {kTagResourceInput}, kNothing, true},
    {"Unsubscribe", {kSubscriptionArn}, kNothing},
    {"UntagResource", {kUntagResourceInput}, kNothing, true},
};

}  // namespace

constexpr Shape kTagShape{kTag};
constexpr Shape kTopicArnShape{kTopicArn};
constexpr Shape kSubscriptionShape{kSubscription};
constexpr Shape kPublishEntryShape{kPublishEntry};
constexpr Shape kPublishResultShape{kPublishResult};

std::span<const Message> messages() { return kMessages; }

}  // namespace leat::sns
