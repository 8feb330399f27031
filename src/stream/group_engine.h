#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "stream/group.h"
#include "stream/group_types.h"

namespace leat::stream {

// Kafka's classic consumer groups and their committed offsets, for the groups of one partition of __consumer_offsets: a
// state machine without sockets, clocks, threads or randomness.
//
// Two kinds of state. What the journal holds (offsets; the last stable or empty generation of each group) changes only in
// apply(). What it does not hold (who is joining, parked requests, deadlines) changes as decide() and tick() see fit, and
// is lost with the engine: members then join again, as they do when a Kafka coordinator moves.
//
// Every request given to decide() is answered exactly once, by that decision or by a later one; when the engine is dropped
// its host answers those that are left.
class GroupEngine {
 public:
  explicit GroupEngine(const GroupConfig& config) : config_(config) {}
  GroupEngine(const GroupEngine&) = delete;
  GroupEngine& operator=(const GroupEngine&) = delete;

  // Applies an event that the journal holds, in the journal's order. Before finish_loading() only.
  void load(const GroupEvent& event);
  // The journal was read: from `now` on members must be heard of within their session timeouts.
  void finish_loading(GroupTime now);

  // Both apply their events before they return. Time does not go back from call to call.
  [[nodiscard]] GroupDecision decide(RequestId request, GroupCommand command, GroupTime now);
  [[nodiscard]] GroupDecision tick(GroupTime now);
  // When tick() has something to do; nullopt while it has nothing.
  [[nodiscard]] std::optional<MonoTime> next_deadline() const;

  [[nodiscard]] const Group* find(std::string_view group_id) const;
  [[nodiscard]] std::size_t group_count() const { return groups_.size(); }
  [[nodiscard]] const std::unordered_map<std::string, std::unique_ptr<Group>>& groups() const { return groups_; }
  // What all groups take, roughly, in bytes.
  [[nodiscard]] std::size_t memory() const { return memory_; }

 private:
  // One call of decide() or tick() under way.
  struct Turn {
    GroupTime now;
    GroupDecision decision;

    template <class Reply>
    void answer(RequestId request, Reply reply) {
      decision.now.push_back({request, std::move(reply)});
    }
    template <class Reply>
    void answer_committed(RequestId request, Reply reply) {
      decision.after_commit.push_back({request, std::move(reply)});
    }
  };

  // group_engine.cc: events and timers
  void apply(const GroupEvent& event);
  void apply_event(const OffsetCommitted& event);
  void apply_event(const OffsetRemoved& event);
  void apply_event(const GroupStored& event);
  void apply_event(const GroupRemoved& event);
  void record(Turn& turn, GroupEvent event);
  Turn begin_turn(GroupTime now) const;
  Group* lookup(const std::string& group_id);
  Group* find_or_create(const std::string& group_id);
  Group& get_or_create(const std::string& group_id);
  void forget_if_unused(const std::string& group_id);
  void wake_by(Group& group, MonoTime deadline);
  void expect_heartbeat(Group& group, GroupMember& member, Milliseconds timeout, GroupTime now);
  void wake(Turn& turn, Group& group);
  void expire_pending(Turn& turn, Group& group);
  void expire_sessions(Turn& turn, Group& group);
  void expire_sync(Turn& turn, Group& group);

  // group_engine_join.cc: who is in the group
  void decide_command(Turn& turn, RequestId request, JoinCommand command);
  void join_new(Turn& turn, RequestId request, Group& group, JoinCommand command);
  void join_known(Turn& turn, RequestId request, Group& group, JoinCommand command);
  void rejoin_static(Turn& turn, RequestId request, Group& group, JoinCommand command, std::string new_id);
  void answer_static_rejoin(Turn& turn, RequestId request, Group& group, const GroupMember& member,
                            const std::string& former_leader, bool can_skip);
  void add_member(Turn& turn, RequestId request, Group& group, JoinCommand command, std::string id);
  void update_member(Turn& turn, RequestId request, GroupMember& member, Group& group, JoinCommand& command);
  void answer_generation(Turn& turn, RequestId request, Group& group, const GroupMember& member);
  [[nodiscard]] bool has_room(const Group& group, const std::string& member_id) const;
  void decide_command(Turn& turn, RequestId request, HeartbeatCommand command);
  void decide_command(Turn& turn, RequestId request, LeaveCommand command);
  GroupError leave(Turn& turn, Group& group, const LeavingMember& leaving);
  void drop_member(Turn& turn, Group& group, const std::string& member_id, GroupError why);

  // group_engine_rebalance.cc: from generation to generation
  void decide_command(Turn& turn, RequestId request, SyncCommand command);
  void accept_assignment(Turn& turn, Group& group, std::vector<MemberAssignment> assignments);
  void rebalance_or_complete(Turn& turn, Group& group);
  void prepare_rebalance(Turn& turn, Group& group);
  void complete_join_if_ready(Turn& turn, Group& group);
  void expire_join(Turn& turn, Group& group);
  void complete_join(Turn& turn, Group& group);
  void start_generation(Turn& turn, Group& group);
  void fail_waiting_syncs(Turn& turn, Group& group, GroupError error);
  void finish_sync_wait(Group& group);
  [[nodiscard]] GroupStored stored_form(const Group& group, GroupState state) const;
  [[nodiscard]] bool fits_journal(const GroupEvent& event) const;

  // group_engine_offsets.cc
  void decide_command(Turn& turn, RequestId request, OffsetCommitCommand command);
  void decide_command(Turn& turn, RequestId request, OffsetFetchCommand command);
  void decide_command(Turn& turn, RequestId request, OffsetDeleteCommand command);
  void decide_command(Turn& turn, RequestId request, TopicDeletedCommand command);
  [[nodiscard]] GroupError check_commit(const Group& group, const OffsetCommitCommand& command) const;
  void remove_expired_offsets(Turn& turn);
  bool remove_expired_offsets_of(Turn& turn, Group& group);
  void remove_all_offsets(Turn& turn, const Group& group);

  // group_engine_admin.cc
  void decide_command(Turn& turn, RequestId request, DescribeGroupCommand command);
  void decide_command(Turn& turn, RequestId request, ListGroupsCommand command);
  void decide_command(Turn& turn, RequestId request, DeleteGroupCommand command);

  // Whether `bytes` more may be kept.
  [[nodiscard]] bool has_memory(std::size_t bytes) const { return memory_ + bytes <= config_.memory_max; }

  GroupConfig config_;
  bool loading_ = true;
  std::size_t memory_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Group>> groups_;
  std::set<std::pair<MonoTime, std::string>> wakes_;  // every group with a wake_at
  Timestamp journalled_time_{0};                      // the latest time in any event: stored time does not go back
  std::optional<MonoTime> next_retention_check_;
};

}  // namespace leat::stream
