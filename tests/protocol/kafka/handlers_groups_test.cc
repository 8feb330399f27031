#include <gmock/gmock.h>

#include "tests/protocol/kafka/node_home.h"

namespace leat::kafka {
namespace {

using security::Operation;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr ErrorCode kNone = ErrorCode::kNone;
constexpr std::int64_t kNoOffset = -1;
constexpr std::string_view kOffsets = "__consumer_offsets";

JoinGroupRequest join_message(std::string_view group, std::string_view member = "", std::string_view metadata = "m") {
  JoinGroupRequest message;
  message.group_id = group;
  message.member_id = member;
  message.session_timeout_ms = 30'000;
  message.rebalance_timeout_ms = 30'000;
  message.protocol_type = "consumer";
  message.protocols = {{"range", as_bytes(metadata)}};
  return message;
}

HeartbeatRequest heartbeat_message(std::string_view group, std::int32_t generation, std::string_view member) {
  return {group, generation, member, std::nullopt};
}

class GroupHandlers : public testing::Test {
 protected:
  void create_topic(std::string_view name, std::int32_t partitions) {
    CreateTopicsRequest message;
    message.topics = {{name, partitions, 1, {}, {}}};
    ASSERT_EQ(home_.ask(handle_create_topics, 7, std::move(message)).topics.at(0).error_code, kNone);
  }
  void delete_topic(std::string_view name) {
    DeleteTopicsRequest message;
    message.topics = {{name, Uuid()}};
    ASSERT_EQ(home_.ask(handle_delete_topics, 6, std::move(message)).responses.at(0).error_code, kNone);
  }
  FindCoordinatorResponse find_coordinator(std::string_view key, std::int8_t type = 0) {
    FindCoordinatorRequest message;
    message.key = key;
    message.key_type = type;
    return home_.ask(handle_find_coordinator, 3, std::move(message));
  }
  // The only member of a new group, which knows its assignment.
  JoinGroupResponse stable_member(std::string_view group) {
    auto joined = home_.ask(handle_join_group, 3, join_message(group));
    EXPECT_EQ(joined.error_code, kNone);
    SyncGroupRequest sync;
    sync.group_id = group;
    sync.generation_id = joined.generation_id;
    sync.member_id = joined.member_id;
    sync.assignments = {{joined.member_id, as_bytes("all of it")}};
    EXPECT_EQ(home_.ask(handle_sync_group, 3, sync).error_code, kNone);
    return joined;
  }
  void leave(std::string_view group, std::string_view member) {
    LeaveGroupRequest message;
    message.group_id = group;
    message.members = {{member, std::nullopt, std::nullopt}};
    const auto response = home_.ask(handle_leave_group, 5, std::move(message));
    ASSERT_EQ(response.error_code, kNone);
    ASSERT_EQ(response.members.at(0).error_code, kNone);
  }
  // Codes of the partitions, in the order of `offsets`, which begin at partition 0.
  std::vector<ErrorCode> commit(std::string_view group, std::string_view topic,
                                const std::vector<std::int64_t>& offsets) {
    OffsetCommitRequest message;
    message.group_id = group;
    auto& wanted = message.topics.emplace_back();
    wanted.name = topic;
    for (std::size_t i = 0; i < offsets.size(); ++i) {
      auto& partition = wanted.partitions.emplace_back();
      partition.partition_index = static_cast<std::int32_t>(i);
      partition.committed_offset = offsets[i];
    }
    const auto response = home_.ask(handle_offset_commit, 9, std::move(message));
    std::vector<ErrorCode> codes;
    for (const auto& partition : response.topics.at(0).partitions) codes.push_back(partition.error_code);
    return codes;
  }
  OffsetFetchResponse::OffsetFetchResponseGroup fetch(std::string_view group, std::optional<std::string_view> topic,
                                                      std::int16_t version = 9, const Uuid& id = {}) {
    OffsetFetchRequest message;
    auto& wanted = message.groups.emplace_back();
    wanted.group_id = group;
    wanted.topics.reset();
    if (topic) wanted.topics = {{{*topic, id, {0, 1}}}};
    return home_.ask(handle_offset_fetch, version, std::move(message)).groups.at(0);
  }
  static std::vector<std::int64_t> offsets_of(const OffsetFetchResponse::OffsetFetchResponseTopics& topic) {
    std::vector<std::int64_t> offsets;
    for (const auto& partition : topic.partitions) offsets.push_back(partition.committed_offset);
    return offsets;
  }
  DescribeGroupsResponse::DescribedGroup describe(std::string_view group, std::int16_t version = 6,
                                                  bool operations = false) {
    return home_.ask(handle_describe_groups, version, DescribeGroupsRequest{{group}, operations}).groups.at(0);
  }
  std::vector<std::string> list(std::vector<std::string_view> states = {}, std::vector<std::string_view> types = {}) {
    const auto response = home_.ask(handle_list_groups, 5, ListGroupsRequest{std::move(states), std::move(types)});
    EXPECT_EQ(response.error_code, kNone);
    std::vector<std::string> ids;
    for (const auto& group : response.groups) ids.push_back(group.group_id);
    return ids;
  }
  ErrorCode delete_group(std::string_view group) {
    return home_.ask(handle_delete_groups, 2, DeleteGroupsRequest{{group}}).results.at(0).error_code;
  }
  OffsetDeleteResponse delete_offset(std::string_view group, std::string_view topic) {
    return home_.ask(handle_offset_delete, 0, OffsetDeleteRequest{group, {{topic, {{0}}}}});
  }

