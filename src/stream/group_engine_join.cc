#include <algorithm>
#include <cassert>
#include <limits>

#include "stream/group_engine.h"
#include "stream/offsets_format.h"

namespace leat::stream {
namespace {

constexpr std::size_t kMemberIdSuffixSize = 37;  // '-' and a UUID

JoinReply join_error(GroupError error, std::string member_id) {
  JoinReply reply;
  reply.error = error;
  reply.member_id = std::move(member_id);
  return reply;
}

// Names that are stored must fit the format.
bool names_fit(const JoinCommand& command) {
  const auto fits = [](std::string_view name) { return name.size() <= kStoredNameSizeMax - kMemberIdSuffixSize; };
  return fits(command.group_id) && fits(command.client_id) && fits(command.client_host) &&
         fits(command.protocol_type) && (!command.instance_id || fits(*command.instance_id)) &&
         std::ranges::all_of(command.protocols, [&](const GroupProtocol& protocol) { return fits(protocol.name); });
}

std::vector<JoinReplyMember> members_for_leader(const Group& group) {
  std::vector<JoinReplyMember> members;
  members.reserve(group.members().size());
  for (const auto& [member_id, member] : group.members()) {
    members.push_back({member_id, member.instance_id, Bytes::copy_of(member.metadata_for(group.protocol_name))});
  }
  return members;
}

}  // namespace

void GroupEngine::decide_command(Turn& turn, RequestId request, JoinCommand command) {
  const auto refuse = [&](GroupError error) { turn.answer(request, join_error(error, command.member_id)); };
  if (command.group_id.empty()) return refuse(GroupError::invalid_group_id);
  if (!names_fit(command)) return refuse(GroupError::invalid_request);
  if (command.session_timeout < std::max(config_.session_timeout_min, Milliseconds(1)) ||
      command.session_timeout > config_.session_timeout_max) {
    return refuse(GroupError::invalid_session_timeout);
  }
  command.rebalance_timeout =
      std::clamp(command.rebalance_timeout, Milliseconds(1), Milliseconds(std::numeric_limits<std::int32_t>::max()));
  Group* group = lookup(command.group_id);
  if (group == nullptr) {
    if (!command.member_id.empty()) return refuse(GroupError::unknown_member_id);
    group = find_or_create(command.group_id);
    if (group == nullptr) return refuse(GroupError::coordinator_not_available);
  }
  const GroupMember* known = group->find(command.member_id);
  const std::size_t before = known == nullptr ? 0 : memory_of(known->protocols);
  const std::size_t after = memory_of(command.protocols);
  if (after > before && !has_memory(after - before)) {
    refuse(GroupError::coordinator_not_available);
  } else if (!has_room(*group, command.member_id)) {
    turn.answer(request, join_error(GroupError::group_max_size_reached, ""));
    if (group->find(command.member_id) != nullptr) {
      drop_member(turn, *group, command.member_id, GroupError::group_max_size_reached);
      complete_join_if_ready(turn, *group);
    }
  } else if (command.member_id.empty()) {
    join_new(turn, request, *group, std::move(command));
  } else {
    join_known(turn, request, *group, std::move(command));
  }
  forget_if_unused(group->id);
}

// While members rejoin, those who have count, so that the last ones of a group that became too large are shed.
bool GroupEngine::has_room(const Group& group, const std::string& member_id) const {
  const GroupMember* member = group.find(member_id);
  switch (group.state()) {
    case GroupState::empty:
    case GroupState::dead: break;
    case GroupState::preparing_rebalance:
      if (!(member != nullptr && member->join_request) && group.joining() >= config_.group_size_max) return false;
      break;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      if (member == nullptr && group.members().size() >= config_.group_size_max) return false;
      break;
  }
  return !member_id.empty() || group.pending().size() < config_.group_size_max;
}

void GroupEngine::join_new(Turn& turn, RequestId request, Group& group, JoinCommand command) {
  if (!group.accepts(command.protocol_type, command.protocols)) {
    return turn.answer(request, join_error(GroupError::inconsistent_group_protocol, ""));
  }
  std::string id =
      fmt::format("{}-{}", command.instance_id ? *command.instance_id : command.client_id, command.fresh_id);
  if (command.instance_id) {
    if (group.find_static(command.instance_id) != nullptr) {
      return rejoin_static(turn, request, group, std::move(command), std::move(id));
    }
    return add_member(turn, request, group, std::move(command), std::move(id));
  }
  if (!command.requires_known_member_id) return add_member(turn, request, group, std::move(command), std::move(id));
  const MonoTime until = turn.now.mono + command.session_timeout;
  group.add_pending(id, until);
  wake_by(group, until);
  turn.answer(request, join_error(GroupError::member_id_required, std::move(id)));
}

void GroupEngine::join_known(Turn& turn, RequestId request, Group& group, JoinCommand command) {
  const auto refuse = [&](GroupError error) { turn.answer(request, join_error(error, command.member_id)); };
  if (!group.accepts(command.protocol_type, command.protocols)) return refuse(GroupError::inconsistent_group_protocol);
  if (group.pending().contains(command.member_id)) {
    if (command.instance_id) return refuse(GroupError::invalid_request);  // ids of static members are never pending
    std::string id = command.member_id;
    return add_member(turn, request, group, std::move(command), std::move(id));
  }
  if (const GroupError error = group.check_member(command.member_id, command.instance_id); error != GroupError::none) {
    return refuse(error);
  }
  GroupMember& member = *group.find(command.member_id);
  const bool unchanged = member.has_protocols(command.protocols);
  switch (group.state()) {
    case GroupState::preparing_rebalance: break;
    case GroupState::completing_rebalance:
      // Its first answer may have been lost.
      if (unchanged) return answer_generation(turn, request, group, member);
      break;
    case GroupState::stable:
      // The leader rejoins to have partitions assigned anew, for reasons that are not in the members' metadata.
      if (unchanged && !group.is_leader(member.id)) return answer_generation(turn, request, group, member);
      break;
    case GroupState::empty:
    case GroupState::dead: return refuse(GroupError::unknown_member_id);
  }
  update_member(turn, request, member, group, command);
  rebalance_or_complete(turn, group);
}

// The generation as it stands, for a member that need not wait for another.
void GroupEngine::answer_generation(Turn& turn, RequestId request, Group& group, const GroupMember& member) {
  JoinReply reply;
  reply.generation = group.generation;
  reply.protocol_type = group.protocol_type;
  reply.protocol_name = group.protocol_name;
  reply.leader = group.leader.value_or("");
  reply.member_id = member.id;
  if (group.is(GroupState::completing_rebalance) && group.is_leader(member.id)) {
    reply.members = members_for_leader(group);
  }
  turn.answer(request, std::move(reply));
}

void GroupEngine::add_member(Turn& turn, RequestId request, Group& group, JoinCommand command, std::string id) {
  GroupMember member{std::move(id),
                     std::move(command.instance_id),
                     std::move(command.client_id),
                     std::move(command.client_host),
                     command.rebalance_timeout,
                     command.session_timeout,
                     std::move(command.protocols)};
  member.is_new = true;
  if (group.is(GroupState::preparing_rebalance) && group.is_initial_rebalance) group.member_joined_in_delay = true;
  GroupMember& added = group.add(std::move(member), command.protocol_type);
  group.park_join(added, request);
  // It does not know its id yet and cannot send heartbeats. If its connection breaks it comes again under another id:
  // this bounds how long the first one stays.
  expect_heartbeat(group, added, config_.new_member_join_timeout, turn.now);
  rebalance_or_complete(turn, group);
}

void GroupEngine::update_member(Turn& turn, RequestId request, GroupMember& member, Group& group,
                                JoinCommand& command) {
  if (member.join_request) turn.answer(*member.join_request, join_error(GroupError::rebalance_in_progress, member.id));
  if (member.sync_request) turn.answer(*member.sync_request, SyncReply{GroupError::rebalance_in_progress});
  member.sync_request.reset();
  group.set_protocols(member, std::move(command.protocols));
  member.rebalance_timeout = command.rebalance_timeout;
  member.session_timeout = command.session_timeout;
  group.set_client(member, std::move(command.client_id), std::move(command.client_host));
  group.park_join(member, request);
}

// A static member restarted: it takes over its former self's place and assignment.
void GroupEngine::rejoin_static(Turn& turn, RequestId request, Group& group, JoinCommand command, std::string new_id) {
  const std::string former_leader = group.leader.value_or("");
  GroupMember& former = *group.find_static(command.instance_id);
  if (former.join_request) turn.answer(*former.join_request, join_error(GroupError::fenced_instance_id, former.id));
  if (former.sync_request) turn.answer(*former.sync_request, SyncReply{GroupError::fenced_instance_id});
  group.park_join(former, std::nullopt);
  former.sync_request.reset();
  GroupMember& member = group.rename_static(*command.instance_id, std::move(new_id));
  member.is_new = false;  // it waits like one who was here before
  const bool can_skip = command.supports_skip_assignment;
  update_member(turn, request, member, group, command);
  expect_heartbeat(group, member, member.session_timeout, turn.now);

  if (group.is(GroupState::stable) && group.protocol_name == group.vote()) {
    GroupEvent stored = stored_form(group, GroupState::stable);
    if (fits_journal(stored)) {
      group.park_join(member, std::nullopt);
      record(turn, std::move(stored));
      return answer_static_rejoin(turn, request, group, member, former_leader, can_skip);
    }
  }
  // Otherwise the leader has been told of the former id, or another protocol must be chosen.
  rebalance_or_complete(turn, group);
}

void GroupEngine::answer_static_rejoin(Turn& turn, RequestId request, Group& group, const GroupMember& member,
                                       const std::string& former_leader, bool can_skip) {
  JoinReply reply;
  reply.generation = group.generation;
  reply.protocol_type = group.protocol_type;
  reply.protocol_name = group.protocol_name;
  reply.member_id = member.id;
  if (can_skip) {
    reply.leader = group.leader.value_or("");
    reply.skip_assignment = group.is_leader(member.id);
    if (reply.skip_assignment) reply.members = members_for_leader(group);
  } else {
    // Told its former id as the leader's, a restarted leader does not assign partitions that nobody would be told of.
    reply.leader = former_leader;
  }
  turn.answer_committed(request, std::move(reply));
}

void GroupEngine::decide_command(Turn& turn, RequestId request, HeartbeatCommand command) {
  Group* group = lookup(command.group_id);
  GroupError error = command.group_id.empty() ? GroupError::invalid_group_id : GroupError::unknown_member_id;
  if (group != nullptr) {
    error = group->check_member(command.member_id, command.instance_id);
    if (error == GroupError::none && command.generation != group->generation) error = GroupError::illegal_generation;
    if (error == GroupError::none) {
      GroupMember& member = *group->find(command.member_id);
      expect_heartbeat(*group, member, member.session_timeout, turn.now);
      if (group->is(GroupState::preparing_rebalance)) error = GroupError::rebalance_in_progress;
    }
  }
  turn.answer(request, HeartbeatReply{error});
}

void GroupEngine::decide_command(Turn& turn, RequestId request, LeaveCommand command) {
  if (command.group_id.empty()) return turn.answer(request, LeaveReply{GroupError::invalid_group_id});
  Group* group = lookup(command.group_id);
  LeaveReply reply;
  bool somebody_left = false;
  for (LeavingMember& leaving : command.members) {
    const GroupError error = group == nullptr ? GroupError::unknown_member_id : leave(turn, *group, leaving);
    somebody_left |= error == GroupError::none;
    reply.members.push_back({std::move(leaving.member_id), std::move(leaving.instance_id), error});
  }
  if (somebody_left) {
    rebalance_or_complete(turn, *group);
    forget_if_unused(group->id);
  }
  turn.answer_committed(request, std::move(reply));
}

GroupError GroupEngine::leave(Turn& turn, Group& group, const LeavingMember& leaving) {
  // An administrator removes a static member by its static id alone.
  if (leaving.member_id.empty()) {
    const GroupMember* member = group.find_static(leaving.instance_id);
    if (member == nullptr) return GroupError::unknown_member_id;
    drop_member(turn, group, std::string(member->id), GroupError::unknown_member_id);
    return GroupError::none;
  }
  if (!group.pending().contains(leaving.member_id)) {
    const GroupError error = group.check_member(leaving.member_id, leaving.instance_id);
    if (error != GroupError::none) return error;
  }
  drop_member(turn, group, leaving.member_id, GroupError::unknown_member_id);
  return GroupError::none;
}

// Takes a member out, pending or joined; whatever it waits for is answered with `why`.
void GroupEngine::drop_member(Turn& turn, Group& group, const std::string& member_id, GroupError why) {
  if (GroupMember* member = group.find(member_id)) {
    if (member->join_request) turn.answer(*member->join_request, join_error(why, ""));
    if (member->sync_request) turn.answer(*member->sync_request, SyncReply{why});
    member->sync_request.reset();
  }
  group.remove(member_id);
}

}  // namespace leat::stream
