#include "protocol/aws/batch.h"
#include "protocol/sqs/handlers.h"
#include "protocol/sqs/message_attributes.h"
#include "protocol/sqs/receipt_handle.h"

namespace leat::sqs {
namespace {

using queue::Order;
using queue::QueuePtr;
using security::Operation;

constexpr std::int64_t kVisibilitySecondsMax = 43'200;
constexpr std::int64_t kWaitSecondsMax = 20;
constexpr std::size_t kAttemptIdSizeMax = 128;

std::unexpected<Fault> bad_value(std::string_view parameter, std::string_view value, std::string_view reason) {
  return refuse(ErrorCode::invalid_parameter_value,
                fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, parameter, reason));
}

FailedEntry failed(std::string_view id, Fault fault, Arena& arena) {
  const aws::WireError& wire = wire_error(fault.code);
  return {id, wire.status < 500, wire.legacy, arena.keep(fault.message)};
}

Fault send_fault(const Error& error) {
  if (error.code == Errc::too_large || error.code == Errc::message_too_large) {
    return {
        ErrorCode::invalid_parameter_value,
        "One or more parameters are invalid. Reason: Message must be shorter than the queue's maximum message size."};
  }
  return to_fault(error);
}

void complete(const queue::Queue& queue, const queue::Sent& sent, SendResult& result, Arena& arena) {
  result.message_id = arena.keep(message_id(queue.topic_id, sent.partition, sent.offset));
  if (queue.settings.order == Order::fifo) result.sequence_number = arena.keep(sequence_number(sent.offset));
}

// What a handle stands for, and what became of it.
struct HandleTask {
  std::string_view id;
  std::string_view handle;
  queue::LeaseChange change;
  Outcome<> outcome;
};

Outcome<queue::Receipt> read_handle(std::string_view handle, const queue::Queue& queue) {
  const auto receipt = from_handle(handle, queue.id);
  if (receipt) return *receipt;
  return refuse(ErrorCode::receipt_handle_is_invalid,
                fmt::format("The input receipt handle \"{}\" is not a valid receipt handle.", handle));
}

Outcome<> delete_outcome(const Status& status, const HandleTask& task, const queue::Queue& queue) {
  if (status || status.error().code == Errc::not_found) return {};  // deleted, now or before
  if (status.error().code != Errc::stale_epoch) return std::unexpected(to_fault(status.error()));
  // Somebody else has got it meanwhile. SQS answers as if it were deleted, and delivers it again, unless it is FIFO.
  if (queue.settings.order != Order::fifo) return {};
  return bad_value("ReceiptHandle", task.handle, "The receipt handle has expired.");
}

Outcome<> change_outcome(const Status& status, const HandleTask& task, const queue::Queue&) {
  if (status) return {};
  if (status.error().code == Errc::invalid_argument)
    return refuse(ErrorCode::message_not_inflight, "The message is not in flight.");
  if (status.error().code == Errc::not_found || status.error().code == Errc::stale_epoch) {
    return bad_value("ReceiptHandle", task.handle,
                     "Message does not exist or is not available for visibility timeout change.");
  }
  return std::unexpected(to_fault(status.error()));
}

using ReadOutcome = Outcome<> (*)(const Status&, const HandleTask&, const queue::Queue&);

// Does what is valid of `tasks` in one call of the queues.
runtime::Task<> settle(Call& call, const QueuePtr& queue, std::vector<HandleTask>& tasks, bool is_delete) {
  std::vector<queue::LeaseChange> changes;
  std::vector<queue::Receipt> receipts;
  std::vector<HandleTask*> asked;
  for (HandleTask& task : tasks) {
    if (!task.outcome) continue;
    if (auto receipt = read_handle(task.handle, *queue)) {
      task.change.receipt = *receipt;
      asked.push_back(&task);
      changes.push_back(task.change);
      receipts.push_back(*receipt);
    } else {
      task.outcome = std::unexpected(receipt.error());
    }
  }
  if (asked.empty()) co_return;
  std::vector<Status> statuses;
  if (is_delete) {
    statuses = co_await call.queues.acknowledge(queue, receipts);
  } else {
    statuses = co_await call.queues.set_lease(queue, changes);
  }
  const ReadOutcome read = is_delete ? delete_outcome : change_outcome;
  for (std::size_t i = 0; i < asked.size(); ++i) asked[i]->outcome = read(statuses[i], *asked[i], *queue);
}

Outcome<> take_visibility(std::int64_t seconds, queue::LeaseChange& change) {
  if (seconds < 0 || seconds > kVisibilitySecondsMax) {
    return bad_value("VisibilityTimeout", fmt::to_string(seconds),
                     fmt::format("VisibilityTimeout must be an integer between 0 and {}.", kVisibilitySecondsMax));
  }
  change.lease = Milliseconds(seconds * 1000);
  if (seconds == 0) change.reason = "released by its consumer";
  return {};
}

template <class Output>
void report(std::vector<HandleTask>& tasks, Output& out, Arena& arena) {
  for (HandleTask& task : tasks) {
    if (task.outcome) {
      out.successful.emplace_back().id = task.id;
    } else {
      out.failed.push_back(failed(task.id, std::move(task.outcome.error()), arena));
    }
  }
}

Outcome<queue::ReceiveRequest> read_receive(const ReceiveMessageInput& in, const queue::Queue& queue) {
  queue::ReceiveRequest request;
  const std::int64_t count = in.max_messages.value_or(1);
  if (count < 1 || count > static_cast<std::int64_t>(aws::kBatchMax)) {
    return bad_value("MaxNumberOfMessages", fmt::to_string(count),
                     fmt::format("Must be between 1 and {}, if provided.", aws::kBatchMax));
  }
  request.count_max = static_cast<std::size_t>(count);
  if (in.visibility_timeout) {
    if (*in.visibility_timeout < 0 || *in.visibility_timeout > kVisibilitySecondsMax) {
      return bad_value("VisibilityTimeout", fmt::to_string(*in.visibility_timeout),
                       fmt::format("Must be >= 0 and <= {}, if provided.", kVisibilitySecondsMax));
    }
    request.lease = Milliseconds(*in.visibility_timeout * 1000);
  }
  if (in.wait_seconds) {
    if (*in.wait_seconds < 0 || *in.wait_seconds > kWaitSecondsMax) {
      return bad_value("WaitTimeSeconds", fmt::to_string(*in.wait_seconds),
                       fmt::format("Must be >= 0 and <= {}, if provided.", kWaitSecondsMax));
    }
    request.wait = Milliseconds(*in.wait_seconds * 1000);
  }
  if (is_set(in.attempt_id)) {
    const bool is_valid = !in.attempt_id.empty() && in.attempt_id.size() <= kAttemptIdSizeMax &&
                          std::ranges::all_of(in.attempt_id, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
    if (!is_valid || queue.settings.order != Order::fifo) {
      return bad_value("ReceiveRequestAttemptId", in.attempt_id,
                       is_valid ? "The request includes a parameter that is not valid for this queue type."
                                : "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 "
                                  "to 128 in length.");
    }
    request.attempt_id = in.attempt_id;
  }
  return request;
}

// Nobody is there to take them: others get them at once.
runtime::Task<> give_back(Call& call, const QueuePtr& queue, const std::vector<queue::Delivery>& deliveries) {
  std::vector<queue::LeaseChange> changes;
  for (const auto& delivery : deliveries)
    changes.push_back({delivery.receipt, Milliseconds(0), "the consumer's connection ended before it was delivered"});
  co_await call.queues.set_lease(queue, changes);
}

}  // namespace

Answer send_message(Call& call, const SendMessageInput& in, SendResult& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::write));
  LEAT_CO_TRY(auto prepared, prepare_message(in.message, *queue, call.sender, call.arena));
  const auto sent = co_await call.queues.send(queue, {&prepared.message, 1});
  if (!sent.front()) co_return std::unexpected(send_fault(sent.front().error()));
  call.stats.messages_sent.add();
  out = prepared.result;
  complete(*queue, *sent.front(), out, call.arena);
  co_return Outcome<>();
}

