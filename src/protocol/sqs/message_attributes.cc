#include "protocol/sqs/message_attributes.h"

#include <charconv>

#include "protocol/http/message.h"

namespace leat::sqs {
namespace {

constexpr std::size_t kAttributesMax = 10;
constexpr std::size_t kNameSizeMax = 256;
constexpr std::size_t kIdSizeMax = 128;
constexpr std::int64_t kDelaySecondsMax = 900;
constexpr std::string_view kTraceAttribute = "AWSTraceHeader";

std::unexpected<Fault> bad(std::string message) {
  return refuse(ErrorCode::invalid_parameter_value, std::move(message));
}
std::unexpected<Fault> bad_contents() {
  return refuse(ErrorCode::invalid_message_contents,
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to "
                "#xFFFD | #x10000 to #x10FFFF.");
}

std::string_view base_type(std::string_view type) { return type.substr(0, type.find('.')); }
bool is_binary(std::string_view type) { return base_type(type) == "Binary"; }
std::string_view value_of(const AttributeValue& attribute) {
  return is_binary(attribute.data_type) ? attribute.binary_value.bytes : attribute.string_value;
}

bool is_number(std::string_view text) {
  double number = 0;
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  // What is neither: infinities, and what is no number.
  if (text.empty() || (text[0] != '.' && (text[0] < '0' || text[0] > '9'))) return false;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return end == text.data() + text.size() && failure != std::errc::invalid_argument;
}

Outcome<> check_name(std::string_view name) {
  const bool has_valid_characters = std::ranges::all_of(
      name, [](unsigned char c) { return (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '-' || c == '.'; });
  if (name.empty() || name.size() > kNameSizeMax) {
    return bad(fmt::format("Length of message attribute name must be between 1 and {} bytes.", kNameSizeMax));
  }
  if (!has_valid_characters || name.starts_with('.') || name.ends_with('.') || name.contains("..")) {
    return bad(
        fmt::format("Invalid message attribute name '{}': it can have letters, digits, '_', '-' and single '.' "
                    "that are neither its first nor its last character.",
                    is_aws_text(name) ? name : ""));
  }
  if (http::equals_ignoring_case(name.substr(0, 4), "AWS.") || http::equals_ignoring_case(name.substr(0, 7), "Amazon."))
    return bad(fmt::format("Message attribute name '{}' begins with a reserved prefix.", name));
  return {};
}

// The value and its type, by the rules for all attributes.
Outcome<> check_value(std::string_view name, const AttributeValue& attribute) {
  const std::string_view type = attribute.data_type;
  if (type.empty())
    return bad(fmt::format("The message attribute '{}' must contain a non-empty message attribute type.", name));
  if (!attribute.string_list.empty() || !attribute.binary_list.empty()) {
    return refuse(ErrorCode::unsupported_operation,
                  "Message attribute list values in SendMessage operation are not supported.");
  }
  const std::string_view base = base_type(type);
  if ((base != "String" && base != "Number" && base != "Binary") || type.size() > kNameSizeMax || !is_aws_text(type)) {
    return bad(
        fmt::format("The message attribute '{}' has an invalid message attribute type, the set of supported type "
                    "prefixes is Binary, Number, and String.",
                    name));
  }
  const std::string_view value = value_of(attribute);
  const std::string_view other = is_binary(type) ? attribute.string_value : attribute.binary_value.bytes;
  if (value.empty() || is_set(other)) {
    return bad(fmt::format(
        "The message attribute '{}' must contain a non-empty message attribute value for message attribute type '{}'.",
        name, base));
  }
  if (!is_binary(type) && !is_aws_text(value)) return bad_contents();
  if (base == "Number" && !is_number(value))
    return bad(fmt::format("Can't cast the value of message (user) attribute '{}' to a number.", name));
  return {};
}

// What leat-priority, leat-ttl and leat-encoding say is for the message itself. Whether the attribute is one of them.
Outcome<bool> take_own_attribute(std::string_view name, std::string_view value, PreparedMessage& prepared,
                                 Arena& arena) {
  if (!queue::is_reserved_header(name)) return false;
  const auto number = aws::to_integer(value);
  if (name == kPriorityAttribute) {
    if (!number || *number < 0 || *number >= queue::kPriorities)
      return bad(fmt::format("{} must be 0 to {}.", name, queue::kPriorities - 1));
    prepared.message.priority = static_cast<std::uint8_t>(*number);
    return true;
  }
  if (name == kTimeToLiveAttribute) {
    constexpr std::int64_t kSecondsMax = 10LL * 365 * 86'400;
    if (!number || *number < 1 || *number > kSecondsMax)
      return bad(fmt::format("{} must be 1 to {}.", name, kSecondsMax));
    prepared.message.time_to_live = Milliseconds(*number * 1000);
    return true;
  }
  if (name == kEncodingAttribute) {
    auto bytes = value == "base64" ? aws::from_base64(as_text(prepared.message.body)) : std::nullopt;
    if (!bytes) return bad(fmt::format("{} must be base64, and the body must be written in it.", name));
    prepared.message.body = as_bytes(arena.keep(*bytes));
    return true;
  }
  return bad(fmt::format("The message attribute '{}' cannot be sent: names that begin with leat- are reserved.", name));
}

Outcome<> take_attributes(const AttributeMap& attributes, PreparedMessage& prepared, Arena& arena) {
  if (attributes.size() > kAttributesMax) {
    return bad(fmt::format("Number of message attributes [{}] exceeds the allowed maximum [{}].", attributes.size(),
                           kAttributesMax));
  }
  std::string types;
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const auto& [name, attribute] = attributes[i];
    LEAT_CHECK(check_name(name));
    LEAT_CHECK(check_value(name, attribute));
    for (std::size_t other = 0; other < i; ++other) {
      if (attributes[other].name == name) return bad(fmt::format("Message attribute name '{}' is used twice.", name));
    }
    LEAT_TRY(const bool is_own, take_own_attribute(name, value_of(attribute), prepared, arena));
    if (is_own) continue;
    if (attribute.data_type != "String")
      types += fmt::format("{}{}={}", types.empty() ? "" : "&", name, aws::percent_encoded(attribute.data_type));
    prepared.message.headers.push_back({name, as_bytes(value_of(attribute))});
  }
  if (!types.empty()) prepared.message.headers.push_back({kTypesHeader, as_bytes(arena.keep(types))});
  if (!attributes.empty()) prepared.result.md5_of_attributes = arena.keep(md5_of_attributes(attributes));
  return {};
}

Outcome<> take_system_attributes(const AttributeMap& attributes, PreparedMessage& prepared, Arena& arena) {
  for (const auto& [name, attribute] : attributes) {
    if (name != kTraceAttribute) {
      return bad(fmt::format("Message system attribute name '{}' is invalid.", is_aws_text(name) ? name : ""));
    }
    LEAT_CHECK(check_value(name, attribute));
    if (attribute.data_type != "String")
      return bad(fmt::format("The message system attribute '{}' must be of type String.", name));
    prepared.message.headers.push_back({kTraceHeader, as_bytes(attribute.string_value)});
  }
  if (!attributes.empty()) prepared.result.md5_of_system_attributes = arena.keep(md5_of_attributes(attributes));
  return {};
}

Outcome<> check_id(std::string_view parameter, std::string_view id) {
  const bool is_valid = !id.empty() && id.size() <= kIdSizeMax &&
                        std::ranges::all_of(id, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (is_valid) return {};
  return bad(
      fmt::format("Value {} for parameter {} is invalid. Reason: {} can only include alphanumeric and punctuation "
                  "characters. 1 to 128 in length.",
                  is_aws_text(id) ? id : "", parameter, parameter));
}

Outcome<> take_group_and_dedup(const SendEntry& entry, const queue::Queue& queue, queue::NewMessage& message) {
  const bool is_fifo = queue.settings.order == queue::Order::fifo;
  if (is_set(entry.group_id)) {
    LEAT_CHECK(check_id("MessageGroupId", entry.group_id));
    message.group = as_bytes(entry.group_id);
  } else if (is_fifo) {
    return refuse(ErrorCode::missing_parameter, "The request must contain the parameter MessageGroupId.");
  }
  if (is_set(entry.dedup_id)) {
    if (!is_fifo) {
      return bad(
          fmt::format("Value {} for parameter MessageDeduplicationId is invalid. Reason: The request includes a "
                      "parameter that is not valid for this queue type.",
                      is_aws_text(entry.dedup_id) ? entry.dedup_id : ""));
    }
    LEAT_CHECK(check_id("MessageDeduplicationId", entry.dedup_id));
    message.dedup_id = entry.dedup_id;
  } else if (is_fifo && !queue.settings.content_dedup) {
    return bad(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
        "explicitly");
  }
  return {};
}

Outcome<> take_delay(const SendEntry& entry, const queue::Queue& queue, queue::NewMessage& message) {
  if (!entry.delay_seconds) return {};
  const std::int64_t seconds = *entry.delay_seconds;
  if (seconds < 0 || seconds > kDelaySecondsMax) {
    return bad(
        fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= {}.",
                    seconds, kDelaySecondsMax));
  }
  if (queue.settings.order == queue::Order::fifo) {
    if (seconds == 0) return {};
    return bad(
        fmt::format("Value {} for parameter DelaySeconds is invalid. Reason: The request include parameter that is "
                    "not valid for this queue type.",
                    seconds));
  }
  message.delay = Milliseconds(seconds * 1000);
  return {};
}

}  // namespace

std::string md5_of_attributes(const AttributeMap& attributes) {
  std::vector<const Named<AttributeValue>*> sorted;
  for (const auto& attribute : attributes) sorted.push_back(&attribute);
  std::ranges::sort(sorted, {}, &Named<AttributeValue>::name);
  std::string text;
  const auto append = [&text](std::string_view part) {
    std::array<std::byte, 4> size;
    store_be(size.data(), static_cast<std::uint32_t>(part.size()));
    text += as_text(size);
    text += part;
  };
  for (const auto* attribute : sorted) {
    append(attribute->name);
    append(attribute->value.data_type);
    text += is_binary(attribute->value.data_type) ? '\x02' : '\x01';
    append(value_of(attribute->value));
  }
  return aws::hex(aws::md5_of(text));
}

std::size_t size_of(const SendEntry& entry) {
  std::size_t size = entry.body.size();
  for (const auto& [name, value] : entry.attributes) {
    size += name.size() + value.data_type.size() + value.string_value.size() + value.binary_value.bytes.size();
  }
  return size;
}

Outcome<PreparedMessage> prepare_message(const SendEntry& entry, const queue::Queue& queue, std::string_view sender,
                                         Arena& arena) {
  PreparedMessage prepared;
  if (entry.body.empty()) {
    return refuse(ErrorCode::missing_parameter, "The request must contain the parameter MessageBody.");
  }
  const std::int64_t size_max = std::min(queue.settings.message_size_max, kMessageSizeMax);
  if (static_cast<std::int64_t>(size_of(entry)) > size_max) {
    return bad(
        fmt::format("One or more parameters are invalid. Reason: Message must be shorter than {} bytes.", size_max));
  }
  if (!is_aws_text(entry.body)) return bad_contents();
  prepared.message.body = as_bytes(entry.body);
  LEAT_CHECK(take_delay(entry, queue, prepared.message));
  LEAT_CHECK(take_group_and_dedup(entry, queue, prepared.message));
  LEAT_CHECK(take_attributes(entry.attributes, prepared, arena));
  LEAT_CHECK(take_system_attributes(entry.system_attributes, prepared, arena));
  if (!sender.empty()) prepared.message.headers.push_back({kSenderHeader, as_bytes(sender)});
  prepared.result.md5_of_body = arena.keep(aws::hex(aws::md5_of(entry.body)));
  return prepared;
}

}  // namespace leat::sqs
