#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "queue/queues.h"

// SNS's topics and subscriptions are queues (docs/formats/queue-messages.md, "SNS"): a topic one that delivers nothing, on a
// leat topic of the same name; a subscription one on the same leat topic, from which its messages go to its endpoint. What
// only SNS knows of them is in their attributes.
namespace leat::sns {

// Behind the names of their queues. No queue of SQS's can have such a name.
inline constexpr std::string_view kTopicSuffix = ".sns";
inline constexpr std::string_view kSubscriptionSuffix = ".subscription";

// Names of attributes of subscriptions besides the API's own.
inline constexpr std::string_view kTopicAttribute = "Topic";    // by SNS's name
inline constexpr std::string_view kRegionAttribute = "Region";  // in ARNs of deliveries
inline constexpr std::string_view kBaseAttribute = "Base";      // in URLs of deliveries: "http://host:port"
inline constexpr std::string_view kTokenAttribute = "Token";    // that confirms it
inline constexpr std::string_view kAskedAttribute = "Asked";    // when somebody wanted it to be asked once more
inline constexpr std::string_view kPendingAttribute = "PendingConfirmation";
inline constexpr std::string_view kSignedUnsubscribeAttribute = "AuthenticateOnUnsubscribe";
inline constexpr std::string_view kConfirmedBySignatureAttribute = "ConfirmationWasAuthenticated";

// Whether it is SNS's own: nothing is sent to those as to queues.
[[nodiscard]] bool is_sns_queue(const queue::Queue& queue);

// Empty when there is none.
[[nodiscard]] std::string_view attribute_of(const queue::Queue& queue, std::string_view name);

[[nodiscard]] std::string topic_queue_name(std::string_view topic);
[[nodiscard]] std::string subscription_queue_name(std::string_view id);
[[nodiscard]] bool is_topic(const queue::Queue& queue);
[[nodiscard]] bool is_subscription(const queue::Queue& queue);
// SNS's name of a topic, the id of a subscription, from the queue's name.
[[nodiscard]] std::string_view topic_name_of(const queue::Queue& topic);
[[nodiscard]] std::string_view subscription_id_of(const queue::Queue& subscription);
[[nodiscard]] bool is_pending(const queue::Queue& subscription);

// Calls visit(queue) for each queue whose name comes after `after`, in the order of the names, until it returns false.
void visit_queues(const queue::Queues& queues, std::string after,
                  const std::function<bool(const queue::QueuePtr& queue)>& visit);

[[nodiscard]] std::string topic_arn(std::string_view region, std::string_view account, std::string_view topic);
[[nodiscard]] std::string subscription_arn(std::string_view region, std::string_view account, std::string_view topic,
                                           std::string_view id);
// The names in ARNs; nullopt: it is none of that kind.
[[nodiscard]] std::optional<std::string_view> topic_in_arn(std::string_view arn);
struct SubscriptionName {
  std::string_view topic;
  std::string_view id;
};
[[nodiscard]] std::optional<SubscriptionName> subscription_in_arn(std::string_view arn);

}  // namespace leat::sns
