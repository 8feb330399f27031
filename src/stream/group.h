#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stream/group_types.h"

namespace leat::stream {

// One member of a consumer group. Only its ids, client, timeouts, chosen subscription and assignment are ever stored.
struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Milliseconds rebalance_timeout{0};
  Milliseconds session_timeout{0};
  std::vector<GroupProtocol> protocols;
  Bytes assignment;

  bool is_new = false;                    // its first JoinGroup is not answered yet, so it cannot send heartbeats
  bool sync_missing = false;              // was told the generation and has not asked for its assignment
  std::optional<RequestId> join_request;  // waiting for the generation; set by Group::park_join only
  std::optional<RequestId> sync_request;  // waiting for the leader's assignment
  std::optional<MonoTime> session_deadline;

  // The metadata it gave for a protocol; empty when it does not support it.
  [[nodiscard]] BytesView metadata_for(const std::optional<std::string>& protocol) const;
  [[nodiscard]] bool has_protocols(const std::vector<GroupProtocol>& other) const;
};

struct CommittedOffset {
  Offset offset;
  LeaderEpoch leader_epoch = kNoEpoch;
  std::string metadata;
  Timestamp commit_time;
  std::optional<Timestamp> expire_time;
};

// What one group is: plain data with the rules that hold between its parts. The engine decides; this only keeps count.
class Group {
 public:
  explicit Group(std::string group_id) : id(std::move(group_id)) {}

  std::string id;
  std::optional<std::string> protocol_type;  // none: a group that only stores offsets
  std::optional<std::string> protocol_name;
  std::optional<std::string> leader;
  Generation generation{0};
  std::optional<Timestamp> state_time;
  std::map<std::string, MonoTime, std::less<>> pending;  // ids given out but not joined with, and until when
  std::optional<std::set<std::string, std::less<>>> subscribed_topics;
  std::map<std::string, std::map<PartitionIndex, CommittedOffset>, std::less<>> offsets;
  bool is_stored = false;  // the journal has a GroupStored of it

  // The rebalance under way.
  bool is_initial_rebalance = false;
  bool member_joined_in_delay = false;
  Milliseconds initial_delay{0};
  Milliseconds initial_delay_left{0};
  std::optional<MonoTime> join_deadline;
  std::optional<MonoTime> sync_deadline;
  // When the engine looks at this group again; never later than its earliest deadline.
  std::optional<MonoTime> wake_at;

  [[nodiscard]] GroupState state() const { return state_; }
  [[nodiscard]] bool is(GroupState state) const { return state_ == state; }
  void set_state(GroupState state, Timestamp now);

  // In the order of their ids. None is added or removed this way, and ids, protocols and join_request stay as they are.
  [[nodiscard]] std::map<std::string, GroupMember, std::less<>>& members() { return members_; }
  [[nodiscard]] const std::map<std::string, GroupMember, std::less<>>& members() const { return members_; }
  [[nodiscard]] GroupMember* find(std::string_view member_id);
  [[nodiscard]] const GroupMember* find(std::string_view member_id) const;
  // The member that holds a static id, or nullptr.
  [[nodiscard]] GroupMember* find_static(const std::optional<std::string>& instance_id);
  [[nodiscard]] bool is_leader(std::string_view member_id) const { return leader == member_id; }

  // Adds a member; the first becomes the leader and gives the group its protocol type.
  GroupMember& add(GroupMember member, const std::string& type);
  // Removes it, pending or joined; another member becomes leader when it was. Its parked requests have been answered.
  void remove(std::string_view member_id);
  // Gives a static member another id and keeps everything else.
  GroupMember& rename_static(const std::string& instance_id, std::string new_id);
  void set_protocols(GroupMember& member, std::vector<GroupProtocol> protocols);
  void park_join(GroupMember& member, std::optional<RequestId> request);
  void clear_members();

  [[nodiscard]] bool everyone_joined() const { return joining_ == members_.size() && pending.empty(); }
  [[nodiscard]] std::size_t joining() const { return joining_; }
  // The longest a member wants to be waited for.
  [[nodiscard]] Milliseconds rebalance_timeout() const;
  // Makes sure that the leader is a member that has rejoined. False when nobody has.
  bool elect_joined_leader();

  // Whether a member with these protocols can be in the group.
  [[nodiscard]] bool accepts(std::string_view type, const std::vector<GroupProtocol>& protocols) const;
  // The protocol most members prefer among those that all support. The group has members.
  [[nodiscard]] std::string vote() const;
  // Whether the id (and static id) name a member of this group, and no other member.
  [[nodiscard]] GroupError check_member(std::string_view member_id,
                                        const std::optional<std::string>& instance_id) const;

  void refresh_subscribed_topics();
  // Conservative as Kafka is: a consumer group whose subscriptions cannot be read counts as subscribed to everything.
  [[nodiscard]] bool is_subscribed_to(std::string_view topic) const;

  // Nothing in it would be missed.
  [[nodiscard]] bool is_forgettable() const {
    return members_.empty() && pending.empty() && offsets.empty() && !is_stored && state_ == GroupState::empty;
  }
  // The earliest of all deadlines.
  [[nodiscard]] std::optional<MonoTime> earliest_deadline() const;

 private:
  void count_protocols(const GroupMember& member, int change);

  GroupState state_ = GroupState::empty;
  std::map<std::string, GroupMember, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> static_members_;  // static id → member id
  std::map<std::string, std::size_t, std::less<>> supporters_;      // protocol → members that support it
  std::size_t joining_ = 0;                                         // members with a parked join
};

}  // namespace leat::stream
