#include "log/compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/log/batch_support.h"

namespace leat::log {
namespace {

using namespace leat::log::testing;
using ::testing::ElementsAre;

constexpr std::size_t kPlainMax = std::size_t{1} << 20;
constexpr std::int64_t kRetention = 1000;
using Outcome = CompactedBatch::Outcome;

struct Shape {
  Codec codec = Codec::none;
  TimestampType type = TimestampType::create_time;
  std::int16_t bits = 0;
};

Bytes batch_at(std::int64_t base, const std::vector<TestRecord>& records, Shape shape = {}) {
  BatchBuilder builder(shape.codec, shape.type);
  builder.set_base_offset(Offset(base));
  builder.set_leader_epoch(LeaderEpoch(7));
  builder.set_producer(ProducerId(5), ProducerEpoch(2), static_cast<std::int32_t>(base));
  builder.set_attributes(shape.bits);
  for (const TestRecord& record : records) builder.add(new_record(record));
  return builder.build().value();
}

TestRecord value(std::string key, std::string text, std::int64_t time = 50) {
  return {Timestamp(time), std::move(key), std::move(text), {{"h", "x"}}};
}
TestRecord tombstone(std::string key, std::int64_t time = 50) { return {Timestamp(time), std::move(key), {}, {}}; }

BatchSource source_of(const std::vector<Bytes>& log) {
  return [&log, next = std::size_t{0}]() mutable -> Result<std::optional<BytesView>> {
    if (next == log.size()) return std::nullopt;
    return log[next++].view();
  };
}

template <class... Batches>
std::vector<Bytes> make_log(Batches... batches) {
  std::vector<Bytes> log;
  (log.push_back(std::move(batches)), ...);
  return log;
}

CompactionRules rules_at(std::int64_t clean_end, std::int64_t now = 10'000) {
  return {Offset(clean_end), Timestamp(now), kRetention, kPlainMax};
}

std::vector<std::int64_t> offsets_in(BytesView batch) {
  std::vector<std::int64_t> offsets;
  for (const auto& [offset, record] : read_all(batch).value()) offsets.push_back(offset.value());
  return offsets;
}

TEST(KeyOffsets, RemembersTheLatestOfEveryKeyWhileItGrows) {
  KeyOffsets keys(100'000, 42);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 100'000; ++i)
      ASSERT_TRUE(keys.put(as_bytes(fmt::format("key-{}", i)), Offset(round * 100'000 + i)));
  EXPECT_EQ(keys.size(), 100'000U);
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(keys.latest(as_bytes(fmt::format("key-{}", i))), Offset(100'000 + i));
  EXPECT_EQ(keys.latest(as_bytes("other")), std::nullopt);
  EXPECT_FALSE(keys.put(as_bytes("other"), Offset(1))) << "full";
  EXPECT_EQ(keys.latest(as_bytes("other")), std::nullopt);
  EXPECT_TRUE(keys.put(as_bytes("key-7"), Offset(500'000))) << "a known key needs no room";
  EXPECT_TRUE(keys.put(as_bytes("key-7"), Offset(3)));
  EXPECT_EQ(keys.latest(as_bytes("key-7")), Offset(500'000)) << "the latest stays";
}

TEST(KeyOffsets, HasRoomForExactlyWhatItPromises) {
  for (const std::size_t keys_max : {0, 1, 2, 3, 10, 767, 768, 769, 1023, 1024, 1025, 5000}) {
    KeyOffsets keys(keys_max, 1);
    for (std::size_t i = 0; i < keys_max; ++i)
      ASSERT_TRUE(keys.put(as_bytes(std::to_string(i)), Offset(0))) << keys_max;
    EXPECT_FALSE(keys.put(as_bytes("more"), Offset(0))) << keys_max;
    EXPECT_EQ(keys.latest(as_bytes("more")), std::nullopt);
  }
}

TEST(KeyOffsets, TakesTheEmptyKeyAsAKey) {
  KeyOffsets keys(2, 1);
  ASSERT_TRUE(keys.put({}, Offset(4)));
  EXPECT_EQ(keys.latest(as_bytes("")), Offset(4));
}

TEST(MapKeys, StopsAtTheFirstKeyWithoutRoomAndGoesOnFromThere) {
  const auto log = make_log(batch_at(0, {value("a", "1"), value("b", "1"), value("a", "2")}),
                            batch_at(3, {value("b", "2"), value("c", "1"), value("a", "3")}));
  KeyOffsets first(2, 1);
  EXPECT_EQ(map_keys(source_of(log), Offset(0), Offset(6), kPlainMax, first).value(), Offset(4));
  EXPECT_EQ(first.latest(as_bytes("a")), Offset(2));
  EXPECT_EQ(first.latest(as_bytes("b")), Offset(3));
  KeyOffsets second(2, 1);
  EXPECT_EQ(map_keys(source_of(log), Offset(4), Offset(6), kPlainMax, second).value(), Offset(6));
  EXPECT_EQ(second.latest(as_bytes("a")), Offset(5));
  EXPECT_EQ(second.latest(as_bytes("b")), std::nullopt) << "before where the pass began";
}

TEST(MapKeys, PassesOverWhatLiesAtOrAboveTheEnd) {
  const auto log = make_log(batch_at(0, {value("a", "1"), value("a", "2")}), batch_at(2, {value("a", "3")}));
  KeyOffsets keys(10, 1);
  EXPECT_EQ(map_keys(source_of(log), Offset(0), Offset(1), kPlainMax, keys).value(), Offset(1));
  EXPECT_EQ(keys.latest(as_bytes("a")), Offset(0));
}

TEST(MapKeys, FailsWhenABatchCannotBeRead) {
  auto log = make_log(batch_at(0, {value("a", std::string(100, 'x'))}, {.codec = Codec::zstd}));
  KeyOffsets keys(10, 1);
  EXPECT_EQ(map_keys(source_of(log), Offset(0), Offset(1), 10, keys).error().code, Errc::too_large);
  log[0].data()[kBatchHeaderSize] = std::byte{0};
  EXPECT_EQ(map_keys(source_of(log), Offset(0), Offset(1), kPlainMax, keys).error().code, Errc::corrupt_message);
  const BatchSource broken = []() -> Result<std::optional<BytesView>> { return fail(Errc::io, "no disk"); };
  EXPECT_EQ(map_keys(broken, Offset(0), Offset(1), kPlainMax, keys).error().code, Errc::io);
}

TEST(CompactBatch, LeavesABatchAloneWhenNothingInItChanges) {
  const Bytes batch = batch_at(0, {value("a", "1"), value("b", "1")});
  KeyOffsets keys(10, 1);
  ASSERT_TRUE(keys.put(as_bytes("a"), Offset(0)));
  const auto result = compact_batch(batch, keys, rules_at(2)).value();
  EXPECT_EQ(result.outcome, Outcome::unchanged) << "a is the latest, b is not in the map";
  EXPECT_TRUE(result.bytes.empty());
  ASSERT_TRUE(keys.put(as_bytes("a"), Offset(9)));
  EXPECT_EQ(compact_batch(batch, keys, rules_at(0)).value().outcome, Outcome::unchanged) << "above the clean end";
}

TEST(CompactBatch, RemovesSupersededRecordsAndKeepsAllElse) {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const std::vector<TestRecord> records = {value("a", "1", 100), value("b", "1", 300), value("c", "1", 200)};
    const Bytes batch = batch_at(40, records, {.codec = codec});
    KeyOffsets keys(10, 1);
    ASSERT_TRUE(keys.put(as_bytes("b"), Offset(77)));
    const auto result = compact_batch(batch, keys, rules_at(100)).value();
    ASSERT_EQ(result.outcome, Outcome::rewritten);
    EXPECT_EQ(result.records_removed, 1);
    EXPECT_THAT(read_all(result.bytes).value(),
                ElementsAre(std::pair(Offset(40), records[0]), std::pair(Offset(42), records[2])));
    const BatchHeader before = decode_batch_header(batch).value();
    const BatchHeader after = decode_batch_header(result.bytes).value();
    EXPECT_TRUE(batch_crc_matches(result.bytes, after));
    EXPECT_EQ(after.base_offset, before.base_offset);
    EXPECT_EQ(after.last_offset(), before.last_offset());
    EXPECT_EQ(after.leader_epoch, before.leader_epoch);
    EXPECT_EQ(after.producer_id, before.producer_id);
    EXPECT_EQ(after.producer_epoch, before.producer_epoch);
    EXPECT_EQ(after.base_sequence, before.base_sequence);
    EXPECT_EQ(after.last_sequence(), before.last_sequence());
    EXPECT_EQ(after.attributes, before.attributes);
    EXPECT_EQ(after.base_timestamp, before.base_timestamp);
    EXPECT_EQ(after.max_timestamp, Timestamp(200));
  }
}

TEST(CompactBatch, KeepsTheAppendTime) {
  Bytes batch = batch_at(0, {value("a", "1", 1), value("b", "1", 2)}, {.type = TimestampType::append_time});
  batch = with_field(batch, 35, std::int64_t{5000});
  KeyOffsets keys(10, 1);
  ASSERT_TRUE(keys.put(as_bytes("b"), Offset(9)));
  const auto result = compact_batch(batch, keys, rules_at(10)).value();
  ASSERT_EQ(result.outcome, Outcome::rewritten);
  EXPECT_EQ(decode_batch_header(result.bytes).value().timestamp_type(), TimestampType::append_time);
  EXPECT_THAT(read_all(result.bytes).value(), ElementsAre(std::pair(Offset(0), value("a", "1", 5000))));
}

TEST(CompactBatch, DropsABatchOfWhichNothingIsLeft) {
  const Bytes batch = batch_at(3, {value("a", "1"), value("a", "2")}, {.codec = Codec::lz4});
  KeyOffsets keys(10, 1);
  ASSERT_TRUE(keys.put(as_bytes("a"), Offset(9)));
  const auto result = compact_batch(batch, keys, rules_at(10)).value();
  EXPECT_EQ(result.outcome, Outcome::dropped);
  EXPECT_EQ(result.records_removed, 2);

  const BatchHeader before = decode_batch_header(batch).value();
  const Bytes empty = empty_batch(before).value();
  const BatchHeader after = decode_batch_header(empty).value();
  EXPECT_EQ(empty.size(), kBatchHeaderSize);
  EXPECT_TRUE(batch_crc_matches(empty, after));
  EXPECT_EQ(after.next_offset(), Offset(5));
  EXPECT_EQ(after.producer_id, before.producer_id);
  EXPECT_EQ(after.last_sequence(), before.last_sequence());
  EXPECT_EQ(after.max_timestamp, before.max_timestamp);
  EXPECT_EQ(compact_batch(empty, keys, rules_at(10)).value().outcome, Outcome::dropped);
  EXPECT_EQ(compact_batch(empty, keys, rules_at(4)).value().outcome, Outcome::unchanged);
}

TEST(CompactBatch, KeepsWhatLiesAboveTheCleanEndOfABatch) {
  const Bytes batch = batch_at(0, {value("a", "1"), tombstone("b"), value("a", "2"), value("a", "3")});
  KeyOffsets keys(10, 1);
  ASSERT_TRUE(keys.put(as_bytes("a"), Offset(9)));
  const auto result = compact_batch(batch, keys, rules_at(2)).value();
  ASSERT_EQ(result.outcome, Outcome::rewritten);
  EXPECT_THAT(offsets_in(result.bytes), ElementsAre(1, 2, 3));
  EXPECT_FALSE(decode_batch_header(result.bytes).value().has_delete_horizon()) << "not all of it is clean";
}

TEST(CompactBatch, RemovesRecordsWithoutKeys) {
  const Bytes batch = batch_at(0, {{Timestamp(1), std::nullopt, "v", {}}, value("a", "1")});
  const auto result = compact_batch(batch, KeyOffsets(1, 1), rules_at(2)).value();
  ASSERT_EQ(result.outcome, Outcome::rewritten);
  EXPECT_THAT(offsets_in(result.bytes), ElementsAre(1));
}

TEST(CompactBatch, TombstonesStayForTheirTimeAndThenGo) {
  for (const TimestampType type : {TimestampType::create_time, TimestampType::append_time}) {
    Bytes batch = batch_at(0, {tombstone("a", 20), value("b", "1", 30)}, {.type = type});
    const KeyOffsets keys(1, 1);
    const auto first = compact_batch(batch, keys, rules_at(2, 10'000)).value();
    ASSERT_EQ(first.outcome, Outcome::rewritten);
    EXPECT_EQ(first.records_removed, 0);
    const BatchHeader header = decode_batch_header(first.bytes).value();
    EXPECT_TRUE(header.has_delete_horizon());
    EXPECT_EQ(header.base_timestamp, Timestamp(10'000 + kRetention));
    EXPECT_EQ(header.max_timestamp, Timestamp(30));
    EXPECT_EQ(read_all(first.bytes).value(), read_all(batch).value()) << "the records are what they were";

    const auto soon = compact_batch(first.bytes, keys, rules_at(2, 10'000 + kRetention - 1)).value();
    EXPECT_EQ(soon.outcome, Outcome::unchanged) << "the horizon is set once";
    const auto then = compact_batch(first.bytes, keys, rules_at(2, 10'000 + kRetention)).value();
    ASSERT_EQ(then.outcome, Outcome::rewritten);
    EXPECT_THAT(offsets_in(then.bytes), ElementsAre(1));
    EXPECT_EQ(read_all(then.bytes).value()[0].second.timestamp, read_all(batch).value()[1].second.timestamp);
  }
}

TEST(CompactBatch, RetentionWithoutEndKeepsTombstones) {
  const Bytes batch = batch_at(0, {tombstone("a", -1)});
  CompactionRules rules = rules_at(1);
  rules.delete_retention_ms = INT64_MAX;
  const auto first = compact_batch(batch, KeyOffsets(1, 1), rules).value();
  ASSERT_EQ(first.outcome, Outcome::rewritten);
  EXPECT_EQ(decode_batch_header(first.bytes).value().base_timestamp, Timestamp(INT64_MAX));
  EXPECT_EQ(read_all(first.bytes).value(), read_all(batch).value());
  EXPECT_EQ(compact_batch(first.bytes, KeyOffsets(1, 1), rules_at(1, INT64_MAX - 1)).value().outcome,
            Outcome::unchanged);
}

TEST(CompactBatch, SetsNoHorizonThatWouldMakeABatchUnreadable) {
  std::vector<TestRecord> records;
  for (int i = 0; i < 100; ++i) records.push_back(tombstone(fmt::format("{:03}", i), 50));
  const Bytes batch = batch_at(0, records, {.codec = Codec::zstd});
  CompactionRules rules = rules_at(100, 1'700'000'000'000);
  rules.decompressed_size_max = 100 * 11;  // each record has 10 or 11 bytes, and 5 more behind a horizon
  EXPECT_EQ(compact_batch(batch, KeyOffsets(1, 1), rules).value().outcome, Outcome::unchanged);
  KeyOffsets keys(1, 1);
  ASSERT_TRUE(keys.put(as_bytes("000"), Offset(200)));
  const auto result = compact_batch(batch, keys, rules).value();
  ASSERT_EQ(result.outcome, Outcome::rewritten);
  EXPECT_FALSE(decode_batch_header(result.bytes).value().has_delete_horizon());
  EXPECT_TRUE(read_all(result.bytes, rules.decompressed_size_max));
}

TEST(CompactBatch, NeverTouchesControlBatches) {
  const auto log = make_log(batch_at(0, {value("a", "1")}), batch_at(1, {value("a", "marker")}, {.bits = kControlBit}));
  KeyOffsets keys(10, 1);
  ASSERT_EQ(map_keys(source_of(log), Offset(0), Offset(2), kPlainMax, keys).value(), Offset(2));
  EXPECT_EQ(keys.latest(as_bytes("a")), Offset(0)) << "a control record supersedes nothing";
  ASSERT_TRUE(keys.put(as_bytes("a"), Offset(9)));
  EXPECT_EQ(compact_batch(log[1], keys, rules_at(10)).value().outcome, Outcome::unchanged);
}

TEST(CompactBatch, TransactionalRecordsSupersedeNothing) {
  const Shape transactional{.bits = kTransactionalBit};
  const auto log = make_log(batch_at(0, {value("a", "1"), value("b", "1")}),
                            batch_at(2, {value("a", "maybe aborted"), tombstone("b")}, transactional),
                            batch_at(4, {value("b", "2")}));
  KeyOffsets keys(10, 1);
  ASSERT_EQ(map_keys(source_of(log), Offset(0), Offset(5), kPlainMax, keys).value(), Offset(5));
  EXPECT_THAT(offsets_in(compact_batch(log[0], keys, rules_at(5)).value().bytes), ElementsAre(0));
  const auto second = compact_batch(log[1], keys, rules_at(5)).value();
  EXPECT_THAT(offsets_in(second.bytes), ElementsAre(2)) << "b was written again outside the transaction";
  EXPECT_TRUE(decode_batch_header(second.bytes).value().is_transactional());
  const Bytes deletion = batch_at(0, {tombstone("z")}, transactional);
  EXPECT_EQ(compact_batch(deletion, keys, rules_at(5)).value().outcome, Outcome::unchanged) << "no horizon";
}

TEST(CompactBatch, FailsWhenABatchCannotBeRead) {
  Bytes batch = batch_at(0, {value("a", "1")});
  batch.data()[kBatchHeaderSize] = std::byte{0x7F};
  EXPECT_EQ(compact_batch(batch, KeyOffsets(1, 1), rules_at(1)).error().code, Errc::corrupt_message);
}

// A log that is appended to and compacted at random, next to everything that was ever appended to it.
class CompactionModel {
 public:
  explicit CompactionModel(std::uint32_t seed) : random_(seed), keys_(1 + random_.below(30)) {}

  void append() {
    Shape shape{.codec = static_cast<Codec>(random_.below(5))};
    if (random_.below(8) == 0) shape.bits = kControlBit;
    std::vector<TestRecord> records(1 + random_.below(12));
    for (TestRecord& record : records) {
      record = random_.record();
      record.key = fmt::format("key-{}", random_.below(keys_));
      if (random_.below(3) == 0) record.value = std::nullopt;
      if (shape.bits == 0)
        appended_[end_++] = record;
      else
        ++end_;
    }
    log_.push_back(batch_at(end_ - static_cast<std::int64_t>(records.size()), records, shape));
    originals_[decode_batch_header(log_.back()).value().base_offset.value()] = Bytes::copy_of(log_.back());
  }

  void compact() {
    now_ += static_cast<std::int64_t>(random_.below(kRetention));
    const std::int64_t end =
        first_dirty_ + static_cast<std::int64_t>(random_.below(static_cast<std::size_t>(end_ - first_dirty_) + 1));
    KeyOffsets keys(1 + random_.below(keys_ + 5), random_.below(1000));
    const Offset clean_end = map_keys(source_of(log_), Offset(first_dirty_), Offset(end), kPlainMax, keys).value();
    ASSERT_GE(clean_end.value(), first_dirty_);
    ASSERT_LE(clean_end.value(), end);
    ASSERT_TRUE(clean_end.value() > first_dirty_ || end == first_dirty_) << "every pass gets on";
    std::vector<Bytes> next;
    for (Bytes& batch : log_) {
      auto result = compact_batch(batch, keys, rules_at(clean_end.value(), now_)).value();
      if (result.outcome == Outcome::unchanged) next.push_back(std::move(batch));
      if (result.outcome == Outcome::rewritten) next.push_back(std::move(result.bytes));
      if (result.outcome == Outcome::dropped && random_.below(2) == 0)
        next.push_back(empty_batch(decode_batch_header(batch).value()).value());
    }
    log_ = std::move(next);
    first_dirty_ = clean_end.value();
    for (const auto& [base, batch] : originals_)
      if (decode_batch_header(batch).value().last_offset() < clean_end)
        for (const std::int64_t offset : offsets_in(batch)) covered_at_.try_emplace(offset, now_);
  }

  void check() const {
    const auto kept = check_batches();
    std::map<std::string, std::int64_t> latest;        // of everything
    std::map<std::string, std::int64_t> clean_latest;  // of what a pass has covered
    for (const auto& [offset, record] : appended_) {
      latest[*record.key] = offset;
      if (offset < first_dirty_) clean_latest[*record.key] = offset;
    }
    for (const auto& [offset, record] : appended_) {
      const bool is_kept = kept.contains(offset);
      const bool superseded = offset < first_dirty_ && clean_latest.at(*record.key) != offset;
      if (superseded) {
        EXPECT_FALSE(is_kept) << offset;
      } else if (record.value || !covered_at_.contains(offset)) {
        EXPECT_TRUE(is_kept) << offset;
      } else {
        EXPECT_EQ(is_kept, now_ < covered_at_.at(offset) + kRetention) << "tombstone at " << offset;
      }
    }
    EXPECT_EQ(replay(kept), replay(appended_));
  }

 private:
  using Records = std::map<std::int64_t, TestRecord>;

  // Every batch is whole and like its original; returns the data records that are left.
  Records check_batches() const {
    Records kept;
    std::int64_t last = -1;
    std::size_t controls = 0;
    for (const Bytes& batch : log_) {
      const BatchHeader header = decode_batch_header(batch).value();
      const Bytes& original = originals_.at(header.base_offset.value());
      const BatchHeader before = decode_batch_header(original).value();
      EXPECT_TRUE(batch_crc_matches(batch, header));
      EXPECT_GT(header.base_offset.value(), last);
      EXPECT_EQ(header.last_offset(), before.last_offset());
      EXPECT_EQ(header.leader_epoch, before.leader_epoch);
      EXPECT_EQ(header.producer_id, before.producer_id);
      EXPECT_EQ(header.base_sequence, before.base_sequence);
      last = header.last_offset().value();
      if (header.is_control()) {
        ++controls;
        EXPECT_EQ(to_hex(batch), to_hex(original));
        continue;
      }
      Timestamp greatest(INT64_MIN);
      for (const auto& [offset, record] : read_all(batch).value()) {
        EXPECT_TRUE(kept.empty() || kept.rbegin()->first < offset.value()) << "offsets grow";
        EXPECT_EQ(record, appended_.at(offset.value()));
        kept[offset.value()] = record;
        greatest = std::max(greatest, record.timestamp);
      }
      if (header.record_count > 0) EXPECT_EQ(header.max_timestamp, greatest);
      if (header.record_count > 0) EXPECT_EQ(header.codec(), before.codec());
    }
    for (const auto& [base, batch] : originals_)
      if (decode_batch_header(batch).value().is_control()) --controls;
    EXPECT_EQ(controls, 0U) << "no control batch was dropped";
    return kept;
  }

  static std::map<std::string, std::string> replay(const Records& records) {
    std::map<std::string, std::string> state;
    for (const auto& [offset, record] : records) {
      if (record.value)
        state[*record.key] = *record.value;
      else
        state.erase(*record.key);
    }
    return state;
  }

  RandomRecords random_;
  std::size_t keys_;
  std::vector<Bytes> log_;
  std::map<std::int64_t, Bytes> originals_;  // by base offset
  Records appended_;                         // data records by offset
  std::map<std::int64_t, std::int64_t>
      covered_at_;  // when a pass first had the offset's whole batch below its clean end
  std::int64_t end_ = 0;
  std::int64_t first_dirty_ = 0;
  std::int64_t now_ = 100'000;
};

TEST(Compaction, KeepsTheLatestOfEveryKeyInOrderWhateverHappens) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    CompactionModel model(seed);
    for (int round = 0; round < 12; ++round) {
      for (int n = 0; n < 4; ++n) model.append();
      model.compact();
      model.check();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << " round " << round;
    }
  }
}

}  // namespace
}  // namespace leat::log
