#include "protocol/sns/delivery_policy.h"
#include "protocol/sns/handlers.h"
#include "protocol/sns/outlet.h"
#include "protocol/sns/subscription.h"
#include "protocol/sqs/queue_attributes.h"

namespace leat::sns {
namespace {

using queue::Order;
using queue::Queue;
using queue::QueuePtr;

constexpr std::size_t kNameSizeMax = 245;  // a leat topic's, without the suffix
constexpr std::size_t kTagsMax = 50;
constexpr std::size_t kDisplayNameSizeMax = 100;
constexpr std::int64_t kMessageSizeMax = std::int64_t{256} << 10;
constexpr std::string_view kFifo = ".fifo";
constexpr std::string_view kTopicTag = "leat:topic";

Outcome<bool> to_bool(std::string_view name, std::string_view value) {
  if (value != "true" && value != "false") return bad_parameter(name, "must be true or false");
  return value == "true";
}

// An attribute of a topic: sets it, checks its value. One without a setter is stored as it is.
struct Attribute {
  std::string_view name;
  Outcome<> (*set)(std::string_view value, Queue& topic) = nullptr;
};

Outcome<> set_fifo(std::string_view value, Queue& topic) {
  LEAT_TRY(const bool is_fifo, to_bool("FifoTopic", value));
  topic.settings.order = is_fifo ? Order::fifo : Order::unordered;
  return {};
}

Outcome<> set_content_dedup(std::string_view value, Queue& topic) {
  LEAT_TRY(const bool is_on, to_bool("ContentBasedDeduplication", value));
  if (is_on && topic.settings.order != Order::fifo)
    return bad_parameter("ContentBasedDeduplication", "Content-based deduplication can only be set for FIFO topics");
  topic.settings.content_dedup = is_on;
  return {};
}

Outcome<> set_throughput_scope(std::string_view value, Queue& topic) {
  if (value != "Topic" && value != "MessageGroup")
    return bad_parameter("FifoThroughputScope", "must be Topic or MessageGroup");
  topic.settings.dedup_scope = value == "Topic" ? queue::DedupScope::queue : queue::DedupScope::message_group;
  return {};
}

Outcome<> check_policy(std::string_view value, Queue&) {
  if (!sqs::is_policy(value)) return bad_parameter("Policy", "it must be a JSON object");
  return {};
}

Outcome<> check_delivery_policy(std::string_view value, Queue&) {
  if (value.empty()) return {};
  const auto parsed = parse_topic_policy(value);
  if (!parsed) return bad_parameter("DeliveryPolicy", parsed.error().message);
  return {};
}

Outcome<> check_display_name(std::string_view value, Queue&) {
  if (value.size() > kDisplayNameSizeMax || !aws::is_aws_text(value))
    return bad_parameter("DisplayName", "must be at most 100 characters long");
  return {};
}

Outcome<> check_signature_version(std::string_view value, Queue&) {
  if (value != "1" && value != "2") return bad_parameter("SignatureVersion", "must be 1 or 2");
  return {};
}

Outcome<> check_tracing(std::string_view value, Queue&) {
  if (value != "PassThrough" && value != "Active")
    return bad_parameter("TracingConfig", "must be PassThrough or Active");
  return {};
}

// FifoTopic first: others depend on it.
constexpr Attribute kAttributes[] = {
    {"FifoTopic", set_fifo},
    {"ContentBasedDeduplication", set_content_dedup},
    {"DeliveryPolicy", check_delivery_policy},
    {"DisplayName", check_display_name},
    {"FifoThroughputScope", set_throughput_scope},
    {"KmsMasterKeyId"},
    {"Policy", check_policy},
    {"SignatureVersion", check_signature_version},
    {"TracingConfig", check_tracing},
};

// What is told of deliveries to AWS's own log service: taken and shown, and means nothing here.
bool is_feedback_attribute(std::string_view name) {
  return name.ends_with("FeedbackRoleArn") || name.ends_with("FeedbackSampleRate");
}

Outcome<> set_attribute(std::string_view name, std::string_view value, Queue& topic) {
  constexpr std::size_t kValueSizeMax = 32 << 10;
  const auto found = std::ranges::find(kAttributes, name, &Attribute::name);
  if (found == std::end(kAttributes) && !is_feedback_attribute(name))
    return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: AttributeName");
  if (value.size() > kValueSizeMax) return bad_parameter(name, "it is too long");
  if (found != std::end(kAttributes) && found->set != nullptr) LEAT_CHECK(found->set(value, topic));
  // A topic is none of FIFO when nobody says so.
  if (value.empty() || (name == "FifoTopic" && value == "false")) {
    topic.attributes.erase(std::string(name));
  } else {
    topic.attributes.insert_or_assign(std::string(name), std::string(value));
  }
  return {};
}

Outcome<> check_name(std::string_view name, bool is_fifo) {
  const std::string_view base = name.ends_with(kFifo) ? name.substr(0, name.size() - kFifo.size()) : name;
  const bool is_valid = !base.empty() && name.size() <= kNameSizeMax && std::ranges::all_of(base, [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '-' || c == '_';
  });
  if (is_valid && name.ends_with(kFifo) == is_fifo) return {};
  if (is_fifo) {
    return refuse(
        ErrorCode::invalid_parameter_value,
        "Invalid parameter: Fifo Topic names must end with .fifo and must be made up of only uppercase and "
        "lowercase ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 245 characters "
        "long.");
  }
  return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: Topic Name");
}

Outcome<> take_tags(const std::vector<Tag>& tags, queue::SettingsMap& into) {
  queue::SettingsMap together = into;
  sqs::TextMap checked;
  for (const auto& [key, value] : tags) {
    checked.push_back({key, aws::is_set(value) ? value : aws::kEmptyText});
    together.insert_or_assign(std::string(key), std::string(checked.back().value));
  }
  if (together.size() > kTagsMax)
    return refuse(ErrorCode::tag_limit_exceeded, "Could not complete request: tag quota of per resource exceeded");
  if (const auto fine = sqs::check_tags(checked); !fine) return bad_parameter("Tags", fine.error().message);
  into = std::move(together);
  return {};
}

Outcome<Queue> read_topic(const CreateTopicInput& in) {
  Queue wanted;
  wanted.name = topic_queue_name(in.name);
  wanted.settings.delivers = false;
  wanted.settings.message_size_max = kMessageSizeMax;
  for (const Attribute& known : kAttributes) {
    const auto given = std::ranges::find(in.attributes, known.name, &sqs::TextMap::value_type::name);
    if (given != in.attributes.end()) LEAT_CHECK(set_attribute(given->name, given->value, wanted));
  }
  for (const auto& [name, value] : in.attributes) {
    const bool is_known = std::ranges::find(kAttributes, name, &Attribute::name) != std::end(kAttributes);
    if (!is_known) LEAT_CHECK(set_attribute(name, value, wanted));
  }
  LEAT_CHECK(check_name(in.name, wanted.settings.order == Order::fifo));
  LEAT_CHECK(take_tags(in.tags, wanted.tags));
  return wanted;
}

// A topic of that name is there: it is the one that was asked for when nothing that was asked for would change it.
Outcome<> check_same(const CreateTopicInput& in, const Queue& existing) {
  Queue after = existing;
  for (const auto& [name, value] : in.attributes) LEAT_CHECK(set_attribute(name, value, after));
  if (after.settings != existing.settings || after.attributes != existing.attributes)
    return bad_parameter("Attributes", "Topic already exists with different attributes");
  queue::SettingsMap tags;
  LEAT_CHECK(take_tags(in.tags, tags));
  if (!in.tags.empty() && tags != existing.tags)
    return bad_parameter("Tags", "Topic already exists with different tags");
  return {};
}

std::string default_policy(const Call& call, std::string_view arn) {
  return fmt::format(
      R"({{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":"__default_statement_ID","Effect":"Allow",)"
      R"("Principal":{{"AWS":"*"}},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:DeleteTopic",)"
      R"("SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"{}","Condition":{{"StringEquals":)"
      R"({{"AWS:SourceOwner":"{}"}}}}}}]}})",
      arn, call.options.account);
}

Outcome<QueuePtr> find_tagged(const Call& call, std::string_view arn, Operation operation) {
  auto topic = find_topic(call, arn, operation);
  if (!topic && topic.error().code == ErrorCode::topic_not_found)
    return refuse(ErrorCode::resource_not_found, "Resource does not exist");
  return topic;
}

Answer remove_queue(Call& call, std::string name) {
  const auto removed = co_await call.queues.remove(std::move(name));
  if (!removed && removed.error().code != Errc::not_found) co_return std::unexpected(to_fault(removed.error()));
  co_return Outcome<>();
}

Outcome<> authorize_create(const Call& call, std::string_view name) {
  if (aws::allows(call.options, call.principal, Operation::create, ResourceType::cluster, security::kClusterName))
    return {};
  return aws::authorize(call.options, call.principal, Operation::create, ResourceType::topic, name);
}

}  // namespace

