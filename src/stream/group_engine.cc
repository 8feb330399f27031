#include "stream/group_engine.h"

#include <algorithm>
#include <cassert>

namespace leat::stream {

void GroupEngine::load(const GroupEvent& event) {
  assert(loading_);
  apply(event);
}

void GroupEngine::finish_loading(GroupTime now) {
  loading_ = false;
  next_retention_check_ = now.mono + config_.retention_check_interval;
  for (auto& [group_id, group] : groups_) {
    group->refresh_subscribed_topics();
    for (auto& [member_id, member] : group->members()) expect_heartbeat(*group, member, member.session_timeout, now);
  }
}

GroupDecision GroupEngine::decide(RequestId request, GroupCommand command, GroupTime now) {
  Turn turn = begin_turn(now);
  std::visit([&](auto& concrete) { decide_command(turn, request, std::move(concrete)); }, command);
  return std::move(turn.decision);
}

GroupDecision GroupEngine::tick(GroupTime now) {
  Turn turn = begin_turn(now);
  while (!wakes_.empty() && wakes_.begin()->first <= now.mono) {
    const std::string group_id = wakes_.begin()->second;
    Group& group = *lookup(group_id);
    wakes_.erase(wakes_.begin());
    group.wake_at.reset();
    wake(turn, group);
    if (const auto next = group.earliest_deadline()) wake_by(group, *next);
    forget_if_unused(group_id);
  }
  if (next_retention_check_ && *next_retention_check_ <= now.mono) {
    next_retention_check_ = now.mono + config_.retention_check_interval;
    remove_expired_offsets(turn);
  }
  return std::move(turn.decision);
}

std::optional<MonoTime> GroupEngine::next_deadline() const {
  if (wakes_.empty()) return next_retention_check_;
  const MonoTime first = wakes_.begin()->first;
  return next_retention_check_ ? std::min(first, *next_retention_check_) : first;
}

const Group* GroupEngine::find(std::string_view group_id) const {
  const auto found = groups_.find(std::string(group_id));
  return found == groups_.end() ? nullptr : found->second.get();
}

GroupEngine::Turn GroupEngine::begin_turn(GroupTime now) const {
  now.wall = std::max(now.wall, journalled_time_);
  return {now, {}};
}

Group* GroupEngine::lookup(const std::string& group_id) {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second.get();
}

Group& GroupEngine::get_or_create(const std::string& group_id) {
  auto& group = groups_[group_id];
  if (!group) group = std::make_unique<Group>(group_id, memory_);
  return *group;
}

Group* GroupEngine::find_or_create(const std::string& group_id) {
  if (Group* group = lookup(group_id)) return group;
  return groups_.size() < config_.groups_max && has_memory(0) ? &get_or_create(group_id) : nullptr;
}

void GroupEngine::forget_if_unused(const std::string& group_id) {
  const auto found = groups_.find(group_id);
  if (found == groups_.end() || !found->second->is_forgettable()) return;
  if (found->second->wake_at) wakes_.erase({*found->second->wake_at, group_id});
  groups_.erase(found);
}

// ---- Events ---------------------------------------------------------------------------------------------------------

void GroupEngine::record(Turn& turn, GroupEvent event) {
  apply(event);
  turn.decision.events.push_back(std::move(event));
}

void GroupEngine::apply(const GroupEvent& event) {
  std::visit([this](const auto& concrete) { apply_event(concrete); }, event);
}

void GroupEngine::apply_event(const OffsetCommitted& event) {
  journalled_time_ = std::max(journalled_time_, event.commit_time);
  get_or_create(event.group_id)
      .store_offset(event.topic, event.partition,
                    {event.offset, event.leader_epoch, event.metadata, event.commit_time, event.expire_time});
}

void GroupEngine::apply_event(const OffsetRemoved& event) {
  Group* group = lookup(event.group_id);
  if (group == nullptr) return;
  group->erase_offset(event.topic, event.partition);
  if (loading_) forget_if_unused(event.group_id);
}

void GroupEngine::apply_event(const GroupStored& event) {
  if (event.state_time) journalled_time_ = std::max(journalled_time_, *event.state_time);
  Group& group = get_or_create(event.group_id);
  group.is_stored = true;
  group.protocol_type = event.protocol_type.empty() ? std::nullopt : std::optional(event.protocol_type);
  group.protocol_name = event.protocol_name;
  group.generation = event.generation;
  // Those who decided the event are in the group with more than it says of them; a loaded group has what is stored.
  if (loading_) group.clear_members();
  for (const StoredMember& stored : event.members) {
    GroupMember* member = group.find(stored.member_id);
    if (member == nullptr) {
      GroupMember loaded{stored.member_id,   stored.instance_id,       stored.client_id,
                         stored.client_host, stored.rebalance_timeout, stored.session_timeout};
      loaded.protocols.push_back({event.protocol_name.value_or(""), Bytes::copy_of(stored.subscription)});
      member = &group.add(std::move(loaded), event.protocol_type);
    }
    group.set_assignment(*member, Bytes::copy_of(stored.assignment));
  }
  group.leader = event.leader;
  group.set_state(event.members.empty() ? GroupState::empty : GroupState::stable, kNoTimestamp);
  group.state_time = event.state_time;
}

void GroupEngine::apply_event(const GroupRemoved& event) {
  Group* group = lookup(event.group_id);
  if (group == nullptr) return;
  group->clear_members();
  group->is_stored = false;
  group->protocol_type.reset();
  group->protocol_name.reset();
  group->generation = Generation(0);
  group->set_state(GroupState::empty, kNoTimestamp);
  group->state_time.reset();
  if (loading_) forget_if_unused(event.group_id);
}

// ---- Timers ---------------------------------------------------------------------------------------------------------

void GroupEngine::wake_by(Group& group, MonoTime deadline) {
  if (group.wake_at && *group.wake_at <= deadline) return;
  if (group.wake_at) wakes_.erase({*group.wake_at, group.id});
  group.wake_at = deadline;
  wakes_.emplace(deadline, group.id);
}

void GroupEngine::expect_heartbeat(Group& group, GroupMember& member, Milliseconds timeout, GroupTime now) {
  member.session_deadline = now.mono + timeout;
  wake_by(group, *member.session_deadline);
}

void GroupEngine::wake(Turn& turn, Group& group) {
  expire_pending(turn, group);
  expire_sessions(turn, group);
  if (group.sync_deadline && *group.sync_deadline <= turn.now.mono) expire_sync(turn, group);
  if (group.join_deadline && *group.join_deadline <= turn.now.mono) expire_join(turn, group);
}

void GroupEngine::expire_pending(Turn& turn, Group& group) {
  if (group.expire_pending(turn.now.mono)) complete_join_if_ready(turn, group);
}

void GroupEngine::expire_sessions(Turn& turn, Group& group) {
  std::vector<std::string> due;
  for (const auto& [member_id, member] : group.members()) {
    if (member.session_deadline && *member.session_deadline <= turn.now.mono) due.push_back(member_id);
  }
  for (const std::string& member_id : due) {
    GroupMember* member = group.find(member_id);
    // An earlier one's removal may have completed the join and given this one a new deadline, or removed it.
    if (member == nullptr || !member->session_deadline || *member->session_deadline > turn.now.mono) continue;
    // Who waits for an answer is not expected to send heartbeats, except before its first: it may be gone for good.
    if (!member->is_new && (member->join_request || member->sync_request)) {
      member->session_deadline.reset();
      continue;
    }
    drop_member(turn, group, member_id, GroupError::unknown_member_id);
    rebalance_or_complete(turn, group);
  }
}

void GroupEngine::expire_sync(Turn& turn, Group& group) {
  group.sync_deadline.reset();
  std::vector<std::string> late;
  for (const auto& [member_id, member] : group.members()) {
    if (member.sync_missing) late.push_back(member_id);
  }
  if (late.empty()) return;
  for (const std::string& member_id : late) drop_member(turn, group, member_id, GroupError::unknown_member_id);
  prepare_rebalance(turn, group);
}

}  // namespace leat::stream