Answer send_message_batch(Call& call, const SendMessageBatchInput& in, SendMessageBatchOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::write));
  LEAT_CO_CHECK(aws::check_batch(in.entries, "SendMessageBatchRequestEntry"));
  std::size_t size = 0;
  for (const auto& entry : in.entries) size += size_of(entry);
  if (static_cast<std::int64_t>(size) > kMessageSizeMax) {
    co_return refuse(
        ErrorCode::batch_request_too_long,
        fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} bytes.", kMessageSizeMax, size));
  }
  std::vector<queue::NewMessage> messages;
  std::vector<SendResult> results;
  for (const auto& entry : in.entries) {
    if (auto prepared = prepare_message(entry, *queue, call.sender, call.arena)) {
      messages.push_back(std::move(prepared->message));
      results.push_back(prepared->result);
      results.back().id = entry.id;
    } else {
      out.failed.push_back(failed(entry.id, std::move(prepared.error()), call.arena));
    }
  }
  if (messages.empty()) co_return Outcome<>();
  const auto sent = co_await call.queues.send(queue, messages);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i]) {
      call.stats.messages_sent.add();
      complete(*queue, *sent[i], results[i], call.arena);
      out.successful.push_back(results[i]);
    } else {
      out.failed.push_back(failed(results[i].id, send_fault(sent[i].error()), call.arena));
    }
  }
  co_return Outcome<>();
}