Answer create_topic(Call& call, const CreateTopicInput& in, TopicArnText& out) {
  LEAT_CO_TRY(Queue wanted, read_topic(in));
  LEAT_CO_CHECK(authorize_create(call, wanted.name));
  out.topic_arn = call.arena.keep(topic_arn(call.region, call.options.account, in.name));
  if (const QueuePtr existing = call.queues.find(wanted.name)) co_return check_same(in, *existing);
  queue::NewQueue made;
  made.name = wanted.name;
  if (const auto topic = wanted.tags.find(kTopicTag); topic != wanted.tags.end()) made.topic = topic->second;
  made.start.kind = queue::StartAt::Kind::end;
  made.settings = std::move(wanted.settings);
  made.attributes = std::move(wanted.attributes);
  made.tags = std::move(wanted.tags);
  const bool is_attached = !made.topic.empty();
  if (is_attached)
    LEAT_CO_CHECK(aws::authorize(call.options, call.principal, Operation::write, ResourceType::topic, made.topic));
  const auto created = co_await call.queues.create(std::move(made));
  if (created) co_return Outcome<>();
  if (created.error().code == Errc::exists) {
    if (const QueuePtr existing = call.queues.find(wanted.name)) co_return check_same(in, *existing);
  }
  if (created.error().code == Errc::not_found && is_attached)
    co_return bad_parameter("Tags", "The topic that the tag leat:topic names does not exist");
  co_return std::unexpected(to_fault(created.error()));
}

