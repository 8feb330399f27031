#include <algorithm>

#include "stream/group_engine.h"
#include "stream/offsets_format.h"

namespace leat::stream {
namespace {

constexpr Milliseconds kRetentionMax{std::int64_t{1} << 50};

FetchedOffset fetched(PartitionIndex partition, const CommittedOffset& stored) {
  return {partition, stored.offset, stored.leader_epoch, stored.metadata};
}

FetchedTopic fetch_topic(const Group* group, TopicPartitions asked) {
  FetchedTopic answer;
  answer.partitions.reserve(asked.partitions.size());
  for (const PartitionIndex partition : asked.partitions) {
    const CommittedOffset* stored = group == nullptr ? nullptr : group->find_offset(asked.topic, partition);
    answer.partitions.push_back(stored != nullptr ? fetched(partition, *stored) : FetchedOffset{partition});
  }
  answer.topic = std::move(asked.topic);
  return answer;
}

// Since when an offset counts as unused; nullopt while it is in use.
std::optional<Timestamp> unused_since(const Group& group, const CommittedOffset& stored) {
  if (!group.protocol_type) return stored.commit_time;
  if (group.is(GroupState::empty)) return std::max(stored.commit_time, group.state_time.value_or(kNoTimestamp));
  const bool knows_topics = group.protocol_type == kConsumerProtocolType && group.subscribed_topics;
  return knows_topics && group.is(GroupState::stable) ? std::optional(stored.commit_time) : std::nullopt;
}

bool has_expired(const Group& group, const CommittedOffset& stored, Milliseconds retention, Timestamp now) {
  const auto since = unused_since(group, stored);
  if (!since) return false;
  if (stored.expire_time) return now >= *stored.expire_time;
  return now - *since >= retention.count();
}

}  // namespace

GroupError GroupEngine::check_commit(const Group& group, const OffsetCommitCommand& command) const {
  if (command.generation < Generation(0) && group.is(GroupState::empty)) return GroupError::none;
  // A commit that names neither member nor generation is only for groups without members.
  if (command.generation < Generation(0) && command.member_id.empty() && !command.instance_id) {
    return GroupError::unknown_member_id;
  }
  if (const auto error = group.check_member(command.member_id, command.instance_id); error != GroupError::none) {
    return error;
  }
  if (command.generation != group.generation) return GroupError::illegal_generation;
  return group.is(GroupState::completing_rebalance) ? GroupError::rebalance_in_progress : GroupError::none;
}

void GroupEngine::decide_command(Turn& turn, RequestId request, OffsetCommitCommand command) {
  const auto refuse = [&](GroupError error) { turn.answer(request, OffsetCommitReply{error, {}}); };
  if (command.group_id.size() > kStoredNameSizeMax) return refuse(GroupError::invalid_group_id);
  Group* group = lookup(command.group_id);
  if (group == nullptr) {
    if (command.generation >= Generation(0)) {
      return refuse(command.names_missing_group ? GroupError::group_id_not_found : GroupError::illegal_generation);
    }
    group = find_or_create(command.group_id);
    if (group == nullptr) return refuse(GroupError::coordinator_not_available);
  }
  if (const GroupError error = check_commit(*group, command); error != GroupError::none) return refuse(error);
  if (GroupMember* member = group->find(command.member_id)) {
    expect_heartbeat(*group, *member, member->session_timeout, turn.now);
  }
  OffsetCommitReply reply;
  reply.partitions.reserve(command.partitions.size());
  for (PartitionCommit& commit : command.partitions) {
    if (commit.metadata.size() > std::min(config_.offset_metadata_size_max, kStoredNameSizeMax)) {
      reply.partitions.push_back(GroupError::offset_metadata_too_large);
      continue;
    }
    if (commit.topic.size() > kStoredNameSizeMax) {
      reply.partitions.push_back(GroupError::invalid_commit_offset_size);
      continue;
    }
    const CommittedOffset* known = group->find_offset(commit.topic, commit.partition);
    const std::size_t before = known == nullptr ? 0 : memory_of_offset(commit.topic, known->metadata);
    const std::size_t after = memory_of_offset(commit.topic, commit.metadata);
    if (after > before && !has_memory(after - before)) {
      reply.partitions.push_back(GroupError::coordinator_not_available);
      continue;
    }
    OffsetCommitted event{command.group_id,    std::move(commit.topic),    commit.partition, commit.offset,
                          commit.leader_epoch, std::move(commit.metadata), turn.now.wall};
    if (command.retention) {
      event.expire_time = turn.now.wall + std::clamp(*command.retention, Milliseconds(0), kRetentionMax).count();
    }
    record(turn, std::move(event));
    reply.partitions.push_back(GroupError::none);
  }
  forget_if_unused(command.group_id);
  turn.answer_committed(request, std::move(reply));
}

void GroupEngine::decide_command(Turn& turn, RequestId request, OffsetFetchCommand command) {
  const Group* group = lookup(command.group_id);
  OffsetFetchReply reply;
  if (command.topics) {
    reply.topics.reserve(command.topics->size());
    for (TopicPartitions& asked : *command.topics) reply.topics.push_back(fetch_topic(group, std::move(asked)));
  } else if (group != nullptr) {
    for (const auto& [topic, partitions] : group->offsets()) {
      FetchedTopic answer{topic, {}};
      for (const auto& [partition, stored] : partitions) answer.partitions.push_back(fetched(partition, stored));
      reply.topics.push_back(std::move(answer));
    }
  }
  turn.answer_committed(request, std::move(reply));
}

void GroupEngine::decide_command(Turn& turn, RequestId request, OffsetDeleteCommand command) {
  const auto refuse = [&](GroupError error) { turn.answer(request, OffsetDeleteReply{error, {}}); };
  Group* group = lookup(command.group_id);
  if (group == nullptr) return refuse(GroupError::group_id_not_found);
  // Which topics a group uses is known of consumers only.
  if (!group->is(GroupState::empty) && group->protocol_type != kConsumerProtocolType) {
    return refuse(GroupError::non_empty_group);
  }
  OffsetDeleteReply reply;
  for (TopicPartitions& asked : command.topics) {
    const bool in_use = !group->is(GroupState::empty) && group->is_subscribed_to(asked.topic);
    OffsetDeleteReply::Topic answer{asked.topic, {}};
    for (const PartitionIndex partition : asked.partitions) {
      answer.partitions.emplace_back(partition, in_use ? GroupError::group_subscribed_to_topic : GroupError::none);
      if (in_use || group->find_offset(asked.topic, partition) == nullptr) continue;
      record(turn, OffsetRemoved{command.group_id, asked.topic, partition});
    }
    reply.topics.push_back(std::move(answer));
  }
  forget_if_unused(command.group_id);
  turn.answer_committed(request, std::move(reply));
}

void GroupEngine::decide_command(Turn& turn, RequestId request, TopicDeletedCommand command) {
  std::vector<std::string> touched;
  for (const auto& [group_id, group] : groups_) {
    if (group->offsets().contains(command.topic)) touched.push_back(group_id);
  }
  std::ranges::sort(touched);
  for (const std::string& group_id : touched) {
    std::vector<PartitionIndex> partitions;
    for (const auto& [partition, stored] : lookup(group_id)->offsets().find(command.topic)->second)
      partitions.push_back(partition);
    for (const PartitionIndex partition : partitions) record(turn, OffsetRemoved{group_id, command.topic, partition});
    forget_if_unused(group_id);
  }
  turn.answer_committed(request, TopicDeletedReply{});
}

void GroupEngine::remove_expired_offsets(Turn& turn) {
  std::vector<std::string> group_ids;
  group_ids.reserve(groups_.size());
  for (const auto& [group_id, group] : groups_) group_ids.push_back(group_id);
  std::ranges::sort(group_ids);
  for (const std::string& group_id : group_ids) {
    Group& group = *lookup(group_id);
    const bool none_left = remove_expired_offsets_of(turn, group);
    // Nothing refers to the group any more.
    if (none_left && group.is(GroupState::empty) && group.pending().empty() && group.is_stored) {
      record(turn, GroupRemoved{group_id});
    }
    forget_if_unused(group_id);
  }
}

// True when the group has no offset left.
bool GroupEngine::remove_expired_offsets_of(Turn& turn, Group& group) {
  std::vector<OffsetRemoved> expired;
  for (const auto& [topic, partitions] : group.offsets()) {
    if (!group.is(GroupState::empty) && group.is_subscribed_to(topic)) continue;
    for (const auto& [partition, stored] : partitions) {
      if (!has_expired(group, stored, config_.offsets_retention, turn.now.wall)) continue;
      expired.push_back({group.id, topic, partition});
    }
  }
  for (OffsetRemoved& event : expired) record(turn, std::move(event));
  return group.offsets().empty();
}

void GroupEngine::remove_all_offsets(Turn& turn, const Group& group) {
  std::vector<OffsetRemoved> all;
  for (const auto& [topic, partitions] : group.offsets()) {
    for (const auto& [partition, stored] : partitions) all.push_back({group.id, topic, partition});
  }
  for (OffsetRemoved& event : all) record(turn, std::move(event));
}

}  // namespace leat::stream
