#include "protocol/aws/batch.h"
#include "protocol/sns/handlers.h"
#include "protocol/sns/notification.h"
#include "protocol/sqs/message_attributes.h"
#include "protocol/sqs/receipt_handle.h"

namespace leat::sns {
namespace {

using queue::Order;
using queue::QueuePtr;

constexpr std::size_t kSubjectSizeMax = 100;

Outcome<> check_subject(std::string_view subject) {
  const bool is_valid = !subject.empty() && subject.size() <= kSubjectSizeMax && subject.front() != ' ' &&
                        std::ranges::all_of(subject, [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
  if (is_valid) return {};
  return refuse(ErrorCode::invalid_parameter_value,
                "Invalid parameter: Subject Reason: it must be ASCII text of 1 to 100 characters, without line breaks, "
                "that begins with none of them but a letter, number or punctuation mark");
}

sqs::SendEntry to_send(const PublishEntry& entry) {
  sqs::SendEntry send;
  send.body = entry.message;
  send.attributes = entry.attributes;
  send.dedup_id = entry.dedup_id;
  send.group_id = entry.group_id;
  return send;
}

// Checks a message by SNS's rules and makes it one of the topic's queue.
Outcome<sqs::PreparedMessage> prepare(const PublishEntry& entry, const queue::Queue& topic, std::string_view sender,
                                      Arena& arena) {
  if (entry.message.empty()) return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: Empty message");
  const sqs::SendEntry send = to_send(entry);
  if (static_cast<std::int64_t>(sqs::size_of(send)) > topic.settings.message_size_max)
    return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: Message too long");
  auto prepared = sqs::prepare_message(send, topic, sender, arena);
  if (!prepared) {
    prepared.error().message = fmt::format("Invalid parameter: {}", prepared.error().message);
    prepared.error().code = ErrorCode::invalid_parameter_value;
    return prepared;
  }
  if (aws::is_set(entry.subject)) {
    LEAT_CHECK(check_subject(entry.subject));
    prepared->message.headers.push_back({kSubjectHeader, as_bytes(entry.subject)});
  }
  if (entry.structure == "json") {
    if (!text_for(entry.message, "default")) {
      return refuse(ErrorCode::invalid_parameter_value,
                    "Invalid parameter: Message Structure - No default entry in JSON message body");
    }
    prepared->message.headers.push_back({kStructureHeader, as_bytes(entry.structure)});
  } else if (aws::is_set(entry.structure)) {
    return refuse(ErrorCode::invalid_parameter_value, "Invalid parameter: MessageStructure");
  }
  return prepared;
}

void complete(const queue::Queue& topic, const queue::Sent& sent, PublishResult& result, Arena& arena) {
  result.message_id = arena.keep(sqs::message_id(topic.topic_id, sent.partition, sent.offset));
  if (topic.settings.order == Order::fifo) result.sequence_number = arena.keep(sqs::sequence_number(sent.offset));
}

Fault send_fault(const Error& error) {
  if (error.code == Errc::too_large) return {ErrorCode::invalid_parameter_value, "Invalid parameter: Message too long"};
  return to_fault(error);
}

sqs::FailedEntry failed(std::string_view id, Fault fault, Arena& arena) {
  const aws::WireError& wire = wire_error(fault.code);
  return {id, wire.status < 500, wire.legacy, arena.keep(fault.message)};
}

}  // namespace

Answer publish(Call& call, const PublishInput& in, PublishResult& out) {
  if (aws::is_set(in.phone_number)) co_return bad_parameter("PhoneNumber", "leat sends no text messages");
  const std::string_view arn = aws::is_set(in.topic_arn) ? in.topic_arn : in.target_arn;
  if (!aws::is_set(arn)) co_return bad_parameter("TopicArn or TargetArn", "no value for required parameter");
  if (!aws::is_set(in.entry.message))
    co_return refuse(ErrorCode::missing_parameter, "The request must contain the parameter Message.");
  LEAT_CO_TRY(const QueuePtr topic, find_topic(call, arn, Operation::write));
  LEAT_CO_TRY(const auto prepared, prepare(in.entry, *topic, call.sender, call.arena));
  const auto sent = co_await call.queues.send(topic, {&prepared.message, 1});
  if (!sent.front()) co_return std::unexpected(send_fault(sent.front().error()));
  complete(*topic, *sent.front(), out, call.arena);
  co_return Outcome<>();
}

Answer publish_batch(Call& call, const PublishBatchInput& in, PublishBatchOutput& out) {
  LEAT_CO_TRY(const QueuePtr topic, find_topic(call, in.topic_arn, Operation::write));
  LEAT_CO_CHECK(aws::check_batch(in.entries, "PublishBatchRequestEntry"));
  std::size_t size = 0;
  for (const PublishEntry& entry : in.entries) size += sqs::size_of(to_send(entry));
  if (static_cast<std::int64_t>(size) > topic->settings.message_size_max) {
    co_return refuse(ErrorCode::batch_request_too_long,
                     fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} bytes.",
                                 topic->settings.message_size_max, size));
  }
  std::vector<queue::NewMessage> messages;
  std::vector<std::string_view> ids;
  for (const PublishEntry& entry : in.entries) {
    if (auto prepared = prepare(entry, *topic, call.sender, call.arena)) {
      messages.push_back(std::move(prepared->message));
      ids.push_back(entry.id);
    } else {
      out.failed.push_back(failed(entry.id, std::move(prepared.error()), call.arena));
    }
  }
  if (messages.empty()) co_return Outcome<>();
  const auto sent = co_await call.queues.send(topic, messages);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i]) {
      complete(*topic, *sent[i], out.successful.emplace_back(PublishResult{.id = ids[i]}), call.arena);
    } else {
      out.failed.push_back(failed(ids[i], send_fault(sent[i].error()), call.arena));
    }
  }
  co_return Outcome<>();
}

}  // namespace leat::sns
