#include "protocol/sqs/queue_attributes.h"

#include <nlohmann/json.hpp>

namespace leat::sqs {
namespace {

using nlohmann::json;
using queue::Order;
using queue::Queue;
using queue::QueueSettings;
using queue::QueueStats;

constexpr std::string_view kThroughputLimit = "FifoThroughputLimit";
constexpr std::string_view kFifoSuffix = ".fifo";
constexpr std::size_t kNameSizeMax = 80;
constexpr std::int64_t kMaxReceives = 1000;
constexpr int kPolicyDepthMax = 32;

struct Seconds {
  Milliseconds QueueSettings::* member;
  std::int64_t low, high;
};
struct Count {
  std::int64_t QueueSettings::* member;
  std::int64_t low, high;
};
struct Flag {
  bool QueueSettings::* member;
};
// Kept for whoever asks.
struct Stored {
  bool (*is_valid)(std::string_view value);
  std::string_view otherwise;  // what is answered when it was never set; empty: nothing
};
struct Special {
  Outcome<> (*set)(const Call& call, std::string_view value, QueueSetup& setup);
  std::optional<std::string> (*get)(const Call& call, const Queue& queue);
};
struct Computed {
  std::string (*get)(const Call& call, const Queue& queue);
};
struct Counted {
  std::int64_t QueueStats::* member;
};

struct QueueAttribute {
  std::string_view name;
  bool is_fifo_only;
  std::variant<Seconds, Count, Flag, Stored, Special, Computed, Counted> rule;
};

std::unexpected<Fault> bad_value(std::string_view name) {
  return refuse(ErrorCode::invalid_attribute_value, fmt::format("Invalid value for the parameter {}.", name));
}
std::unexpected<Fault> bad_policy(std::string_view name, std::string_view value, std::string_view reason) {
  return refuse(ErrorCode::invalid_parameter_value,
                fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, name, reason));
}

// A policy, which clients write and which is walked with recursion: one that is nested deeply is refused.
json parse_policy(std::string_view text) {
  bool is_deep = false;
  const auto keep = [&is_deep](int depth, json::parse_event_t, const json&) {
    is_deep = is_deep || depth > kPolicyDepthMax;
    return !is_deep;
  };
  json policy = json::parse(text, keep, /*allow_exceptions=*/false);
  return is_deep ? json(json::value_t::discarded) : policy;
}

bool is_anything(std::string_view) { return true; }
bool is_boolean(std::string_view value) { return value == "true" || value == "false"; }
bool is_data_key_age(std::string_view value) {
  const auto seconds = aws::to_integer(value);
  return seconds && *seconds >= 60 && *seconds <= 86'400;
}
bool is_throughput_limit(std::string_view value) { return value == "perQueue" || value == "perMessageGroupId"; }

// Whether the queue `target` lets `source` use it for its dead letters.
bool allows_redrive(const Queue& target, std::string_view source) {
  const auto found = target.attributes.find("RedriveAllowPolicy");
  if (found == target.attributes.end()) return true;
  const json policy = parse_policy(found->second);
  if (!policy.is_object()) return true;
  const auto permission = policy.value("redrivePermission", std::string("allowAll"));
  if (permission != "byQueue") return permission != "denyAll";
  const auto sources = policy.find("sourceQueueArns");
  return sources != policy.end() && sources->is_array() && std::ranges::any_of(*sources, [source](const json& arn) {
           return arn.is_string() && name_in_arn(arn.get_ref<const std::string&>()) == source;
         });
}

Outcome<> set_redrive_policy(const Call& call, std::string_view value, QueueSetup& setup) {
  constexpr std::string_view kName = "RedrivePolicy";
  if (value.empty()) {
    setup.settings.dead_letter_queue.clear();
    setup.settings.deliveries_max = 0;
    return {};
  }
  const json policy = parse_policy(value);
  if (!policy.is_object()) return bad_policy(kName, value, "Redrive policy is not a valid JSON map.");
  const auto arn = policy.find("deadLetterTargetArn");
  const auto count = policy.find("maxReceiveCount");
  if (arn == policy.end() || !arn->is_string())
    return bad_policy(kName, value, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  if (count == policy.end())
    return bad_policy(kName, value, "Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  std::optional<std::int64_t> receives;
  if (count->is_number_integer()) receives = count->get<std::int64_t>();
  if (count->is_string()) receives = aws::to_integer(count->get_ref<const std::string&>());
  if (!receives || *receives < 1 || *receives > kMaxReceives) {
    const bool is_plain = count->is_number() || count->is_string();
    return bad_policy(
        kName, value,
        fmt::format("Invalid value for maxReceiveCount: {}, valid values are from 1 to {} both inclusive.",
                    is_plain ? count->dump(-1, ' ', false, json::error_handler_t::replace) : count->type_name(),
                    kMaxReceives));
  }
  const auto target_name = name_in_arn(arn->get_ref<const std::string&>());
  if (!target_name) return bad_policy(kName, value, "Dead-letter target ARN is not valid.");
  if (*target_name == setup.name) return bad_policy(kName, value, "A queue cannot be its own dead-letter queue.");
  LEAT_CHECK(authorize_sending(call.options, call.principal, call.queues, *target_name));
  const auto target = call.queues.find(*target_name);
  if (!target) return bad_policy(kName, value, "Dead letter target does not exist.");
  if (is_fifo_name(target->name) != is_fifo_name(setup.name))
    return bad_policy(kName, value, "Dead-letter queue must be same type of queue as the source.");
  if (!allows_redrive(*target, setup.name)) {
    return bad_policy(kName, value, "The redrive allow policy of the dead-letter queue does not admit this queue.");
  }
  setup.settings.dead_letter_queue = *target_name;
  setup.settings.deliveries_max = static_cast<std::int32_t>(*receives);
  return {};
}
std::optional<std::string> get_redrive_policy(const Call& call, const Queue& queue) {
  if (queue.settings.dead_letter_queue.empty()) return std::nullopt;
  return fmt::format(R"({{"deadLetterTargetArn":"{}","maxReceiveCount":{}}})",
                     queue_arn(call, queue.settings.dead_letter_queue), queue.settings.deliveries_max);
}

Outcome<> set_redrive_allow_policy(const Call&, std::string_view value, QueueSetup& setup) {
  constexpr std::string_view kName = "RedriveAllowPolicy";
  if (value.empty()) {
    setup.stored.erase(std::string(kName));
    return {};
  }
  const json policy = parse_policy(value);
  if (!policy.is_object()) return bad_policy(kName, value, "Redrive allow policy is not a valid JSON map.");
  const auto permission = policy.find("redrivePermission");
  if (permission == policy.end() || !permission->is_string() ||
      (*permission != "allowAll" && *permission != "denyAll" && *permission != "byQueue")) {
    return bad_policy(kName, value, "redrivePermission must be one of allowAll, denyAll and byQueue.");
  }
  const auto sources = policy.find("sourceQueueArns");
  const bool has_sources = sources != policy.end() && sources->is_array() && !sources->empty();
  if (has_sources != (*permission == "byQueue") || (has_sources && sources->size() > 10)) {
    return bad_policy(kName, value, "sourceQueueArns has 1 to 10 queues with byQueue, and is absent otherwise.");
  }
  setup.stored.insert_or_assign(std::string(kName), std::string(value));
  return {};
}
std::optional<std::string> get_redrive_allow_policy(const Call&, const Queue& queue) {
  const auto found = queue.attributes.find("RedriveAllowPolicy");
  return found == queue.attributes.end() ? std::nullopt : std::optional(found->second);
}

Outcome<> set_fifo(const Call&, std::string_view value, QueueSetup& setup) {
  const bool is_fifo = is_fifo_name(setup.name);
  if (!is_boolean(value)) return bad_value("FifoQueue");
  if (value == "true" && !is_fifo) {
    return refuse(
        ErrorCode::invalid_parameter_value,
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end "
        "with .fifo suffix and be 1 to 80 in length.");
  }
  if (!is_fifo) return refuse(ErrorCode::invalid_attribute_name, "Unknown Attribute FifoQueue.");
  if (value == "false" || !setup.is_new) {
    return value == "true" ? Outcome<>() : bad_value("FifoQueue");
  }
  setup.settings.order = Order::fifo;
  return {};
}
std::optional<std::string> get_fifo(const Call&, const Queue& queue) {
  return queue.settings.order == Order::fifo ? std::optional<std::string>("true") : std::nullopt;
}

Outcome<> set_dedup_scope(const Call&, std::string_view value, QueueSetup& setup) {
  if (value != "queue" && value != "messageGroup") return bad_value("DeduplicationScope");
  setup.settings.dedup_scope = value == "queue" ? queue::DedupScope::queue : queue::DedupScope::message_group;
  return {};
}
std::optional<std::string> get_dedup_scope(const Call&, const Queue& queue) {
  return queue.settings.dedup_scope == queue::DedupScope::queue ? "queue" : "messageGroup";
}

std::string seconds_of(Timestamp time) { return fmt::to_string(std::max<std::int64_t>(time.value(), 0) / 1000); }
std::string get_arn(const Call& call, const Queue& queue) { return queue_arn(call, queue.name); }
std::string get_created(const Call&, const Queue& queue) { return seconds_of(queue.created); }
std::string get_modified(const Call&, const Queue& queue) { return seconds_of(queue.modified); }

const QueueAttribute kAttributes[] = {
    {"QueueArn", false, Computed{get_arn}},
    {"ApproximateNumberOfMessages", false, Counted{&QueueStats::ready}},
    {"ApproximateNumberOfMessagesNotVisible", false, Counted{&QueueStats::in_flight}},
    {"ApproximateNumberOfMessagesDelayed", false, Counted{&QueueStats::delayed}},
    {"CreatedTimestamp", false, Computed{get_created}},
    {"LastModifiedTimestamp", false, Computed{get_modified}},
    {"VisibilityTimeout", false, Seconds{&QueueSettings::lease, 0, 43'200}},
    {"MaximumMessageSize", false, Count{&QueueSettings::message_size_max, 1024, std::int64_t{1} << 20}},
    {"MessageRetentionPeriod", false, Seconds{&QueueSettings::retention, 60, 1'209'600}},
    {"DelaySeconds", false, Seconds{&QueueSettings::delay, 0, 900}},
    {"ReceiveMessageWaitTimeSeconds", false, Seconds{&QueueSettings::wait, 0, 20}},
    {"Policy", false, Stored{is_policy, ""}},
    {"RedrivePolicy", false, Special{set_redrive_policy, get_redrive_policy}},
    {"RedriveAllowPolicy", false, Special{set_redrive_allow_policy, get_redrive_allow_policy}},
    {"KmsMasterKeyId", false, Stored{is_anything, ""}},
    {"KmsDataKeyReusePeriodSeconds", false, Stored{is_data_key_age, ""}},
    {"SqsManagedSseEnabled", false, Stored{is_boolean, "false"}},
    {"FifoQueue", false, Special{set_fifo, get_fifo}},
    {"ContentBasedDeduplication", true, Flag{&QueueSettings::content_dedup}},
    {"DeduplicationScope", true, Special{set_dedup_scope, get_dedup_scope}},
    {kThroughputLimit, true, Stored{is_throughput_limit, "perQueue"}},
};

const QueueAttribute* find_attribute(std::string_view name) {
  const auto found = std::ranges::find(kAttributes, name, &QueueAttribute::name);
  return found == std::end(kAttributes) ? nullptr : &*found;
}

std::unexpected<Fault> unknown_attribute(std::string_view name) {
  return refuse(ErrorCode::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name));
}

struct Setter {
  const Call& call;
  std::string_view name;
  std::string_view value;
  QueueSetup& setup;

  template <class Range>
  [[nodiscard]] std::optional<std::int64_t> number(const Range& range) const {
    const auto parsed = aws::to_integer(value);
    return parsed && *parsed >= range.low && *parsed <= range.high ? parsed : std::nullopt;
  }

  Outcome<> operator()(const Seconds& seconds) const {
    const auto parsed = number(seconds);
    if (!parsed) return bad_value(name);
    setup.settings.*seconds.member = Milliseconds(*parsed * 1000);
    return {};
  }
  Outcome<> operator()(const Count& count) const {
    const auto parsed = number(count);
    if (!parsed) return bad_value(name);
    setup.settings.*count.member = *parsed;
    return {};
  }
  Outcome<> operator()(const Flag& flag) const {
    if (!is_boolean(value)) return bad_value(name);
    setup.settings.*flag.member = value == "true";
    return {};
  }
  Outcome<> operator()(const Stored& stored) const {
    if (value.empty()) {
      setup.stored.erase(std::string(name));
      return {};
    }
    if (!stored.is_valid(value)) return bad_value(name);
    setup.stored.insert_or_assign(std::string(name), std::string(value));
    return {};
  }
  Outcome<> operator()(const Special& special) const { return special.set(call, value, setup); }
  Outcome<> operator()(const Computed&) const { return unknown_attribute(name); }
  Outcome<> operator()(const Counted&) const { return unknown_attribute(name); }
};

struct Getter {
  const Call& call;
  std::string_view name;
  const Queue& queue;
  const QueueStats& stats;

  using Text = std::optional<std::string>;
  Text operator()(const Seconds& seconds) const {
    return fmt::to_string((queue.settings.*seconds.member).count() / 1000);
  }
  Text operator()(const Count& count) const { return fmt::to_string(queue.settings.*count.member); }
  Text operator()(const Flag& flag) const { return queue.settings.*flag.member ? "true" : "false"; }
  Text operator()(const Stored& stored) const {
    const auto found = queue.attributes.find(name);
    if (found != queue.attributes.end()) return found->second;
    return stored.otherwise.empty() ? std::nullopt : Text(stored.otherwise);
  }
  Text operator()(const Special& special) const { return special.get(call, queue); }
  Text operator()(const Computed& computed) const { return computed.get(call, queue); }
  Text operator()(const Counted& counted) const { return fmt::to_string(stats.*counted.member); }
};

}  // namespace

QueueSetup setup_of(const Queue& queue) { return {queue.name, queue.settings, queue.attributes, false}; }

bool is_policy(std::string_view text) { return parse_policy(text).is_object(); }

bool is_fifo_name(std::string_view name) { return name.ends_with(kFifoSuffix); }

bool is_queue_name(std::string_view name) {
  const std::string_view stem = is_fifo_name(name) ? name.substr(0, name.size() - kFifoSuffix.size()) : name;
  return !stem.empty() && name.size() <= kNameSizeMax && std::ranges::all_of(stem, [](unsigned char c) {
    return (std::isalnum(c) != 0 && c < 0x80) || c == '-' || c == '_';
  });
}

Outcome<> check_queue_name(std::string_view name) {
  if (is_queue_name(name)) return {};
  return refuse(ErrorCode::invalid_parameter_value,
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
}

Outcome<> set_attribute(const Call& call, std::string_view name, std::string_view value, QueueSetup& setup) {
  const QueueAttribute* attribute = find_attribute(name);
  if (attribute == nullptr || (attribute->is_fifo_only && !is_fifo_name(setup.name))) return unknown_attribute(name);
  if (value.size() > kAttributeSizeMax) return bad_value(name);
  return std::visit(Setter{call, name, value, setup}, attribute->rule);
}

Outcome<> check_setup(const QueueSetup& setup) {
  const auto limit = setup.stored.find(kThroughputLimit);
  if (limit == setup.stored.end() || limit->second != "perMessageGroupId" ||
      setup.settings.dedup_scope == queue::DedupScope::message_group) {
    return {};
  }
  return refuse(ErrorCode::invalid_attribute_value,
                "The FifoThroughputLimit perMessageGroupId needs the DeduplicationScope messageGroup.");
}

Outcome<> set_tagged(std::string_view tag, std::string_view value, QueueSetup& setup) {
  const std::string_view name = tag.substr(kTagPrefix.size());
  // Whoever sets those is asked whether that is allowed.
  if (name == "dead_letter_queue" || name == "deliveries_max") {
    return refuse(ErrorCode::invalid_parameter_value,
                  fmt::format("The tag {} cannot be set: RedrivePolicy decides.", tag));
  }
  queue::SettingsMap map = queue::to_map(setup.settings);
  map.insert_or_assign(std::string(name), std::string(value));
  auto settings = queue::settings_from(map);
  if (!settings) {
    return refuse(ErrorCode::invalid_parameter_value,
                  fmt::format("Value {} for tag {} is invalid. Reason: {}", value, tag, settings.error().message));
  }
  if (settings->order != setup.settings.order)
    return refuse(ErrorCode::invalid_parameter_value, fmt::format("The tag {} cannot be set: FifoQueue decides.", tag));
  if (!settings->delivers)
    return refuse(ErrorCode::invalid_parameter_value,
                  fmt::format("The tag {} cannot be set: SQS's queues deliver.", tag));
  setup.settings = std::move(*settings);
  return {};
}

bool is_attribute(std::string_view name) { return name == "All" || find_attribute(name) != nullptr; }

bool needs_stats(std::string_view name) {
  const QueueAttribute* attribute = find_attribute(name);
  return name == "All" || (attribute != nullptr && std::holds_alternative<Counted>(attribute->rule));
}

std::optional<std::string> get_attribute(const Call& call, std::string_view name, const Queue& queue,
                                         const QueueStats& stats) {
  const QueueAttribute* attribute = find_attribute(name);
  if (attribute == nullptr || (attribute->is_fifo_only && queue.settings.order != Order::fifo)) return std::nullopt;
  return std::visit(Getter{call, name, queue, stats}, attribute->rule);
}

std::vector<std::string_view> attribute_names() {
  std::vector<std::string_view> names;
  for (const QueueAttribute& attribute : kAttributes) names.push_back(attribute.name);
  return names;
}

}  // namespace leat::sqs
