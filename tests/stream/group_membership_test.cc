#include <gtest/gtest.h>

#include "tests/stream/group_support.h"

namespace leat::stream {
namespace {

using namespace testing;

TEST(GroupJoin, TheFirstMembersAreGatheredForTheInitialDelayAndOneLeads) {
  Driver driver;
  const RequestId first = driver.join();
  driver.advance(2999ms);
  EXPECT_FALSE(driver.answered(first));
  driver.advance(1ms);
  const auto reply = driver.take<JoinReply>(first);
  EXPECT_EQ(reply.error, GroupError::none);
  EXPECT_EQ(reply.generation, Generation(1));
  EXPECT_EQ(reply.protocol_type, "consumer");
  EXPECT_EQ(reply.protocol_name, "range");
  EXPECT_EQ(reply.leader, reply.member_id);
  EXPECT_TRUE(reply.member_id.starts_with("client-"));
  ASSERT_EQ(reply.members.size(), 1u);
  EXPECT_EQ(as_text(reply.members[0].metadata), subscription_to({"orders"}));
}

TEST(GroupJoin, EachNewMemberExtendsTheInitialDelayUpToTheRebalanceTimeout) {
  Driver driver;
  std::vector<RequestId> joins{driver.join()};
  for (int i = 0; i < 19; ++i) {
    driver.advance(2500ms);
    EXPECT_FALSE(driver.answered(joins.front())) << i;
    joins.push_back(driver.join());
  }
  driver.advance(20s);  // 60 s of rebalance timeout have passed, 57 of them with somebody new in every delay
  int leaders = 0;
  for (const RequestId join : joins) {
    const auto reply = driver.take<JoinReply>(join);
    EXPECT_EQ(reply.generation, Generation(1));
    leaders += reply.leader == reply.member_id;
    EXPECT_EQ(reply.members.size(), reply.leader == reply.member_id ? joins.size() : 0);
  }
  EXPECT_EQ(leaders, 1);
}

TEST(GroupJoin, ClientsThatKnowMemberIdsMustJoinWithTheOneTheyAreGiven) {
  Driver driver;
  JoinCommand join = Driver::join_command("");
  join.requires_known_member_id = true;
  const auto given = driver.take<JoinReply>(driver.join(std::move(join)));
  EXPECT_EQ(given.error, GroupError::member_id_required);
  ASSERT_FALSE(given.member_id.empty());
  EXPECT_EQ(driver.describe().members.size(), 0u);
  const RequestId again = driver.join(given.member_id);
  driver.advance(3s);
  EXPECT_EQ(driver.take<JoinReply>(again).member_id, given.member_id);
}

TEST(GroupJoin, AnIdThatIsNotJoinedWithExpiresAndLeavesNothing) {
  Driver driver;
  JoinCommand join = Driver::join_command("");
  join.requires_known_member_id = true;
  const auto given = driver.take<JoinReply>(driver.join(std::move(join)));
  driver.advance(10s);
  EXPECT_EQ(driver.take<JoinReply>(driver.join(given.member_id)).error, GroupError::unknown_member_id);
  EXPECT_EQ(driver.engine().group_count(), 0u);
}

TEST(GroupJoin, APendingIdHoldsTheRebalanceUntilItJoinsOrExpires) {
  Driver driver;
  const auto members = driver.stable_group(1);
  JoinCommand join = Driver::join_command("");
  join.requires_known_member_id = true;
  const auto given = driver.take<JoinReply>(driver.join(std::move(join)));
  const RequestId leader = driver.join(members[0]);
  EXPECT_FALSE(driver.answered(leader));
  const RequestId second = driver.join(given.member_id);
  EXPECT_EQ(driver.take<JoinReply>(leader).members.size(), 2u);
  EXPECT_EQ(driver.take<JoinReply>(second).generation, Generation(2));
}

TEST(GroupJoin, RefusesWhatKafkaRefuses) {
  Driver driver;
  const auto error_of = [&](JoinCommand join) { return driver.take<JoinReply>(driver.join(std::move(join))).error; };
  JoinCommand join = Driver::join_command("");
  join.group_id = "";
  EXPECT_EQ(error_of(std::move(join)), GroupError::invalid_group_id);
  join = Driver::join_command("");
  join.session_timeout = 5999ms;
  EXPECT_EQ(error_of(std::move(join)), GroupError::invalid_session_timeout);
  join = Driver::join_command("");
  join.session_timeout = 30min + 1ms;
  EXPECT_EQ(error_of(std::move(join)), GroupError::invalid_session_timeout);
  EXPECT_EQ(error_of(Driver::join_command("somebody")), GroupError::unknown_member_id);
  join = Driver::join_command("");
  join.protocols.clear();
  EXPECT_EQ(error_of(std::move(join)), GroupError::inconsistent_group_protocol);
  join = Driver::join_command("");
  join.protocol_type = "";
  EXPECT_EQ(error_of(std::move(join)), GroupError::inconsistent_group_protocol);
  join = Driver::join_command("", std::string(40'000, 'x'));
  EXPECT_EQ(error_of(std::move(join)), GroupError::invalid_request);
  EXPECT_EQ(driver.engine().group_count(), 0u) << "refused joins leave no group behind";

  driver.stable_group(1);
  EXPECT_EQ(error_of(Driver::join_command("somebody")), GroupError::unknown_member_id);
  join = Driver::join_command("");
  join.protocol_type = "connect";
  EXPECT_EQ(error_of(std::move(join)), GroupError::inconsistent_group_protocol);
  join = Driver::join_command("");
  join.protocols = protocols_of({{"sticky", ""}});
  EXPECT_EQ(error_of(std::move(join)), GroupError::inconsistent_group_protocol);
}

TEST(GroupJoin, TheProtocolIsTheOneMostPreferAmongThoseAllSupport) {
  Driver driver;
  const auto join = [&](std::initializer_list<std::pair<std::string, std::string>> protocols) {
    JoinCommand command = Driver::join_command("");
    command.protocols = protocols_of(protocols);
    return driver.join(std::move(command));
  };
  const RequestId a = join({{"sticky", "s"}, {"range", "r"}, {"robin", "o"}});
  join({{"robin", "o"}, {"range", "r"}});
  join({{"robin", "o"}, {"range", "r"}, {"sticky", "s"}});
  driver.advance_until(a);
  EXPECT_EQ(driver.take<JoinReply>(a).protocol_name, "robin");
}

TEST(GroupJoin, AGroupTakesNoMoreThanItsLargestSize) {
  Driver driver({.group_size_max = 2});
  driver.stable_group(2);
  EXPECT_EQ(driver.take<JoinReply>(driver.join()).error, GroupError::group_max_size_reached);
  EXPECT_EQ(driver.describe().members.size(), 2u);
}

TEST(GroupJoin, NoMoreIdsAreGivenOutThanAGroupMayHaveMembers) {
  Driver driver({.group_size_max = 3});
  GroupError last = GroupError::none;
  for (int i = 0; i < 4; ++i) {
    JoinCommand join = Driver::join_command("");
    join.requires_known_member_id = true;
    last = driver.take<JoinReply>(driver.join(std::move(join))).error;
    if (i < 3) {
      EXPECT_EQ(last, GroupError::member_id_required);
    }
  }
  EXPECT_EQ(last, GroupError::group_max_size_reached);
}

TEST(GroupJoin, GroupsTakeNoMoreMemoryThanTheLimit) {
  Driver driver({.memory_max = 20'000});
  const auto members = driver.stable_group(1);
  const std::size_t before = driver.engine().memory();
  JoinCommand large = Driver::join_command("");
  large.protocols = protocols_of({{"range", std::string(20'000, 'x')}});
  EXPECT_EQ(driver.take<JoinReply>(driver.join(std::move(large))).error, GroupError::coordinator_not_available);
  EXPECT_EQ(driver.engine().memory(), before);
  GroupError last = GroupError::none;
  for (std::int32_t partition = 0; partition < 1000 && last == GroupError::none; ++partition) {
    OffsetCommitCommand commit;
    commit.group_id = "g";
    commit.member_id = members[0];
    commit.generation = Generation(1);
    commit.partitions.push_back({"orders", PartitionIndex(partition), Offset(1), kNoEpoch, "meta"});
    last = driver.ask<OffsetCommitReply>(std::move(commit)).partitions.at(0);
  }
  EXPECT_EQ(last, GroupError::coordinator_not_available);
  EXPECT_LE(driver.engine().memory(), 20'000u);
  EXPECT_EQ(driver.commit(2, members[0], Generation(1)).error, GroupError::none) << "an offset that is there may move";
  EXPECT_EQ(driver.take<JoinReply>(driver.join()).error, GroupError::coordinator_not_available);
}

TEST(GroupJoin, NoMoreGroupsThanTheLimit) {
  Driver driver({.groups_max = 1});
  driver.stable_group(1);
  JoinCommand join = Driver::join_command("");
  join.group_id = "other";
  EXPECT_EQ(driver.take<JoinReply>(driver.join(std::move(join))).error, GroupError::coordinator_not_available);
}

TEST(GroupRebalance, AJoinMakesTheOthersRejoinAndThenAllGetTheNextGeneration) {
  Driver driver;
  auto members = driver.stable_group(2);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::none);
  const RequestId third = driver.join();
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::rebalance_in_progress);
  const RequestId leader = driver.join(members[0]);
  EXPECT_FALSE(driver.answered(leader));
  const RequestId other = driver.join(members[1]);
  EXPECT_EQ(driver.take<JoinReply>(leader).members.size(), 3u);
  EXPECT_EQ(driver.take<JoinReply>(other).generation, Generation(2));
  members.push_back(driver.take<JoinReply>(third).member_id);
  driver.settle(members);
  EXPECT_EQ(driver.describe().state, GroupState::stable);
}

TEST(GroupRebalance, WhoDoesNotRejoinInTimeIsOut) {
  Driver driver;
  const auto members = driver.stable_group(2);
  const RequestId leader = driver.join(members[0]);
  for (int second = 0; second < 59; ++second) {  // alive, but not rejoining
    driver.advance(1s);
    EXPECT_EQ(driver.heartbeat(members[1], Generation(1)), GroupError::rebalance_in_progress);
  }
  EXPECT_FALSE(driver.answered(leader));
  driver.advance(1s);
  EXPECT_EQ(driver.take<JoinReply>(leader).members.size(), 1u);
  EXPECT_EQ(driver.heartbeat(members[1], Generation(1)), GroupError::unknown_member_id);
}

TEST(GroupRebalance, WithoutItsLeaderAMemberThatRejoinedLeads) {
  Driver driver;
  const auto members = driver.stable_group(3);
  driver.join();
  const RequestId a = driver.join(members[1]);
  const RequestId b = driver.join(members[2]);
  driver.advance(60s);
  const std::string leader = driver.take<JoinReply>(a).leader;
  EXPECT_EQ(driver.take<JoinReply>(b).leader, leader);
  EXPECT_NE(leader, members[0]);
}

TEST(GroupRebalance, AMemberWithTheSameMetadataGetsTheGenerationAgainWithoutARebalance) {
  Driver driver;
  const auto members = driver.stable_group(2);
  const auto reply = driver.take<JoinReply>(driver.join(members[1]));
  EXPECT_EQ(reply.generation, Generation(1));
  EXPECT_EQ(reply.leader, members[0]);
  EXPECT_TRUE(reply.members.empty());
  EXPECT_EQ(as_text(driver.take<SyncReply>(driver.sync(members[1], Generation(1))).assignment), "a1");
}

TEST(GroupRebalance, NewMetadataOrTheLeadersJoinStartOne) {
  for (const bool leader_joins : {true, false}) {
    Driver driver;
    const auto members = driver.stable_group(2);
    JoinCommand join = Driver::join_command(members[leader_joins ? 0 : 1]);
    if (!leader_joins) join.protocols = protocols_of({{"range", subscription_to({"bills"})}});
    driver.join(std::move(join));
    EXPECT_EQ(driver.describe().state, GroupState::preparing_rebalance);
  }
}

TEST(GroupRebalance, AJoinDuringTheSyncSendsThoseWhoWaitBackToJoining) {
  Driver driver;
  const RequestId a = driver.join();
  const RequestId b = driver.join();
  driver.advance_until(b);
  const auto first = driver.take<JoinReply>(a);
  const auto second = driver.take<JoinReply>(b);
  const std::string follower = first.leader == first.member_id ? second.member_id : first.member_id;
  const RequestId sync = driver.sync(follower, Generation(1));
  EXPECT_FALSE(driver.answered(sync));
  driver.join();
  EXPECT_EQ(driver.take<SyncReply>(sync).error, GroupError::rebalance_in_progress);
  EXPECT_EQ(driver.take<SyncReply>(driver.sync(follower, Generation(1))).error, GroupError::rebalance_in_progress);
}

TEST(GroupRebalance, WhoDoesNotSyncInTimeIsOut) {
  Driver driver;
  const RequestId a = driver.join();
  const RequestId b = driver.join();
  driver.advance_until(b);
  const auto first = driver.take<JoinReply>(a);
  const auto second = driver.take<JoinReply>(b);
  const bool first_leads = first.leader == first.member_id;
  const std::string leader = first.leader;
  const std::string silent = first_leads ? second.member_id : first.member_id;
  driver.take<SyncReply>(driver.sync(leader, Generation(1), assign({{leader, "x"}})));
  for (int second_passed = 0; second_passed < 61; ++second_passed) {
    driver.heartbeat(leader, Generation(1));
    driver.heartbeat(silent, Generation(1));
    driver.advance(1s);
  }
  EXPECT_EQ(driver.heartbeat(silent, Generation(1)), GroupError::unknown_member_id);
  EXPECT_EQ(driver.heartbeat(leader, Generation(1)), GroupError::rebalance_in_progress);
}

TEST(GroupSync, ChecksMemberGenerationAndProtocol) {
  Driver driver;
  const auto members = driver.stable_group(1);
  EXPECT_EQ(driver.take<SyncReply>(driver.sync("nobody", Generation(1))).error, GroupError::unknown_member_id);
  EXPECT_EQ(driver.take<SyncReply>(driver.sync(members[0], Generation(2))).error, GroupError::illegal_generation);
  SyncCommand sync{"g", Generation(1), members[0], std::nullopt, "consumer", "sticky", {}};
  EXPECT_EQ(driver.ask<SyncReply>(std::move(sync)).error, GroupError::inconsistent_group_protocol);
  SyncCommand right{"g", Generation(1), members[0], std::nullopt, "consumer", "range", {}};
  const auto reply = driver.ask<SyncReply>(std::move(right));
  EXPECT_EQ(reply.error, GroupError::none);
  EXPECT_EQ(reply.protocol_name, "range");
  EXPECT_EQ(as_text(reply.assignment), "a0");
}

TEST(GroupSync, MembersTheLeaderForgotGetAnEmptyAssignmentAndStrangersAreIgnored) {
  Driver driver;
  const RequestId a = driver.join();
  driver.advance_until(a);
  const auto reply = driver.take<JoinReply>(a);
  const auto synced = driver.take<SyncReply>(driver.sync(reply.member_id, Generation(1), assign({{"stranger", "x"}})));
  EXPECT_EQ(synced.error, GroupError::none);
  EXPECT_TRUE(synced.assignment.empty());
}

TEST(GroupSync, AnAssignmentTooLargeForTheJournalIsRefusedAndTheGroupRebalances) {
  Driver driver({.record_size_max = 1000});
  const RequestId a = driver.join();
  driver.advance_until(a);
  const auto reply = driver.take<JoinReply>(a);
  const std::string large(2000, 'x');
  const RequestId sync = driver.sync(reply.member_id, Generation(1), assign({{reply.member_id, large}}));
  EXPECT_EQ(driver.take<SyncReply>(sync).error, GroupError::invalid_commit_offset_size);
  EXPECT_EQ(driver.describe().state, GroupState::preparing_rebalance);
  EXPECT_EQ(driver.journal_size(), 0u);
}

TEST(GroupSession, AMemberWithoutHeartbeatsIsOutAndTheOthersRebalance) {
  Driver driver;
  const auto members = driver.stable_group(2);
  for (int i = 0; i < 9; ++i) {
    driver.advance(1s);
    EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::none);
  }
  driver.advance(1s);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::rebalance_in_progress);
  EXPECT_EQ(driver.heartbeat(members[1], Generation(1)), GroupError::unknown_member_id);
}

TEST(GroupSession, WaitingForAJoinCountsAsAlive) {
  Driver driver;
  const auto members = driver.stable_group(2);
  const RequestId rejoin = driver.join(members[0]);
  driver.advance(9s);
  driver.heartbeat(members[1], Generation(1));
  driver.advance(9s);
  driver.heartbeat(members[1], Generation(1));
  driver.advance(5s);  // far beyond the waiting member's session
  EXPECT_FALSE(driver.answered(rejoin));
  driver.take<JoinReply>(driver.join(members[1]));
  EXPECT_EQ(driver.take<JoinReply>(rejoin).members.size(), 2u);
}

TEST(GroupSession, ANewMembersJoinIsNotParkedForever) {
  Driver driver({.new_member_join_timeout = 15s});
  const auto members = driver.stable_group(1);
  const RequestId joining = driver.join();
  for (int i = 0; i < 14; ++i) {
    driver.advance(1s);
    driver.heartbeat(members[0], Generation(1));
  }
  EXPECT_FALSE(driver.answered(joining));
  driver.advance(1s);
  EXPECT_EQ(driver.take<JoinReply>(joining).error, GroupError::unknown_member_id);
}

TEST(GroupSession, HeartbeatsNeedTheRightMemberAndGeneration) {
  Driver driver;
  EXPECT_EQ(driver.heartbeat("m", Generation(1)), GroupError::unknown_member_id);
  const auto members = driver.stable_group(1);
  EXPECT_EQ(driver.heartbeat("m", Generation(1)), GroupError::unknown_member_id);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(0)), GroupError::illegal_generation);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::none);
}

TEST(GroupLeave, TheLastOneLeavesAnEmptyGroupOfANewGeneration) {
  Driver driver;
  const auto members = driver.stable_group(1);
  const auto left = driver.leave(members[0]);
  ASSERT_EQ(left.members.size(), 1u);
  EXPECT_EQ(left.members[0].error, GroupError::none);
  EXPECT_EQ(driver.describe().state, GroupState::empty);
  driver.restart();
  EXPECT_EQ(driver.describe().state, GroupState::empty);
  EXPECT_EQ(driver.group().generation, Generation(2));
}

TEST(GroupLeave, AnswersEachMemberOnItsOwn) {
  Driver driver;
  const auto members = driver.stable_group(2);
  LeaveCommand leave{"g", {}};
  leave.members.push_back({"nobody", std::nullopt, ""});
  leave.members.push_back({members[1], std::nullopt, ""});
  leave.members.push_back({"", "no-static", ""});
  leave.members.push_back({"", std::nullopt, ""});
  const auto reply = driver.ask<LeaveReply>(std::move(leave));
  EXPECT_EQ(reply.error, GroupError::none);
  ASSERT_EQ(reply.members.size(), 4u);
  EXPECT_EQ(reply.members[0].error, GroupError::unknown_member_id);
  EXPECT_EQ(reply.members[1].error, GroupError::none);
  EXPECT_EQ(reply.members[2].error, GroupError::unknown_member_id);
  EXPECT_EQ(reply.members[3].error, GroupError::unknown_member_id);
  EXPECT_EQ(driver.describe().state, GroupState::preparing_rebalance);
}

TEST(GroupLeave, ParkedRequestsOfAMemberThatLeavesAreAnswered) {
  Driver driver;
  const auto members = driver.stable_group(3);
  const RequestId other = driver.join(members[0]);
  const RequestId join = driver.join(members[1]);
  driver.leave(members[1]);
  EXPECT_EQ(driver.take<JoinReply>(join).error, GroupError::unknown_member_id);
  driver.leave(members[2]);
  EXPECT_EQ(driver.take<JoinReply>(other).members.size(), 1u) << "and those who waited for it go on";
}

TEST(GroupRetries, ASecondJoinOrSyncOfAMemberReplacesTheFirst) {
  Driver driver;
  const auto members = driver.stable_group(2);
  const RequestId first = driver.join(members[0]);
  const RequestId second = driver.join(members[0]);
  EXPECT_EQ(driver.take<JoinReply>(first).error, GroupError::rebalance_in_progress);
  driver.take<JoinReply>(driver.join(members[1]));
  EXPECT_EQ(driver.take<JoinReply>(second).error, GroupError::none);
  const RequestId sync = driver.sync(members[1], Generation(2));
  const RequestId sync_again = driver.sync(members[1], Generation(2));
  EXPECT_EQ(driver.take<SyncReply>(sync).error, GroupError::rebalance_in_progress);
  driver.sync(members[0], Generation(2), assign({{members[1], "x"}}));
  EXPECT_EQ(as_text(driver.take<SyncReply>(sync_again).assignment), "x");
}

// ---- Static members (KIP-345) ---------------------------------------------------------------------------------------

struct StaticPair {
  std::string a, b;  // member ids of static ids "A" and "B"; a leads
};
StaticPair stable_static_pair(Driver& driver) {
  const RequestId first = driver.join("", "A");
  const RequestId second = driver.join("", "B");
  driver.advance_until(second);
  std::string a = driver.take<JoinReply>(first).member_id;
  std::string b = driver.take<JoinReply>(second).member_id;
  driver.settle({a, b});
  return {a, b};
}

TEST(StaticMembers, ARestartedMemberKeepsItsAssignmentWithoutARebalance) {
  Driver driver;
  const StaticPair pair = stable_static_pair(driver);
  const Generation generation = driver.group().generation;
  const auto reply = driver.take<JoinReply>(driver.join("", "B"));
  EXPECT_EQ(reply.error, GroupError::none);
  EXPECT_EQ(reply.generation, generation);
  EXPECT_NE(reply.member_id, pair.b);
  EXPECT_TRUE(reply.member_id.starts_with("B-"));
  EXPECT_EQ(driver.describe().state, GroupState::stable);
  EXPECT_EQ(as_text(driver.take<SyncReply>(driver.sync(reply.member_id, generation, {}, "B")).assignment), "a1");
  EXPECT_EQ(driver.heartbeat(pair.a, generation, "A"), GroupError::none);

  EXPECT_EQ(driver.heartbeat(pair.b, generation, "B"), GroupError::fenced_instance_id) << "its former self";
  driver.restart();
  EXPECT_EQ(driver.heartbeat(reply.member_id, generation, "B"), GroupError::none) << "the new id is durable";
}

TEST(StaticMembers, ARestartedLeaderDoesNotAssignAgain) {
  Driver driver;
  StaticPair pair = stable_static_pair(driver);
  const auto old_client = driver.take<JoinReply>(driver.join("", "A"));
  EXPECT_EQ(old_client.leader, pair.a) << "its former id: it does not take itself for the leader";
  EXPECT_TRUE(old_client.members.empty());
  JoinCommand join = Driver::join_command("", "A");
  join.supports_skip_assignment = true;
  const auto new_client = driver.take<JoinReply>(driver.join(std::move(join)));
  EXPECT_EQ(new_client.leader, new_client.member_id);
  EXPECT_TRUE(new_client.skip_assignment);
  EXPECT_EQ(new_client.members.size(), 2u);
}

TEST(StaticMembers, ParkedRequestsOfTheFormerSelfAreFenced) {
  Driver driver;
  const StaticPair pair = stable_static_pair(driver);
  const RequestId parked = driver.join(pair.a, "A");
  const RequestId takeover = driver.join("", "A");
  EXPECT_EQ(driver.take<JoinReply>(parked).error, GroupError::fenced_instance_id);
  driver.take<JoinReply>(driver.join(pair.b, "B"));
  EXPECT_EQ(driver.take<JoinReply>(takeover).error, GroupError::none);
}

TEST(StaticMembers, ANewMetadataOfTheSameProtocolKeepsTheAssignmentAndAnotherProtocolRebalances) {
  Driver driver;
  const RequestId only = driver.join("", "A");
  driver.advance(3s);
  const std::string id = driver.take<JoinReply>(only).member_id;
  driver.settle({id});
  JoinCommand join = Driver::join_command("", "A");
  join.protocols = protocols_of({{"sticky", "s"}, {"range", "r"}});
  const RequestId rejoin = driver.join(std::move(join));
  driver.advance_until(rejoin);
  const auto reply = driver.take<JoinReply>(rejoin);
  EXPECT_EQ(reply.protocol_name, "sticky");
  EXPECT_EQ(reply.generation, Generation(2));
}

TEST(StaticMembers, AreNotMissedAtTheRebalanceTimeoutButAtTheirSessions) {
  Driver driver;
  const StaticPair pair = stable_static_pair(driver);
  JoinCommand join = Driver::join_command(pair.a, "A");
  join.rebalance_timeout = 4s;
  join.protocols = protocols_of({{"range", subscription_to({"bills"})}});
  const RequestId rejoin = driver.join(std::move(join));
  for (int i = 0; i < 60; ++i) {
    driver.advance(1s);
    driver.heartbeat(pair.b, driver.group().generation, "B");
  }
  EXPECT_EQ(driver.take<JoinReply>(rejoin).members.size(), 2u) << "B is counted in though it has not rejoined";
}

TEST(StaticMembers, AnAdministratorRemovesThemByStaticId) {
  Driver driver;
  const StaticPair pair = stable_static_pair(driver);
  EXPECT_EQ(driver.leave("wrong", "B").members[0].error, GroupError::fenced_instance_id);
  EXPECT_EQ(driver.leave("", "B").members[0].error, GroupError::none);
  EXPECT_EQ(driver.heartbeat(pair.b, driver.group().generation, "B"), GroupError::unknown_member_id);
}

TEST(StaticMembers, UnknownStaticIdsAreUnknownMembers) {
  Driver driver;
  const auto members = driver.stable_group(1);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1), "Z"), GroupError::unknown_member_id);
  EXPECT_EQ(driver.take<JoinReply>(driver.join(members[0], "Z")).error, GroupError::unknown_member_id);
}

}  // namespace
}  // namespace leat::stream
