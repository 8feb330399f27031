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

  // Roughly what it takes of memory, in bytes.
  [[nodiscard]] std::size_t memory() const;
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

// Bytes, roughly.
[[nodiscard]] std::size_t memory_of(const std::vector<GroupProtocol>& protocols);
[[nodiscard]] std::size_t memory_of_offset(std::string_view topic, std::string_view metadata);

// What one group is: plain data with the rules that hold between its parts. The engine decides; this only keeps count.
class Group {
 public:
  // `memory` counts what the engine's groups take, this one from now on until it is destroyed.
  Group(std::string group_id, std::size_t& memory);
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group();

  std::string id;
  std::optional<std::string> protocol_type;  // none: a group that only stores offsets
  std::optional<std::string> protocol_name;
  std::optional<std::string> leader;
  Generation generation{0};
  std::optional<Timestamp> state_time;
  std::optional<std::set<std::string, std::less<>>> subscribed_topics;
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

  // In the order of their ids. None is added or removed this way; what has a setter below, and ids, stay as they are.
  [[nodiscard]] std::map<std::string, GroupMember, std::less<>>& members() { return members_; }
  [[nodiscard]] const std::map<std::string, GroupMember, std::less<>>& members() const { return members_; }
  [[nodiscard]] GroupMember* find(std::string_view member_id);
  [[nodiscard]] const GroupMember* find(std::string_view member_id) const;
  // The member that holds a static id, or nullptr.
  [[nodiscard]] GroupMember* find_static(const std::optional<std::string>& instance_id);
  [[nodiscard]] bool is_leader(std::string_view member_id) const { return leader == member_id; }

  // Ids that were given out but not joined with, and until when.
  using Pending = std::map<std::string, MonoTime, std::less<>>;
  [[nodiscard]] const Pending& pending() const { return pending_; }
  void add_pending(const std::string& member_id, MonoTime until);
  // Forgets those whose time is over. True when there was one.
  bool expire_pending(MonoTime now);

  // Adds a member; the first becomes the leader and gives the group its protocol type.
  GroupMember& add(GroupMember member, const std::string& type);
  // Removes it, pending or joined; another member becomes leader when it was. Its parked requests have been answered.
  void remove(std::string_view member_id);
  // Gives a static member another id and keeps everything else.
  GroupMember& rename_static(const std::string& instance_id, std::string new_id);
  void set_protocols(GroupMember& member, std::vector<GroupProtocol> protocols);
  void park_join(GroupMember& member, std::optional<RequestId> request);
  void set_client(GroupMember& member, std::string client_id, std::string client_host);
  void set_assignment(GroupMember& member, Bytes assignment);
  void clear_members();

  using Offsets = std::map<std::string, std::map<PartitionIndex, CommittedOffset>, std::less<>>;
  [[nodiscard]] const Offsets& offsets() const { return offsets_; }
  // The offset that is committed for a partition; nullptr if there is none.
  [[nodiscard]] const CommittedOffset* find_offset(std::string_view topic, PartitionIndex partition) const;
  void store_offset(const std::string& topic, PartitionIndex partition, CommittedOffset offset);
  void erase_offset(std::string_view topic, PartitionIndex partition);

  [[nodiscard]] bool everyone_joined() const { return joining_ == members_.size() && pending_.empty(); }
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
    return members_.empty() && pending_.empty() && offsets_.empty() && !is_stored && state_ == GroupState::empty;
  }
  // The earliest of all deadlines.
  [[nodiscard]] std::optional<MonoTime> earliest_deadline() const;

 private:
  void count_protocols(const GroupMember& member, int change);
  void erase_pending(Pending::const_iterator entry);
  void take(std::size_t bytes);
  void give_back(std::size_t bytes);

  std::size_t& memory_;         // of all groups
  std::size_t own_memory_ = 0;  // in it
  Pending pending_;
  Offsets offsets_;
  GroupState state_ = GroupState::empty;
  std::map<std::string, GroupMember, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> static_members_;  // static id → member id
  std::map<std::string, std::size_t, std::less<>> supporters_;      // protocol → members that support it
  std::size_t joining_ = 0;                                         // members with a parked join
};

}  // namespace leat::stream