Answer delete_topic(Call& call, const TopicArnText& in, EmptyOutput&) {
  const auto topic = find_topic(call, in.topic_arn, Operation::remove);
  if (!topic) {
    if (topic.error().code == ErrorCode::topic_not_found) co_return Outcome<>();
    co_return std::unexpected(topic.error());
  }
  // Again while others subscribe: the leat topic goes with the topic only when nothing else is on it.
  for (auto left = subscriptions_of(call, topic_name_of(**topic)); !left.empty();
       left = subscriptions_of(call, topic_name_of(**topic))) {
    for (const QueuePtr& subscription : left) LEAT_CO_CHECK(co_await remove_queue(call, subscription->name));
  }
  co_return co_await remove_queue(call, (*topic)->name);
}

Answer list_topics(Call& call, const PageInput& in, ListTopicsOutput& out) {
  LEAT_CO_TRY(Page page,
              read_page(call, in.next_token, [](const Queue& queue, std::string_view) { return is_topic(queue); }));
  for (const QueuePtr& topic : page.queues) {
    const auto name = topic_name_of(*topic);
    out.topics.push_back({call.arena.keep(topic_arn(call.region, call.options.account, name))});
  }
  if (!page.next_token.empty()) out.next_token = call.arena.keep(page.next_token);
  co_return Outcome<>();
}

