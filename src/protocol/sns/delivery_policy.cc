#include "protocol/sns/delivery_policy.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace leat::sns {
namespace {

using nlohmann::json;
using Backoff = DeliveryPolicy::Backoff;

constexpr std::size_t kPolicySizeMax = 32 << 10;
constexpr std::int32_t kRetriesMax = 100;
constexpr std::int32_t kDelayMax = 3600;
constexpr double kExponentialBase = 2;
constexpr std::string_view kBackoffs[] = {"linear", "arithmetic", "geometric", "exponential"};

std::unexpected<Error> bad(std::string_view what) {
  return fail(Errc::invalid_argument, fmt::format("DeliveryPolicy: {}", what));
}

Status take(const json& object, const char* name, std::int32_t low, std::int32_t high, std::int32_t& into) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return {};
  if (!found->is_number_integer() || *found < low || *found > high)
    return bad(fmt::format("{} must be an integer from {} to {}", name, low, high));
  into = found->get<std::int32_t>();
  return {};
}

Status take_retries(const json& object, DeliveryPolicy& policy) {
  if (!object.is_object()) return bad("a retry policy must be a JSON object");
  LEAT_CHECK(take(object, "numRetries", 0, kRetriesMax, policy.retries));
  LEAT_CHECK(take(object, "numNoDelayRetries", 0, kRetriesMax, policy.no_delay_retries));
  LEAT_CHECK(take(object, "numMinDelayRetries", 0, kRetriesMax, policy.min_delay_retries));
  LEAT_CHECK(take(object, "numMaxDelayRetries", 0, kRetriesMax, policy.max_delay_retries));
  LEAT_CHECK(take(object, "minDelayTarget", 1, kDelayMax, policy.min_delay));
  LEAT_CHECK(take(object, "maxDelayTarget", 1, kDelayMax, policy.max_delay));
  if (const auto found = object.find("backoffFunction"); found != object.end() && !found->is_null()) {
    const auto name = found->is_string() ? std::string_view(found->get_ref<const std::string&>()) : std::string_view();
    const auto known = std::ranges::find(kBackoffs, name);
    if (known == std::end(kBackoffs))
      return bad("backoffFunction must be linear, arithmetic, geometric or exponential");
    policy.backoff = static_cast<Backoff>(known - std::begin(kBackoffs));
  }
  if (policy.max_delay < policy.min_delay) return bad("maxDelayTarget must not be less than minDelayTarget");
  if (policy.no_delay_retries + policy.min_delay_retries + policy.max_delay_retries > policy.retries)
    return bad("numRetries must not be less than the retries of the phases together");
  return {};
}

Status take_throttle(const json& object, DeliveryPolicy& policy) {
  if (!object.is_object()) return bad("a throttle policy must be a JSON object");
  std::int32_t rate = 0;
  LEAT_CHECK(take(object, "maxReceivesPerSecond", 1, 1'000'000, rate));
  if (rate > 0) policy.rate_max = rate;
  return {};
}

