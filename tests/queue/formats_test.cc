#include <gtest/gtest.h>

#include "queue/index.h"
#include "queue/journal_format.h"

namespace leat::queue {
namespace {

const LaneKey kLane{7, "customer"};

JournalledState some_state() {
  OffsetSet done;
  done.add(Offset(20));
  done.add(Offset(30), Offset(5'000'000'000));
  JournalledState state;
  state.floor = Offset(10);
  state.rewinds = 3;
  state.grouped = true;
  state.time = Timestamp(1'700'000'000'000);
  state.done = done.encode();
  state.delivered.push_back({Offset(12), 1, Timestamp(5), Timestamp(0), {}, kNoTimestamp, ""});
  state.delivered.push_back({Offset(15), 4, Timestamp(6), Timestamp(99), kLane, Timestamp(1234), "it is broken"});
  return state;
}

Bytes joined(const std::vector<Bytes>& pieces) {
  Bytes out;
  for (const Bytes& piece : pieces) out.append(std::get<SnapshotPiece>(*decode_journal_value(piece)).bytes);
  return out;
}

TEST(JournalFormat, EventsAreReadAsTheyWereWritten) {
  const std::vector<Event> events{DeliveredEvent{Offset(1), 3, 2, kLane, Timestamp(77)},
                                  DeliveredEvent{Offset(9), 1, 1, {}, kNoTimestamp},
                                  DoneEvent{Offset(0), 12, DoneReason::absent},
                                  ReleasedEvent{Offset(4), Timestamp(1'000), "a reason"},
                                  RewoundEvent{Offset(2)},
                                  GroupedEvent{}};
  const auto decoded = decode_journal_value(encode_events(events));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<std::vector<Event>>(*decoded), events);
}

TEST(JournalFormat, SnapshotsComeInPiecesThatSayTheirPlace) {
  const JournalledState state = some_state();
  const std::vector<Bytes> pieces = encode_snapshot(state, 16);
  ASSERT_GT(pieces.size(), 2U);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto piece = std::get<SnapshotPiece>(*decode_journal_value(pieces[i]));
    EXPECT_EQ(piece.number, i);
    EXPECT_EQ(piece.is_last, i + 1 == pieces.size());
  }
  const auto decoded = decode_snapshot(joined(pieces));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->floor, state.floor);
  EXPECT_EQ(decoded->rewinds, state.rewinds);
  EXPECT_EQ(decoded->grouped, state.grouped);
  EXPECT_EQ(decoded->time, state.time);
  EXPECT_EQ(as_text(decoded->done), as_text(state.done));
  EXPECT_EQ(decoded->delivered, state.delivered);
}

TEST(JournalFormat, WhatIsCutShortIsRefused) {
  const Bytes events = encode_events({DeliveredEvent{Offset(1), 3, 2, kLane, Timestamp(77)}});
  for (std::size_t size = 0; size < events.size(); ++size) {
    if (size == 2) continue;  // no events at all are well formed
    EXPECT_FALSE(decode_journal_value(events.view().first(size))) << size;
  }
  const Bytes snapshot = joined(encode_snapshot(some_state(), 1'000));
  for (std::size_t size = 0; size < snapshot.size(); ++size)
    EXPECT_FALSE(decode_snapshot(snapshot.view().first(size))) << size;
}

TEST(JournalFormat, ImpossibleNumbersAreRefused) {
  const auto refused = [](const Event& event) { return !decode_journal_value(encode_events({event})); };
  EXPECT_TRUE(refused(DeliveredEvent{Offset(1), 0, 1, {}, kNoTimestamp}));
  EXPECT_TRUE(refused(DeliveredEvent{Offset(1), 1, 0, {}, kNoTimestamp}));
  EXPECT_TRUE(refused(DeliveredEvent{Offset(1), 1, 1, {10, ""}, kNoTimestamp}));
  EXPECT_TRUE(refused(DoneEvent{Offset(2), static_cast<std::uint64_t>(INT64_MAX), DoneReason::expired}));
  EXPECT_TRUE(refused(DoneEvent{Offset(-1), 1, DoneReason::expired}));
  EXPECT_TRUE(refused(DoneEvent{Offset(1), 1, static_cast<DoneReason>(5)}));
  EXPECT_TRUE(refused(RewoundEvent{Offset(-1)}));
  JournalledState state = some_state();
  state.delivered[1].lane.priority = 10;
  EXPECT_FALSE(decode_snapshot(joined(encode_snapshot(state, 1'000))));
  state = some_state();
  state.delivered[0].deliveries = 0;
  EXPECT_FALSE(decode_snapshot(joined(encode_snapshot(state, 1'000))));
}

TEST(JournalFormat, ANewerVersionIsUnsupported) {
  Bytes value = encode_events({GroupedEvent{}});
  value.data()[0] = std::byte{2};
  EXPECT_EQ(decode_journal_value(value).error().code, Errc::unsupported);
  value.data()[0] = std::byte{1};
  value.data()[1] = std::byte{9};
  EXPECT_EQ(decode_journal_value(value).error().code, Errc::unsupported);
}

TEST(IndexFormat, LaneEntriesAreReadAsTheyWereWritten) {
  const std::vector<queue::Run> runs{{Offset(5), 3, Timestamp(100), kNoTimestamp, kNoTimestamp},
                                     {Offset(8), 1, Timestamp(101), Timestamp(500), Timestamp(900)},
                                     {Offset(1'000'000'000'000), UINT32_MAX, Timestamp(0), kNoTimestamp, Timestamp(1)}};
  const auto decoded = decode_lane_entry(lane_entry_key(kLane, Offset(5)), encode_runs(runs));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->lane, kLane);
  ASSERT_EQ(decoded->runs.size(), runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    EXPECT_EQ(decoded->runs[i].first, runs[i].first);
    EXPECT_EQ(decoded->runs[i].count, runs[i].count);
    EXPECT_EQ(decoded->runs[i].sent, runs[i].sent);
    EXPECT_EQ(decoded->runs[i].due, runs[i].due);
    EXPECT_EQ(decoded->runs[i].expires, runs[i].expires);
  }
}

TEST(IndexFormat, KeysSortByPriorityThenLaneThenOffset) {
  const LaneKey high{9, "z"};
  const LaneKey low{0, "a"};
  EXPECT_LT(lane_entry_key(high, Offset(1'000)), lane_entry_key(low, Offset(1)));
  EXPECT_LT(lane_entry_key(low, Offset(255)), lane_entry_key(low, Offset(256)));
  EXPECT_LT(lane_entry_key(low, Offset(INT64_MAX)), prefix_end(lane_prefix(low)));
  EXPECT_GE(lane_entry_key({0, "b"}, Offset(0)), prefix_end(lane_prefix(low)));
  EXPECT_LT(delay_entry_key(Timestamp(9), Offset(99)), delay_entry_key(Timestamp(10), Offset(1)));
  EXPECT_LT(kDelaysEnd, lane_prefix(high));
  EXPECT_LT(lane_prefix({0, "\xff\xff"}), kLanesEnd);
}

// No entry of one lane stands between the entries of another, even when a group is a part of the other.
TEST(IndexFormat, LanesDoNotOverlap) {
  const std::string tricky("a\0\0\0\0\0\0\0\1", 9);
  for (const std::string& other : {std::string(), std::string("aa"), tricky, std::string(300, 'a')}) {
    const std::string key = lane_entry_key({0, other}, Offset(7));
    const std::string prefix = lane_prefix({0, "a"});
    EXPECT_FALSE(key >= prefix && key < prefix_end(prefix)) << other.size();
  }
}

TEST(IndexFormat, TheLongestGroupIsReadAsItWasWritten) {
  const LaneKey lane{0, std::string(kLaneGroupMax, 'g')};
  const auto decoded = decode_lane_entry(lane_entry_key(lane, Offset(1)), encode_runs({queue::Run{Offset(1)}}));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->lane, lane);
}

TEST(IndexFormat, BrokenEntriesAreRefused) {
  const std::string key = lane_entry_key(kLane, Offset(5));
  const std::string value = encode_runs({{Offset(5), 3, Timestamp(100), Timestamp(7), Timestamp(9)}});
  for (std::size_t size = 0; size < key.size(); ++size) EXPECT_FALSE(decode_lane_entry(key.substr(0, size), value));
  for (std::size_t size = 0; size < value.size(); ++size) EXPECT_FALSE(decode_lane_entry(key, value.substr(0, size)));
  // A distance and a count whose sum is beyond 64 bits.
  const std::string overflow("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x00\x00\x00", 15);
  EXPECT_FALSE(decode_lane_entry(key, overflow));
  const std::string delay_key = delay_entry_key(Timestamp(5), Offset(6));
  const std::string delay = encode_delay_value({Timestamp(5), Offset(6), kLane, Timestamp(1), Timestamp(8)});
  for (std::size_t size = 0; size < delay.size(); ++size)
    EXPECT_FALSE(decode_delay_entry(delay_key, delay.substr(0, size)));
  EXPECT_FALSE(decode_delay_entry(delay_key.substr(1), delay));
  EXPECT_FALSE(decode_mark(""));
  EXPECT_FALSE(decode_mark("\x02\x01\x01"));
}

TEST(IndexFormat, DelaysAndMarksAreReadAsTheyWereWritten) {
  const DelayEntry entry{Timestamp(77), Offset(6), kLane, Timestamp(3), Timestamp(800)};
  const auto decoded = decode_delay_entry(delay_entry_key(entry.due, entry.offset), encode_delay_value(entry));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->due, entry.due);
  EXPECT_EQ(decoded->offset, entry.offset);
  EXPECT_EQ(decoded->lane, entry.lane);
  EXPECT_EQ(decoded->sent, entry.sent);
  EXPECT_EQ(decoded->expires, entry.expires);
  const auto mark = decode_mark(encode_mark({Offset(5'000'000'000), 8}));
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->covered, Offset(5'000'000'000));
  EXPECT_EQ(mark->rewinds, 8U);
}

}  // namespace
}  // namespace leat::queue
