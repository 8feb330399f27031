#include "protocol/sns/notification.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/utc_text.h"
#include "protocol/aws/json_codec.h"
#include "protocol/sqs/receipt_handle.h"
#include "queue/content_id.h"

namespace leat::sns {
namespace {

using aws::is_set;

class ObjectWriter {
 public:
  void add(std::string_view name, std::string_view value) {
    if (!is_set(value)) return;
    begin(name);
    append_json_text(value, text_);
  }
  void add_raw(std::string_view name, std::string_view json) {
    begin(name);
    text_ += json;
  }
  [[nodiscard]] std::string finish() && {
    text_ += '}';
    return std::move(text_);
  }

 private:
  void begin(std::string_view name) {
    text_ += text_.size() > 1 ? ",\"" : "\"";
    text_ += name;
    text_ += "\":";
  }
  std::string text_ = "{";
};

std::string attributes_json(const sqs::AttributeMap& attributes) {
  std::string text = "{";
  for (const auto& [name, value] : attributes) {
    if (text.size() > 1) text += ',';
    append_json_text(name, text);
    ObjectWriter one;
    one.add("Type", value.data_type);
    const bool is_binary = value.data_type.starts_with("Binary");
    const std::string encoded = is_binary ? aws::to_base64(value.binary_value.bytes) : std::string();
    one.add("Value", is_binary ? std::string_view(encoded) : value.string_value);
    text += ':';
    text += std::move(one).finish();
  }
  return text + '}';
}

}  // namespace

std::optional<std::string> text_for(std::string_view message, std::string_view protocol) {
  const auto parsed = nlohmann::json::parse(message, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  const auto fallback = parsed.find("default");
  if (fallback == parsed.end() || !fallback->is_string()) return std::nullopt;
  const auto own = parsed.find(protocol);
  return (own != parsed.end() && own->is_string() ? *own : *fallback).get<std::string>();
}

Published read_published(const queue::Delivery& delivery, const queue::Queue& subscription, std::string_view protocol,
                         aws::Arena& arena) {
  static const std::vector<std::string_view> kAll{"All"};
  const log::RecordView& record = delivery.record;
  Published out;
  // Partitions hold only records that were checked; if one cannot be read after all it has no attributes.
  out.headers = log::decode_record_headers(record.raw_headers).value_or(std::vector<log::RecordHeader>());
  out.attributes = sqs::attributes_in(out.headers, kAll, arena);
  out.message = record.value && !record.value->empty() ? as_text(*record.value) : aws::kEmptyText;
  if (!aws::is_aws_text(out.message)) {
    out.message = arena.keep(aws::to_base64(out.message));
    sqs::AttributeValue encoding;
    encoding.data_type = "String";
    encoding.string_value = "base64";
    out.attributes.push_back({sqs::kEncodingAttribute, encoding});
  } else if (sqs::header_in(out.headers, kStructureHeader) == "json") {
    if (auto text = text_for(out.message, protocol)) out.message = arena.keep(*text);
  }
  if (const auto subject = sqs::header_in(out.headers, kSubjectHeader); aws::is_aws_text(subject))
    out.subject = subject;
  out.message_id =
      arena.keep(sqs::message_id(subscription.topic_id, delivery.receipt.partition, delivery.receipt.offset));
  if (subscription.settings.order == queue::Order::fifo)
    out.sequence_number = arena.keep(sqs::sequence_number(delivery.receipt.offset));
  out.timestamp = arena.keep(utc_text(record.timestamp));
  if (record.key && !record.key->empty()) out.group = as_text(*record.key);
  out.dedup_id = sqs::header_in(out.headers, queue::kDedupIdHeader);
  return out;
}

std::string_view dedup_id_of(const Published& published, const queue::Delivery& delivery, bool by_content,
                             aws::Arena& arena) {
  if (is_set(published.dedup_id)) return published.dedup_id;
  if (!by_content) return published.message_id;
  return arena.keep(queue::content_id(delivery.record.value.value_or(BytesView())));
}

std::string text_to_sign(const Notification& notification) {
  std::string text;
  const auto add = [&text](std::string_view name, std::string_view value) {
    if (is_set(value)) text += fmt::format("{}\n{}\n", name, value);
  };
  add("Message", notification.message);
  add("MessageId", notification.message_id);
  add("Subject", notification.subject);
  add("SubscribeURL", notification.subscribe_url);
  add("Timestamp", notification.timestamp);
  add("Token", notification.token);
  add("TopicArn", notification.topic_arn);
  add("Type", notification.type);
  return text;
}

std::string to_json(const Notification& notification, const Signature* signature) {
  ObjectWriter out;
  out.add("Type", notification.type);
  out.add("MessageId", notification.message_id);
  out.add("SequenceNumber", notification.sequence_number);
  out.add("Token", notification.token);
  out.add("TopicArn", notification.topic_arn);
  out.add("Subject", notification.subject);
  out.add("Message", notification.message);
  out.add("SubscribeURL", notification.subscribe_url);
  out.add("Timestamp", notification.timestamp);
  if (signature != nullptr) {
    out.add("SignatureVersion", signature->version == SignatureVersion::sha256 ? "2" : "1");
    out.add("Signature", signature->text);
    out.add("SigningCertURL", signature->certificate_url);
  }
  out.add("UnsubscribeURL", notification.unsubscribe_url);
  if (notification.attributes != nullptr && !notification.attributes->empty())
    out.add_raw("MessageAttributes", attributes_json(*notification.attributes));
  return std::move(out).finish();
}

}  // namespace leat::sns
