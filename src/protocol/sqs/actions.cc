#include "protocol/sqs/actions.h"

#include "protocol/sqs/json_codec.h"
#include "protocol/sqs/stats.h"

namespace leat::sqs {
namespace {

std::unexpected<Fault> missing(std::string_view parameter) {
  return refuse(ErrorCode::missing_parameter, fmt::format("The request must contain the parameter {}.", parameter));
}

// Whether everything is there that must be; `prefix` leads to the object.
Outcome<> check_required(const Shape& shape, const void* object, std::string_view prefix) {
  for (const Field& field : shape.fields) {
    const void* value = field.in(object);
    bool is_there = true;
    if (field.kind == Kind::text) is_there = !static_cast<const std::string_view*>(value)->empty();
    if (field.kind == Kind::integer) is_there = static_cast<const Integer*>(value)->has_value();
    if (field.size != nullptr) is_there = field.size(value) > 0;
    if (field.is_required && !is_there) return missing(fmt::format("{}{}", prefix, field.name));
    if (field.kind != Kind::structs) continue;
    for (std::size_t i = 0; i < field.size(value); ++i) {
      LEAT_CHECK(check_required(*field.shape, field.entry(const_cast<void*>(value), i),
                                fmt::format("{}.{}.", field.query_name, i + 1)));
    }
  }
  return {};
}

Outcome<> decode(const Shape& shape, void* object, const Form& form, Arena& arena) {
  LEAT_CHECK(form.is_json ? decode_json(shape, object, form.json, arena)
                          : decode_query(shape, object, form.parameters, arena));
  if (!form.is_json && form.path.size() > 1 && !shape.fields.empty() && shape.fields[0].name == "QueueUrl") {
    auto& url = *static_cast<std::string_view*>(shape.fields[0].at(object));
    if (!is_set(url)) url = form.path;
  }
  return {};
}

template <class Input, class Output, Answer (*Handler)(Call&, const Input&, Output&)>
runtime::Task<Outcome<>> run(const Action& action, Call& call, const Form& form, std::string& body) {
  Input input;
  LEAT_CO_CHECK(decode(action.message->input, &input, form, call.arena));
  // An empty batch has an error of its own, which the handler knows.
  LEAT_CO_CHECK(check_required(action.message->input, &input, ""));
  Output output;
  LEAT_CO_CHECK(co_await Handler(call, input, output));
  if (form.is_json) {
    encode_json(action.message->output, &output, body);
  } else {
    encode_xml(action.message->output, &output, body);
  }
  co_return Outcome<>();
}

template <auto Handler>
struct Runner;
template <class Input, class Output, Answer (*Handler)(Call&, const Input&, Output&)>
struct Runner<Handler> {
  static constexpr auto kRun = run<Input, Output, Handler>;
};

struct Row {
  std::string_view name;
  decltype(Action::run) run;
};
constexpr Row kRows[] = {
    {"AddPermission", Runner<add_permission>::kRun},
    {"CancelMessageMoveTask", Runner<cancel_move_task>::kRun},
    {"ChangeMessageVisibility", Runner<change_visibility>::kRun},
    {"ChangeMessageVisibilityBatch", Runner<change_visibility_batch>::kRun},
    {"CreateQueue", Runner<create_queue>::kRun},
    {"DeleteMessage", Runner<delete_message>::kRun},
    {"DeleteMessageBatch", Runner<delete_message_batch>::kRun},
    {"DeleteQueue", Runner<delete_queue>::kRun},
    {"GetQueueAttributes", Runner<get_queue_attributes>::kRun},
    {"GetQueueUrl", Runner<get_queue_url>::kRun},
    {"ListDeadLetterSourceQueues", Runner<list_dead_letter_source_queues>::kRun},
    {"ListMessageMoveTasks", Runner<list_move_tasks>::kRun},
    {"ListQueueTags", Runner<list_queue_tags>::kRun},
    {"ListQueues", Runner<list_queues>::kRun},
    {"PurgeQueue", Runner<purge_queue>::kRun},
    {"ReceiveMessage", Runner<receive_message>::kRun},
    {"RemovePermission", Runner<remove_permission>::kRun},
    {"SendMessage", Runner<send_message>::kRun},
    {"SendMessageBatch", Runner<send_message_batch>::kRun},
    {"SetQueueAttributes", Runner<set_queue_attributes>::kRun},
    {"StartMessageMoveTask", Runner<start_move_task>::kRun},
    {"TagQueue", Runner<tag_queue>::kRun},
    {"UntagQueue", Runner<untag_queue>::kRun},
};
constexpr decltype(Action::run) kOwnRuns[] = {
    Runner<browse_messages>::kRun,
    Runner<describe_queue>::kRun,
    Runner<rewind_queue>::kRun,
};
static_assert(std::size(kRows) == kActions);
static_assert(std::ranges::is_sorted(kRows, {}, &Row::name));

std::vector<Action> make_actions() {
  std::vector<Action> actions;
  for (const Row& row : kRows) actions.push_back({find_message(row.name), actions.size(), row.run});
  return actions;
}

std::vector<Action> make_own_actions() {
  std::vector<Action> actions;
  for (std::size_t i = 0; i < own_messages().size(); ++i)
    actions.push_back({&own_messages()[i], kActions, kOwnRuns[i]});
  return actions;
}

}  // namespace

const Action* find_own_action(std::string_view name) {
  static const std::vector<Action> actions = make_own_actions();
  const auto found = std::ranges::find(actions, name, [](const Action& action) { return action.message->action; });
  return found == actions.end() ? nullptr : &*found;
}

const Action* find_action(std::string_view name) {
  static const std::vector<Action> actions = make_actions();
  const auto found = std::ranges::lower_bound(kRows, name, {}, &Row::name);
  if (found == std::end(kRows) || found->name != name) return nullptr;
  return &actions[static_cast<std::size_t>(found - kRows)];
}

}  // namespace leat::sqs
