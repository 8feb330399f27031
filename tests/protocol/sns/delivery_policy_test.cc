#include "protocol/sns/delivery_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace leat::sns {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Backoff = DeliveryPolicy::Backoff;

// The delays before each retry, in milliseconds.
std::vector<std::int64_t> delays_of(const DeliveryPolicy& policy) {
  std::vector<std::int64_t> out;
  for (std::uint32_t retry = 1; retry < 1000; ++retry) {
    const auto delay = policy.delay_before(retry);
    if (!delay) break;
    out.push_back(delay->count());
  }
  return out;
}

DeliveryPolicy policy_with(Backoff backoff) {
  DeliveryPolicy policy;
  policy.retries = 5;
  policy.min_delay = 1;
  policy.max_delay = 81;
  policy.backoff = backoff;
  return policy;
}

std::string error_of(std::string_view text) {
  const auto parsed = parse_subscription_policy(text, {});
  if (parsed) return "none";
  EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
  return parsed.error().message;
}

TEST(DeliveryPolicy, RetriesThreeTimesAfterTwentySecondsWhenNobodySaysOtherwise) {
  EXPECT_THAT(delays_of({}), ElementsAre(20'000, 20'000, 20'000));
}

TEST(DeliveryPolicy, PhasesFollowOneAnother) {
  DeliveryPolicy policy = policy_with(Backoff::linear);
  policy.retries = 9;
  policy.no_delay_retries = 2;
  policy.min_delay_retries = 2;
  policy.max_delay_retries = 2;
  policy.max_delay = 3;
  EXPECT_THAT(delays_of(policy), ElementsAre(0, 0, 1'000, 1'000, 1'000, 2'000, 3'000, 3'000, 3'000));
}

TEST(DeliveryPolicy, EachBackoffFunctionGrowsFromTheLeastToTheMostDelay) {
  EXPECT_THAT(delays_of(policy_with(Backoff::linear)), ElementsAre(1'000, 21'000, 41'000, 61'000, 81'000));
  EXPECT_THAT(delays_of(policy_with(Backoff::arithmetic)), ElementsAre(1'000, 6'000, 21'000, 46'000, 81'000));
  EXPECT_THAT(delays_of(policy_with(Backoff::geometric)), ElementsAre(1'000, 3'000, 9'000, 27'000, 81'000));
  EXPECT_THAT(delays_of(policy_with(Backoff::exponential)), ElementsAre(1'000, 2'000, 4'000, 8'000, 16'000));
  DeliveryPolicy capped = policy_with(Backoff::exponential);
  capped.max_delay = 5;
  EXPECT_THAT(delays_of(capped), ElementsAre(1'000, 2'000, 4'000, 5'000, 5'000));
}

TEST(DeliveryPolicy, ThereMayBeNoRetryAndOnlyOneThatGrows) {
  DeliveryPolicy none;
  none.retries = 0;
  EXPECT_EQ(none.delay_before(1), std::nullopt);
  DeliveryPolicy one = policy_with(Backoff::geometric);
  one.retries = 1;
  EXPECT_THAT(delays_of(one), ElementsAre(81'000));
}

TEST(DeliveryPolicy, QueuesAreTriedForThreeWeeksAsSnsDocuments) {
  const DeliveryPolicy& policy = queue_delivery_policy();
  EXPECT_EQ(policy.delay_before(3), Milliseconds(0));
  EXPECT_EQ(policy.delay_before(4), Milliseconds(1'000));
  EXPECT_EQ(policy.delay_before(15), Milliseconds(20'000));
  EXPECT_EQ(policy.delay_before(100'015), Milliseconds(20'000));
  EXPECT_EQ(policy.delay_before(100'016), std::nullopt);
}

TEST(DeliveryPolicy, ASubscriptionsPolicyIsReadOverTheDefaults) {
  DeliveryPolicy defaults;
  defaults.content_type = "text/x";
  const auto parsed = parse_subscription_policy(
      R"({"healthyRetryPolicy":{"numRetries":7,"numNoDelayRetries":1,"numMinDelayRetries":2,"numMaxDelayRetries":3,)"
      R"("minDelayTarget":5,"maxDelayTarget":60,"backoffFunction":"geometric"},)"
      R"("throttlePolicy":{"maxReceivesPerSecond":10},"sicklyRetryPolicy":null,"guaranteed":false})",
      defaults);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const DeliveryPolicy wanted{.retries = 7,
                              .no_delay_retries = 1,
                              .min_delay_retries = 2,
                              .max_delay_retries = 3,
                              .min_delay = 5,
                              .max_delay = 60,
                              .backoff = Backoff::geometric,
                              .rate_max = 10,
                              .content_type = "text/x"};
  EXPECT_EQ(*parsed, wanted);
}

TEST(DeliveryPolicy, WhatIsShownIsReadAgainAsItWas) {
  const auto made = parse_subscription_policy(
      R"({"healthyRetryPolicy":{"numRetries":50,"minDelayTarget":2,"maxDelayTarget":9,"backoffFunction":"arithmetic"},)"
      R"("throttlePolicy":{"maxReceivesPerSecond":3},"requestPolicy":{"headerContentType":"application/json"}})",
      {});
  ASSERT_TRUE(made);
  const auto again = parse_subscription_policy(to_subscription_json(*made), {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *made);
  const auto topic = parse_topic_policy(
      R"({"http":{"defaultHealthyRetryPolicy":{"numRetries":4,"minDelayTarget":1},"disableSubscriptionOverrides":true,)"
      R"("defaultThrottlePolicy":{"maxReceivesPerSecond":2},"defaultRequestPolicy":{"headerContentType":"text/html"}}})");
  ASSERT_TRUE(topic) << topic.error().message;
  EXPECT_TRUE(topic->overrides_subscriptions);
  const auto topic_again = parse_topic_policy(to_topic_json(*topic));
  ASSERT_TRUE(topic_again) << topic_again.error().message;
  EXPECT_EQ(topic_again->policy, topic->policy);
  EXPECT_TRUE(topic_again->overrides_subscriptions);
}

TEST(DeliveryPolicy, TheEffectivePolicyOfATopicIsTheDocumentedDefault) {
  const json wanted =
      json::parse(R"({"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,)"
                  R"("numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},)"
                  R"("disableSubscriptionOverrides":false,)"
                  R"("defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}})");
  EXPECT_EQ(json::parse(to_topic_json({})), wanted);
}

TEST(DeliveryPolicy, RefusesWhatIsOutOfItsLimits) {
  for (const std::string_view retries :
       {R"({"numRetries":-1})", R"({"numRetries":101})", R"({"numRetries":1.5})", R"({"numRetries":"3"})",
        R"({"numRetries":18446744073709551615})", R"({"minDelayTarget":0})", R"({"maxDelayTarget":3601})",
        R"({"minDelayTarget":30,"maxDelayTarget":29})", R"({"minDelayTarget":21})", R"({"backoffFunction":"cubic"})",
        R"({"backoffFunction":1})", R"({"numRetries":2,"numNoDelayRetries":1,"numMaxDelayRetries":2})", "[]", "3"}) {
    const std::string text = fmt::format(R"({{"healthyRetryPolicy":{}}})", retries);
    EXPECT_THAT(error_of(text), HasSubstr("DeliveryPolicy: ")) << text;
    EXPECT_FALSE(parse_topic_policy(fmt::format(R"({{"http":{{"defaultHealthyRetryPolicy":{}}}}})", retries))) << text;
  }
  for (const std::string_view text :
       {"", "{", "[]", "null", R"({"unknown":{}})", R"({"throttlePolicy":{"maxReceivesPerSecond":0}})",
        R"({"throttlePolicy":1})", R"({"requestPolicy":{"headerContentType":""}})",
        R"({"requestPolicy":{"headerContentType":"a\r\nX-Evil: 1"}})",
        R"({"requestPolicy":{"headerContentType":"é"}})"})
    EXPECT_NE(error_of(text), "none") << text;
  EXPECT_NE(error_of(std::string(40'000, ' ') + "{}"), "none");
  EXPECT_EQ(error_of("{}"), "none");
  for (const std::string_view text : {"{}", R"({"http":1})", R"({"http":{"disableSubscriptionOverrides":"yes"}})",
                                      R"({"http":{"healthyRetryPolicy":{}}})"})
    EXPECT_FALSE(parse_topic_policy(text)) << text;
}

}  // namespace
}  // namespace leat::sns
