#include "protocol/sns/subscription.h"

#include <array>

namespace leat::sns {
namespace {

// The parts of arn:PARTITION:sns:REGION:ACCOUNT:NAME[:ID], from the name on; nullopt when it is none.
std::optional<std::string_view> behind_account(std::string_view arn) {
  constexpr std::size_t kPartsBefore = 5;
  for (std::size_t part = 0; part < kPartsBefore; ++part) {
    const auto colon = arn.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view text = arn.substr(0, colon);
    if ((part == 0 && text != "arn") || (part == 2 && text != "sns")) return std::nullopt;
    arn.remove_prefix(colon + 1);
  }
  return arn.empty() ? std::nullopt : std::optional(arn);
}

std::string_view without(std::string_view name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

}  // namespace

std::string_view attribute_of(const queue::Queue& queue, std::string_view name) {
  const auto found = queue.attributes.find(name);
  return found == queue.attributes.end() ? std::string_view() : found->second;
}

std::string topic_queue_name(std::string_view topic) { return fmt::format("{}{}", topic, kTopicSuffix); }
std::string subscription_queue_name(std::string_view id) { return fmt::format("{}{}", id, kSubscriptionSuffix); }

bool is_topic(const queue::Queue& queue) { return queue.name.ends_with(kTopicSuffix) && !queue.settings.delivers; }
bool is_subscription(const queue::Queue& queue) {
  return queue.name.ends_with(kSubscriptionSuffix) && queue.settings.delivers;
}

bool is_sns_queue(const queue::Queue& queue) { return is_topic(queue) || is_subscription(queue); }

std::string_view topic_name_of(const queue::Queue& topic) { return without(topic.name, kTopicSuffix); }
std::string_view subscription_id_of(const queue::Queue& subscription) {
  return without(subscription.name, kSubscriptionSuffix);
}
bool is_pending(const queue::Queue& subscription) { return attribute_of(subscription, kPendingAttribute) == "true"; }

void visit_queues(const queue::Queues& queues, std::string after,
                  const std::function<bool(const queue::QueuePtr& queue)>& visit) {
  constexpr std::size_t kListed = 256;
  while (true) {
    const auto listed = queues.list("", after, kListed);
    for (const queue::QueuePtr& queue : listed) {
      if (!visit(queue)) return;
    }
    if (listed.size() < kListed) return;
    after = listed.back()->name;
  }
}

std::string topic_arn(std::string_view region, std::string_view account, std::string_view topic) {
  return fmt::format("arn:aws:sns:{}:{}:{}", region, account, topic);
}

std::string subscription_arn(std::string_view region, std::string_view account, std::string_view topic,
                             std::string_view id) {
  return fmt::format("{}:{}", topic_arn(region, account, topic), id);
}

std::optional<std::string_view> topic_in_arn(std::string_view arn) {
  const auto name = behind_account(arn);
  return name && !name->contains(':') ? name : std::nullopt;
}

std::optional<SubscriptionName> subscription_in_arn(std::string_view arn) {
  const auto rest = behind_account(arn);
  if (!rest) return std::nullopt;
  const auto colon = rest->find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const SubscriptionName name{rest->substr(0, colon), rest->substr(colon + 1)};
  if (name.id.empty() || name.id.contains(':')) return std::nullopt;
  return name;
}

}  // namespace leat::sns
