#include "stream/offsets_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace leat::stream {
namespace {

// Bytes written by hand from the format's description, so that a mistake in the codec cannot hide in a round trip.
class Hand {
 public:
  Hand& i8(int v) { return raw(static_cast<std::uint64_t>(v), 1); }
  Hand& i16(int v) { return raw(static_cast<std::uint64_t>(v), 2); }
  Hand& i32(std::int64_t v) { return raw(static_cast<std::uint64_t>(v), 4); }
  Hand& i64(std::int64_t v) { return raw(static_cast<std::uint64_t>(v), 8); }
  Hand& text(std::string_view s) {
    out_.append(s);
    return *this;
  }
  Hand& string(std::string_view s) { return i16(static_cast<int>(s.size())).text(s); }
  Hand& bytes(std::string_view s) { return i32(static_cast<std::int64_t>(s.size())).text(s); }
  Hand& compact(std::string_view s) { return i8(static_cast<int>(s.size()) + 1).text(s); }
  [[nodiscard]] BytesView view() const { return as_bytes(out_); }
  [[nodiscard]] const std::string& str() const { return out_; }

 private:
  Hand& raw(std::uint64_t v, int size) {
    for (int i = size - 1; i >= 0; --i) out_.push_back(static_cast<char>(v >> (8 * i)));
    return *this;
  }
  std::string out_;
};

template <class T>
T decode_as(BytesView key, std::optional<BytesView> value) {
  auto decoded = decode_group_event(key, value);
  if (!decoded || !*decoded || !std::holds_alternative<T>(**decoded)) {
    ADD_FAILURE() << "not the expected event";
    return {};
  }
  return std::get<T>(std::move(**decoded));
}

const Hand kOffsetKey = Hand().i16(1).string("g").string("orders").i32(3);
const Hand kGroupKey = Hand().i16(2).string("g");

TEST(OffsetsFormat, WritesOffsetsAsKafkaDoes) {
  const OffsetsRecord record = encode_group_event(
      OffsetCommitted{"g", "orders", PartitionIndex(3), Offset(42), LeaderEpoch(5), "note", Timestamp(1000)});
  EXPECT_EQ(as_text(record.key), kOffsetKey.str());
  ASSERT_TRUE(record.value);
  EXPECT_EQ(as_text(*record.value), Hand().i16(3).i64(42).i32(5).string("note").i64(1000).str());

  const OffsetsRecord expiring = encode_group_event(OffsetCommitted{
      "g", "orders", PartitionIndex(3), Offset(42), LeaderEpoch(5), "note", Timestamp(1000), Timestamp(2000)});
  EXPECT_EQ(as_text(*expiring.value), Hand().i16(1).i64(42).string("note").i64(1000).i64(2000).str());

  const OffsetsRecord tombstone = encode_group_event(OffsetRemoved{"g", "orders", PartitionIndex(3)});
  EXPECT_EQ(as_text(tombstone.key), kOffsetKey.str());
  EXPECT_FALSE(tombstone.value);
}

TEST(OffsetsFormat, ReadsEveryVersionOfAnOffset) {
  const Hand values[] = {
      Hand().i16(0).i64(42).string("note").i64(1000),
      Hand().i16(1).i64(42).string("note").i64(1000).i64(2000),
      Hand().i16(2).i64(42).string("note").i64(1000),
      Hand().i16(3).i64(42).i32(5).string("note").i64(1000),
      Hand().i16(4).i64(42).i32(5).compact("note").i64(1000).i8(1).i8(9).i8(2).text("xx"),
  };
  for (int version = 0; version <= 4; ++version) {
    for (int key_version = 0; key_version <= 1; ++key_version) {
      const Hand key = Hand().i16(key_version).string("g").string("orders").i32(3);
      const auto event = decode_as<OffsetCommitted>(key.view(), values[version].view());
      EXPECT_EQ(event.group_id, "g");
      EXPECT_EQ(event.topic, "orders");
      EXPECT_EQ(event.partition, PartitionIndex(3));
      EXPECT_EQ(event.offset, Offset(42));
      EXPECT_EQ(event.leader_epoch, LeaderEpoch(version >= 3 ? 5 : -1));
      EXPECT_EQ(event.metadata, "note");
      EXPECT_EQ(event.commit_time, Timestamp(1000));
      EXPECT_EQ(event.expire_time, version == 1 ? std::optional(Timestamp(2000)) : std::nullopt);
    }
  }
  const auto removed = decode_as<OffsetRemoved>(kOffsetKey.view(), std::nullopt);
  EXPECT_EQ(removed.topic, "orders");
}

Hand member_by_hand(int version) {
  Hand hand;
  if (version >= 4) {
    hand.compact("m-1")
        .i8(0)
        .compact("client")
        .compact("/10.0.0.1")
        .i32(60000)
        .i32(45000)
        .compact("sub")
        .compact("asg");
    return hand.i8(0);
  }
  hand.string("m-1");
  if (version >= 3) hand.string("static-1");
  hand.string("client").string("/10.0.0.1");
  if (version >= 1) hand.i32(60000);
  return hand.i32(45000).bytes("sub").bytes("asg");
}

TEST(OffsetsFormat, ReadsEveryVersionOfAGroup) {
  for (int version = 0; version <= 4; ++version) {
    Hand value;
    value.i16(version);
    if (version >= 4) {
      value.compact("consumer")
          .i32(7)
          .compact("range")
          .compact("m-1")
          .i64(1234)
          .i8(2)
          .text(member_by_hand(4).str())
          .i8(0);
    } else {
      value.string("consumer").i32(7).string("range").string("m-1");
      if (version >= 2) value.i64(1234);
      value.i32(1).text(member_by_hand(version).str());
    }
    SCOPED_TRACE(version);
    const auto event = decode_as<GroupStored>(kGroupKey.view(), value.view());
    EXPECT_EQ(event.protocol_type, "consumer");
    EXPECT_EQ(event.generation, Generation(7));
    EXPECT_EQ(event.protocol_name, "range");
    EXPECT_EQ(event.leader, "m-1");
    EXPECT_EQ(event.state_time, version >= 2 ? std::optional(Timestamp(1234)) : std::nullopt);
    ASSERT_EQ(event.members.size(), 1u);
    const StoredMember& member = event.members[0];
    EXPECT_EQ(member.member_id, "m-1");
    EXPECT_EQ(member.instance_id, version == 3 ? std::optional<std::string>("static-1") : std::nullopt);
    EXPECT_EQ(member.client_id, "client");
    EXPECT_EQ(member.client_host, "/10.0.0.1");
    EXPECT_EQ(member.rebalance_timeout, Milliseconds(version >= 1 ? 60000 : 45000));
    EXPECT_EQ(member.session_timeout, Milliseconds(45000));
    EXPECT_EQ(as_text(member.subscription), "sub");
    EXPECT_EQ(as_text(member.assignment), "asg");
  }
}

TEST(OffsetsFormat, WritesGroupsAsKafkaDoes) {
  GroupStored event{"g", "consumer", Generation(7), "range", "m-1", Timestamp(1234), {}};
  event.members.push_back({"m-1", "static-1", "client", "/10.0.0.1", Milliseconds(60000), Milliseconds(45000),
                           Bytes::copy_of(as_bytes("sub")), Bytes::copy_of(as_bytes("asg"))});
  const OffsetsRecord record = encode_group_event(std::move(event));
  EXPECT_EQ(as_text(record.key), kGroupKey.str());
  EXPECT_EQ(as_text(*record.value), Hand()
                                        .i16(3)
                                        .string("consumer")
                                        .i32(7)
                                        .string("range")
                                        .string("m-1")
                                        .i64(1234)
                                        .i32(1)
                                        .text(member_by_hand(3).str())
                                        .str());

  const OffsetsRecord empty = encode_group_event(GroupStored{"g", "", Generation(0), std::nullopt, std::nullopt});
  EXPECT_EQ(as_text(*empty.value), Hand().i16(3).string("").i32(0).i16(-1).i16(-1).i64(-1).i32(0).str());
  EXPECT_FALSE(encode_group_event(GroupRemoved{"g"}).value);
  EXPECT_EQ(decode_as<GroupRemoved>(kGroupKey.view(), std::nullopt).group_id, "g");
}

TEST(OffsetsFormat, KeysOfOtherGroupProtocolsAreSkipped) {
  for (int version = 3; version < 20; ++version) {
    const Hand key = Hand().i16(version).string("g");
    const auto decoded = decode_group_event(key.view(), as_bytes("anything"));
    ASSERT_TRUE(decoded);
    EXPECT_FALSE(*decoded);
  }
}

TEST(OffsetsFormat, EveryCutAndEveryNewerVersionIsCorrupt) {
  const Hand offset = Hand().i16(3).i64(42).i32(5).string("note").i64(1000);
  const Hand group = Hand()
                         .i16(3)
                         .string("consumer")
                         .i32(7)
                         .string("range")
                         .string("m-1")
                         .i64(1234)
                         .i32(1)
                         .text(member_by_hand(3).str());
  const auto expect_cuts_refused = [](const Hand& key, const Hand& value) {
    for (std::size_t size = 0; size < value.str().size(); ++size) {
      const auto decoded = decode_group_event(key.view(), value.view().first(size));
      ASSERT_FALSE(decoded) << size;
      EXPECT_EQ(decoded.error().code, Errc::corrupt);
    }
    for (std::size_t size = 0; size < key.str().size(); ++size) {
      EXPECT_FALSE(decode_group_event(key.view().first(size), value.view())) << size;
    }
  };
  expect_cuts_refused(kOffsetKey, offset);
  expect_cuts_refused(kGroupKey, group);
  EXPECT_FALSE(decode_group_event(kOffsetKey.view(), Hand().i16(5).i64(42).i64(0).i64(0).view()));
  EXPECT_FALSE(decode_group_event(kGroupKey.view(), Hand().i16(5).i64(42).i64(0).i64(0).view()));
}

TEST(OffsetsFormat, AHugeMemberCountIsRefusedWithoutAllocating) {
  const Hand value = Hand().i16(3).string("consumer").i32(7).string("range").string("m-1").i64(1).i32(0x7FFFFFFF);
  EXPECT_FALSE(decode_group_event(kGroupKey.view(), value.view()));
}

TEST(OffsetsFormat, RandomAndMutatedRecordsNeverDecodeToSomethingThatDoesNotRoundTrip) {
  std::mt19937_64 random(20);
  const Hand group = Hand()
                         .i16(3)
                         .string("consumer")
                         .i32(7)
                         .string("range")
                         .string("m-1")
                         .i64(1234)
                         .i32(1)
                         .text(member_by_hand(3).str());
  int decoded_count = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string key = random() % 2 == 0 ? kGroupKey.str() : kOffsetKey.str();
    std::string value = group.str();
    value[0] = 0;
    value[1] = static_cast<char>(random() % 6);
    for (std::uint64_t i = random() % 8; i > 0; --i) value[random() % value.size()] = static_cast<char>(random());
    if (random() % 4 == 0) key[random() % key.size()] = static_cast<char>(random());
    const auto decoded = decode_group_event(as_bytes(key), as_bytes(value));
    if (!decoded || !*decoded) continue;
    ++decoded_count;
    const OffsetsRecord again = encode_group_event(**decoded);
    const auto twice = decode_group_event(again.key, again.value ? std::optional(again.value->view()) : std::nullopt);
    ASSERT_TRUE(twice && *twice);
    const OffsetsRecord third = encode_group_event(**twice);
    ASSERT_EQ(as_text(again.key), as_text(third.key));
    ASSERT_EQ(as_text(*again.value), as_text(*third.value));
  }
  EXPECT_GT(decoded_count, 100) << "the mutations are too wild to test anything";
}

TEST(OffsetsFormat, ReadsTheTopicsOfASubscription) {
  const Hand subscription = Hand().i16(3).i32(2).string("orders").string("bills").bytes("user data").i32(0).i32(-1);
  const auto topics = decode_subscribed_topics(subscription.view());
  ASSERT_TRUE(topics);
  EXPECT_THAT(*topics, ::testing::ElementsAre("orders", "bills"));
  EXPECT_FALSE(decode_subscribed_topics(Hand().i16(0).i32(3).string("orders").view()));
  EXPECT_FALSE(decode_subscribed_topics(as_bytes("x")));
}

}  // namespace
}  // namespace leat::stream
