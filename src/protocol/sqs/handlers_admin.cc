#include <nlohmann/json.hpp>

#include "protocol/sqs/handlers.h"
#include "protocol/sqs/queue_attributes.h"

namespace leat::sqs {
namespace {

using nlohmann::json;
using queue::QueuePtr;
using queue::Redrive;
using security::Operation;
using security::ResourceType;

constexpr std::size_t kTagsMax = 50;
constexpr std::size_t kTagNameSizeMax = 128;
constexpr std::size_t kTagValueSizeMax = 256;
constexpr std::size_t kLabelSizeMax = 80;
constexpr std::size_t kActionsMax = 7;
constexpr std::int64_t kRateMax = 500;
constexpr std::int64_t kTasksMax = 10;
constexpr std::string_view kPolicy = "Policy";
constexpr std::string_view kPermittedActions[] = {
    "*",           "ChangeMessageVisibility",    "DeleteMessage", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",    "ReceiveMessage",
    "SendMessage",
};

std::unexpected<Fault> bad_value(std::string_view parameter, std::string_view value, std::string_view reason) {
  return refuse(ErrorCode::invalid_parameter_value,
                fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, parameter, reason));
}

runtime::Task<Outcome<>> alter(Call& call, std::string name, queue::QueueChange change) {
  const auto altered = co_await call.queues.alter(std::move(name), std::move(change));
  if (!altered) co_return std::unexpected(to_fault(altered.error()));
  co_return Outcome<>();
}

json policy_of(const Call& call, const queue::Queue& queue) {
  const auto found = queue.attributes.find(kPolicy);
  json policy;
  if (found != queue.attributes.end() && is_policy(found->second)) {
    policy = json::parse(found->second, nullptr, false);
  } else {
    policy = {{"Version", "2008-10-17"}, {"Id", queue_arn(call, queue.name) + "/SQSDefaultPolicy"}};
  }
  if (!policy["Statement"].is_array()) policy["Statement"] = json::array();
  return policy;
}

bool has_label(const json& statement, std::string_view label) {
  const auto sid = statement.is_object() ? statement.find("Sid") : statement.end();
  return statement.is_object() && sid != statement.end() && sid->is_string() &&
         sid->get_ref<const std::string&>() == label;
}

queue::QueueChange with_policy(const queue::Queue& queue, const json& policy) {
  queue::Queue wanted = queue;
  if (policy["Statement"].empty()) {
    wanted.attributes.erase(std::string(kPolicy));
  } else {
    wanted.attributes.insert_or_assign(std::string(kPolicy),
                                       policy.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return queue::change_between(queue, wanted);
}

Outcome<> check_permission(const AddPermissionInput& in) {
  const bool is_label =
      !in.label.empty() && in.label.size() <= kLabelSizeMax && std::ranges::all_of(in.label, [](unsigned char c) {
        return (c < 0x80 && std::isalnum(c) != 0) || c == '-' || c == '_';
      });
  if (!is_label)
    return bad_value("Label", in.label,
                     "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.");
  for (const std::string_view account : in.accounts) {
    const bool is_account =
        account.size() == 12 && std::ranges::all_of(account, [](char c) { return c >= '0' && c <= '9'; });
    if (!is_account) return bad_value("PrincipalId", account, "Unable to verify.");
  }
  if (in.actions.size() > kActionsMax) {
    return refuse(ErrorCode::over_limit,
                  fmt::format("{} Actions were found, maximum allowed is {}.", in.actions.size(), kActionsMax));
  }
  for (const std::string_view action : in.actions) {
    if (std::ranges::find(kPermittedActions, action) == std::end(kPermittedActions)) {
      return bad_value("ActionName", action, "Only the queue owner is allowed to invoke this action.");
    }
  }
  return {};
}

// Settings after tags of the name "leat:…" were put in the place of others.
Outcome<queue::QueueSettings> settings_with(const queue::Queue& queue, const TextMap& tags) {
  QueueSetup setup = setup_of(queue);
  for (const auto& [tag, value] : tags) {
    if (tag == "leat:topic" || tag == "leat:start" || tag == "leat:partitions") {
      if (const auto found = queue.tags.find(tag); found != queue.tags.end() && found->second == value) continue;
      return bad_value("Tags", tag, "It is set when the queue is created.");
    }
    if (tag.starts_with(kTagPrefix)) LEAT_CHECK(set_tagged(tag, value, setup));
  }
  return std::move(setup.settings);
}

std::string task_handle(std::string_view id) { return aws::to_base64(json({{"taskId", id}}).dump()); }
std::optional<std::string> task_id(std::string_view handle) {
  const auto text = aws::from_base64(handle);
  const json parsed = text ? json::parse(*text, nullptr, false) : json();
  if (!parsed.is_object() || !parsed.contains("taskId") || !parsed["taskId"].is_string()) return std::nullopt;
  return parsed["taskId"].get<std::string>();
}

std::string_view status_of(Redrive::State state) {
  switch (state) {
    case Redrive::State::running: return "RUNNING";
    case Redrive::State::completed: return "COMPLETED";
    case Redrive::State::cancelling: return "CANCELLING";
    case Redrive::State::cancelled: return "CANCELLED";
    case Redrive::State::failed: return "FAILED";
  }
  return "FAILED";
}

std::unexpected<Fault> no_resource(std::string_view parameter) {
  return refuse(ErrorCode::resource_not_found,
                fmt::format("The resource that you specified for the {} parameter doesn't exist.", parameter));
}

Outcome<QueuePtr> queue_of_arn(const Call& call, std::string_view arn, std::string_view parameter,
                               Operation operation) {
  const auto name = name_in_arn(arn);
  if (!name) return bad_value(parameter, arn, "It is not the ARN of a queue.");
  auto queue = find_queue(call, *name, operation);
  if (!queue && queue.error().code == ErrorCode::queue_does_not_exist) return no_resource(parameter);
  return queue;
}

}  // namespace

Outcome<> check_tags(const TextMap& tags) {
  if (tags.size() > kTagsMax)
    return refuse(ErrorCode::invalid_parameter_value, fmt::format("Too many tags: a queue can have {}.", kTagsMax));
  for (const auto& [name, value] : tags) {
    if (name.empty() || name.size() > kTagNameSizeMax || !is_aws_text(name))
      return refuse(ErrorCode::invalid_parameter_value, "Tag keys must be between 1 and 128 characters in length.");
    if (value.size() > kTagValueSizeMax || !is_aws_text(value))
      return refuse(ErrorCode::invalid_parameter_value, "Tag values must be between 0 and 256 characters in length.");
  }
  return {};
}

Answer add_permission(Call& call, const AddPermissionInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::alter));
  LEAT_CO_CHECK(check_permission(in));
  json policy = policy_of(call, *queue);
  for (const json& statement : policy["Statement"]) {
    if (has_label(statement, in.label)) co_return bad_value("Label", in.label, "Already exists.");
  }
  json accounts = json::array();
  for (const std::string_view account : in.accounts) accounts.push_back(fmt::format("arn:aws:iam::{}:root", account));
  json actions = json::array();
  for (const std::string_view action : in.actions) actions.push_back(fmt::format("SQS:{}", action));
  policy["Statement"].push_back({{"Sid", in.label},
                                 {"Effect", "Allow"},
                                 {"Principal", {{"AWS", accounts.size() == 1 ? accounts[0] : accounts}}},
                                 {"Action", actions.size() == 1 ? actions[0] : actions},
                                 {"Resource", queue_arn(call, queue->name)}});
  if (policy.dump(-1, ' ', false, json::error_handler_t::replace).size() > kAttributeSizeMax)
    co_return refuse(ErrorCode::over_limit, "The queue's policy would be too long with one more permission.");
  co_return co_await alter(call, queue->name, with_policy(*queue, policy));
}

