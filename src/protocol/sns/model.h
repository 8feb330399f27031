#pragma once

#include "protocol/sqs/model.h"

// What the actions of Amazon SNS (API version 2010-03-31) take and answer; model.cc has the tables.
namespace leat::sns {

using aws::Message;
using aws::Shape;
using sqs::AttributeMap;
using sqs::EmptyOutput;
using sqs::TextMap;

struct Tag {
  std::string_view key;
  std::string_view value;
};

struct CreateTopicInput {
  std::string_view name;
  TextMap attributes;
  std::vector<Tag> tags;
};
struct TopicArnText {  // CreateTopic's output, an entry of ListTopics, and the input of several
  std::string_view topic_arn;
};
struct PageInput {  // ListTopics, ListSubscriptions
  std::string_view next_token;
};
struct ListTopicsOutput {
  std::vector<TopicArnText> topics;
  std::string_view next_token;
};
struct AttributesOutput {
  TextMap attributes;
};
struct SetTopicAttributesInput {
  std::string_view topic_arn;
  std::string_view name;
  std::string_view value;
};

struct SubscribeInput {
  std::string_view topic_arn;
  std::string_view protocol;
  std::string_view endpoint;
  TextMap attributes;
  std::optional<bool> returns_arn;
};
struct ConfirmSubscriptionInput {
  std::string_view topic_arn;
  std::string_view token;
  std::string_view authenticate_on_unsubscribe;
};
struct SubscriptionArnText {
  std::string_view subscription_arn;
};
struct ShownSubscription {
  std::string_view subscription_arn;
  std::string_view owner;
  std::string_view protocol;
  std::string_view endpoint;
  std::string_view topic_arn;
};
struct ListSubscriptionsByTopicInput {
  std::string_view topic_arn;
  std::string_view next_token;
};
struct ListSubscriptionsOutput {
  std::vector<ShownSubscription> subscriptions;
  std::string_view next_token;
};
struct SetSubscriptionAttributesInput {
  std::string_view subscription_arn;
  std::string_view name;
  std::string_view value;
};

struct PublishEntry {
  std::string_view id;
  std::string_view message;
  std::string_view subject;
  std::string_view structure;
  AttributeMap attributes;
  std::string_view dedup_id;
  std::string_view group_id;
};
struct PublishInput {
  std::string_view topic_arn;
  std::string_view target_arn;
  std::string_view phone_number;
  PublishEntry entry;
};
struct PublishResult {
  std::string_view id;
  std::string_view message_id;
  std::string_view sequence_number;
};
struct PublishBatchInput {
  std::string_view topic_arn;
  std::vector<PublishEntry> entries;
};
struct PublishBatchOutput {
  std::vector<PublishResult> successful;
  std::vector<sqs::FailedEntry> failed;
};

struct ResourceInput {
  std::string_view resource_arn;
};
struct TagResourceInput {
  std::string_view resource_arn;
  std::vector<Tag> tags;
};
struct UntagResourceInput {
  std::string_view resource_arn;
  std::vector<std::string_view> keys;
};
struct ListTagsOutput {
  std::vector<Tag> tags;
};

extern const Shape kTagShape, kTopicArnShape, kSubscriptionShape, kPublishEntryShape, kPublishResultShape;

// All actions, in the order of their names.
[[nodiscard]] std::span<const Message> messages();

}  // namespace leat::sns

namespace leat::aws {

template <>
inline constexpr const Shape* kShapeOf<sns::Tag> = &sns::kTagShape;
template <>
inline constexpr const Shape* kShapeOf<sns::TopicArnText> = &sns::kTopicArnShape;
template <>
inline constexpr const Shape* kShapeOf<sns::ShownSubscription> = &sns::kSubscriptionShape;
template <>
inline constexpr const Shape* kShapeOf<sns::PublishEntry> = &sns::kPublishEntryShape;
template <>
inline constexpr const Shape* kShapeOf<sns::PublishResult> = &sns::kPublishResultShape;

}  // namespace leat::aws
