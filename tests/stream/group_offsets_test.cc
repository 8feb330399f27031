#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/stream/group_support.h"
#include "stream/group_partition.h"

namespace leat::stream {
namespace {

using namespace testing;
using ::testing::ElementsAre;

constexpr auto kRetention = 7 * 24h;

TEST(GroupOffsets, AConsumerWithoutGroupManagementCommitsAndFetches) {
  Driver driver;
  EXPECT_EQ(driver.committed(), -1);
  const auto reply = driver.commit(42);
  EXPECT_EQ(reply.error, GroupError::none);
  EXPECT_THAT(reply.partitions, ElementsAre(GroupError::none));
  EXPECT_EQ(driver.committed(), 42);
  EXPECT_EQ(driver.committed("orders", 1), -1);
  driver.restart();
  const auto all = driver.ask<OffsetFetchReply>(OffsetFetchCommand{"g", std::nullopt});
  ASSERT_EQ(all.topics.size(), 1u);
  EXPECT_EQ(all.topics[0].topic, "orders");
  ASSERT_EQ(all.topics[0].partitions.size(), 1u);
  EXPECT_EQ(all.topics[0].partitions[0].offset, Offset(42));
  EXPECT_EQ(all.topics[0].partitions[0].leader_epoch, LeaderEpoch(1));
  EXPECT_EQ(all.topics[0].partitions[0].metadata, "meta");
}

TEST(GroupOffsets, LongerMetadataOfOffsetsThatAreThereStaysWithinTheMemory) {
  Driver driver({.memory_max = 200'000});
  const auto commit = [&](std::int32_t partition, std::size_t size) {
    OffsetCommitCommand command;
    command.group_id = "g";
    command.partitions.push_back({"t", PartitionIndex(partition), Offset(1), kNoEpoch, std::string(size, 'x')});
    return driver.ask<OffsetCommitReply>(std::move(command)).partitions.at(0);
  };
  std::int32_t count = 0;
  while (commit(count, 0) == GroupError::none) ++count;
  EXPECT_LE(driver.engine().memory(), 200'000u);
  for (std::int32_t partition = 0; partition < count; ++partition) (void)commit(partition, 4096);
  EXPECT_LE(driver.engine().memory(), 200'000u) << count << " offsets";
}

TEST(GroupOffsets, MembersCommitWithTheirGenerationOnly) {
  Driver driver;
  const auto members = driver.stable_group(1);
  EXPECT_EQ(driver.commit(1, members[0], Generation(1)).error, GroupError::none);
  EXPECT_EQ(driver.commit(2, members[0], Generation(0)).error, GroupError::illegal_generation);
  EXPECT_EQ(driver.commit(2, "nobody", Generation(1)).error, GroupError::unknown_member_id);
  EXPECT_EQ(driver.commit(2).error, GroupError::unknown_member_id) << "the group has members";
  EXPECT_EQ(driver.commit(2, members[0]).error, GroupError::illegal_generation);
  OffsetCommitCommand fenced = driver.commit_command(2, members[0], Generation(1));
  fenced.instance_id = "unknown";
  EXPECT_EQ(driver.ask<OffsetCommitReply>(std::move(fenced)).error, GroupError::unknown_member_id);
  EXPECT_EQ(driver.committed(), 1);
}

TEST(GroupOffsets, AGenerationWithoutAGroupIsIllegalOrNotFoundByVersion) {
  Driver driver;
  EXPECT_EQ(driver.commit(1, "m", Generation(3)).error, GroupError::illegal_generation);
  OffsetCommitCommand newer = driver.commit_command(1, "m", Generation(3));
  newer.names_missing_group = true;
  EXPECT_EQ(driver.ask<OffsetCommitReply>(std::move(newer)).error, GroupError::group_id_not_found);
  EXPECT_EQ(driver.engine().group_count(), 0u);
}

TEST(GroupOffsets, CommitsWaitForTheAssignmentButNotForTheNextRebalance) {
  Driver driver;
  const RequestId join = driver.join();
  driver.advance(3s);
  const auto reply = driver.take<JoinReply>(join);
  EXPECT_EQ(driver.commit(1, reply.member_id, Generation(1)).error, GroupError::rebalance_in_progress);
  driver.settle({reply.member_id});
  driver.join();
  EXPECT_EQ(driver.describe().state, GroupState::preparing_rebalance);
  EXPECT_EQ(driver.commit(1, reply.member_id, Generation(1)).error, GroupError::none);
}

TEST(GroupOffsets, CommitsKeepAMemberAlive) {
  Driver driver;
  const auto members = driver.stable_group(1);
  for (int i = 0; i < 30; ++i) {
    driver.advance(9s);
    ASSERT_EQ(driver.commit(i, members[0], Generation(1)).error, GroupError::none);
  }
}

TEST(GroupOffsets, MetadataThatIsTooLongIsRefusedForItsPartitionOnly) {
  Driver driver;
  OffsetCommitCommand command = driver.commit_command(1);
  command.partitions.push_back({"orders", PartitionIndex(1), Offset(2), kNoEpoch, std::string(4097, 'x')});
  command.partitions.push_back({"orders", PartitionIndex(2), Offset(3), kNoEpoch, std::string(4096, 'x')});
  const auto reply = driver.ask<OffsetCommitReply>(std::move(command));
  EXPECT_THAT(reply.partitions, ElementsAre(GroupError::none, GroupError::offset_metadata_too_large, GroupError::none));
  EXPECT_EQ(driver.committed("orders", 1), -1);
  EXPECT_EQ(driver.committed("orders", 2), 3);
}

TEST(GroupOffsets, OffsetsOfASimpleConsumerExpireAfterTheRetentionSinceTheirCommit) {
  Driver driver;
  driver.commit(1);
  driver.advance(kRetention - 1h);
  EXPECT_EQ(driver.committed(), 1);
  driver.advance(2h);
  EXPECT_EQ(driver.committed(), -1);
  EXPECT_EQ(driver.engine().group_count(), 0u);
  driver.restart();
  EXPECT_EQ(driver.engine().group_count(), 0u) << "the expiry is journalled";
}

TEST(GroupOffsets, AGroupWithMembersKeepsTheOffsetsOfItsTopicsAndAnEmptyOneForTheRetention) {
  Driver driver;
  const auto members = driver.stable_group(1);
  OffsetCommitCommand other = driver.commit_command(5, members[0], Generation(1));
  other.partitions[0].topic = "unsubscribed";
  driver.send(std::move(other));
  driver.commit(1, members[0], Generation(1));
  for (Milliseconds passed{0}; passed < kRetention + 1h; passed += 9s) {
    driver.advance(9s);
    driver.heartbeat(members[0], Generation(1));
  }
  EXPECT_EQ(driver.committed(), 1);
  EXPECT_EQ(driver.committed("unsubscribed"), -1) << "no longer read by the group";
  driver.leave(members[0]);
  driver.advance(kRetention - 1h);
  EXPECT_EQ(driver.committed(), 1) << "the group became empty less than the retention ago";
  driver.advance(2h);
  EXPECT_EQ(driver.committed(), -1);
  EXPECT_EQ(driver.engine().group_count(), 0u);
  driver.restart();
  EXPECT_EQ(driver.engine().group_count(), 0u);
}

TEST(GroupOffsets, AnOffsetResetInAGroupThatIsEmptyForLongIsKept) {
  Driver driver;
  const auto members = driver.stable_group(1);
  driver.commit(1, members[0], Generation(1));
  driver.leave(members[0]);
  driver.advance(kRetention - 1h);
  driver.commit(0);
  driver.advance(2h);
  EXPECT_EQ(driver.committed(), 0);
}

TEST(GroupOffsets, AClientsOwnRetentionCounts) {
  Driver driver;
  OffsetCommitCommand command = driver.commit_command(1);
  command.retention = 1h;
  driver.send(std::move(command));
  driver.restart();
  driver.advance(30min);
  EXPECT_EQ(driver.committed(), 1);
  driver.advance(1h);
  EXPECT_EQ(driver.committed(), -1);
}

TEST(GroupOffsets, DeletingOffsetsSparesTopicsThatAreSubscribedTo) {
  Driver driver;
  const auto members = driver.stable_group(1);
  driver.commit(1, members[0], Generation(1));
  OffsetCommitCommand other = driver.commit_command(5, members[0], Generation(1));
  other.partitions[0].topic = "unsubscribed";
  driver.send(std::move(other));
  const auto delete_command = [] {
    OffsetDeleteCommand command{"g", {}};
    command.topics.push_back({"orders", {PartitionIndex(0)}});
    command.topics.push_back({"unsubscribed", {PartitionIndex(0), PartitionIndex(9)}});
    return command;
  };
  const auto reply = driver.ask<OffsetDeleteReply>(delete_command());
  ASSERT_EQ(reply.topics.size(), 2u);
  EXPECT_EQ(reply.topics[0].partitions[0].second, GroupError::group_subscribed_to_topic);
  EXPECT_EQ(reply.topics[1].partitions[0].second, GroupError::none);
  EXPECT_EQ(reply.topics[1].partitions[1].second, GroupError::none);
  EXPECT_EQ(driver.committed(), 1);
  EXPECT_EQ(driver.committed("unsubscribed"), -1);
  driver.leave(members[0]);
  driver.ask<OffsetDeleteReply>(delete_command());
  driver.restart();
  EXPECT_EQ(driver.committed(), -1);
}

TEST(GroupOffsets, DeletingOffsetsNeedsAGroupWhoseTopicsAreKnown) {
  Driver driver;
  EXPECT_EQ(driver.ask<OffsetDeleteReply>(OffsetDeleteCommand{"g", {}}).error, GroupError::group_id_not_found);
  JoinCommand join = Driver::join_command("");
  join.protocol_type = "connect";
  driver.join(std::move(join));
  driver.advance(3s);
  EXPECT_EQ(driver.ask<OffsetDeleteReply>(OffsetDeleteCommand{"g", {}}).error, GroupError::non_empty_group);
}

TEST(GroupOffsets, OffsetsOfADeletedTopicGoInEveryGroup) {
  Driver driver;
  driver.commit(1);
  OffsetCommitCommand other = driver.commit_command(2);
  other.group_id = "h";
  other.partitions.push_back({"bills", PartitionIndex(0), Offset(7)});
  driver.send(std::move(other));
  driver.ask<TopicDeletedReply>(TopicDeletedCommand{"orders"});
  EXPECT_EQ(driver.committed(), -1);
  EXPECT_EQ(driver.engine().find("g"), nullptr);
  ASSERT_NE(driver.engine().find("h"), nullptr);
  EXPECT_EQ(driver.engine().find("h")->offsets().size(), 1u);
}

TEST(GroupAdmin, DescribesMembersOnceTheGroupIsStable) {
  Driver driver;
  const auto unknown = driver.describe();
  EXPECT_EQ(unknown.error, GroupError::group_id_not_found);
  EXPECT_EQ(unknown.state, GroupState::dead);
  const auto members = driver.stable_group(1);
  for (int restarts = 0; restarts < 2; ++restarts) {
    const auto described = driver.describe();
    EXPECT_EQ(described.error, GroupError::none);
    EXPECT_EQ(described.state, GroupState::stable);
    EXPECT_EQ(described.protocol_type, "consumer");
    EXPECT_EQ(described.protocol_name, "range");
    ASSERT_EQ(described.members.size(), 1u);
    EXPECT_EQ(described.members[0].member_id, members[0]);
    EXPECT_EQ(described.members[0].client_id, "client");
    EXPECT_EQ(described.members[0].client_host, "/127.0.0.1");
    EXPECT_EQ(as_text(described.members[0].metadata), subscription_to({"orders"}));
    EXPECT_EQ(as_text(described.members[0].assignment), "a0");
    driver.restart();
  }
  driver.join(members[0]);
  driver.join();
  const auto rebalancing = driver.describe();
  EXPECT_EQ(rebalancing.protocol_name, "");
  EXPECT_TRUE(rebalancing.members[0].assignment.empty());
}

TEST(GroupAdmin, ListsByStateAndType) {
  Driver driver;
  driver.stable_group(1);
  OffsetCommitCommand other = driver.commit_command(2);
  other.group_id = "a";
  driver.send(std::move(other));
  const auto list = [&](std::vector<std::string> states, std::vector<std::string> types) {
    std::vector<std::string> ids;
    for (const auto& group :
         driver.ask<ListGroupsReply>(ListGroupsCommand{std::move(states), std::move(types)}).groups) {
      ids.push_back(group.group_id);
    }
    return ids;
  };
  EXPECT_THAT(list({}, {}), ElementsAre("a", "g"));
  EXPECT_THAT(list({"stable"}, {}), ElementsAre("g"));
  EXPECT_THAT(list({"Empty", "Dead"}, {}), ElementsAre("a"));
  EXPECT_THAT(list({}, {"Classic"}), ElementsAre("a", "g"));
  EXPECT_THAT(list({}, {"consumer"}), ElementsAre());
}

TEST(GroupAdmin, OnlyEmptyGroupsAreDeletedAndWithTheirOffsets) {
  Driver driver;
  const auto remove = [&] { return driver.ask<DeleteGroupReply>(DeleteGroupCommand{"g"}).error; };
  EXPECT_EQ(remove(), GroupError::group_id_not_found);
  const auto members = driver.stable_group(1);
  driver.commit(1, members[0], Generation(1));
  EXPECT_EQ(remove(), GroupError::non_empty_group);
  driver.leave(members[0]);
  EXPECT_EQ(remove(), GroupError::none);
  EXPECT_EQ(driver.engine().group_count(), 0u);
  driver.restart();
  EXPECT_EQ(driver.engine().group_count(), 0u);
}

TEST(GroupLoad, MembersOfALoadedGroupGoOnOrExpire) {
  Driver driver;
  const auto members = driver.stable_group(2);
  driver.restart();
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::none);
  EXPECT_EQ(as_text(driver.take<SyncReply>(driver.sync(members[1], Generation(1))).assignment), "a1");
  driver.advance(9s);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::none);
  driver.advance(1s);
  EXPECT_EQ(driver.heartbeat(members[0], Generation(1)), GroupError::rebalance_in_progress);
  EXPECT_EQ(driver.heartbeat(members[1], Generation(1)), GroupError::unknown_member_id);
}

TEST(GroupLoad, StoredTimeDoesNotGoBackWithTheWallClock) {
  GroupEngine engine{GroupConfig()};
  engine.load(OffsetCommitted{"g", "t", PartitionIndex(0), Offset(1), kNoEpoch, "", Timestamp(5000)});
  const GroupTime earlier{MonoTime(), Timestamp(1000)};
  engine.finish_loading(earlier);
  OffsetCommitCommand commit;
  commit.group_id = "g";
  commit.partitions.push_back({"t", PartitionIndex(0), Offset(2)});
  const auto decision = engine.decide(RequestId(1), std::move(commit), earlier);
  ASSERT_EQ(decision.events.size(), 1u);
  EXPECT_EQ(std::get<OffsetCommitted>(decision.events[0]).commit_time, Timestamp(5000));
}

TEST(GroupReplies, ThatShowWhatIsJournalledWaitForTheJournal) {
  Driver driver;
  const auto members = driver.stable_group(1);
  const auto waits = [&](GroupCommand command) {
    const auto decision = driver.engine().decide(RequestId(1'000'000), std::move(command), driver.now());
    EXPECT_EQ(decision.now.size() + decision.after_commit.size(), 1u);
    return decision.now.empty();
  };
  EXPECT_TRUE(waits(driver.commit_command(1, members[0], Generation(1))));
  EXPECT_TRUE(waits(OffsetFetchCommand{"g", std::nullopt}));
  EXPECT_TRUE(waits(SyncCommand{"g", Generation(1), members[0]}));
  EXPECT_TRUE(waits(DescribeGroupCommand{"g"}));
  EXPECT_FALSE(waits(HeartbeatCommand{"g", Generation(1), members[0]}));
}

TEST(GroupPartition, IsKafkasJavaStringHash) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("polygenelubricants"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(java_hash("\xC3\xA9"), 233);                           // é
  EXPECT_EQ(java_hash("\xE2\x82\xAC"), 8364);                      // €
  EXPECT_EQ(java_hash("\xF0\x9F\x98\x80"), 0xD83D * 31 + 0xDE00);  // 😀, two UTF-16 units
  EXPECT_EQ(java_hash("\xFF"), 0xFFFD);
  EXPECT_EQ(java_hash("\xC0\x80"), 0xFFFD * 31 + 0xFFFD);
  EXPECT_EQ(group_partition("hello", 50), PartitionIndex(22));
  EXPECT_EQ(group_partition("polygenelubricants", 50), PartitionIndex(0));
  EXPECT_EQ(java_hash("console-consumer-12345"), 158455506);
}

}  // namespace
}  // namespace leat::stream
