#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"

// What goes into and comes out of the consumer group engine (group_engine.h): commands, replies, journalled events and
// limits, in leat's own structs. The meanings are Kafka's: https://kafka.apache.org/protocol and KIP-62, 345, 394, 814.
namespace leat::stream {

using RequestId = Strong<struct RequestIdTag, std::uint64_t>;   // given by the host; each is answered exactly once
using Generation = Strong<struct GenerationTag, std::int32_t>;  // of a group's membership; -1: none
inline constexpr Generation kNoGeneration{-1};

enum class GroupError {
  none,
  coordinator_load_in_progress,
  coordinator_not_available,
  fenced_instance_id,
  group_id_not_found,
  group_max_size_reached,
  group_subscribed_to_topic,
  illegal_generation,
  inconsistent_group_protocol,
  invalid_commit_offset_size,  // a record that the journal cannot hold
  invalid_group_id,
  invalid_request,
  invalid_session_timeout,
  member_id_required,
  non_empty_group,
  not_coordinator,
  offset_metadata_too_large,
  rebalance_in_progress,
  unknown_member_id,
};
[[nodiscard]] std::string_view to_string(GroupError error);

enum class GroupState { empty, preparing_rebalance, completing_rebalance, stable, dead };
// Kafka's names: "Empty", "PreparingRebalance", ...
[[nodiscard]] std::string_view to_string(GroupState state);

// The one kind of group there is so far, as ListGroups names it.
inline constexpr std::string_view kGroupType = "classic";
inline constexpr std::string_view kConsumerProtocolType = "consumer";

// The two clocks at the moment of a decision: the monotonic one drives timeouts in memory, the wall clock what is stored.
struct GroupTime {
  MonoTime mono;
  Timestamp wall;
};

struct GroupConfig {
  Milliseconds session_timeout_min{6'000};
  Milliseconds session_timeout_max{1'800'000};
  Milliseconds initial_rebalance_delay{3'000};
  Milliseconds new_member_join_timeout{300'000};  // how long a JoinGroup of a new member may wait
  std::size_t group_size_max = 10'000;            // members of one group, and as many that were only given an id
  std::size_t groups_max = 100'000;               // groups of one engine; more get coordinator_not_available
  std::size_t offset_metadata_size_max = 4'096;
  std::size_t memory_max = std::size_t{64} << 20;  // of one engine; what would need more gets coordinator_not_available
  std::size_t record_size_max = 8 << 20;           // key and value of one journalled record
  Milliseconds offsets_retention{7LL * 24 * 3'600'000};
  Milliseconds retention_check_interval{600'000};
};

// ---- Commands -------------------------------------------------------------------------------------------------------

struct GroupProtocol {
  std::string name;
  Bytes metadata;
};

struct JoinCommand {
  std::string group_id;
  std::string member_id;                   // empty: not known yet
  std::optional<std::string> instance_id;  // static membership
  std::string client_id;
  std::string client_host;
  Milliseconds session_timeout{0};
  Milliseconds rebalance_timeout{0};  // the session timeout for clients that have none (JoinGroup v0)
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;  // best first
  std::string reason;
  bool requires_known_member_id = false;  // JoinGroup v4 and later
  bool supports_skip_assignment = false;  // JoinGroup v9 and later
  Uuid fresh_id;                          // random; becomes part of a new member's id
};

struct MemberAssignment {
  std::string member_id;
  Bytes assignment;
};

struct SyncCommand {
  std::string group_id;
  Generation generation = kNoGeneration;
  std::string member_id;
  std::optional<std::string> instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<MemberAssignment> assignments;  // from the leader
};

struct HeartbeatCommand {
  std::string group_id;
  Generation generation = kNoGeneration;
  std::string member_id;
  std::optional<std::string> instance_id;
};

struct LeavingMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string reason;
};
struct LeaveCommand {
  std::string group_id;
  std::vector<LeavingMember> members;
};

struct PartitionCommit {
  std::string topic;
  PartitionIndex partition;
  Offset offset;
  LeaderEpoch leader_epoch = kNoEpoch;
  std::string metadata;
};
struct OffsetCommitCommand {
  std::string group_id;
  Generation generation = kNoGeneration;  // -1: a consumer that does without group management, or a tool
  std::string member_id;
  std::optional<std::string> instance_id;
  std::optional<Milliseconds> retention;  // OffsetCommit v2-v4
  bool names_missing_group = false;       // OffsetCommit v9 and later: group_id_not_found instead of illegal_generation
  std::vector<PartitionCommit> partitions;
};

struct TopicPartitions {
  std::string topic;
  std::vector<PartitionIndex> partitions;
};
struct OffsetFetchCommand {
  std::string group_id;
  std::optional<std::vector<TopicPartitions>> topics;  // nullopt: all that are stored
};
struct OffsetDeleteCommand {
  std::string group_id;
  std::vector<TopicPartitions> topics;
};
struct DescribeGroupCommand {
  std::string group_id;
};
// Both filters: empty for all; names as to_string(GroupState) and kGroupType have them, in any case of letters.
struct ListGroupsCommand {
  std::vector<std::string> states;
  std::vector<std::string> types;
};
struct DeleteGroupCommand {
  std::string group_id;
};
// A topic is gone: its offsets go too, in every group.
struct TopicDeletedCommand {
  std::string topic;
};

using GroupCommand =
    std::variant<JoinCommand, SyncCommand, HeartbeatCommand, LeaveCommand, OffsetCommitCommand, OffsetFetchCommand,
                 OffsetDeleteCommand, DescribeGroupCommand, ListGroupsCommand, DeleteGroupCommand, TopicDeletedCommand>;

// ---- Replies --------------------------------------------------------------------------------------------------------

struct JoinReplyMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  Bytes metadata;
};
struct JoinReply {
  GroupError error = GroupError::none;
  Generation generation = kNoGeneration;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  std::string member_id;
  bool skip_assignment = false;
  std::vector<JoinReplyMember> members;  // for the leader
};
struct SyncReply {
  GroupError error = GroupError::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Bytes assignment;
};
struct HeartbeatReply {
  GroupError error = GroupError::none;
};
struct LeftMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  GroupError error = GroupError::none;
};
struct LeaveReply {
  GroupError error = GroupError::none;
  std::vector<LeftMember> members;
};
struct OffsetCommitReply {
  GroupError error = GroupError::none;  // of the whole request; `partitions` is then empty
  std::vector<GroupError> partitions;   // one for each of the command's, in its order
};
struct FetchedOffset {
  PartitionIndex partition;
  Offset offset{-1};  // -1: none is stored
  LeaderEpoch leader_epoch = kNoEpoch;
  std::string metadata;
};
struct FetchedTopic {
  std::string topic;
  std::vector<FetchedOffset> partitions;
};
struct OffsetFetchReply {
  GroupError error = GroupError::none;
  std::vector<FetchedTopic> topics;
};
struct OffsetDeleteReply {
  GroupError error = GroupError::none;  // of the whole request; `topics` is then empty
  struct Topic {
    std::string topic;
    std::vector<std::pair<PartitionIndex, GroupError>> partitions;
  };
  std::vector<Topic> topics;
};
struct DescribedMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Bytes metadata;    // of the chosen protocol, once the group is stable
  Bytes assignment;  // once the group is stable
};
// An unknown group is described as dead with group_id_not_found (DescribeGroups before v6 shows no error then).
struct DescribeGroupReply {
  GroupError error = GroupError::none;
  std::string group_id;
  GroupState state = GroupState::dead;
  std::string protocol_type;
  std::string protocol_name;  // once the group is stable
  std::vector<DescribedMember> members;
};
struct ListedGroup {
  std::string group_id;
  std::string protocol_type;
  GroupState state = GroupState::empty;
};
struct ListGroupsReply {
  GroupError error = GroupError::none;
  std::vector<ListedGroup> groups;  // all of type kGroupType
};
struct DeleteGroupReply {
  GroupError error = GroupError::none;
};
struct TopicDeletedReply {
  GroupError error = GroupError::none;
};

using GroupReply =
    std::variant<JoinReply, SyncReply, HeartbeatReply, LeaveReply, OffsetCommitReply, OffsetFetchReply,
                 OffsetDeleteReply, DescribeGroupReply, ListGroupsReply, DeleteGroupReply, TopicDeletedReply>;

// ---- Events: what the journal holds (docs/formats/consumer-offsets.md) ----------------------------------------------

struct OffsetCommitted {
  std::string group_id;
  std::string topic;
  PartitionIndex partition;
  Offset offset;
  LeaderEpoch leader_epoch = kNoEpoch;
  std::string metadata;
  Timestamp commit_time;
  std::optional<Timestamp> expire_time;  // when the client asked for a retention of its own
};
struct OffsetRemoved {
  std::string group_id;
  std::string topic;
  PartitionIndex partition;
};
struct StoredMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Milliseconds rebalance_timeout{0};
  Milliseconds session_timeout{0};
  Bytes subscription;
  Bytes assignment;
};
// A generation: with members it is stable, without it is empty.
struct GroupStored {
  std::string group_id;
  std::string protocol_type;  // empty: none
  Generation generation{0};
  std::optional<std::string> protocol_name;
  std::optional<std::string> leader;
  std::optional<Timestamp> state_time;  // since when the group is in this state
  std::vector<StoredMember> members;
};
struct GroupRemoved {
  std::string group_id;
};
using GroupEvent = std::variant<OffsetCommitted, OffsetRemoved, GroupStored, GroupRemoved>;

// ---- Decisions ------------------------------------------------------------------------------------------------------

struct AnsweredRequest {
  RequestId request;
  GroupReply reply;
};

// What a command or the passing of time leads to. The engine has already applied `events` to itself; the host appends
// them to the journal in this order. `now` may be sent at once. `after_commit` may be sent once these events and all
// events of earlier decisions are committed, since it may show what they changed.
struct GroupDecision {
  std::vector<GroupEvent> events;
  std::vector<AnsweredRequest> after_commit;
  std::vector<AnsweredRequest> now;
};

}  // namespace leat::stream