Status take_request(const json& object, DeliveryPolicy& policy) {
  if (!object.is_object()) return bad("a request policy must be a JSON object");
  const auto found = object.find("headerContentType");
  if (found == object.end() || found->is_null()) return {};
  const auto* text = found->get_ptr<const std::string*>();
  const bool is_valid = text != nullptr && !text->empty() && text->size() <= 200 &&
                        std::ranges::all_of(*text, [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
  if (!is_valid) return bad("headerContentType must be a media type");
  policy.content_type = *text;
  return {};
}

Result<json> parse(std::string_view text) {
  if (text.size() > kPolicySizeMax) return bad("it is too long");
  json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return bad("it must be a JSON object");
  return parsed;
}

json retries_json(const DeliveryPolicy& policy) {
  return {{"numRetries", policy.retries},
          {"numNoDelayRetries", policy.no_delay_retries},
          {"numMinDelayRetries", policy.min_delay_retries},
          {"numMaxDelayRetries", policy.max_delay_retries},
          {"minDelayTarget", policy.min_delay},
          {"maxDelayTarget", policy.max_delay},
          {"backoffFunction", kBackoffs[static_cast<std::size_t>(policy.backoff)]}};
}

json throttle_json(const DeliveryPolicy& policy) {
  return {{"maxReceivesPerSecond", static_cast<std::int64_t>(policy.rate_max)}};
}

json request_json(const DeliveryPolicy& policy) {
  return {{"headerContentType", policy.content_type.empty() ? "text/plain; charset=UTF-8" : policy.content_type}};
}

}  // namespace

std::optional<Milliseconds> DeliveryPolicy::delay_before(std::uint32_t retry) const {
  if (retry > static_cast<std::uint32_t>(retries)) return std::nullopt;
  auto at = static_cast<std::int32_t>(retry);  // counted within its phase, from 1
  if (at <= no_delay_retries) return Milliseconds(0);
  at -= no_delay_retries;
  if (at <= min_delay_retries) return Milliseconds(min_delay * 1000LL);
  at -= min_delay_retries;
  const std::int32_t growing = retries - no_delay_retries - min_delay_retries - max_delay_retries;
  if (at > growing) return Milliseconds(max_delay * 1000LL);
  // From 0 at the first one to 1 at the last.
  const double share = growing == 1 ? 1 : static_cast<double>(at - 1) / (growing - 1);
  const double low = min_delay;
  const double high = max_delay;
  double seconds = high;
  switch (backoff) {
    case Backoff::linear: seconds = low + (high - low) * share; break;
    case Backoff::arithmetic: seconds = low + (high - low) * share * share; break;
    case Backoff::geometric: seconds = low * std::pow(high / low, share); break;
    case Backoff::exponential: seconds = std::min(high, low * std::pow(kExponentialBase, at - 1)); break;
  }
  return Milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

const DeliveryPolicy& queue_delivery_policy() {
  static const DeliveryPolicy policy{.retries = 100'015,
                                     .no_delay_retries = 3,
                                     .min_delay_retries = 2,
                                     .max_delay_retries = 100'000,
                                     .min_delay = 1,
                                     .max_delay = 20,
                                     .backoff = Backoff::exponential,
                                     .content_type = {}};
  return policy;
}

Result<DeliveryPolicy> parse_subscription_policy(std::string_view text, const DeliveryPolicy& defaults) {
  LEAT_TRY(const json object, parse(text));
  DeliveryPolicy policy = defaults;
  for (const auto& [name, value] : object.items()) {
    if (value.is_null()) continue;
    if (name == "healthyRetryPolicy") {
      LEAT_CHECK(take_retries(value, policy));
    } else if (name == "throttlePolicy") {
      LEAT_CHECK(take_throttle(value, policy));
    } else if (name == "requestPolicy") {
      LEAT_CHECK(take_request(value, policy));
    } else if (name != "sicklyRetryPolicy" && name != "guaranteed") {
      return bad(fmt::format("unexpected JSON member: {}", name.substr(0, 100)));
    }
  }
  return policy;
}

Result<TopicPolicy> parse_topic_policy(std::string_view text) {
  LEAT_TRY(const json object, parse(text));
  TopicPolicy made;
  const auto http = object.find("http");
  if (http == object.end() || !http->is_object()) return bad("it must have the member http, an object");
  for (const auto& [name, value] : http->items()) {
    if (value.is_null()) continue;
    if (name == "defaultHealthyRetryPolicy") {
      LEAT_CHECK(take_retries(value, made.policy));
    } else if (name == "defaultThrottlePolicy") {
      LEAT_CHECK(take_throttle(value, made.policy));
    } else if (name == "defaultRequestPolicy") {
      LEAT_CHECK(take_request(value, made.policy));
    } else if (name == "disableSubscriptionOverrides" && value.is_boolean()) {
      made.overrides_subscriptions = value.get<bool>();
    } else if (name != "defaultSicklyRetryPolicy") {
      return bad(fmt::format("unexpected JSON member: {}", name.substr(0, 100)));
    }
  }
  return made;
}

std::string to_subscription_json(const DeliveryPolicy& policy) {
  json shown{{"healthyRetryPolicy", retries_json(policy)}, {"requestPolicy", request_json(policy)}};
  if (policy.rate_max > 0) shown["throttlePolicy"] = throttle_json(policy);
  return shown.dump();
}

std::string to_topic_json(const TopicPolicy& made) {
  json http{{"defaultHealthyRetryPolicy", retries_json(made.policy)},
            {"disableSubscriptionOverrides", made.overrides_subscriptions},
            {"defaultRequestPolicy", request_json(made.policy)}};
  if (made.policy.rate_max > 0) http["defaultThrottlePolicy"] = throttle_json(made.policy);
  return json{{"http", http}}.dump();
}

}  // namespace leat::sns
