#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

// When a delivery that failed is tried again (the AWS page "Amazon SNS message delivery retries").
namespace leat::sns {

struct DeliveryPolicy {
  enum class Backoff : std::uint8_t { linear, arithmetic, geometric, exponential };

  std::int32_t retries = 3;            // in all
  std::int32_t no_delay_retries = 0;   // of these: at once,
  std::int32_t min_delay_retries = 0;  // then after min_delay,
  std::int32_t max_delay_retries = 0;  // and the last ones after max_delay; between them the delay grows
  std::int32_t min_delay = 20;         // seconds
  std::int32_t max_delay = 20;
  Backoff backoff = Backoff::linear;
  double rate_max = 0;       // deliveries a second; 0: as many as there are
  std::string content_type;  // of requests; empty: text/plain; charset=UTF-8

  friend bool operator==(const DeliveryPolicy&, const DeliveryPolicy&) = default;

  // How long to wait before the retry of that number, the first being 1; nullopt: there is none any more.
  [[nodiscard]] std::optional<Milliseconds> delay_before(std::uint32_t retry) const;
};

// To queues: often, and for three weeks.
[[nodiscard]] const DeliveryPolicy& queue_delivery_policy();

// A subscription's policy: {"healthyRetryPolicy": {…}, "throttlePolicy": {…}, "requestPolicy": {…}}, over `defaults`.
// Error: invalid_argument.
[[nodiscard]] Result<DeliveryPolicy> parse_subscription_policy(std::string_view json, const DeliveryPolicy& defaults);
struct TopicPolicy {
  DeliveryPolicy policy;
  bool overrides_subscriptions = false;
};
// A topic's: {"http": {"defaultHealthyRetryPolicy": {…}, "disableSubscriptionOverrides": …, …}}. Error: invalid_argument.
[[nodiscard]] Result<TopicPolicy> parse_topic_policy(std::string_view json);

// What EffectiveDeliveryPolicy shows.
[[nodiscard]] std::string to_subscription_json(const DeliveryPolicy& policy);
[[nodiscard]] std::string to_topic_json(const TopicPolicy& policy);

}  // namespace leat::sns