  NodeHome home_;
};

// --- FindCoordinator ---

TEST_F(GroupHandlers, TheFirstFindCoordinatorMakesTheOffsetsTopic) {
  ASSERT_EQ(home_.find(std::string(kOffsets)), nullptr);
  const auto response = find_coordinator("readers");
  EXPECT_EQ(response.error_code, kNone);
  EXPECT_EQ(response.node_id, kNodeNumber);
  EXPECT_EQ(response.host, "broker.example");
  EXPECT_EQ(response.port, 9092);
  const catalog::Topic* topic = home_.find(std::string(kOffsets));
  ASSERT_NE(topic, nullptr);
  EXPECT_TRUE(topic->entry.internal);
  EXPECT_EQ(topic->entry.partitions, 16);
  EXPECT_EQ(topic->entry.config.at("cleanup.policy"), "compact");
}

TEST_F(GroupHandlers, ManyMayAskForTheFirstCoordinatorAtOnce) {
  FindCoordinatorRequest message;
  message.coordinator_keys = {"a", "b"};
  const auto responses = home_.ask_together(handle_find_coordinator, 4, std::vector(8, message));
  for (const auto& response : responses) {
    ASSERT_EQ(response.coordinators.size(), 2u);
    EXPECT_EQ(response.coordinators[0].key, "a");
    EXPECT_EQ(response.coordinators[1].key, "b");
    for (const auto& found : response.coordinators) {
      EXPECT_EQ(found.error_code, kNone);
      EXPECT_EQ(found.node_id, kNodeNumber);
    }
  }
}

TEST_F(GroupHandlers, OnlyCoordinatorsOfGroupsAreFound) {
  EXPECT_EQ(find_coordinator("").error_code, ErrorCode::kInvalidGroupId);
  EXPECT_EQ(find_coordinator("t", 1).error_code, ErrorCode::kTransactionalIdAuthorizationFailed);
  EXPECT_EQ(find_coordinator("s", 2).error_code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(find_coordinator("x", 9).error_code, ErrorCode::kInvalidRequest);
  home_.denied = {{Operation::describe, "secret"}};
  EXPECT_EQ(find_coordinator("secret").error_code, ErrorCode::kGroupAuthorizationFailed);
  EXPECT_EQ(find_coordinator("secret").node_id, -1);
  EXPECT_EQ(home_.find(std::string(kOffsets)), nullptr);
}

// --- Membership ---

TEST_F(GroupHandlers, TwoMembersShareAGenerationAndOnlyTheLeaderSeesBoth) {
  const std::vector messages{join_message("readers"), join_message("readers")};
  const auto joined = home_.ask_together(handle_join_group, 3, messages);
  ASSERT_EQ(joined[0].error_code, kNone);
  ASSERT_EQ(joined[1].error_code, kNone);
  EXPECT_EQ(joined[0].generation_id, joined[1].generation_id);
  EXPECT_EQ(joined[0].leader, joined[1].leader);
  EXPECT_NE(joined[0].member_id, joined[1].member_id);
  const bool first_leads = joined[0].leader == joined[0].member_id;
  const auto& leader = joined[first_leads ? 0 : 1];
  const auto& follower = joined[first_leads ? 1 : 0];
  EXPECT_EQ(leader.members.size(), 2u);
  EXPECT_THAT(follower.members, IsEmpty());

  SyncGroupRequest from_leader;
  from_leader.group_id = "readers";
  from_leader.generation_id = leader.generation_id;
  from_leader.member_id = leader.member_id;
  from_leader.assignments = {{leader.member_id, as_bytes("one")}, {follower.member_id, as_bytes("two")}};
  SyncGroupRequest from_follower = from_leader;
  from_follower.member_id = follower.member_id;
  from_follower.assignments.clear();
  const auto synced = home_.ask_together(handle_sync_group, 3, std::vector{from_follower, from_leader});
  EXPECT_EQ(synced[0].assignment, "two");
  EXPECT_EQ(synced[1].assignment, "one");

  const auto described = describe("readers");
  EXPECT_EQ(described.group_state, "Stable");
  EXPECT_EQ(described.protocol_data, "range");
  ASSERT_EQ(described.members.size(), 2u);
  EXPECT_EQ(described.members[0].client_host, "/client");
  EXPECT_EQ(described.members[0].member_metadata, "m");
}

TEST_F(GroupHandlers, NewerVersionsGiveAMemberIdFirst) {
  const auto first = home_.ask(handle_join_group, 4, join_message("readers"));
  EXPECT_EQ(first.error_code, ErrorCode::kMemberIdRequired);
  ASSERT_FALSE(first.member_id.empty());
  const auto second = home_.ask(handle_join_group, 4, join_message("readers", first.member_id));
  EXPECT_EQ(second.error_code, kNone);
  EXPECT_EQ(second.member_id, first.member_id);
  EXPECT_EQ(second.leader, first.member_id);
  EXPECT_EQ(second.protocol_name, "range");
}

TEST_F(GroupHandlers, ARefusedJoinCanBeToldInEveryVersion) {
  for (std::int16_t version = 0; version <= 9; ++version) {
    EXPECT_EQ(home_.ask(handle_join_group, version, join_message("")).error_code, ErrorCode::kInvalidGroupId);
    const auto unknown = home_.ask(handle_join_group, version, join_message("readers", "nobody"));
    EXPECT_EQ(unknown.error_code, ErrorCode::kUnknownMemberId);
    EXPECT_EQ(unknown.protocol_name, version < 7 ? std::optional<std::string>("") : std::nullopt);
    JoinGroupRequest impatient = join_message("readers");
    impatient.session_timeout_ms = 1;
    EXPECT_EQ(home_.ask(handle_join_group, version, impatient).error_code, ErrorCode::kInvalidSessionTimeout);
  }
  home_.denied = {{Operation::read, "secret"}};
  const auto denied = home_.ask(handle_join_group, 9, join_message("secret", "me"));
  EXPECT_EQ(denied.error_code, ErrorCode::kGroupAuthorizationFailed);
  EXPECT_EQ(denied.member_id, "me");
  EXPECT_EQ(home_.errors_counted(ErrorCode::kGroupAuthorizationFailed), 1u);
}

TEST_F(GroupHandlers, WithoutAnOffsetsTopicNobodyIsAMember) {
  EXPECT_EQ(home_.ask(handle_heartbeat, 4, heartbeat_message("readers", 1, "me")).error_code,
            ErrorCode::kUnknownMemberId);
  SyncGroupRequest sync;
  sync.group_id = "readers";
  sync.member_id = "me";
  EXPECT_EQ(home_.ask(handle_sync_group, 4, sync).error_code, ErrorCode::kUnknownMemberId);
  LeaveGroupRequest leave;
  leave.group_id = "readers";
  leave.members = {{"me", std::nullopt, std::nullopt}, {"", "instance", std::nullopt}};
  const auto left = home_.ask(handle_leave_group, 5, leave);
  EXPECT_EQ(left.error_code, kNone);
  ASSERT_EQ(left.members.size(), 2u);
  EXPECT_EQ(left.members[0].error_code, ErrorCode::kUnknownMemberId);
  EXPECT_EQ(left.members[1].group_instance_id, "instance");
  EXPECT_EQ(home_.find(std::string(kOffsets)), nullptr);
}

TEST_F(GroupHandlers, NewerSyncsNameTheProtocol) {
  const auto member = stable_member("readers");
  SyncGroupRequest sync;
  sync.group_id = "readers";
  sync.generation_id = member.generation_id;
  sync.member_id = member.member_id;
  EXPECT_EQ(home_.ask(handle_sync_group, 5, sync).error_code, ErrorCode::kInconsistentGroupProtocol);
  sync.protocol_type = "consumer";
  sync.protocol_name = "range";
  const auto synced = home_.ask(handle_sync_group, 5, sync);
  EXPECT_EQ(synced.error_code, kNone);
  EXPECT_EQ(synced.assignment, "all of it");
  EXPECT_EQ(synced.protocol_name, "range");
}

TEST_F(GroupHandlers, OlderLeavesTellTheOneMembersErrorAsTheirOwn) {
  const auto member = stable_member("readers");
  LeaveGroupRequest message;
  message.group_id = "readers";
  message.member_id = "nobody";
  EXPECT_EQ(home_.ask(handle_leave_group, 2, message).error_code, ErrorCode::kUnknownMemberId);
  message.member_id = member.member_id;
  EXPECT_EQ(home_.ask(handle_leave_group, 0, message).error_code, kNone);
  const auto heartbeat = heartbeat_message("readers", member.generation_id, member.member_id);
  EXPECT_EQ(home_.ask(handle_heartbeat, 4, heartbeat).error_code, ErrorCode::kUnknownMemberId);
}

// --- Committed offsets ---

TEST_F(GroupHandlers, CommittedOffsetsAreFetchedByNameAndById) {
  create_topic("orders", 2);
  EXPECT_THAT(commit("readers", "orders", {5}), ElementsAre(kNone));
  const auto by_name = fetch("readers", "orders");
  EXPECT_EQ(by_name.error_code, kNone);
  EXPECT_THAT(offsets_of(by_name.topics.at(0)), ElementsAre(5, kNoOffset));
  const Uuid id = home_.find("orders")->entry.id;
  const auto by_id = fetch("readers", "", 10, id);
  EXPECT_EQ(by_id.topics.at(0).topic_id, id);
  EXPECT_THAT(offsets_of(by_id.topics.at(0)), ElementsAre(5, kNoOffset));
  const auto unknown = fetch("readers", "", 10, Uuid::from_random(1, 2));
  EXPECT_EQ(unknown.topics.at(0).partitions.at(1).error_code, ErrorCode::kUnknownTopicId);
  EXPECT_THAT(offsets_of(unknown.topics.at(0)), ElementsAre(kNoOffset, kNoOffset));
}

TEST_F(GroupHandlers, ACommitTellsOfEachPartitionWhetherItExists) {
  create_topic("orders", 2);
  EXPECT_THAT(commit("readers", "orders", {1, 2, 3}), ElementsAre(kNone, kNone, ErrorCode::kUnknownTopicOrPartition));
  EXPECT_THAT(offsets_of(fetch("readers", "orders").topics.at(0)), ElementsAre(1, 2));
  EXPECT_THAT(commit("readers", "nothing", {1}), ElementsAre(ErrorCode::kUnknownTopicOrPartition));
  OffsetCommitRequest message;
  message.group_id = "readers";
  message.topics.emplace_back().topic_id = Uuid::from_random(1, 2);
  message.topics[0].partitions.emplace_back();
  EXPECT_EQ(home_.ask(handle_offset_commit, 10, message).topics.at(0).partitions.at(0).error_code,
            ErrorCode::kUnknownTopicId);
}

TEST_F(GroupHandlers, ACommitFromOutsideTheGenerationIsRefusedForEveryPartition) {
  create_topic("orders", 2);
  const auto member = stable_member("readers");
  EXPECT_THAT(commit("readers", "orders", {1, 2}),
              ElementsAre(ErrorCode::kUnknownMemberId, ErrorCode::kUnknownMemberId));
  OffsetCommitRequest message;
  message.group_id = "readers";
  message.member_id = member.member_id;
  message.generation_id_or_member_epoch = member.generation_id + 1;
  message.topics.emplace_back().name = "orders";
  message.topics[0].partitions.emplace_back();
  const auto answer = [&](std::int16_t version) {
    return home_.ask(handle_offset_commit, version, message).topics.at(0).partitions.at(0).error_code;
  };
  EXPECT_EQ(answer(2), ErrorCode::kIllegalGeneration);
  message.group_id = "unknown";
  EXPECT_EQ(answer(8), ErrorCode::kIllegalGeneration);
  EXPECT_EQ(answer(9), ErrorCode::kGroupIdNotFound);
}

TEST_F(GroupHandlers, WhatMayNotBeReadIsNeitherCommittedNorFetched) {
  create_topic("orders", 1);
  create_topic("salaries", 1);
  EXPECT_THAT(commit("readers", "orders", {1}), ElementsAre(kNone));
  EXPECT_THAT(commit("readers", "salaries", {1}), ElementsAre(kNone));
  home_.denied = {{Operation::read, "salaries"},
                  {Operation::describe, "salaries"},
                  {Operation::read, "secret"},
                  {Operation::describe, "secret"}};
  EXPECT_THAT(commit("readers", "salaries", {2}), ElementsAre(ErrorCode::kTopicAuthorizationFailed));
  EXPECT_THAT(commit("secret", "orders", {2}), ElementsAre(ErrorCode::kGroupAuthorizationFailed));
  EXPECT_EQ(fetch("readers", "salaries").topics.at(0).partitions.at(0).error_code,
            ErrorCode::kTopicAuthorizationFailed);
  const auto all = fetch("readers", std::nullopt);
  ASSERT_EQ(all.topics.size(), 1u);
  EXPECT_EQ(all.topics[0].name, "orders");
  EXPECT_EQ(fetch("secret", "orders").error_code, ErrorCode::kGroupAuthorizationFailed);
  home_.denied.clear();
  EXPECT_EQ(fetch("readers", "salaries").topics.at(0).partitions.at(0).committed_offset, 1);
}

TEST_F(GroupHandlers, TheOldestFetchTellsAGroupsErrorWithEachPartition) {
  home_.denied = {{Operation::describe, "secret"}};
  OffsetFetchRequest message;
  message.group_id = "secret";
  message.topics = {{{"orders", {0, 3}}}};
  const auto first = home_.ask(handle_offset_fetch, 1, message);
  ASSERT_EQ(first.topics.at(0).partitions.size(), 2u);
  EXPECT_EQ(first.topics[0].partitions[1].partition_index, 3);
  EXPECT_EQ(first.topics[0].partitions[1].error_code, ErrorCode::kGroupAuthorizationFailed);
  const auto later = home_.ask(handle_offset_fetch, 2, message);
  EXPECT_EQ(later.error_code, ErrorCode::kGroupAuthorizationFailed);
  EXPECT_THAT(later.topics, IsEmpty());
}

TEST_F(GroupHandlers, SeveralGroupsAreFetchedAtOnceAndAnsweredInTheirOrder) {
  create_topic("orders", 2);
  OffsetFetchRequest message;
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_THAT(commit(names[i], "orders", {static_cast<std::int64_t>(i)}), ElementsAre(kNone));
    auto& group = message.groups.emplace_back();
    group.group_id = names[i];
    group.topics.reset();
  }
  const auto response = home_.ask(handle_offset_fetch, 8, message);
  ASSERT_EQ(response.groups.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(response.groups[i].group_id, names[i]);
    EXPECT_THAT(offsets_of(response.groups[i].topics.at(0)), ElementsAre(static_cast<std::int64_t>(i)));
  }
}

TEST_F(GroupHandlers, AnUnknownGroupHasNoOffsetsAlsoWithoutAnOffsetsTopic) {
  EXPECT_THAT(offsets_of(fetch("readers", "orders").topics.at(0)), ElementsAre(kNoOffset, kNoOffset));
  EXPECT_THAT(fetch("readers", std::nullopt).topics, IsEmpty());
  EXPECT_EQ(home_.find(std::string(kOffsets)), nullptr);
  find_coordinator("readers");
  EXPECT_THAT(offsets_of(fetch("readers", "orders").topics.at(0)), ElementsAre(kNoOffset, kNoOffset));
  EXPECT_THAT(fetch("readers", std::nullopt).topics, IsEmpty());
}

TEST_F(GroupHandlers, OffsetsOfADeletedTopicAreNotToldWhereATopicIsItsId) {
  create_topic("orders", 1);
  EXPECT_THAT(commit("readers", "orders", {4}), ElementsAre(kNone));
  EXPECT_EQ(fetch("readers", std::nullopt, 10).topics.size(), 1u);
  delete_topic("orders");
  EXPECT_THAT(fetch("readers", std::nullopt, 10).topics, IsEmpty());
}

TEST_F(GroupHandlers, OffsetsAreDeletedUnlessTheGroupIsUnknownOrTheTopicIs) {
  create_topic("orders", 1);
  EXPECT_EQ(delete_offset("readers", "orders").error_code, ErrorCode::kGroupIdNotFound);
  EXPECT_THAT(commit("readers", "orders", {4}), ElementsAre(kNone));
  EXPECT_EQ(delete_offset("readers", "nothing").topics.at(0).partitions.at(0).error_code,
            ErrorCode::kUnknownTopicOrPartition);
  home_.denied = {{Operation::remove, "readers"}};
  EXPECT_EQ(delete_offset("readers", "orders").error_code, ErrorCode::kGroupAuthorizationFailed);
  home_.denied = {{Operation::read, "orders"}};
  EXPECT_EQ(delete_offset("readers", "orders").topics.at(0).partitions.at(0).error_code,
            ErrorCode::kTopicAuthorizationFailed);
  home_.denied.clear();
  EXPECT_THAT(offsets_of(fetch("readers", "orders").topics.at(0)), ElementsAre(4, kNoOffset));
  EXPECT_EQ(delete_offset("readers", "orders").topics.at(0).partitions.at(0).error_code, kNone);
  EXPECT_THAT(offsets_of(fetch("readers", "orders").topics.at(0)), ElementsAre(kNoOffset, kNoOffset));
}

// --- Groups ---

TEST_F(GroupHandlers, AnUnknownGroupIsDeadAndNewerVersionsSayThatItIsUnknown) {
  for (const bool has_topic : {false, true}) {
    if (has_topic) find_coordinator("readers");
    const auto before = describe("readers", 5);
    EXPECT_EQ(before.error_code, kNone);
    EXPECT_EQ(before.group_state, "Dead");
    const auto now = describe("readers", 6, true);
    EXPECT_EQ(now.error_code, ErrorCode::kGroupIdNotFound);
    EXPECT_EQ(now.group_state, "Dead");
    EXPECT_TRUE(now.error_message.has_value());
    EXPECT_EQ(now.authorized_operations, INT32_MIN);
  }
}

TEST_F(GroupHandlers, OperationsOfAGroupAreToldWhenAskedFor) {
  stable_member("readers");
  EXPECT_EQ(describe("readers").authorized_operations, INT32_MIN);
  EXPECT_EQ(describe("readers", 6, true).authorized_operations, 1 << 3 | 1 << 6 | 1 << 8);
  home_.denied = {{Operation::describe, "readers"}};
  EXPECT_EQ(describe("readers", 6, true).error_code, ErrorCode::kGroupAuthorizationFailed);
  EXPECT_EQ(describe("readers", 6, true).group_state, "");
}

TEST_F(GroupHandlers, GroupsOfAllShardsAreListed) {
  EXPECT_THAT(list(), IsEmpty());
  create_topic("orders", 1);
  stable_member("stable");
  for (const std::string_view group : {"a", "b", "c", "d", "e"})
    EXPECT_THAT(commit(group, "orders", {1}), ElementsAre(kNone));
  EXPECT_THAT(list(), UnorderedElementsAre("a", "b", "c", "d", "e", "stable"));
  EXPECT_THAT(list({"Stable"}), ElementsAre("stable"));
  EXPECT_THAT(list({"Empty"}, {"classic"}), UnorderedElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(list({}, {"consumer"}), IsEmpty());
  home_.denied = {{Operation::describe, "c"}};
  EXPECT_EQ(list().size(), 6u) << "who may describe the cluster sees all";
  home_.denied.insert({Operation::describe, std::string(security::kClusterName)});
  EXPECT_THAT(list(), UnorderedElementsAre("a", "b", "d", "e", "stable"));
}

TEST_F(GroupHandlers, OnlyEmptyGroupsAreDeleted) {
  EXPECT_EQ(delete_group("readers"), ErrorCode::kGroupIdNotFound);
  const auto member = stable_member("readers");
  EXPECT_EQ(delete_group("readers"), ErrorCode::kNonEmptyGroup);
  leave("readers", member.member_id);
  home_.denied = {{Operation::remove, "readers"}};
  EXPECT_EQ(delete_group("readers"), ErrorCode::kGroupAuthorizationFailed);
  home_.denied.clear();
  EXPECT_EQ(describe("readers").group_state, "Empty");
  EXPECT_EQ(delete_group("readers"), kNone);
  EXPECT_THAT(list(), IsEmpty());
}

}  // namespace
}  // namespace leat::kafka
