#include <algorithm>
#include <cassert>
#include <limits>

#include "stream/group_engine.h"
#include "stream/offsets_format.h"

namespace leat::stream {

void GroupEngine::rebalance_or_complete(Turn& turn, Group& group) {
  switch (group.state()) {
    case GroupState::empty:
      if (group.members().empty()) return;
      return prepare_rebalance(turn, group);
    case GroupState::stable:
    case GroupState::completing_rebalance: return prepare_rebalance(turn, group);
    case GroupState::preparing_rebalance: return complete_join_if_ready(turn, group);
    case GroupState::dead: return;
  }
}

void GroupEngine::prepare_rebalance(Turn& turn, Group& group) {
  if (group.is(GroupState::completing_rebalance)) fail_waiting_syncs(turn, group, GroupError::rebalance_in_progress);
  for (auto& [member_id, member] : group.members()) member.sync_missing = false;
  group.sync_deadline.reset();

  group.is_initial_rebalance = group.is(GroupState::empty);
  group.set_state(GroupState::preparing_rebalance, turn.now.wall);
  if (group.is_initial_rebalance) {
    // A new group: others are likely to come within moments, and one rebalance for all is better than one each.
    group.member_joined_in_delay = false;
    group.initial_delay = config_.initial_rebalance_delay;
    group.initial_delay_left = std::max(group.rebalance_timeout() - group.initial_delay, Milliseconds(0));
    group.join_deadline = turn.now.mono + group.initial_delay;
    return wake_by(group, *group.join_deadline);
  }
  if (group.everyone_joined()) return complete_join(turn, group);
  group.join_deadline = turn.now.mono + std::max(group.rebalance_timeout(), Milliseconds(1));
  wake_by(group, *group.join_deadline);
}

void GroupEngine::complete_join_if_ready(Turn& turn, Group& group) {
  if (!group.is(GroupState::preparing_rebalance) || group.is_initial_rebalance || !group.everyone_joined()) return;
  complete_join(turn, group);
}

void GroupEngine::expire_join(Turn& turn, Group& group) {
  group.join_deadline.reset();
  if (!group.is(GroupState::preparing_rebalance)) return;
  if (group.is_initial_rebalance && group.member_joined_in_delay && group.initial_delay_left > Milliseconds(0)) {
    group.member_joined_in_delay = false;
    const Milliseconds elapsed = group.initial_delay;
    group.initial_delay = std::min(config_.initial_rebalance_delay, group.initial_delay_left);
    group.initial_delay_left = std::max(group.initial_delay_left - elapsed, Milliseconds(0));
    group.join_deadline = turn.now.mono + group.initial_delay;
    return wake_by(group, *group.join_deadline);
  }
  complete_join(turn, group);
}

// The time for joining is over: whoever has not rejoined is out, unless it is static and its session lasts.
void GroupEngine::complete_join(Turn& turn, Group& group) {
  group.join_deadline.reset();
  std::vector<std::string> missing;
  for (const auto& [member_id, member] : group.members()) {
    if (!member.join_request && !member.instance_id) missing.push_back(member_id);
  }
  for (const std::string& member_id : missing) drop_member(turn, group, member_id, GroupError::unknown_member_id);
  if (!group.elect_joined_leader() && !group.members().empty()) {
    // Only static members are left and none is back: wait for one, or for their sessions to end.
    group.join_deadline = turn.now.mono + std::max(group.rebalance_timeout(), Milliseconds(1));
    return wake_by(group, *group.join_deadline);
  }
  start_generation(turn, group);
}

void GroupEngine::start_generation(Turn& turn, Group& group) {
  group.is_initial_rebalance = false;
  // Kafka's generations wrap into the negative; ours start over.
  const bool is_last = group.generation.value() == std::numeric_limits<std::int32_t>::max();
  group.generation = is_last ? Generation(1) : group.generation + 1;
  if (group.members().empty()) {
    group.protocol_name.reset();
    group.leader.reset();
    group.set_state(GroupState::empty, turn.now.wall);
    group.refresh_subscribed_topics();
    return record(turn, stored_form(group, GroupState::empty));
  }
  group.protocol_name = group.vote();
  group.set_state(GroupState::completing_rebalance, turn.now.wall);
  group.refresh_subscribed_topics();
  for (auto& [member_id, member] : group.members()) {
    member.sync_missing = true;
    member.is_new = false;
    expect_heartbeat(group, member, member.session_timeout, turn.now);
    if (!member.join_request) continue;
    const RequestId request = *member.join_request;
    group.park_join(member, std::nullopt);
    answer_generation(turn, request, group, member);
  }
  group.sync_deadline = turn.now.mono + std::max(group.rebalance_timeout(), Milliseconds(1));
  wake_by(group, *group.sync_deadline);
}

void GroupEngine::decide_command(Turn& turn, RequestId request, SyncCommand command) {
  const auto refuse = [&](GroupError error) { turn.answer(request, SyncReply{error}); };
  if (command.group_id.empty()) return refuse(GroupError::invalid_group_id);
  Group* group = lookup(command.group_id);
  if (group == nullptr) return refuse(GroupError::unknown_member_id);
  if (const auto error = group->check_member(command.member_id, command.instance_id); error != GroupError::none) {
    return refuse(error);
  }
  if (command.generation != group->generation) return refuse(GroupError::illegal_generation);
  if ((command.protocol_type && command.protocol_type != group->protocol_type) ||
      (command.protocol_name && command.protocol_name != group->protocol_name)) {
    return refuse(GroupError::inconsistent_group_protocol);
  }
  GroupMember& member = *group->find(command.member_id);
  switch (group->state()) {
    case GroupState::empty:
    case GroupState::dead: return refuse(GroupError::unknown_member_id);
    case GroupState::preparing_rebalance: return refuse(GroupError::rebalance_in_progress);
    case GroupState::completing_rebalance:
      if (member.sync_request) turn.answer(*member.sync_request, SyncReply{GroupError::rebalance_in_progress});
      member.sync_request = request;
      member.sync_missing = false;
      finish_sync_wait(*group);
      if (group->is_leader(member.id)) accept_assignment(turn, *group, std::move(command.assignments));
      return;
    case GroupState::stable:
      member.sync_missing = false;
      finish_sync_wait(*group);
      expect_heartbeat(*group, member, member.session_timeout, turn.now);
      return turn.answer_committed(request, SyncReply{GroupError::none, group->protocol_type, group->protocol_name,
                                                      Bytes::copy_of(member.assignment)});
  }
}

void GroupEngine::finish_sync_wait(Group& group) {
  const bool waits = std::ranges::any_of(group.members(), [](const auto& entry) { return entry.second.sync_missing; });
  if (!waits) group.sync_deadline.reset();
}

// The leader has assigned: the generation becomes stable and its assignments durable, then everyone is told.
void GroupEngine::accept_assignment(Turn& turn, Group& group, std::vector<MemberAssignment> assignments) {
  for (auto& [member_id, member] : group.members()) group.set_assignment(member, {});
  for (MemberAssignment& given : assignments) {
    if (GroupMember* member = group.find(given.member_id)) group.set_assignment(*member, std::move(given.assignment));
  }
  group.state_time = turn.now.wall;
  GroupEvent stored = stored_form(group, GroupState::stable);
  if (!fits_journal(stored) || !has_memory(0)) {
    for (auto& [member_id, member] : group.members()) group.set_assignment(member, {});
    fail_waiting_syncs(turn, group, GroupError::invalid_commit_offset_size);
    return prepare_rebalance(turn, group);
  }
  record(turn, std::move(stored));
  for (auto& [member_id, member] : group.members()) {
    if (!member.sync_request) continue;
    turn.answer_committed(*member.sync_request, SyncReply{GroupError::none, group.protocol_type, group.protocol_name,
                                                          Bytes::copy_of(member.assignment)});
    member.sync_request.reset();
    expect_heartbeat(group, member, member.session_timeout, turn.now);
  }
}

void GroupEngine::fail_waiting_syncs(Turn& turn, Group& group, GroupError error) {
  for (auto& [member_id, member] : group.members()) {
    if (!member.sync_request) continue;
    turn.answer(*member.sync_request, SyncReply{error});
    member.sync_request.reset();
    expect_heartbeat(group, member, member.session_timeout, turn.now);
  }
}

// What the journal is to hold of the group in `state`.
GroupStored GroupEngine::stored_form(const Group& group, GroupState state) const {
  GroupStored stored;
  stored.group_id = group.id;
  stored.protocol_type = group.protocol_type.value_or("");
  stored.generation = group.generation;
  stored.protocol_name = group.protocol_name;
  stored.leader = group.leader;
  stored.state_time = group.state_time;
  if (state == GroupState::empty) return stored;
  stored.members.reserve(group.members().size());
  for (const auto& [member_id, member] : group.members()) {
    stored.members.push_back({member_id, member.instance_id, member.client_id, member.client_host,
                              member.rebalance_timeout, member.session_timeout,
                              Bytes::copy_of(member.metadata_for(group.protocol_name)),
                              Bytes::copy_of(member.assignment)});
  }
  return stored;
}

bool GroupEngine::fits_journal(const GroupEvent& event) const {
  const OffsetsRecord record = encode_group_event(event);
  return record.key.size() + (record.value ? record.value->size() : 0) <= config_.record_size_max;
}

}  // namespace leat::stream
