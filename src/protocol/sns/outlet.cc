#include "protocol/sns/outlet.h"

#include <nlohmann/json.hpp>

#include "protocol/aws/text.h"
#include "protocol/sns/subscription.h"
#include "protocol/sqs/handlers.h"

namespace leat::sns {

DeliveryPolicy policy_of(const queue::Queue& subscription, const queue::Queue* topic) {
  if (attribute_of(subscription, "Protocol") == "sqs") return queue_delivery_policy();
  TopicPolicy defaults;
  if (topic != nullptr) {
    if (auto parsed = parse_topic_policy(attribute_of(*topic, "DeliveryPolicy"))) defaults = *parsed;
  }
  const auto own = attribute_of(subscription, "DeliveryPolicy");
  if (own.empty() || defaults.overrides_subscriptions) return defaults.policy;
  return parse_subscription_policy(own, defaults.policy).value_or(defaults.policy);
}

std::string dead_letters_of(std::string_view redrive_policy) {
  if (redrive_policy.empty()) return {};
  const auto policy = nlohmann::json::parse(redrive_policy, nullptr, false);
  const auto arn = policy.is_object() ? policy.find("deadLetterTargetArn") : policy.end();
  if (arn == policy.end() || !arn->is_string()) return {};
  return std::string(sqs::name_in_arn(arn->get_ref<const std::string&>()).value_or(""));
}

Outlet read_outlet(queue::QueuePtr subscription, queue::QueuePtr topic, std::string_view account) {
  const queue::Queue& queue = *subscription;
  Outlet out;
  out.protocol = attribute_of(queue, "Protocol");
  const auto endpoint = attribute_of(queue, "Endpoint");
  out.target = out.is_http() ? endpoint : sqs::name_in_arn(endpoint).value_or("");
  out.is_raw = attribute_of(queue, "RawMessageDelivery") == "true";
  if (const auto text = attribute_of(queue, "FilterPolicy"); !text.empty()) {
    const bool is_body = attribute_of(queue, "FilterPolicyScope") == "MessageBody";
    using Scope = FilterPolicy::Scope;
    if (auto filter = FilterPolicy::parse(text, is_body ? Scope::body : Scope::attributes)) out.filter = *filter;
  }
  out.policy = policy_of(queue, topic.get());
  out.dead_letters = dead_letters_of(attribute_of(queue, "RedrivePolicy"));
  if (topic != nullptr && attribute_of(*topic, "SignatureVersion") == "2") out.signature = SignatureVersion::sha256;
  const auto region = attribute_of(queue, kRegionAttribute);
  const auto name = attribute_of(queue, kTopicAttribute);
  out.topic_arn = topic_arn(region, account, name);
  out.arn = subscription_arn(region, account, name, subscription_id_of(queue));
  out.base = attribute_of(queue, kBaseAttribute);
  out.unsubscribe_url =
      fmt::format("{}/?Action=Unsubscribe&SubscriptionArn={}", out.base, aws::percent_encoded(out.arn));
  out.subscription = std::move(subscription);
  out.topic = std::move(topic);
  return out;
}

}  // namespace leat::sns
