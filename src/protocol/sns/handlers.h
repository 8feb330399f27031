#pragma once

#include "protocol/aws/options.h"
#include "protocol/aws/run.h"
#include "protocol/sns/errors.h"
#include "protocol/sns/model.h"
#include "queue/queues.h"

// What each action does: from its input to calls of the queues, to its output.
namespace leat::sns {

using aws::Answer;
using aws::Arena;
using security::Operation;
using security::ResourceType;

// One request, while it is answered.
struct Call {
  Call(aws::Call& shared, queue::Queues& the_queues, const aws::Options& the_options)
      : queues(the_queues),
        options(the_options),
        common(shared),
        arena(shared.arena),
        region(shared.region),
        sender(shared.sender),
        principal(shared.principal),
        is_open(shared.is_open) {}

  queue::Queues& queues;
  const aws::Options& options;
  const aws::Call& common;
  // Of it.
  Arena& arena;
  const std::string& region;
  const std::string& sender;
  const security::Principal& principal;
  bool is_open;
};

[[nodiscard]] std::unexpected<Fault> bad_parameter(std::string_view name, std::string_view reason);

// The queue of a topic that exists, when the caller may do that to it. Errors: invalid_parameter_value, topic_not_found,
// access_denied.
[[nodiscard]] Outcome<queue::QueuePtr> find_topic(const Call& call, std::string_view arn, Operation operation);
// The same of a subscription.
[[nodiscard]] Outcome<queue::QueuePtr> find_subscription(const Call& call, std::string_view arn, Operation operation);

// All topics, or all subscriptions, that `is_wanted`; in the order of their queues' names.
using IsWanted = bool (*)(const queue::Queue& queue, std::string_view topic);
struct Page {
  std::vector<queue::QueuePtr> queues;
  std::string next_token;  // empty: the last page
};
[[nodiscard]] Outcome<Page> read_page(const Call& call, std::string_view next_token, IsWanted is_wanted,
                                      std::string_view topic = {});
[[nodiscard]] std::vector<queue::QueuePtr> subscriptions_of(const Call& call, std::string_view topic);

Answer alter(Call& call, const queue::Queue& before, queue::Queue wanted);

// handlers_topics.cc
Answer create_topic(Call& call, const CreateTopicInput& in, TopicArnText& out);
Answer delete_topic(Call& call, const TopicArnText& in, EmptyOutput& out);
Answer list_topics(Call& call, const PageInput& in, ListTopicsOutput& out);
Answer get_topic_attributes(Call& call, const TopicArnText& in, AttributesOutput& out);
Answer set_topic_attributes(Call& call, const SetTopicAttributesInput& in, EmptyOutput& out);
Answer tag_resource(Call& call, const TagResourceInput& in, EmptyOutput& out);
Answer untag_resource(Call& call, const UntagResourceInput& in, EmptyOutput& out);
Answer list_tags(Call& call, const ResourceInput& in, ListTagsOutput& out);

// handlers_subscriptions.cc
Answer subscribe(Call& call, const SubscribeInput& in, SubscriptionArnText& out);
Answer confirm_subscription(Call& call, const ConfirmSubscriptionInput& in, SubscriptionArnText& out);
Answer unsubscribe(Call& call, const SubscriptionArnText& in, EmptyOutput& out);
Answer list_subscriptions(Call& call, const PageInput& in, ListSubscriptionsOutput& out);
Answer list_subscriptions_by_topic(Call& call, const ListSubscriptionsByTopicInput& in, ListSubscriptionsOutput& out);
Answer get_subscription_attributes(Call& call, const SubscriptionArnText& in, AttributesOutput& out);
Answer set_subscription_attributes(Call& call, const SetSubscriptionAttributesInput& in, EmptyOutput& out);

// handlers_publish.cc
Answer publish(Call& call, const PublishInput& in, PublishResult& out);
Answer publish_batch(Call& call, const PublishBatchInput& in, PublishBatchOutput& out);

}  // namespace leat::sns
