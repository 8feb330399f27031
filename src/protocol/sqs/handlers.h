#pragma once

#include "protocol/aws/run.h"
#include "protocol/sqs/errors.h"
#include "protocol/sqs/model.h"
#include "protocol/sqs/options.h"
#include "queue/queues.h"
#include "runtime/task.h"

// What each action does: from its input to calls of the queues, to its output. Which codec is in use is unknown here.
namespace leat::sqs {

// Messages that went through one shard.
struct Stats {
  Counter messages_sent;
  Counter messages_received;
};

// One request, while it is answered.
struct Call {
  Call(aws::Call& shared, queue::Queues& the_queues, const SqsOptions& the_options, PurgeTimes& times, Stats& counters,
       bool is_leats_own)
      : queues(the_queues),
        options(the_options),
        purge_times(times),
        stats(counters),
        is_own(is_leats_own),
        common(shared),
        arena(shared.arena),
        region(shared.region),
        sender(shared.sender),
        principal(shared.principal),
        now(shared.now),
        presence(shared.presence),
        kept(shared.kept) {}

  queue::Queues& queues;
  const SqsOptions& options;
  PurgeTimes& purge_times;
  Stats& stats;
  bool is_own;  // an action of leat's: it knows queues that SQS has not
  const aws::Call& common;
  // Of it.
  Arena& arena;
  const std::string& region;
  const std::string& sender;
  const security::Principal& principal;
  Timestamp now;
  http::Presence* presence;
  std::vector<std::shared_ptr<const void>>& kept;
};

[[nodiscard]] std::string queue_url(const Call& call, std::string_view name);
[[nodiscard]] std::string queue_arn(const Call& call, std::string_view name);
// The last part of an ARN of a queue; nullopt when it is none.
[[nodiscard]] std::optional<std::string_view> name_in_arn(std::string_view arn);

// The queue that a URL or a path names, when the caller may do that to it.
[[nodiscard]] Outcome<queue::QueuePtr> find_queue(const Call& call, std::string_view url,
                                                  security::Operation operation);

// Whether somebody may send to the queue of that name, and so to the topic that it is on, if that is not its own. Asked before
// it is told whether there is such a queue. Error: access_denied.
[[nodiscard]] Outcome<> authorize_sending(const aws::Options& options, const security::Principal& principal,
                                          const queue::Queues& queues, std::string_view name);

// Whether lists show it to the caller.
[[nodiscard]] bool may_see(const Call& call, const queue::Queue& queue);

// Whether the caller may write to all queues whose dead letters it takes, for those go back to them. Error: access_denied.
[[nodiscard]] Outcome<> authorize_origins(const Call& call, const queue::Queue& dead_letters);

// A page of a list of queues.
struct Page {
  std::size_t size = 0;
  std::string after;  // a name
};
[[nodiscard]] Outcome<Page> read_page(Integer max_results, std::string_view next_token);
// `queues` are those after page.after, with one more than the page takes when there are more.
void show_page(Call& call, const Page& page, std::vector<queue::QueuePtr> queues, std::vector<std::string_view>& urls,
               std::string_view& next_token);

// "beginning", "end", "offset:N" or "time:MILLISECONDS"; nullopt: none of these.
[[nodiscard]] std::optional<queue::StartAt> parse_start(std::string_view text);

// Names of 1 to 128 characters and values of up to 256, at most 50.
[[nodiscard]] Outcome<> check_tags(const TextMap& tags);

using aws::Answer;

// handlers_messages.cc
Answer send_message(Call& call, const SendMessageInput& in, SendResult& out);
Answer send_message_batch(Call& call, const SendMessageBatchInput& in, SendMessageBatchOutput& out);
Answer receive_message(Call& call, const ReceiveMessageInput& in, ReceiveMessageOutput& out);
Answer delete_message(Call& call, const DeleteMessageInput& in, EmptyOutput& out);
Answer delete_message_batch(Call& call, const DeleteMessageBatchInput& in, DeleteMessageBatchOutput& out);
Answer change_visibility(Call& call, const ChangeVisibilityInput& in, EmptyOutput& out);
Answer change_visibility_batch(Call& call, const ChangeVisibilityBatchInput& in, ChangeVisibilityBatchOutput& out);

// handlers_queues.cc
Answer create_queue(Call& call, const CreateQueueInput& in, QueueUrlOutput& out);
Answer delete_queue(Call& call, const QueueInput& in, EmptyOutput& out);
Answer get_queue_url(Call& call, const GetQueueUrlInput& in, QueueUrlOutput& out);
Answer list_queues(Call& call, const ListQueuesInput& in, ListQueuesOutput& out);
Answer get_queue_attributes(Call& call, const GetQueueAttributesInput& in, GetQueueAttributesOutput& out);
Answer set_queue_attributes(Call& call, const SetQueueAttributesInput& in, EmptyOutput& out);
Answer purge_queue(Call& call, const QueueInput& in, EmptyOutput& out);

// handlers_admin.cc
Answer add_permission(Call& call, const AddPermissionInput& in, EmptyOutput& out);
Answer remove_permission(Call& call, const RemovePermissionInput& in, EmptyOutput& out);
Answer tag_queue(Call& call, const TagQueueInput& in, EmptyOutput& out);
Answer untag_queue(Call& call, const UntagQueueInput& in, EmptyOutput& out);
Answer list_queue_tags(Call& call, const QueueInput& in, ListQueueTagsOutput& out);
Answer list_dead_letter_source_queues(Call& call, const ListDeadLetterSourceQueuesInput& in,
                                      ListDeadLetterSourceQueuesOutput& out);
Answer start_move_task(Call& call, const StartMoveTaskInput& in, StartMoveTaskOutput& out);
Answer cancel_move_task(Call& call, const CancelMoveTaskInput& in, CancelMoveTaskOutput& out);
Answer list_move_tasks(Call& call, const ListMoveTasksInput& in, ListMoveTasksOutput& out);

// handlers_own.cc
Answer browse_messages(Call& call, const BrowseMessagesInput& in, BrowseMessagesOutput& out);
Answer describe_queue(Call& call, const QueueInput& in, DescribeQueueOutput& out);
Answer redrive_messages(Call& call, const RedriveMessagesInput& in, RedriveMessagesOutput& out);
Answer rewind_queue(Call& call, const RewindQueueInput& in, EmptyOutput& out);

}  // namespace leat::sqs