Answer get_topic_attributes(Call& call, const TopicArnText& in, AttributesOutput& out) {
  LEAT_CO_TRY(const QueuePtr topic, find_topic(call, in.topic_arn, Operation::describe));
  const auto name = topic_name_of(*topic);
  const std::string arn = topic_arn(call.region, call.options.account, name);
  std::int64_t pending = 0;
  std::int64_t confirmed = 0;
  for (const QueuePtr& subscription : subscriptions_of(call, name)) ++(is_pending(*subscription) ? pending : confirmed);
  const auto policy = parse_topic_policy(attribute_of(*topic, "DeliveryPolicy"));
  queue::SettingsMap shown{
      {"DisplayName", ""},
      {"EffectiveDeliveryPolicy", to_topic_json(policy.value_or(TopicPolicy()))},
      {"Owner", call.options.account},
      {"Policy", default_policy(call, arn)},
      {"SubscriptionsConfirmed", fmt::to_string(confirmed)},
      {"SubscriptionsDeleted", "0"},
      {"SubscriptionsPending", fmt::to_string(pending)},
      {"TopicArn", arn},
  };
  if (topic->settings.order == Order::fifo) {
    shown["FifoTopic"] = "true";
    shown["ContentBasedDeduplication"] = topic->settings.content_dedup ? "true" : "false";
  }
  for (const auto& [key, value] : topic->attributes) shown[key] = value;
  for (const auto& [key, value] : shown) out.attributes.push_back({call.arena.keep(key), call.arena.keep(value)});
  co_return Outcome<>();
}

Answer set_topic_attributes(Call& call, const SetTopicAttributesInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr topic, find_topic(call, in.topic_arn, Operation::alter));
  Queue wanted = *topic;
  LEAT_CO_CHECK(set_attribute(in.name, aws::is_set(in.value) ? in.value : aws::kEmptyText, wanted));
  if (wanted.settings.order != topic->settings.order)
    co_return bad_parameter("AttributeName", "FifoTopic is set when the topic is created");
  LEAT_CO_CHECK(co_await alter(call, *topic, wanted));
  if (in.name != "DeliveryPolicy") co_return Outcome<>();
  for (const QueuePtr& subscription : subscriptions_of(call, topic_name_of(*topic))) {
    Queue throttled = *subscription;
    throttled.settings.rate_max = policy_of(*subscription, &wanted).rate_max;
    if (throttled.settings == subscription->settings) continue;
    LEAT_CO_CHECK(co_await alter(call, *subscription, std::move(throttled)));
  }
  co_return Outcome<>();
}

Answer tag_resource(Call& call, const TagResourceInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr topic, find_tagged(call, in.resource_arn, Operation::alter));
  Queue wanted = *topic;
  LEAT_CO_CHECK(take_tags(in.tags, wanted.tags));
  const auto attached = [](const Queue& queue) {
    const auto found = queue.tags.find(kTopicTag);
    return found == queue.tags.end() ? std::string_view() : std::string_view(found->second);
  };
  if (attached(wanted) != attached(*topic))
    co_return bad_parameter("Tags", "leat:topic is set when the topic is created");
  co_return co_await alter(call, *topic, std::move(wanted));
}

Answer untag_resource(Call& call, const UntagResourceInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr topic, find_tagged(call, in.resource_arn, Operation::alter));
  Queue wanted = *topic;
  for (const std::string_view key : in.keys) wanted.tags.erase(std::string(key));
  co_return co_await alter(call, *topic, std::move(wanted));
}

Answer list_tags(Call& call, const ResourceInput& in, ListTagsOutput& out) {
  LEAT_CO_TRY(const QueuePtr topic, find_tagged(call, in.resource_arn, Operation::describe));
  for (const auto& [key, value] : topic->tags) out.tags.push_back({call.arena.keep(key), call.arena.keep(value)});
  co_return Outcome<>();
}

}  // namespace leat::sns
