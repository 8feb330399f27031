#include "protocol/kafka/handlers/group_calls.h"
#include "protocol/kafka/handlers/handlers.h"

namespace leat::kafka {
namespace {

using security::Operation;
using stream::GroupCoordinator;
using stream::GroupError;

constexpr std::int16_t kCommitNamesMissingFrom = 9;  // OffsetCommit with GROUP_ID_NOT_FOUND
constexpr std::int16_t kFetchGroupErrorFrom = 2;     // OffsetFetch with a code of the whole group
constexpr std::int16_t kFetchSeveralFrom = 8;        // OffsetFetch of several groups
constexpr std::int16_t kFetchTopicIdsFrom = 10;
constexpr std::int64_t kNoOffset = -1;

// ---- Commit ---------------------------------------------------------------------------------------------------------

using CommitReplies = std::vector<OffsetCommitResponse::OffsetCommitResponsePartition*>;

ErrorCode commit_refusal(const Request& request, const OffsetCommitRequest::OffsetCommitRequestTopic& asked,
                         const catalog::Topic* topic, std::int32_t partition) {
  const std::string_view name = topic != nullptr ? std::string_view(topic->entry.name) : asked.name;
  const bool by_id = !asked.topic_id.is_zero();
  if (!(by_id && topic == nullptr) && !request.allows_topic(Operation::read, name))
    return ErrorCode::kTopicAuthorizationFailed;
  if (topic == nullptr) return unknown_topic(asked.topic_id);
  const bool exists = partition >= 0 && partition < topic->entry.partitions;
  return exists ? ErrorCode::kNone : ErrorCode::kUnknownTopicOrPartition;
}

stream::PartitionCommit partition_commit(std::string_view topic,
                                         const OffsetCommitRequest::OffsetCommitRequestPartition& partition) {
  return {std::string(topic), PartitionIndex(partition.partition_index), Offset(partition.committed_offset),
          LeaderEpoch(partition.committed_leader_epoch), std::string(partition.committed_metadata.value_or(""))};
}

// Fills `response` with an entry for every partition; those that may be committed go into `commits`, and where their
// codes belong into the returned list.
CommitReplies plan_commit(const Request& request, const OffsetCommitRequest& message, OffsetCommitResponse& response,
                          std::vector<stream::PartitionCommit>& commits) {
  const bool allowed = allows_group(request, Operation::read, message.group_id);
  CommitReplies open;
  response.topics.resize(message.topics.size());
  for (std::size_t i = 0; i < message.topics.size(); ++i) {
    const auto& asked = message.topics[i];
    auto& topic_reply = response.topics[i];
    topic_reply.name = std::string(asked.name);
    topic_reply.topic_id = asked.topic_id;
    topic_reply.partitions.resize(asked.partitions.size());
    const catalog::Topic* topic = find_topic(request, asked.name, asked.topic_id);
    for (std::size_t p = 0; p < asked.partitions.size(); ++p) {
      const auto& partition = asked.partitions[p];
      auto& reply = topic_reply.partitions[p];
      reply.partition_index = partition.partition_index;
      reply.error_code = allowed ? commit_refusal(request, asked, topic, partition.partition_index)
                                 : ErrorCode::kGroupAuthorizationFailed;
      if (reply.error_code != ErrorCode::kNone) continue;
      commits.push_back(partition_commit(topic->entry.name, partition));
      open.push_back(&reply);
    }
  }
  return open;
}

stream::OffsetCommitCommand commit_command(const Request& request, const OffsetCommitRequest& message,
                                           std::vector<stream::PartitionCommit> commits) {
  stream::OffsetCommitCommand command;
  command.group_id = std::string(message.group_id);
  command.generation = stream::Generation(message.generation_id_or_member_epoch);
  command.member_id = std::string(message.member_id);
  command.instance_id = to_owned(message.group_instance_id);
  if (message.retention_time_ms >= 0) command.retention = Milliseconds(message.retention_time_ms);
  command.names_missing_group = request.version >= kCommitNamesMissingFrom;
  command.partitions = std::move(commits);
  return command;
}

// ---- Fetch ----------------------------------------------------------------------------------------------------------

using FetchGroup = OffsetFetchRequest::OffsetFetchRequestGroup;
using FetchGroupReply = OffsetFetchResponse::OffsetFetchResponseGroup;
using FetchTopicReply = OffsetFetchResponse::OffsetFetchResponseTopics;

void add_fetched(FetchTopicReply& topic, std::int32_t partition, ErrorCode code) {
  auto& reply = topic.partitions.emplace_back();
  reply.partition_index = partition;
  reply.committed_offset = kNoOffset;
  reply.error_code = code;
}

void add_fetched(FetchTopicReply& topic, stream::FetchedOffset fetched) {
  auto& reply = topic.partitions.emplace_back();
  reply.partition_index = fetched.partition.value();
  reply.committed_offset = fetched.offset.value();
  reply.committed_leader_epoch = fetched.leader_epoch.value();
  reply.metadata = std::move(fetched.metadata);
}

// Fills `reply` with an entry for every topic. Those that the group may be asked about go into `command`, and their
// places into the returned list.
std::vector<std::size_t> plan_fetch(const Request& request, const FetchGroup& asked, FetchGroupReply& reply,
                                    stream::OffsetFetchCommand& command) {
  std::vector<std::size_t> open;
  command.topics.emplace();
  for (const auto& wanted : *asked.topics) {
    auto& topic_reply = reply.topics.emplace_back();
    topic_reply.name = std::string(wanted.name);
    topic_reply.topic_id = wanted.topic_id;
    std::string name(wanted.name);
    ErrorCode code = ErrorCode::kNone;
    if (request.version >= kFetchTopicIdsFrom) {
      const catalog::Topic* topic = request.topics().find(wanted.topic_id);
      if (topic != nullptr) name = topic->entry.name;
      if (topic == nullptr) code = ErrorCode::kUnknownTopicId;
    }
    if (code == ErrorCode::kNone && !request.allows_topic(Operation::describe, name))
      code = ErrorCode::kTopicAuthorizationFailed;
    if (code != ErrorCode::kNone) {
      for (const std::int32_t partition : wanted.partition_indexes) add_fetched(topic_reply, partition, code);
      continue;
    }
    auto& to_ask = command.topics->emplace_back(stream::TopicPartitions{std::move(name), {}});
    for (const std::int32_t partition : wanted.partition_indexes) to_ask.partitions.emplace_back(partition);
    open.push_back(reply.topics.size() - 1);
  }
  return open;
}

void set_fetched(FetchTopicReply& reply, std::vector<stream::FetchedOffset> partitions) {
  reply.partitions.reserve(partitions.size());
  for (stream::FetchedOffset& fetched : partitions) add_fetched(reply, std::move(fetched));
}

// All that a group has stored, of the topics that the client may see.
void set_all_fetched(const Request& request, std::vector<stream::FetchedTopic> topics, FetchGroupReply& reply) {
  for (stream::FetchedTopic& fetched : topics) {
    if (!request.sees(Operation::describe, security::ResourceType::topic, fetched.topic)) continue;
    const catalog::Topic* topic = request.topics().find(fetched.topic);
    // What has no id cannot be told.
    if (request.version >= kFetchTopicIdsFrom && topic == nullptr) continue;
    auto& topic_reply = reply.topics.emplace_back();
    if (topic != nullptr) topic_reply.topic_id = topic->entry.id;
    topic_reply.name = std::move(fetched.topic);
    set_fetched(topic_reply, std::move(fetched.partitions));
  }
}

// What is said of the topics asked for when the group does not exist.
stream::OffsetFetchReply nothing_stored(stream::OffsetFetchCommand command) {
  stream::OffsetFetchReply reply;
  if (!command.topics) return reply;
  for (stream::TopicPartitions& asked : *command.topics) {
    auto& topic = reply.topics.emplace_back(stream::FetchedTopic{std::move(asked.topic), {}});
    for (const PartitionIndex partition : asked.partitions) topic.partitions.push_back({.partition = partition});
  }
  return reply;
}

runtime::Task<> fetch_group(const Request& request, const FetchGroup& asked, FetchGroupReply& reply) {
  reply.group_id = std::string(asked.group_id);
  if (!allows_group(request, Operation::describe, asked.group_id)) {
    reply.error_code = ErrorCode::kGroupAuthorizationFailed;
    co_return;
  }
  stream::OffsetFetchCommand command;
  command.group_id = reply.group_id;
  std::vector<std::size_t> open;
  if (asked.topics) open = plan_fetch(request, asked, reply, command);

  stream::OffsetFetchReply fetched;
  if (const auto home = find_group_home(request, asked.group_id)) {
    fetched = co_await ask_group(request, *home, &GroupCoordinator::fetch_offsets, std::move(command));
  } else {
    fetched = nothing_stored(std::move(command));
  }
  reply.error_code = to_error_code(fetched.error);
  if (fetched.error != GroupError::none) {
    reply.topics.clear();
  } else if (!asked.topics) {
    set_all_fetched(request, std::move(fetched.topics), reply);
  } else {
    for (std::size_t i = 0; i < open.size(); ++i)
      set_fetched(reply.topics[open[i]], std::move(fetched.topics[i].partitions));
  }
}

// A request of one group, as one of several.
FetchGroup single_group(OffsetFetchRequest& message) {
  FetchGroup group;
  group.group_id = message.group_id;
  if (!message.topics) {
    group.topics.reset();
    return group;
  }
  for (auto& topic : *message.topics)
    group.topics->push_back({.name = topic.name, .partition_indexes = std::move(topic.partition_indexes)});
  return group;
}

// Before there was a code of the group, it was told with each partition.
void spread_error(const FetchGroup& asked, FetchGroupReply& reply) {
  reply.topics.clear();
  for (const auto& topic : *asked.topics) {
    auto& topic_reply = reply.topics.emplace_back();
    topic_reply.name = std::string(topic.name);
    for (const std::int32_t partition : topic.partition_indexes) add_fetched(topic_reply, partition, reply.error_code);
  }
}

void set_single(FetchGroupReply group, OffsetFetchResponse& response) {
  response.error_code = group.error_code;
  response.topics.reserve(group.topics.size());
  for (FetchTopicReply& topic : group.topics) {
    auto& topic_reply = response.topics.emplace_back();
    topic_reply.name = std::move(topic.name);
    topic_reply.partitions.reserve(topic.partitions.size());
    for (auto& partition : topic.partitions) {
      topic_reply.partitions.push_back({partition.partition_index, partition.committed_offset,
                                        partition.committed_leader_epoch, std::move(partition.metadata),
                                        partition.error_code});
    }
  }
}

void count_codes(const Request& request, const FetchGroupReply& reply) {
  request.count(reply.error_code);
  for (const auto& topic : reply.topics) {
    for (const auto& partition : topic.partitions) request.count(partition.error_code);
  }
}

// ---- Delete ---------------------------------------------------------------------------------------------------------

// Fills `response` with an entry for every partition; topics whose offsets may be deleted go into `command`, and their
// places into the returned list.
std::vector<std::size_t> plan_delete(const Request& request, const OffsetDeleteRequest& message,
                                     OffsetDeleteResponse& response, stream::OffsetDeleteCommand& command) {
  std::vector<std::size_t> open;
  for (const auto& asked : message.topics) {
    ErrorCode code = ErrorCode::kNone;
    if (!request.allows_topic(Operation::read, asked.name)) {
      code = ErrorCode::kTopicAuthorizationFailed;
    } else if (request.topics().find(asked.name) == nullptr) {
      code = ErrorCode::kUnknownTopicOrPartition;
    }
    auto& reply = response.topics.emplace_back();
    reply.name = std::string(asked.name);
    for (const auto& partition : asked.partitions) reply.partitions.push_back({partition.partition_index, code});
    if (code != ErrorCode::kNone) continue;
    open.push_back(response.topics.size() - 1);
    auto& to_ask = command.topics.emplace_back(stream::TopicPartitions{reply.name, {}});
    for (const auto& partition : asked.partitions) to_ask.partitions.emplace_back(partition.partition_index);
  }
  return open;
}

}  // namespace

runtime::Task<OffsetCommitResponse> handle_offset_commit(Request& request, OffsetCommitRequest message) {
  OffsetCommitResponse response;
  std::vector<stream::PartitionCommit> commits;
  const CommitReplies open = plan_commit(request, message, response, commits);
  if (!open.empty()) {
    const auto home = co_await make_group_home(request, message.group_id);
    stream::OffsetCommitReply reply;
    if (home) {
      reply = co_await ask_group(request, *home, &GroupCoordinator::commit_offsets,
                                 commit_command(request, message, std::move(commits)));
    }
    const ErrorCode code = home ? to_error_code(reply.error) : home.error().code;
    for (std::size_t i = 0; i < open.size(); ++i)
      open[i]->error_code = code != ErrorCode::kNone ? code : to_error_code(reply.partitions[i]);
  }
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) request.count(partition.error_code);
  }
  co_return response;
}