Answer remove_permission(Call& call, const RemovePermissionInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::alter));
  json policy = policy_of(call, *queue);
  json kept = json::array();
  for (const json& statement : policy["Statement"]) {
    if (!has_label(statement, in.label)) kept.push_back(statement);
  }
  if (kept.size() == policy["Statement"].size())
    co_return bad_value("Label", in.label, "can't find label on existing policy.");
  policy["Statement"] = std::move(kept);
  co_return co_await alter(call, queue->name, with_policy(*queue, policy));
}

Answer tag_queue(Call& call, const TagQueueInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::alter));
  LEAT_CO_CHECK(check_tags(in.tags));
  queue::Queue wanted = *queue;
  for (const auto& [name, value] : in.tags) wanted.tags.insert_or_assign(std::string(name), std::string(value));
  if (wanted.tags.size() > kTagsMax)
    co_return refuse(ErrorCode::invalid_parameter_value, "Too many tags: a queue can have 50.");
  LEAT_CO_TRY(wanted.settings, settings_with(*queue, in.tags));
  co_return co_await alter(call, queue->name, queue::change_between(*queue, wanted));
}

Answer untag_queue(Call& call, const UntagQueueInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::alter));
  queue::QueueChange change;
  for (const std::string_view name : in.keys) {
    if (!queue->tags.contains(name)) continue;
    change.tags.emplace(name, std::nullopt);
    if (name.starts_with(kTagPrefix)) change.settings.emplace(name.substr(kTagPrefix.size()), std::nullopt);
  }
  co_return co_await alter(call, queue->name, std::move(change));
}

Answer list_queue_tags(Call& call, const QueueInput& in, ListQueueTagsOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::describe));
  for (const auto& [name, value] : queue->tags) out.tags.push_back({call.arena.keep(name), call.arena.keep(value)});
  co_return Outcome<>();
}

Answer list_dead_letter_source_queues(Call& call, const ListDeadLetterSourceQueuesInput& in,
                                      ListDeadLetterSourceQueuesOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::describe));
  LEAT_CO_TRY(const Page page, read_page(in.max_results, in.next_token));
  auto sources = call.queues.dead_letter_sources(queue->name);
  std::ranges::sort(sources, {}, [](const QueuePtr& source) -> const std::string& { return source->name; });
  std::erase_if(sources, [&](const QueuePtr& source) {
    return (!page.after.empty() && source->name <= page.after) || !may_see(call, *source);
  });
  show_page(call, page, std::move(sources), out.urls, out.next_token);
  co_return Outcome<>();
}