Answer receive_message(Call& call, const ReceiveMessageInput& in, ReceiveMessageOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  LEAT_CO_TRY(queue::ReceiveRequest request, read_receive(in, *queue));
  LEAT_CO_TRY(const Wanted wanted, wanted_by(in));
  if (call.presence != nullptr) request.gone = call.presence->gone();
  auto received = co_await call.queues.receive(queue, std::move(request));
  if (!received) co_return std::unexpected(to_fault(received.error()));
  if (call.presence != nullptr && call.presence->is_gone()) {
    if (!received->empty()) co_await give_back(call, queue, *received);
    co_return Outcome<>();
  }
  call.stats.messages_received.add(received->size());
  const std::string arn_prefix = queue_arn(call, "");
  const DeliveryContext context{*queue, call.queues, wanted, call.options.account, arn_prefix};
  out.messages.reserve(received->size());
  for (const auto& delivery : *received) out.messages.push_back(show_message(delivery, context, call.arena));
  // What the messages show lives as long as the answer is made.
  for (auto& delivery : *received) call.kept.push_back(std::move(delivery.owner));
  co_return Outcome<>();
}

Answer delete_message(Call& call, const DeleteMessageInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  std::vector<HandleTask> tasks{{{}, in.receipt_handle, {}, {}}};
  co_await settle(call, queue, tasks, true);
  co_return std::move(tasks.front().outcome);
}

Answer delete_message_batch(Call& call, const DeleteMessageBatchInput& in, DeleteMessageBatchOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  LEAT_CO_CHECK(aws::check_batch(in.entries, "DeleteMessageBatchRequestEntry"));
  std::vector<HandleTask> tasks;
  for (const auto& entry : in.entries) tasks.push_back({entry.id, entry.receipt_handle, {}, {}});
  co_await settle(call, queue, tasks, true);
  report(tasks, out, call.arena);
  co_return Outcome<>();
}

Answer change_visibility(Call& call, const ChangeVisibilityInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  std::vector<HandleTask> tasks{{{}, in.receipt_handle, {}, {}}};
  LEAT_CO_CHECK(take_visibility(*in.visibility_timeout, tasks.front().change));
  co_await settle(call, queue, tasks, false);
  co_return std::move(tasks.front().outcome);
}

Answer change_visibility_batch(Call& call, const ChangeVisibilityBatchInput& in, ChangeVisibilityBatchOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::read));
  LEAT_CO_CHECK(aws::check_batch(in.entries, "ChangeMessageVisibilityBatchRequestEntry"));
  std::vector<HandleTask> tasks;
  for (const auto& entry : in.entries) {
    auto& task = tasks.emplace_back(HandleTask{entry.id, entry.receipt_handle, {}, {}});
    if (entry.visibility_timeout) {
      task.outcome = take_visibility(*entry.visibility_timeout, task.change);
    } else {
      task.outcome = refuse(ErrorCode::missing_parameter, "The request must contain the parameter VisibilityTimeout.");
    }
  }
  co_await settle(call, queue, tasks, false);
  report(tasks, out, call.arena);
  co_return Outcome<>();
}

}  // namespace leat::sqs