runtime::Task<OffsetFetchResponse> handle_offset_fetch(Request& request, OffsetFetchRequest message) {
  OffsetFetchResponse response;
  if (request.version >= kFetchSeveralFrom) {
    std::set<std::string_view> seen;
    std::erase_if(message.groups, [&](const FetchGroup& group) { return !seen.insert(group.group_id).second; });
    response.groups.resize(message.groups.size());
    runtime::TaskScope scope;
    for (std::size_t i = 0; i < message.groups.size(); ++i)
      scope.spawn(fetch_group(request, message.groups[i], response.groups[i]));
    co_await scope.join();
    for (const FetchGroupReply& group : response.groups) count_codes(request, group);
    co_return response;
  }
  const FetchGroup asked = single_group(message);
  FetchGroupReply reply;
  co_await fetch_group(request, asked, reply);
  if (request.version < kFetchGroupErrorFrom && reply.error_code != ErrorCode::kNone) spread_error(asked, reply);
  count_codes(request, reply);
  set_single(std::move(reply), response);
  co_return response;
}

runtime::Task<OffsetDeleteResponse> handle_offset_delete(Request& request, OffsetDeleteRequest message) {
  OffsetDeleteResponse response;
  if (!allows_group(request, Operation::remove, message.group_id)) {
    response.error_code = request.count(ErrorCode::kGroupAuthorizationFailed);
    co_return response;
  }
  stream::OffsetDeleteCommand command;
  command.group_id = std::string(message.group_id);
  const std::vector<std::size_t> open = plan_delete(request, message, response, command);
  stream::OffsetDeleteReply reply;
  reply.error = GroupError::group_id_not_found;
  if (const auto home = find_group_home(request, message.group_id))
    reply = co_await ask_group(request, *home, &GroupCoordinator::delete_offsets, std::move(command));
  if (reply.error != GroupError::none) {
    response.topics.clear();
    response.error_code = request.count(to_error_code(reply.error));
    co_return response;
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    auto& partitions = response.topics[open[i]].partitions;
    for (std::size_t p = 0; p < partitions.size(); ++p)
      partitions[p].error_code = to_error_code(reply.topics[i].partitions[p].second);
  }
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) request.count(partition.error_code);
  }
  co_return response;
}

}  // namespace leat::kafka
