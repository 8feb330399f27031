#include "protocol/sqs/message_attributes.h"
#include "protocol/sqs/receipt_handle.h"
#include "queue/content_id.h"

namespace leat::sqs {
namespace {

using Headers = std::vector<log::RecordHeader>;

// Everything that a system attribute is made of.
struct Shown {
  const queue::Delivery& delivery;
  const DeliveryContext& context;
  const Headers& headers;
  Arena& arena;

  [[nodiscard]] std::string_view header(std::string_view name) const { return header_in(headers, name); }
  [[nodiscard]] bool is_fifo() const { return context.queue.settings.order == queue::Order::fifo; }
};

// As SQS's clients may hold it: keys and headers of other producers can be any bytes.
std::string_view as_sqs_text(std::string_view bytes, Arena& arena) {
  return is_aws_text(bytes) ? bytes : arena.keep(aws::to_base64(bytes));
}
std::string_view number(std::int64_t value, Arena& arena) { return arena.keep(fmt::to_string(value)); }

std::string_view show_sender(const Shown& shown) {
  const auto sender = shown.header(kSenderHeader);
  return is_set(sender) && is_aws_text(sender) ? sender : shown.context.account;
}
std::string_view show_sent(const Shown& shown) { return number(shown.delivery.record.timestamp.value(), shown.arena); }
std::string_view show_count(const Shown& shown) { return number(shown.delivery.receipt.delivery, shown.arena); }
std::string_view show_first(const Shown& shown) { return number(shown.delivery.first_delivered.value(), shown.arena); }
std::string_view show_group(const Shown& shown) {
  const auto& key = shown.delivery.record.key;
  return key && !key->empty() ? as_sqs_text(as_text(*key), shown.arena) : std::string_view();
}
std::string_view show_dedup_id(const Shown& shown) {
  if (!shown.is_fifo()) return {};
  if (const auto id = shown.header(queue::kDedupIdHeader); is_set(id)) return as_sqs_text(id, shown.arena);
  if (!shown.context.queue.settings.content_dedup || !shown.delivery.record.value) return {};
  return shown.arena.keep(queue::content_id(*shown.delivery.record.value));
}
std::string_view show_sequence_number(const Shown& shown) {
  return shown.is_fifo() ? shown.arena.keep(sequence_number(shown.delivery.receipt.offset)) : std::string_view();
}
std::string_view show_trace(const Shown& shown) {
  const auto trace = shown.header(kTraceHeader);
  return is_set(trace) && is_aws_text(trace) ? trace : std::string_view();
}
std::string_view show_dead_source(const Shown& shown) {
  const auto source = shown.header(queue::kDeadQueueHeader);
  if (!is_set(source) || !is_aws_text(source)) return {};
  return shown.arena.keep(fmt::format("{}{}", shown.context.arn_prefix, source));
}

struct SystemAttribute {
  std::string_view name;
  std::string_view (*show)(const Shown& shown);  // not set: the message has none
};
constexpr SystemAttribute kSystemAttributes[] = {
    {"SenderId", show_sender},
    {"SentTimestamp", show_sent},
    {"ApproximateReceiveCount", show_count},
    {"ApproximateFirstReceiveTimestamp", show_first},
    {"MessageGroupId", show_group},
    {"MessageDeduplicationId", show_dedup_id},
    {"SequenceNumber", show_sequence_number},
    {"AWSTraceHeader", show_trace},
    {"DeadLetterQueueSourceArn", show_dead_source},
};

bool wants_attribute(const std::vector<std::string_view>& patterns, std::string_view name) {
  return std::ranges::any_of(patterns, [name](std::string_view pattern) {
    if (pattern == "All" || pattern == ".*") return true;
    if (pattern.ends_with(".*")) return name.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == name;
  });
}

// The type that the sender gave an attribute; not set when it gave none but String, or none at all.
std::string_view type_of(std::string_view types, std::string_view name, Arena& arena) {
  while (!types.empty()) {
    const std::string_view entry = types.substr(0, types.find('&'));
    types.remove_prefix(std::min(types.size(), entry.size() + 1));
    if (entry.starts_with(name) && entry.substr(name.size(), 1) == "=")
      return aws::form_decoded(entry.substr(name.size() + 1), arena);
  }
  return {};
}

AttributeValue show_attribute(std::string_view type, std::string_view value) {
  const std::string_view base = type.substr(0, type.find('.'));
  const bool is_known = (base == "Number" || base == "Binary" || base == "String") && is_aws_text(type);
  const bool is_text = is_aws_text(value);
  AttributeValue shown;
  // Whoever wrote the header may have written anything beside it: bytes that are no text are Binary all the same.
  if (!is_known || (base != "Binary" && !is_text)) {
    shown.data_type = is_text ? "String" : "Binary";
  } else {
    shown.data_type = type;
  }
  if (shown.data_type.starts_with("Binary")) {
    shown.binary_value.bytes = is_set(value) ? value : kEmptyText;
  } else {
    shown.string_value = is_set(value) ? value : kEmptyText;
  }
  return shown;
}

// A dead letter goes by the id that it had before.
std::string show_id(const Shown& shown) {
  const auto partition = aws::to_integer(shown.header(queue::kDeadPartitionHeader));
  const auto offset = aws::to_integer(shown.header(queue::kDeadOffsetHeader));
  if (const auto source = shown.header(queue::kDeadQueueHeader); is_set(source) && partition && offset) {
    if (const auto origin = shown.context.queues.find(source);
        origin && origin->topic == shown.header(queue::kDeadTopicHeader)) {
      return message_id(origin->topic_id, PartitionIndex(static_cast<std::int32_t>(*partition)), Offset(*offset));
    }
  }
  return message_id(shown.context.queue.topic_id, shown.delivery.receipt.partition, shown.delivery.receipt.offset);
}

}  // namespace

std::string_view header_in(const std::vector<log::RecordHeader>& headers, std::string_view name) {
  for (const auto& header : headers) {
    if (header.key == name && header.value) return as_text(*header.value);
  }
  return {};
}

AttributeMap attributes_in(const std::vector<log::RecordHeader>& headers, const std::vector<std::string_view>& patterns,
                           Arena& arena) {
  AttributeMap attributes;
  const auto types = header_in(headers, kTypesHeader);
  for (const auto& header : headers) {
    if (queue::is_reserved_header(header.key) || !wants_attribute(patterns, header.key)) continue;
    if (header.key.empty() || !is_aws_text(header.key)) continue;
    // Records may repeat a header; of attributes there is one of a name, and the last one counts.
    const std::string_view value = header.value ? as_text(*header.value) : kEmptyText;
    const auto same = std::ranges::find(attributes, header.key, &Named<AttributeValue>::name);
    auto& into = same != attributes.end() ? *same : attributes.emplace_back(Named<AttributeValue>{header.key, {}});
    into.value = show_attribute(type_of(types, header.key, arena), value);
  }
  return attributes;
}

std::string sequence_number(Offset offset) { return fmt::format("{:020}", offset.value()); }

Outcome<Wanted> wanted_by(const ReceiveMessageInput& in) {
  Wanted wanted;
  for (const auto* names : {&in.attribute_names, &in.system_attribute_names}) {
    for (const std::string_view name : *names) {
      if (name != "All" &&
          std::ranges::find(kSystemAttributes, name, &SystemAttribute::name) == std::end(kSystemAttributes))
        return refuse(ErrorCode::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name));
      wanted.system.push_back(name);
    }
  }
  wanted.attributes = in.message_attribute_names;
  return wanted;
}

