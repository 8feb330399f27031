#include "catalog/documents.h"

#include <gtest/gtest.h>

#include "tests/catalog/support.h"

// The stored form, letter by letter: what one build wrote, every later one must read (docs/formats/catalog.md).
namespace leat::catalog {
namespace {

constexpr std::string_view kId = "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0ff";
const std::string kTopicJson =
    R"({"config":{"retention.ms":"1000"},"created":1700000000000,"id":"0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0ff",)"
    R"("internal":false,"name":"orders","partitions":3,"v":1})";
const std::string kAssignmentsJson = R"({"epochs":[0,7],"isr":[[1],[2]],"leaders":[1,2],"replicas":[[1],[2,3]],"v":1})";

TopicEntry orders() {
  return {.name = "orders",
          .id = *Uuid::parse(kId),
          .partitions = 3,
          .internal = false,
          .config = {{"retention.ms", "1000"}},
          .created = Timestamp(1'700'000'000'000)};
}

TEST(Documents, ATopicIsWrittenAndReadLetterByLetter) {
  EXPECT_EQ(encode_topic(orders()), kTopicJson);
  const auto read = decode_topic("topics/orders", kTopicJson);
  ASSERT_TRUE(read) << message_of(read);
  EXPECT_EQ(*read, orders());
}

TEST(Documents, AssignmentsAreWrittenAndReadLetterByLetter) {
  const std::vector<PartitionAssignment> assignments = {
      {NodeId(1), LeaderEpoch(0), {NodeId(1)}, {NodeId(1)}},
      {NodeId(2), LeaderEpoch(7), {NodeId(2), NodeId(3)}, {NodeId(2)}},
  };
  EXPECT_EQ(encode_assignments(assignments), kAssignmentsJson);
  const auto read = decode_assignments("assignments/x", kAssignmentsJson);
  ASSERT_TRUE(read) << message_of(read);
  EXPECT_EQ(*read, assignments);
}

TEST(Documents, SmallDocumentsAreWrittenAndReadLetterByLetter) {
  const Uuid id = *Uuid::parse(kId);
  EXPECT_EQ(encode_cluster_id(id), fmt::format(R"({{"id":"{}","v":1}})", kId));
  EXPECT_EQ(*decode_cluster_id("k", encode_cluster_id(id)), id);
  EXPECT_EQ(encode_next_producer_id(ProducerId(2000)), R"({"next":2000,"v":1})");
  EXPECT_EQ(*decode_next_producer_id("k", R"({"next":2000,"v":1})"), ProducerId(2000));
  EXPECT_EQ(encode_node({NodeId(4), Timestamp(5)}), R"({"id":4,"registered":5,"v":1})");
  EXPECT_EQ(decode_node("k", R"({"id":4,"registered":5,"v":1})")->id, NodeId(4));
  EXPECT_EQ(encode_topic_name("a.b"), R"({"name":"a.b","v":1})");
  EXPECT_EQ(*decode_topic_name("k", R"({"name":"a.b","v":1})"), "a.b");
  EXPECT_EQ(encode_deleted_topic({id, "gone", 2}), R"({"name":"gone","partitions":2,"v":1})");
  const auto deleted = decode_deleted_topic(deleted_topic_key(id), R"({"name":"gone","partitions":2,"v":1})");
  ASSERT_TRUE(deleted) << message_of(deleted);
  EXPECT_EQ(deleted->id, id);
  EXPECT_EQ(deleted->name, "gone");
}

TEST(Documents, FieldsOfLaterVersionsOfTheSameNumberAreIgnored) {
  std::string more = kTopicJson;
  more.insert(1, R"("comment":"added","list":[1],)");
  EXPECT_TRUE(decode_topic("topics/orders", more));
}

TEST(Documents, ANewerVersionIsUnsupportedAndNotCorrupt) {
  std::string newer = kTopicJson;
  newer.replace(newer.find(R"("v":1)"), 5, R"("v":2)");
  EXPECT_EQ(error_of(decode_topic("topics/orders", newer)), Errc::unsupported);
}

TEST(Documents, WhatCannotBeRightIsCorrupt) {
  const auto with = [](std::string from, std::string to) {
    std::string text = kTopicJson;
    text.replace(text.find(from), from.size(), to);
    return error_of(decode_topic("topics/orders", text));
  };
  EXPECT_EQ(with(R"("partitions":3)", R"("partitions":0)"), Errc::corrupt);
  EXPECT_EQ(with(R"("partitions":3)", R"("partitions":10001)"), Errc::corrupt);
  EXPECT_EQ(with(R"("partitions":3)", R"("partitions":3.5)"), Errc::corrupt);
  EXPECT_EQ(with(R"("partitions":3)", R"("partitions":18446744073709551615)"), Errc::corrupt);
  EXPECT_EQ(with(R"("partitions":3)", R"("other":3)"), Errc::corrupt);
  EXPECT_EQ(with(R"("internal":false)", R"("internal":0)"), Errc::corrupt);
  EXPECT_EQ(with(std::string(kId), "no id"), Errc::corrupt);
  EXPECT_EQ(with(std::string(kId), "00000000-0000-0000-0000-000000000000"), Errc::corrupt);
  EXPECT_EQ(with(R"("1000")", "1000"), Errc::corrupt);
  EXPECT_EQ(with(R"("v":1)", R"("v":0)"), Errc::corrupt);
  EXPECT_EQ(with(R"("v":1)", R"("w":1)"), Errc::corrupt);
  EXPECT_EQ(with("orders", "others"), Errc::corrupt);  // not the name in its key
  for (const char* text : {"", "{", "[]", "null", "1", "\xff\xfe", "{}"}) {
    EXPECT_EQ(error_of(decode_topic("topics/orders", text)), Errc::corrupt) << text;
    EXPECT_EQ(error_of(decode_assignments("assignments/x", text)), Errc::corrupt) << text;
    EXPECT_EQ(error_of(decode_cluster_id("cluster/id", text)), Errc::corrupt) << text;
  }
}

TEST(Documents, AssignmentsWhoseListsDisagreeAreCorrupt) {
  const auto with = [](std::string from, std::string to) {
    std::string text = kAssignmentsJson;
    text.replace(text.find(from), from.size(), to);
    return error_of(decode_assignments("assignments/x", text));
  };
  EXPECT_EQ(with("[0,7]", "[0]"), Errc::corrupt);
  EXPECT_EQ(with("[0,7]", "[0,-1]"), Errc::corrupt);
  EXPECT_EQ(with("[[1],[2,3]]", "[[1],2]"), Errc::corrupt);
  EXPECT_EQ(with("[[1],[2,3]]", R"([[1],["2"]])"), Errc::corrupt);
  EXPECT_EQ(with("[[1],[2,3]]", R"({"0":[1]})"), Errc::corrupt);
}

TEST(Documents, TheLargestTopicFitsIntoAnEntry) {
  const NodeId big(INT32_MAX);
  const PartitionAssignment partition{big, LeaderEpoch(INT32_MAX), {big, big, big}, {big, big, big}};
  const std::vector<PartitionAssignment> assignments(static_cast<std::size_t>(kPartitionsPerTopicMax), partition);
  EXPECT_LE(encode_assignments(assignments).size(), kValueBytesMax);
}

}  // namespace
}  // namespace leat::catalog