Answer start_move_task(Call& call, const StartMoveTaskInput& in, StartMoveTaskOutput& out) {
  LEAT_CO_TRY(const QueuePtr source, queue_of_arn(call, in.source_arn, "SourceArn", Operation::alter));
  LEAT_CO_CHECK(aws::authorize(call.options, call.principal, Operation::read, ResourceType::queue, source->name));
  std::string destination;
  if (is_set(in.destination_arn)) {
    LEAT_CO_TRY(const QueuePtr target, queue_of_arn(call, in.destination_arn, "DestinationArn", Operation::write));
    destination = target->name;
  } else {
    LEAT_CO_CHECK(authorize_origins(call, *source));
  }
  if (in.rate_max && (*in.rate_max < 1 || *in.rate_max > kRateMax)) {
    co_return bad_value("MaxNumberOfMessagesPerSecond", fmt::to_string(*in.rate_max),
                        fmt::format("Must be an integer between 1 and {}.", kRateMax));
  }
  if (call.queues.dead_letter_sources(source->name).empty()) {
    co_return refuse(ErrorCode::invalid_parameter_value, "Source queue must be configured as a Dead Letter Queue.");
  }
  const auto rate = static_cast<double>(in.rate_max.value_or(0));
  const auto started = co_await call.queues.start_redrive(source->name, destination, rate);
  if (!started && started.error().code == Errc::exists) {
    co_return refuse(
        ErrorCode::invalid_parameter_value,
        "There is already a task running. Only one active task is allowed for a source queue arn at a given "
        "time.");
  }
  if (!started) co_return std::unexpected(to_fault(started.error()));
  out.task_handle = call.arena.keep(task_handle(*started));
  co_return Outcome<>();
}

Answer cancel_move_task(Call& call, const CancelMoveTaskInput& in, CancelMoveTaskOutput& out) {
  const auto id = task_id(in.task_handle);
  if (!id) co_return bad_value("TaskHandle", in.task_handle, "It is not a valid task handle.");
  const auto known = co_await call.queues.redrives("", SIZE_MAX);
  if (!known) co_return std::unexpected(to_fault(known.error()));
  const auto task = std::ranges::find(*known, *id, &Redrive::id);
  if (task == known->end()) co_return refuse(ErrorCode::resource_not_found, "Task does not exist.");
  LEAT_CO_CHECK(aws::authorize(call.options, call.principal, Operation::alter, ResourceType::queue, task->source));
  const auto moved = co_await call.queues.cancel_redrive(*id);
  if (!moved && moved.error().code == Errc::not_found)
    co_return refuse(ErrorCode::resource_not_found, "Task does not exist.");
  if (!moved && moved.error().code == Errc::invalid_argument)
    co_return refuse(ErrorCode::invalid_parameter_value, "Only active tasks can be cancelled.");
  if (!moved) co_return std::unexpected(to_fault(moved.error()));
  out.moved = *moved;
  co_return Outcome<>();
}

Answer list_move_tasks(Call& call, const ListMoveTasksInput& in, ListMoveTasksOutput& out) {
  LEAT_CO_TRY(const QueuePtr source, queue_of_arn(call, in.source_arn, "SourceArn", Operation::describe));
  const std::int64_t count = in.max_results.value_or(1);
  if (count < 1 || count > kTasksMax) {
    co_return bad_value("MaxResults", fmt::to_string(count),
                        fmt::format("MaxResults must be an integer between 1 and {}.", kTasksMax));
  }
  const auto tasks = co_await call.queues.redrives(source->name, static_cast<std::size_t>(count));
  if (!tasks) co_return std::unexpected(to_fault(tasks.error()));
  const bool may_cancel =
      aws::allows(call.options, call.principal, Operation::alter, ResourceType::queue, source->name);
  for (const Redrive& redrive : *tasks) {
    MoveTask& task = out.tasks.emplace_back();
    // Only those that can still be cancelled have a handle, and only who may cancel them sees it.
    if (redrive.state == Redrive::State::running && may_cancel)
      task.task_handle = call.arena.keep(task_handle(redrive.id));
    task.status = status_of(redrive.state);
    task.source_arn = call.arena.keep(queue_arn(call, redrive.source));
    if (!redrive.destination.empty()) task.destination_arn = call.arena.keep(queue_arn(call, redrive.destination));
    if (redrive.rate_max > 0) task.rate_max = static_cast<std::int64_t>(redrive.rate_max);
    task.moved = redrive.moved;
    task.to_move = redrive.to_move;
    if (!redrive.failure.empty()) task.failure_reason = call.arena.keep(redrive.failure);
    task.started = redrive.started.value();
  }
  co_return Outcome<>();
}

}  // namespace leat::sqs