ReceivedMessage show_message(const queue::Delivery& delivery, const DeliveryContext& context, Arena& arena) {
  // Partitions hold only records that were checked; if one cannot be read after all it has no attributes.
  const auto headers = log::decode_record_headers(delivery.record.raw_headers).value_or(Headers());
  const Shown shown{delivery, context, headers, arena};
  ReceivedMessage message;
  message.message_id = arena.keep(show_id(shown));
  message.receipt_handle = arena.keep(to_handle(context.queue.id, delivery.receipt));
  message.message_attributes = attributes_in(headers, context.wanted.attributes, arena);
  message.body = delivery.record.value ? as_text(*delivery.record.value) : kEmptyText;
  if (!is_set(message.body)) message.body = kEmptyText;
  if (!is_aws_text(message.body)) {
    message.body = arena.keep(aws::to_base64(message.body));
    message.message_attributes.push_back({kEncodingAttribute, show_attribute("String", "base64")});
  }
  message.md5_of_body = arena.keep(aws::hex(aws::md5_of(message.body)));
  if (!message.message_attributes.empty())
    message.md5_of_attributes = arena.keep(md5_of_attributes(message.message_attributes));
  const auto& wanted = context.wanted.system;
  const bool wants_all = std::ranges::find(wanted, "All") != wanted.end();
  for (const auto& attribute : kSystemAttributes) {
    if (!wants_all && std::ranges::find(wanted, attribute.name) == wanted.end()) continue;
    if (const auto value = attribute.show(shown); is_set(value)) message.attributes.push_back({attribute.name, value});
  }
  return message;
}

}  // namespace leat::sqs
