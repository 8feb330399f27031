#include "protocol/sns/api.h"

#include "observe/metrics_page.h"
#include "protocol/sns/handlers.h"
#include "protocol/sns/subscription.h"

namespace leat::sns {
namespace {

constexpr aws::ApiTraits kTraits{
    .name = "sns",
    .version = "2010-03-31",
    .xml_namespace = "http://sns.amazonaws.com/doc/2010-03-31/",
    .json_target = {},
    .own_json_target = {},
    .json_namespace = {},
    .wire_error = wire_error,
};

using Row = aws::Row<Call>;
template <auto Handler>
constexpr auto kRun = aws::Runner<Handler>::run;

// Which handler does what, in the order of messages().
constexpr Row kRows[] = {
    {"ConfirmSubscription", kRun<confirm_subscription>},
    {"CreateTopic", kRun<create_topic>},
    {"DeleteTopic", kRun<delete_topic>},
    {"GetSubscriptionAttributes", kRun<get_subscription_attributes>},
    {"GetTopicAttributes", kRun<get_topic_attributes>},
    {"ListSubscriptions", kRun<list_subscriptions>},
    {"ListSubscriptionsByTopic", kRun<list_subscriptions_by_topic>},
    {"ListTagsForResource", kRun<list_tags>},
    {"ListTopics", kRun<list_topics>},
    {"Publish", kRun<publish>},
    {"PublishBatch", kRun<publish_batch>},
    {"SetSubscriptionAttributes", kRun<set_subscription_attributes>},
    {"SetTopicAttributes", kRun<set_topic_attributes>},
    {"Subscribe", kRun<subscribe>},
    {"TagResource", kRun<tag_resource>},
    {"Unsubscribe", kRun<unsubscribe>},
    {"UntagResource", kRun<untag_resource>},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::action));

std::vector<aws::Message> all_messages() { return {messages().begin(), messages().end()}; }

constexpr std::string_view kCertificatePrefix = "/SimpleNotificationService-";

}  // namespace

SnsApi::SnsApi(const aws::Options& options, queue::Queues& queues, SigningKeys& keys, const Deliverer& deliverer)
    : Api(kTraits, all_messages()), options_(options), queues_(queues), keys_(keys), deliverer_(deliverer) {}

std::optional<std::size_t> SnsApi::find(std::string_view action, bool is_own) const {
  return is_own ? std::nullopt : aws::find_row(std::span<const Row>(kRows), action);
}

runtime::Task<aws::Outcome<>> SnsApi::run(std::size_t action, aws::Call& call, const aws::Form& form,
                                          std::string& body) {
  Call mine(call, queues_, options_);
  co_return co_await kRows[action].run(Api::messages()[action], mine, form, body);
}

bool SnsApi::is_open(std::size_t action, const aws::Form& form) const {
  const std::string_view name = kRows[action].action;
  if (name == "ConfirmSubscription") return aws::find_parameter(form.parameters, "AuthenticateOnUnsubscribe") != "true";
  if (name != "Unsubscribe") return false;
  const auto asked = subscription_in_arn(aws::find_parameter(form.parameters, "SubscriptionArn"));
  const auto subscription = asked ? queues_.find(subscription_queue_name(asked->id)) : nullptr;
  return subscription != nullptr && attribute_of(*subscription, "Protocol") != "sqs" &&
         attribute_of(*subscription, kSignedUnsubscribeAttribute) != "true";
}

runtime::Task<std::optional<http::HttpResponse>> SnsApi::document(std::string path) {
  if (!path.starts_with(kCertificatePrefix)) co_return std::nullopt;
  const auto signer = co_await keys_.get();
  if (!signer) co_return http::text_response(503, "the certificate cannot be read now");
  if (path != (*signer)->path()) co_return http::text_response(404, "there is no such certificate");
  http::HttpResponse response;
  response.content_type = "application/x-pem-file";
  response.body = (*signer)->certificate();
  co_return response;
}

void SnsApi::collect(observe::MetricsPage& page) const {
  Api::collect(page);
  const DeliveryStats& stats = deliverer_.stats();
  const auto count = [&page](std::string_view outcome, const Counter& counter) {
    page.counter("leat_sns_deliveries_total",
                 "Messages of subscriptions by what became of them; failed: attempts that are tried again or given up.",
                 {{"outcome", outcome}}, counter);
  };
  count("delivered", stats.delivered);
  count("filtered", stats.filtered);
  count("failed", stats.failed);
  count("dead_letter", stats.dead);
  count("dropped", stats.dropped);
}

}  // namespace leat::sns
