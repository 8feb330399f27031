#include "protocol/sqs/api.h"

#include "observe/metrics_page.h"

namespace leat::sqs {
namespace {

constexpr aws::ApiTraits kTraits{
    .name = "sqs",
    .version = "2012-11-05",
    .xml_namespace = "http://queue.amazonaws.com/doc/2012-11-05/",
    .json_target = "AmazonSQS.",
    .own_json_target = "Leat.",
    .json_namespace = "com.amazonaws.sqs#",
    .wire_error = wire_error,
};

using Row = aws::Row<Call>;
template <auto Handler>
constexpr auto kRun = aws::Runner<Handler>::run;

// Which handler does what: in the order of messages(), with those of own_messages() behind them.
constexpr Row kRows[] = {
    {"AddPermission", kRun<add_permission>},
    {"CancelMessageMoveTask", kRun<cancel_move_task>},
    {"ChangeMessageVisibility", kRun<change_visibility>},
    {"ChangeMessageVisibilityBatch", kRun<change_visibility_batch>},
    {"CreateQueue", kRun<create_queue>},
    {"DeleteMessage", kRun<delete_message>},
    {"DeleteMessageBatch", kRun<delete_message_batch>},
    {"DeleteQueue", kRun<delete_queue>},
    {"GetQueueAttributes", kRun<get_queue_attributes>},
    {"GetQueueUrl", kRun<get_queue_url>},
    {"ListDeadLetterSourceQueues", kRun<list_dead_letter_source_queues>},
    {"ListMessageMoveTasks", kRun<list_move_tasks>},
    {"ListQueueTags", kRun<list_queue_tags>},
    {"ListQueues", kRun<list_queues>},
    {"PurgeQueue", kRun<purge_queue>},
    {"ReceiveMessage", kRun<receive_message>},
    {"RemovePermission", kRun<remove_permission>},
    {"SendMessage", kRun<send_message>},
    {"SendMessageBatch", kRun<send_message_batch>},
    {"SetQueueAttributes", kRun<set_queue_attributes>},
    {"StartMessageMoveTask", kRun<start_move_task>},
    {"TagQueue", kRun<tag_queue>},
    {"UntagQueue", kRun<untag_queue>},
};
constexpr Row kOwnRows[] = {
    {"BrowseMessages", kRun<browse_messages>},
    {"DescribeQueue", kRun<describe_queue>},
    {"RedriveMessages", kRun<redrive_messages>},
    {"RewindQueue", kRun<rewind_queue>},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::action));

std::vector<aws::Message> all_messages() {
  std::vector<aws::Message> all(messages().begin(), messages().end());
  all.insert(all.end(), own_messages().begin(), own_messages().end());
  return all;
}

}  // namespace

SqsApi::SqsApi(const SqsOptions& options, queue::Queues& queues, PurgeTimes& purge_times)
    : Api(kTraits, all_messages()), options_(options), queues_(queues), purge_times_(purge_times) {}

std::optional<std::size_t> SqsApi::find(std::string_view action, bool is_own) const {
  if (!is_own) return aws::find_row(std::span<const Row>(kRows), action);
  const auto own = aws::find_row(std::span<const Row>(kOwnRows), action);
  return own ? std::optional(std::size(kRows) + *own) : std::nullopt;
}

Answer SqsApi::run(std::size_t action, aws::Call& call, const aws::Form& form, std::string& body) {
  const bool is_own = action >= std::size(kRows);
  Call mine(call, queues_, options_, purge_times_, message_stats_, is_own);
  const Row& row = is_own ? kOwnRows[action - std::size(kRows)] : kRows[action];
  co_return co_await row.run(Api::messages()[action], mine, form, body);
}

void SqsApi::collect(observe::MetricsPage& page) const {
  Api::collect(page);
  page.counter("leat_sqs_sent_messages_total", "Messages that clients sent.", {}, message_stats_.messages_sent);
  page.counter("leat_sqs_received_messages_total", "Messages handed to consumers, again and again ones too.", {},
               message_stats_.messages_received);
}

}  // namespace leat::sqs
