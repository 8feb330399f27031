#include "protocol/sns/handlers.h"

#include "protocol/sns/subscription.h"

namespace leat::sns {
namespace {

constexpr std::size_t kPageSize = 100;

}  // namespace

std::unexpected<Fault> bad_parameter(std::string_view name, std::string_view reason) {
  return refuse(ErrorCode::invalid_parameter_value, fmt::format("Invalid parameter: {} Reason: {}", name, reason));
}

Outcome<queue::QueuePtr> find_topic(const Call& call, std::string_view arn, Operation operation) {
  const auto name = topic_in_arn(arn);
  if (!name) return bad_parameter("TopicArn", "An ARN must have at least 6 elements, not more, and be of sns");
  auto topic = call.queues.find(topic_queue_name(*name));
  if (topic == nullptr || !is_topic(*topic)) {
    // What there is, is told to who would be let in.
    LEAT_CHECK(aws::authorize(call.options, call.principal, operation, ResourceType::topic, topic_queue_name(*name)));
    return refuse(ErrorCode::topic_not_found, "Topic does not exist");
  }
  LEAT_CHECK(aws::authorize(call.options, call.principal, operation, ResourceType::topic, topic->topic));
  return topic;
}

Outcome<queue::QueuePtr> find_subscription(const Call& call, std::string_view arn, Operation operation) {
  const auto name = subscription_in_arn(arn);
  if (!name) return bad_parameter("SubscriptionArn", "An ARN must have at least 7 elements, not more, and be of sns");
  auto subscription = call.queues.find(subscription_queue_name(name->id));
  if (subscription == nullptr || attribute_of(*subscription, kTopicAttribute) != name->topic)
    return refuse(ErrorCode::topic_not_found, "Subscription does not exist");
  if (!call.is_open)
    LEAT_CHECK(aws::authorize(call.options, call.principal, operation, ResourceType::topic, subscription->topic));
  return subscription;
}

Outcome<Page> read_page(const Call& call, std::string_view next_token, IsWanted is_wanted, std::string_view topic) {
  std::string after;
  if (aws::is_set(next_token) && !next_token.empty()) {
    auto decoded = aws::from_base64(next_token);
    if (!decoded) return bad_parameter("NextToken", "it is none of this list's");
    after = std::move(*decoded);
  }
  Page page;
  visit_queues(call.queues, std::move(after), [&](const queue::QueuePtr& queue) {
    if (!is_wanted(*queue, topic) ||
        !aws::allows(call.options, call.principal, Operation::describe, ResourceType::topic, queue->topic))
      return true;
    if (page.queues.size() == kPageSize) {
      page.next_token = aws::to_base64(page.queues.back()->name);
      return false;
    }
    page.queues.push_back(queue);
    return true;
  });
  return page;
}

std::vector<queue::QueuePtr> subscriptions_of(const Call& call, std::string_view topic) {
  std::vector<queue::QueuePtr> out;
  visit_queues(call.queues, {}, [&](const queue::QueuePtr& queue) {
    if (is_subscription(*queue) && attribute_of(*queue, kTopicAttribute) == topic) out.push_back(queue);
    return true;
  });
  return out;
}

Answer alter(Call& call, const queue::Queue& before, queue::Queue wanted) {
  const auto altered = co_await call.queues.alter(before.name, queue::change_between(before, wanted));
  if (!altered) co_return std::unexpected(to_fault(altered.error()));
  co_return Outcome<>();
}

}  // namespace leat::sns
