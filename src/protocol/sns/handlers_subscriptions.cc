#include "protocol/http/message.h"
#include "protocol/sns/handlers.h"
#include "protocol/sns/outlet.h"
#include "protocol/sns/subscription.h"
#include "protocol/sqs/handlers.h"
#include "runtime/shard.h"

namespace leat::sns {
namespace {

using queue::Order;
using queue::Queue;
using queue::QueuePtr;

constexpr std::size_t kEndpointSizeMax = 2048;
constexpr std::string_view kShownPending = "PendingConfirmation";
constexpr std::string_view kAnsweredPending = "pending confirmation";

FilterPolicy::Scope scope_of(const Queue& subscription) {
  return attribute_of(subscription, "FilterPolicyScope") == "MessageBody" ? FilterPolicy::Scope::body
                                                                          : FilterPolicy::Scope::attributes;
}

Outcome<> check_filter(const Queue& subscription) {
  const auto policy = attribute_of(subscription, "FilterPolicy");
  if (policy.empty()) return {};
  const auto parsed = FilterPolicy::parse(policy, scope_of(subscription));
  if (!parsed)
    return refuse(ErrorCode::invalid_parameter_value, fmt::format("Invalid parameter: {}", parsed.error().message));
  return {};
}

// An attribute of a subscription; `check` sees the subscription with it.
struct Attribute {
  std::string_view name;
  Outcome<> (*check)(const Call& call, std::string_view value, Queue& subscription);
};

Outcome<> check_filter_policy(const Call&, std::string_view, Queue& subscription) { return check_filter(subscription); }

Outcome<> check_filter_scope(const Call&, std::string_view value, Queue& subscription) {
  if (value != "MessageAttributes" && value != "MessageBody") {
    return bad_parameter("FilterPolicyScope", "Invalid value. Please use either MessageBody or MessageAttributes");
  }
  return check_filter(subscription);
}

Outcome<> check_raw(const Call&, std::string_view value, Queue&) {
  if (http::equals_ignoring_case(value, "true") || http::equals_ignoring_case(value, "false")) return {};
  return bad_parameter("RawMessageDelivery", fmt::format("Invalid value [{}]. Must be true or false.", value));
}

Outcome<> check_redrive(const Call& call, std::string_view value, Queue& subscription) {
  if (value.empty()) return {};
  const std::string name = dead_letters_of(value);
  if (name.empty()) return bad_parameter("RedrivePolicy", "deadLetterTargetArn is not the ARN of a queue");
  LEAT_CHECK(sqs::authorize_sending(call.options, call.principal, call.queues, name));
  const QueuePtr target = call.queues.find(name);
  if (target == nullptr || is_sns_queue(*target))
    return bad_parameter("RedrivePolicy", fmt::format("there is no queue {}", name));
  if (target->topic_id == subscription.topic_id)
    return bad_parameter("RedrivePolicy", "the queue is on the same topic: its dead letters would be published again");
  if (target->settings.order == Order::fifo && subscription.settings.order != Order::fifo)
    return bad_parameter("RedrivePolicy", "must use a standard queue as DLQ for a subscription to a standard topic");
  return {};
}

Outcome<> check_delivery(const Call& call, std::string_view value, Queue& subscription) {
  if (value.empty()) return {};
  if (attribute_of(subscription, "Protocol") == "sqs")
    return bad_parameter("DeliveryPolicy", "only http and https subscriptions have one");
  const QueuePtr topic = call.queues.find(topic_queue_name(attribute_of(subscription, kTopicAttribute)));
  const auto defaults = parse_topic_policy(topic == nullptr ? "" : attribute_of(*topic, "DeliveryPolicy"));
  const auto policy = parse_subscription_policy(value, defaults ? defaults->policy : DeliveryPolicy());
  if (!policy) return bad_parameter("DeliveryPolicy", policy.error().message);
  return {};
}

Outcome<> check_nothing(const Call&, std::string_view, Queue&) { return {}; }

// The scope first: what a policy may say depends on it.
constexpr Attribute kAttributes[] = {
    {"FilterPolicyScope", check_filter_scope}, {"FilterPolicy", check_filter_policy},
    {"DeliveryPolicy", check_delivery},        {"RawMessageDelivery", check_raw},
    {"RedrivePolicy", check_redrive},          {"SubscriptionRoleArn", check_nothing},
};

Outcome<> set_attribute(const Call& call, std::string_view name, std::string_view value, Queue& subscription) {
  constexpr std::size_t kValueSizeMax = 256 << 10;
  const auto known = std::ranges::find(kAttributes, name, &Attribute::name);
  if (known == std::end(kAttributes))
    return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: AttributeName");
  if (value.size() > kValueSizeMax) return bad_parameter(name, "it is too long");
  std::string stored(value);
  if (name == "RawMessageDelivery") stored = http::equals_ignoring_case(value, "true") ? "true" : "";
  if (stored.empty()) {
    subscription.attributes.erase(std::string(name));
  } else {
    subscription.attributes.insert_or_assign(std::string(name), std::move(stored));
  }
  return known->check(call, value, subscription);
}

Outcome<> set_attributes(const Call& call, const sqs::TextMap& attributes, Queue& subscription) {
  for (const auto& [name, value] : attributes) {
    if (std::ranges::find(kAttributes, name, &Attribute::name) == std::end(kAttributes))
      return refuse(ErrorCode::invalid_parameter_value,
                    fmt::format("Invalid parameter: Attributes Reason: Unknown attribute: {}", name));
  }
  for (const Attribute& known : kAttributes) {
    const auto given = std::ranges::find(attributes, known.name, &sqs::TextMap::value_type::name);
    if (given != attributes.end()) LEAT_CHECK(set_attribute(call, given->name, given->value, subscription));
  }
  return {};
}

Outcome<> check_queue_endpoint(const Call& call, const Queue& topic, std::string_view endpoint) {
  const auto name = sqs::name_in_arn(endpoint);
  if (!name) return bad_parameter("Endpoint", "it is not the ARN of an SQS queue");
  LEAT_CHECK(sqs::authorize_sending(call.options, call.principal, call.queues, *name));
  const QueuePtr target = call.queues.find(*name);
  if (target == nullptr || is_sns_queue(*target))
    return bad_parameter("Endpoint", fmt::format("there is no queue {}", *name));
  if (target->settings.order == Order::fifo && topic.settings.order != Order::fifo)
    return bad_parameter("Endpoint", "FIFO SQS Queues can not be subscribed to standard SNS topics");
  if (target->topic_id == topic.topic_id)
    return bad_parameter("Endpoint", "the queue is on the same topic: what is published is in it already");
  return {};
}

Outcome<> check_endpoint(const Call& call, const Queue& topic, const SubscribeInput& in) {
  if (in.endpoint.empty() || in.endpoint.size() > kEndpointSizeMax || !aws::is_aws_text(in.endpoint))
    return bad_parameter("Endpoint", "it must be there, and have at most 2048 characters");
  if (in.protocol == "sqs") return check_queue_endpoint(call, topic, in.endpoint);
  if (in.protocol != "http" && in.protocol != "https")
    return bad_parameter("Protocol", "leat delivers to sqs, http and https");
  if (topic.settings.order == Order::fifo) return bad_parameter("Endpoint", "Please use FIFO SQS queue");
  const std::string scheme = fmt::format("{}://", in.protocol);
  const bool is_url = in.endpoint.starts_with(scheme) && in.endpoint.size() > scheme.size() &&
                      std::ranges::all_of(in.endpoint, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (!is_url) return bad_parameter("Endpoint", fmt::format("it must begin with {}", scheme));
  return {};
}

std::string random_token() {
  runtime::Shard& shard = runtime::Shard::current();
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", shard.random(), shard.random(), shard.random(), shard.random());
}

// The first subscription of the topic to that endpoint; nullptr: there is none.
QueuePtr find_same(const Call& call, const Queue& topic, const SubscribeInput& in) {
  QueuePtr first;
  for (const QueuePtr& subscription : subscriptions_of(call, topic_name_of(topic))) {
    const bool is_same = attribute_of(*subscription, "Protocol") == in.protocol &&
                         attribute_of(*subscription, "Endpoint") == in.endpoint;
    if (is_same && (first == nullptr || subscription->created < first->created)) first = subscription;
  }
  return first;
}

std::string arn_of(const Call& call, const Queue& subscription) {
  return subscription_arn(call.region, call.options.account, attribute_of(subscription, kTopicAttribute),
                          subscription_id_of(subscription));
}

Queue read_subscription(const Call& call, const Queue& topic, const SubscribeInput& in) {
  runtime::Shard& shard = runtime::Shard::current();
  Queue wanted;
  wanted.name = subscription_queue_name(Uuid::from_random(shard.random(), shard.random()).to_string());
  wanted.topic_id = topic.topic_id;
  wanted.settings.order = topic.settings.order;
  wanted.settings.in_flight_max = 0;
  const auto set = [&wanted](std::string_view name, std::string_view value) { wanted.attributes.emplace(name, value); };
  set("Protocol", in.protocol);
  set("Endpoint", in.endpoint);
  set(kTopicAttribute, topic_name_of(topic));
  set(kRegionAttribute, call.region);
  set(kBaseAttribute, call.common.base_url());
  if (in.protocol != "sqs") {
    set(kPendingAttribute, "true");
    set(kTokenAttribute, random_token());
  }
  return wanted;
}

// Takes as long whatever the difference is.
bool is_token(std::string_view token, std::string_view wanted) {
  if (wanted.empty() || token.size() != wanted.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < token.size(); ++i) difference |= static_cast<unsigned char>(token[i] ^ wanted[i]);
  return difference == 0;
}

ShownSubscription show(const Call& call, const Queue& subscription) {
  Arena& arena = call.arena;
  ShownSubscription shown;
  const auto topic = attribute_of(subscription, kTopicAttribute);
  shown.subscription_arn = is_pending(subscription) ? kShownPending : arena.keep(arn_of(call, subscription));
  shown.owner = call.options.account;
  shown.protocol = arena.keep(attribute_of(subscription, "Protocol"));
  shown.endpoint = arena.keep(attribute_of(subscription, "Endpoint"));
  shown.topic_arn = arena.keep(topic_arn(call.region, call.options.account, topic));
  return shown;
}

void show_page(Call& call, Page page, ListSubscriptionsOutput& out) {
  for (const QueuePtr& subscription : page.queues) out.subscriptions.push_back(show(call, *subscription));
  if (!page.next_token.empty()) out.next_token = call.arena.keep(page.next_token);
}

void answer_arn(const Call& call, const SubscribeInput& in, const Queue& subscription, SubscriptionArnText& out) {
  const bool is_shown = in.returns_arn.value_or(false) || !is_pending(subscription);
  out.subscription_arn = is_shown ? call.arena.keep(arn_of(call, subscription)) : kAnsweredPending;
}

// The endpoint has a subscription: that is the answer, when it is as the caller wants one.
Answer subscribe_again(Call& call, const SubscribeInput& in, QueuePtr existing, SubscriptionArnText& out) {
  Queue wanted = *existing;
  LEAT_CO_CHECK(set_attributes(call, in.attributes, wanted));
  if (wanted.attributes != existing->attributes)
    co_return bad_parameter("Attributes", "Subscription already exists with different attributes");
  answer_arn(call, in, *existing, out);
  if (!is_pending(*existing)) co_return Outcome<>();
  const auto now = runtime::Shard::current().wall_now();
  wanted.attributes.insert_or_assign(std::string(kAskedAttribute), fmt::to_string(now.value()));
  co_return co_await alter(call, *existing, std::move(wanted));
}

}  // namespace

Answer subscribe(Call& call, const SubscribeInput& in, SubscriptionArnText& out) {
  LEAT_CO_TRY(const QueuePtr topic, find_topic(call, in.topic_arn, Operation::read));
  LEAT_CO_CHECK(check_endpoint(call, *topic, in));
  if (QueuePtr existing = find_same(call, *topic, in))
    co_return co_await subscribe_again(call, in, std::move(existing), out);
  Queue wanted = read_subscription(call, *topic, in);
  LEAT_CO_CHECK(set_attributes(call, in.attributes, wanted));
  wanted.settings.rate_max = policy_of(wanted, topic.get()).rate_max;
  queue::NewQueue made;
  made.name = wanted.name;
  made.topic = topic->topic;
  made.start.kind = queue::StartAt::Kind::end;
  made.settings = std::move(wanted.settings);
  made.attributes = std::move(wanted.attributes);
  const auto created = co_await call.queues.create(std::move(made));
  if (!created) co_return std::unexpected(to_fault(created.error()));
  // Of two that came at once the first stays: each removes its own when it is not that.
  if (QueuePtr first = find_same(call, *topic, in); first != nullptr && first->id != (*created)->id) {
    const auto removed = co_await call.queues.remove((*created)->name);
    if (!removed && removed.error().code != Errc::not_found) co_return std::unexpected(to_fault(removed.error()));
    co_return co_await subscribe_again(call, in, std::move(first), out);
  }
  answer_arn(call, in, **created, out);
  co_return Outcome<>();
}

Answer confirm_subscription(Call& call, const ConfirmSubscriptionInput& in, SubscriptionArnText& out) {
  const auto topic = topic_in_arn(in.topic_arn);
  if (!topic) co_return bad_parameter("TopicArn", "it is no topic's");
  if (!call.is_open)
    LEAT_CO_CHECK(
        aws::authorize(call.options, call.principal, Operation::read, ResourceType::topic, topic_queue_name(*topic)));
  if (call.queues.find(topic_queue_name(*topic)) == nullptr)
    co_return refuse(ErrorCode::topic_not_found, "Topic does not exist");
  const auto subscriptions = subscriptions_of(call, *topic);
  const auto found = std::ranges::find_if(subscriptions, [&](const QueuePtr& subscription) {
    return is_token(in.token, attribute_of(*subscription, kTokenAttribute));
  });
  if (found == subscriptions.end()) co_return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: Token");
  const Queue& subscription = **found;
  out.subscription_arn = call.arena.keep(arn_of(call, subscription));
  if (!is_pending(subscription)) co_return Outcome<>();
  Queue wanted = subscription;
  wanted.attributes.erase(std::string(kPendingAttribute));
  const bool is_signed = !call.sender.empty();
  wanted.attributes.insert_or_assign(std::string(kConfirmedBySignatureAttribute), is_signed ? "true" : "false");
  if (is_signed && in.authenticate_on_unsubscribe == "true")
    wanted.attributes.insert_or_assign(std::string(kSignedUnsubscribeAttribute), "true");
  // It begins now. Somebody else may confirm it just now, too: what comes after the first is not purged.
  queue::QueueChange change = queue::change_between(subscription, wanted);
  change.purges = true;
  const auto altered = co_await call.queues.alter(subscription.name, std::move(change));
  if (!altered) co_return std::unexpected(to_fault(altered.error()));
  co_return Outcome<>();
}

Answer unsubscribe(Call& call, const SubscriptionArnText& in, EmptyOutput&) {
  const auto subscription = find_subscription(call, in.subscription_arn, Operation::alter);
  if (!subscription) {
    if (subscription.error().code == ErrorCode::topic_not_found) co_return Outcome<>();
    co_return std::unexpected(subscription.error());
  }
  const auto removed = co_await call.queues.remove((*subscription)->name);
  if (!removed && removed.error().code != Errc::not_found) co_return std::unexpected(to_fault(removed.error()));
  co_return Outcome<>();
}

Answer list_subscriptions(Call& call, const PageInput& in, ListSubscriptionsOutput& out) {
  LEAT_CO_TRY(Page page, read_page(call, in.next_token,
                                   [](const Queue& queue, std::string_view) { return is_subscription(queue); }));
  show_page(call, std::move(page), out);
  co_return Outcome<>();
}

Answer list_subscriptions_by_topic(Call& call, const ListSubscriptionsByTopicInput& in, ListSubscriptionsOutput& out) {
  LEAT_CO_TRY(const QueuePtr topic, find_topic(call, in.topic_arn, Operation::describe));
  const auto is_on_topic = [](const Queue& queue, std::string_view name) {
    return is_subscription(queue) && attribute_of(queue, kTopicAttribute) == name;
  };
  LEAT_CO_TRY(Page page, read_page(call, in.next_token, is_on_topic, topic_name_of(*topic)));
  show_page(call, std::move(page), out);
  co_return Outcome<>();
}

Answer get_subscription_attributes(Call& call, const SubscriptionArnText& in, AttributesOutput& out) {
  LEAT_CO_TRY(const QueuePtr subscription, find_subscription(call, in.subscription_arn, Operation::describe));
  const auto name = attribute_of(*subscription, kTopicAttribute);
  queue::SettingsMap shown{
      {"ConfirmationWasAuthenticated", "true"},
      {"Owner", call.options.account},
      {"PendingConfirmation", "false"},
      {"RawMessageDelivery", "false"},
      {"SubscriptionArn", arn_of(call, *subscription)},
      {"SubscriptionPrincipal", fmt::format("arn:aws:iam::{}:root", call.options.account)},
      {"TopicArn", topic_arn(call.region, call.options.account, name)},
  };
  for (const auto& [key, value] : subscription->attributes) {
    const bool is_own = key == kTopicAttribute || key == kRegionAttribute || key == kBaseAttribute ||
                        key == kTokenAttribute || key == kAskedAttribute || key == kSignedUnsubscribeAttribute;
    if (!is_own) shown[key] = value;
  }
  if (shown.contains("FilterPolicy")) shown.emplace("FilterPolicyScope", "MessageAttributes");
  if (attribute_of(*subscription, "Protocol") != "sqs") {
    const QueuePtr topic = call.queues.find(topic_queue_name(name));
    shown["EffectiveDeliveryPolicy"] = to_subscription_json(policy_of(*subscription, topic.get()));
  }
  for (const auto& [key, value] : shown) out.attributes.push_back({call.arena.keep(key), call.arena.keep(value)});
  co_return Outcome<>();
}

Answer set_subscription_attributes(Call& call, const SetSubscriptionAttributesInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr subscription, find_subscription(call, in.subscription_arn, Operation::alter));
  Queue wanted = *subscription;
  LEAT_CO_CHECK(set_attribute(call, in.name, aws::is_set(in.value) ? in.value : aws::kEmptyText, wanted));
  const QueuePtr topic = call.queues.find(topic_queue_name(attribute_of(*subscription, kTopicAttribute)));
  wanted.settings.rate_max = policy_of(wanted, topic.get()).rate_max;
  co_return co_await alter(call, *subscription, std::move(wanted));
}

}  // namespace leat::sns
