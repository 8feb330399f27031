#include "protocol/sqs/handlers.h"
#include "protocol/sqs/message_attributes.h"

// leat's own actions, for what queues can do and SQS has no action for.
namespace leat::sqs {
namespace {

using queue::QueuePtr;
using security::Operation;

constexpr std::int64_t kBrowseMax = 100;
constexpr std::size_t kRedriveMax = 100;
constexpr std::int64_t kBrowseDefault = 10;
constexpr std::size_t kBrowseSizeMax = std::size_t{1} << 20;  // of what is shown, one message apart

std::unexpected<Fault> bad_value(std::string_view parameter, std::string_view value, std::string_view reason) {
  return refuse(ErrorCode::invalid_parameter_value,
                fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, parameter, reason));
}

// Keys, values and headers can be any bytes; what is no text is base64, and `name` says so.
std::string_view show_bytes(std::string_view bytes, std::string_view name, BrowsedMessage& message, Arena& arena) {
  if (!is_set(bytes)) return kEmptyText;
  if (is_aws_text(bytes)) return bytes;
  message.base64.push_back(name);
  return arena.keep(aws::to_base64(bytes));
}

BrowsedMessage show_browsed(const queue::Delivery& delivery, Arena& arena) {
  BrowsedMessage message;
  message.partition = delivery.receipt.partition.value();
  message.offset = delivery.receipt.offset.value();
  message.deliveries = delivery.receipt.delivery;
  message.sent = delivery.record.timestamp.value();
  if (delivery.record.key) message.key = show_bytes(as_text(*delivery.record.key), "Key", message, arena);
  message.body =
      delivery.record.value ? show_bytes(as_text(*delivery.record.value), "Body", message, arena) : kEmptyText;
  for (const auto& header :
       log::decode_record_headers(delivery.record.raw_headers).value_or(std::vector<log::RecordHeader>())) {
    if (header.key.empty() || !is_aws_text(header.key)) continue;
    const std::string_view value = header.value ? as_text(*header.value) : kEmptyText;
    message.headers.push_back({header.key, show_bytes(value, header.key, message, arena)});
  }
  return message;
}

}  // namespace

Answer browse_messages(Call& call, const BrowseMessagesInput& in, BrowseMessagesOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  const std::int64_t count = in.max_messages.value_or(kBrowseDefault);
  if (count < 1 || count > kBrowseMax) {
    co_return bad_value("MaxNumberOfMessages", fmt::to_string(count),
                        fmt::format("Must be an integer between 1 and {}.", kBrowseMax));
  }
  auto found = co_await call.queues.browse(queue, static_cast<std::size_t>(count), kBrowseSizeMax);
  if (!found) co_return std::unexpected(to_fault(found.error()));
  if (found->is_cut) out.truncated = true;
  for (auto& delivery : found->messages) {
    out.messages.push_back(show_browsed(delivery, call.arena));
    // What the messages show lives as long as the answer is made.
    call.kept.push_back(std::move(delivery.owner));
  }
  co_return Outcome<>();
}

Answer describe_queue(Call& call, const QueueInput& in, DescribeQueueOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::describe));
  const auto stats = co_await call.queues.stats(queue);
  if (!stats) co_return std::unexpected(to_fault(stats.error()));
  out.queue_name = call.arena.keep(queue->name);
  out.topic = call.arena.keep(queue->topic);
  out.ready = stats->ready;
  out.in_flight = stats->in_flight;
  out.delayed = stats->delayed;
  if (stats->oldest) out.oldest = stats->oldest->value();
  for (const auto& [name, value] : queue::to_map(queue->settings))
    out.settings.push_back({call.arena.keep(name), call.arena.keep(value)});
  co_return Outcome<>();
}

Answer redrive_messages(Call& call, const RedriveMessagesInput& in, RedriveMessagesOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  if (in.messages.size() > kRedriveMax) {
    co_return refuse(ErrorCode::too_many_entries_in_batch_request,
                     fmt::format("At most {} messages can be named.", kRedriveMax));
  }
  if (aws::is_set(in.destination)) {
    LEAT_CO_CHECK(find_queue(call, in.destination, Operation::write));
  } else {
    LEAT_CO_CHECK(authorize_origins(call, *queue));
  }
  std::vector<queue::MessageAt> wanted;
  for (const MessagePlace& place : in.messages)
    wanted.push_back(
        {PartitionIndex(static_cast<std::int32_t>(std::clamp<std::int64_t>(*place.partition, -1, INT32_MAX))),
         Offset(*place.offset)});
  const std::string destination(in.destination);
  const auto moved = co_await call.queues.redrive_messages(queue->name, destination, wanted);
  for (std::size_t i = 0; i < moved.size(); ++i) {
    MessageOutcome outcome{in.messages[i].partition, in.messages[i].offset, {}};
    if (!moved[i]) outcome.failure = call.arena.keep(moved[i].error().message);
    out.outcomes.push_back(outcome);
  }
  co_return Outcome<>();
}

Answer rewind_queue(Call& call, const RewindQueueInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::alter));
  const auto to = parse_start(in.to);
  if (!to) co_return bad_value("To", in.to, "It is beginning, end, offset:N or time:MILLISECONDS.");
  const auto rewound = co_await call.queues.rewind(queue, *to);
  if (!rewound) co_return std::unexpected(to_fault(rewound.error()));
  co_return Outcome<>();
}

}  // namespace leat::sqs
