// A partition's segments over time: deleting records, retention, compaction and truncation.
#include <gmock/gmock.h>

#include "tests/log/node.h"
#include "tests/runtime/homes.h"

namespace leat::log::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Not;
using ::testing::SizeIs;

LEAT_LOG_TEST(DeleteRecords, FreesSegmentsAndIsDurableAcrossRestarts, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 50));
  EXPECT_TRUE(co_await m.log().delete_records(Offset(25)));
  EXPECT_EQ(m.log().log_start(), Offset(25));
  EXPECT_THAT(m.node.names(), Not(Contains(segment_name(Offset(0), 1) + ".log")));
  EXPECT_THAT(m.node.names(), Not(Contains(segment_name(Offset(0), 1) + ".idx")));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(25))), SizeIs(25));
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_start(), Offset(25)) << "after a kill";
  EXPECT_TRUE(co_await m.log().delete_records(Offset(26)));
  EXPECT_TRUE(co_await m.log().delete_records(Offset(10))) << "nothing is left to do";
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_start(), Offset(26)) << "after a clean stop";
  EXPECT_EQ(code_of(co_await m.log().delete_records(Offset(51))), Errc::offset_out_of_range);
  EXPECT_EQ(code_of(co_await m.log().delete_records(Offset(-1))), Errc::offset_out_of_range);
  EXPECT_TRUE(co_await m.log().delete_records(Offset(50))) << "everything";
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(50))), SizeIs(0));
  EXPECT_EQ(append(m.log(), batch_of("next"))->base, Offset(50));
}

LEAT_LOG_TEST(DeleteRecords, OfWhatIsNotFlushedYetFlushesItFirst, m.config().flush = FlushPolicy::os) {
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(append(m.log(), batch_of("k")));
  EXPECT_TRUE(co_await m.log().delete_records(Offset(4)));
  EXPECT_GE(m.log().flushed(), Offset(4)) << "a log must not end below its start";
}

LEAT_LOG_TEST(DeleteRecords, KeepsTheEpochInForceAtTheStart, {}) {
  for (int epoch = 0; epoch < 3; ++epoch) {
    EXPECT_TRUE(co_await fill(m.log(), "k", 10));
    EXPECT_TRUE(co_await m.node.stop());
    EXPECT_TRUE(co_await m.node.start());
  }
  EXPECT_TRUE(co_await m.log().delete_records(Offset(15)));
  EXPECT_EQ(m.log().epoch_at(Offset(15)), LeaderEpoch(1));
  EXPECT_EQ(m.log().epoch_at(Offset(25)), LeaderEpoch(2));
}

LEAT_LOG_TEST(DeleteRecords, LetsAReaderFinishWithAFileThatGoes, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 50));
  const auto slice = co_await m.log().read(Offset(0), {});
  EXPECT_TRUE(co_await m.log().delete_records(Offset(50)));
  Bytes bytes = Bytes::uninitialized(static_cast<std::size_t>(slice->range.length));
  EXPECT_EQ(slice->range.file->read_at(bytes.mutable_view(), slice->range.offset).value(), bytes.size());
  EXPECT_TRUE(
      batch_crc_matches(bytes.view().first(decode_batch_header(bytes)->total_size()), *decode_batch_header(bytes)));
}

LEAT_LOG_TEST(Retention, BySizeKeepsAtLeastTheLimit, m.config().retention_bytes = 3000) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 100));
  const std::uint64_t segment = m.log().segments().front()->size;
  co_await runtime::sleep_for(11s);
  EXPECT_GE(m.log().size_bytes(), 3000U);
  EXPECT_LT(m.log().size_bytes(), 3000U + segment + 1000);
  EXPECT_GT(m.log().log_start(), Offset(50));
  EXPECT_EQ(m.log().segments().front()->base, m.log().log_start());
  EXPECT_THAT(keys_of(co_await consume(m.log(), m.log().log_start())),
              SizeIs(static_cast<std::size_t>(100 - m.log().log_start().value())));
}

LEAT_LOG_TEST(Retention, ByTimeFreesWhatIsOlderTheActiveSegmentToo, m.config().retention_ms = 60'000) {
  const std::int64_t now = m.world.wall_now().value();
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(append(m.log(), batch_of("old", 1, 20, now - 61'000)));
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(append(m.log(), batch_of("new", 1, 20, now)));
  EXPECT_TRUE(co_await m.log().flush());
  co_await runtime::sleep_for(15s);
  EXPECT_THAT(m.log().log_start().value(), AllOf(Ge(20), ::testing::Le(30)));
  co_await runtime::sleep_for(100s);
  EXPECT_EQ(m.log().log_start(), Offset(60)) << "the active segment was rolled and freed";
  EXPECT_EQ(m.log().segment_count(), 1U);
  EXPECT_EQ(append(m.log(), batch_of("next", 1, 20, now))->base, Offset(60));
}

LEAT_LOG_TEST(Retention, ByTimeCountsFromTheSegmentWhereRecordsHaveNoTimestamp, m.config().retention_ms = 60'000) {
  EXPECT_TRUE(append(m.log(), build({{kNoTimestamp, "none", "v", {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(append(m.log(), batch_of("k", 1, 20, m.world.wall_now().value())));
    EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  }
  EXPECT_TRUE(co_await m.log().flush());
  co_await runtime::sleep_for(std::chrono::hours(24));
  EXPECT_EQ(m.log().segment_count(), 1U) << "all are a day old and the retention is a minute";
}

LEAT_LOG_TEST(Retention, DoesNothingWithoutTheDeletePolicy,
              (m.config().retention_bytes = 1, m.config().delete_old = false)) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 100));
  co_await runtime::sleep_for(60s);
  EXPECT_EQ(m.log().log_start(), Offset(0));
}

// ---- Compaction ----

#define LEAT_COMPACTION_TEST(name) \
  LEAT_LOG_TEST(Compactor, name, (m.config().compact = true, m.config().delete_old = false))

Task<Status> fill_keys(Partition& log, int count, int keys, int from = 0) {
  for (int i = from; i < from + count; ++i)
    LEAT_CO_CHECK(append(log, build({{Timestamp(1000 + i), fmt::format("k{}", i % keys), fmt::format("v{}", i), {}}})));
  co_return co_await log.wait_committed(log.log_end(), MonoTime::max());
}

// The latest value of each key; fails on an offset whose record is not the one that was appended there.
std::map<std::string, std::string> latest_of(const Result<std::vector<Stored>>& found, int keys) {
  std::map<std::string, std::string> latest;
  if (!found) {
    ADD_FAILURE() << found.error().message;
    return latest;
  }
  for (const Stored& stored : *found) {
    const auto offset = stored.offset.value();
    EXPECT_EQ(stored.record.key, fmt::format("k{}", offset % keys));
    EXPECT_EQ(stored.record.value, fmt::format("v{}", offset)) << "offsets are stable";
    latest[*stored.record.key] = *stored.record.value;
  }
  return latest;
}

LEAT_COMPACTION_TEST(KeepsTheLatestRecordOfEachKeyAtItsOffset) {
  EXPECT_TRUE(co_await fill_keys(m.log(), 205, 10));
  const std::uint64_t before = m.log().size_bytes();
  co_await runtime::sleep_for(11s);
  EXPECT_LT(m.log().size_bytes(), before / 4);
  EXPECT_EQ(m.log().log_end(), Offset(205));
  EXPECT_EQ(m.log().log_start(), Offset(0));
  const auto found = co_await consume(m.log(), Offset(0));
  const auto latest = latest_of(found, 10);
  EXPECT_THAT(latest, SizeIs(10));
  for (int k = 0; k < 10; ++k)
    EXPECT_EQ(latest.at(fmt::format("k{}", k)), fmt::format("v{}", k < 5 ? 200 + k : 190 + k));
  EXPECT_LT(found->size(), 30U);
  for (int from = 0; from <= 205; ++from) {
    const auto later = co_await consume(m.log(), Offset(from));
    CO_REQUIRE(later);
    for (const Stored& stored : *later) EXPECT_GE(stored.offset, Offset(from));
    EXPECT_THAT(latest_of(later, 10), SizeIs(static_cast<std::size_t>(std::min(10, 205 - from)))) << from;
  }
}

LEAT_COMPACTION_TEST(GoesOnAfterRestartsAndWithWhatIsAppended) {
  for (int round = 0; round < 6; ++round) {
    EXPECT_TRUE(co_await fill_keys(m.log(), 100, 7, round * 100));
    co_await runtime::sleep_for(11s);
    if (round % 2 == 0) {
      co_await m.node.kill();
    } else {
      EXPECT_TRUE(co_await m.node.stop());
    }
    EXPECT_TRUE(co_await m.node.start());
    EXPECT_FALSE(m.log().offline());
    const auto latest = latest_of(co_await consume(m.log(), Offset(0)), 7);
    EXPECT_THAT(latest, SizeIs(7));
    for (const auto& [key, value] : latest) EXPECT_GE(value.size(), 2U);
    EXPECT_EQ(latest.at(fmt::format("k{}", (round * 100 + 99) % 7)), fmt::format("v{}", round * 100 + 99));
  }
  EXPECT_TRUE(co_await fill_keys(m.log(), 100, 7, 600));
  co_await runtime::sleep_for(21s);
  EXPECT_LT(m.log().segment_count(), 14U) << "small neighbours were merged";
}

LEAT_LOG_TEST(Compactor, FindsEveryKeyAlsoWhenAPassHadNoRoomForAllAndARestartFollowed,
              (m.config().compact = true, m.config().delete_old = false, m.config().min_cleanable_dirty_ratio = 0,
               m.node.options.compaction_keys_max = 7)) {
  EXPECT_TRUE(co_await fill_keys(m.log(), 90, 30));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  for (int round = 0; round < 20; ++round) {
    co_await runtime::sleep_for(11s);
    if (round % 2 == 0) {
      co_await m.node.kill();
    } else {
      EXPECT_TRUE(co_await m.node.stop());
    }
    EXPECT_TRUE(co_await m.node.start());
  }
  const auto found = co_await consume(m.log(), Offset(0));
  EXPECT_THAT(latest_of(found, 30), SizeIs(30));
  EXPECT_THAT(*found, SizeIs(30)) << "no value that was replaced is left";
}

// A batch with one record, as the next of an idempotent producer.
Bytes sequenced(std::int32_t sequence, std::string_view key) {
  BatchBuilder builder;
  builder.set_producer(ProducerId(5), ProducerEpoch(0), sequence);
  builder.add({Timestamp(1'700'000'000'000), as_bytes(key), as_bytes("v"), {}});
  return builder.build().value();
}

// One flipped bit in the key of a sealed record must not cost another key's sound record, nor get a checksum of its own.
LEAT_COMPACTION_TEST(DoesNotActOnADamagedBatch) {
  EXPECT_TRUE(append(m.log(), build({{Timestamp(1), "k1", "the last value of k1", {}}})));
  EXPECT_TRUE(append(m.log(), build({{Timestamp(2), "k0", "older", {}}, {Timestamp(2), "k2", "other", {}}})));
  EXPECT_TRUE(append(m.log(), build({{Timestamp(3), "k2", "newer", {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  EXPECT_TRUE(co_await m.log().flush());
  co_await runtime::sleep_for(100ms);
  // Bit 0 of the second byte of the key "k0" in the batch at offset 1: it reads "k1" now.
  const std::string path = m.node.segment_path(0);
  Bytes bytes = Bytes::uninitialized(400);
  const auto got = m.world.files().open(path, runtime::OpenMode::read).value()->read_at(bytes.mutable_view(), 0);
  CO_REQUIRE(got);
  const std::size_t at = as_text(bytes.view().first(*got)).find("k0") + 1;
  EXPECT_TRUE(m.world.files().corrupt(path, at));
  EXPECT_FALSE(co_await consume(m.log(), Offset(0))) << "a consumer notices before compaction";
  co_await runtime::sleep_for(21s);
  const auto found = co_await consume(m.log(), Offset(0));
  // Either is fine: the damage still shows, or what was sound is all there.
  if (found) {
    EXPECT_THAT(offsets_of(found), ::testing::Contains(0)) << "the sound, latest record of k1 is gone";
    for (const Stored& stored : *found)
      EXPECT_FALSE(stored.offset == Offset(1) && stored.record.key == "k1") << "the damage has a right checksum now";
  }
}

LEAT_COMPACTION_TEST(KeepsTheLastSequenceOfAProducerWhoseRecordsAllWent) {
  EXPECT_TRUE(append(m.log(), sequenced(0, "a")));
  EXPECT_TRUE(append(m.log(), sequenced(1, "b")));
  for (const char* key : {"a", "b"}) EXPECT_TRUE(append(m.log(), build({{Timestamp(2), key, "new", {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(11s);
  EXPECT_THAT(offsets_of(co_await consume(m.log(), Offset(0))), ElementsAre(2, 3));
  std::vector<std::int32_t> sequences;
  EXPECT_TRUE(co_await m.log().visit_headers(Offset(0), [&](const BatchHeader& header) {
    if (header.is_idempotent()) sequences.push_back(header.base_sequence);
  }));
  EXPECT_THAT(sequences, ElementsAre(1));
}

LEAT_COMPACTION_TEST(OfTheSegmentThatHoldsTheHighWatermarkLeavesItReadable) {
  EXPECT_TRUE(co_await fill_keys(m.log(), 8, 2));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));  // the active segment is empty: readers wait in the sealed one
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(8));
  co_await runtime::sleep_for(11s);
  EXPECT_EQ(m.node.store->stats().compacted_segments.value(), 1U);
  EXPECT_THAT(offsets_of(co_await consume(m.log(), Offset(0))), ElementsAre(6, 7));
  EXPECT_THAT(offsets_of(co_await consume(m.log(), Offset(7))), ElementsAre(7));
  EXPECT_EQ((co_await m.log().read(Offset(8), {}))->range.length, 0U);
}

LEAT_COMPACTION_TEST(RemovesATombstoneAfterItsTime) {
  LogConfig config = m.config();
  config.delete_retention_ms = 30'000;
  config.min_cleanable_dirty_ratio = 0;
  m.log().reconfigure(config);
  EXPECT_TRUE(append(m.log(), build({{Timestamp(1), "gone", "v", {}}})));
  EXPECT_TRUE(append(m.log(), build({{Timestamp(2), "gone", std::nullopt, {}}})));
  EXPECT_TRUE(append(m.log(), build({{Timestamp(3), "stays", "v", {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(11s);
  EXPECT_THAT(offsets_of(co_await consume(m.log(), Offset(0))), ElementsAre(1, 2))
      << "readers are to see the tombstone";
  co_await runtime::sleep_for(60s);
  EXPECT_TRUE(append(m.log(), build({{Timestamp(4), "other", "v", {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(11s);
  EXPECT_THAT(offsets_of(co_await consume(m.log(), Offset(0))), ElementsAre(2, 3));
}

LEAT_COMPACTION_TEST(OfASegmentWithNothingButATombstoneStartsItsTime) {
  LogConfig config = m.config();
  config.delete_retention_ms = 30'000;
  config.min_cleanable_dirty_ratio = 0;
  m.log().reconfigure(config);
  EXPECT_TRUE(append(m.log(), build({{Timestamp(2), "gone", std::nullopt, {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(70s);
  EXPECT_TRUE(append(m.log(), build({{Timestamp(4), "other", "v", {}}})));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(11s);
  EXPECT_THAT(offsets_of(co_await consume(m.log(), Offset(0))), ElementsAre(1));
}

LEAT_COMPACTION_TEST(ReadsAndTimesGoOnWhileItRuns) {
  m.faults().cached_chance = 0.3;
  EXPECT_TRUE(co_await fill_keys(m.log(), 400, 5));
  const MonoTime until = m.world.now() + 12s;
  while (m.world.now() < until) {
    const auto latest = latest_of(co_await consume(m.log(), Offset(0), 300), 5);
    EXPECT_EQ(latest.at("k4"), "v399");
    const auto largest = co_await m.log().find_max_time();
    CO_REQUIRE(largest && *largest);
    EXPECT_EQ((*largest)->offset, Offset(399));
    const auto time = co_await m.log().find_time(Timestamp(1396));
    CO_REQUIRE(time && *time);
    EXPECT_EQ((*time)->offset, Offset(396));
    int headers = 0;
    EXPECT_TRUE(co_await m.log().visit_headers(Offset(0), [&](const BatchHeader&) { ++headers; }));
    EXPECT_GE(headers, 5);
    const bool soon = m.world.now() > until - 3s;
    co_await runtime::sleep_for(soon ? Duration(100us) : Duration(100ms));
  }
  EXPECT_GT(m.node.store->stats().compacted_segments.value(), 10U);
}

LEAT_COMPACTION_TEST(LeavesNothingBehindWhenItStopsInTheMiddle) {
  m.faults().sync_latency = {2ms, 5ms};
  EXPECT_TRUE(co_await fill_keys(m.log(), 400, 50));
  for (int i = 0; i < 8; ++i) {
    co_await runtime::sleep_for(i == 0 ? Duration(m.node.options.maintenance_interval) : Duration(0s));
    co_await runtime::sleep_for(Milliseconds(3 * i));
    co_await m.node.kill();
    EXPECT_TRUE(co_await m.node.start());
    EXPECT_FALSE(m.log().offline());
    EXPECT_THAT(latest_of(co_await consume(m.log(), Offset(0)), 50), SizeIs(50));
    co_await runtime::sleep_for(m.node.options.maintenance_interval - 5ms);
  }
  co_await runtime::sleep_for(60s);
  std::size_t logs = 0;
  for (const std::string& name : m.node.names()) logs += name.ends_with(".log") ? 1 : 0;
  EXPECT_EQ(logs, m.log().segment_count());
}

// ---- Truncation ----

LEAT_LOG_TEST(Truncate, CutsEverySegmentAboveAndAppendsGoOnThere, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 95));
  EXPECT_TRUE(co_await m.log().truncate(Offset(34)));
  EXPECT_EQ(m.log().log_end(), Offset(34));
  EXPECT_EQ(m.log().high_watermark(), Offset(34));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(30))), ElementsAre("k-30", "k-31", "k-32", "k-33"));
  EXPECT_EQ(append(m.log(), batch_of("again"))->base, Offset(34));
  EXPECT_TRUE(co_await fill(m.log(), "n", 60));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(33))), SizeIs(62));
  for (int restart = 0; restart < 2; ++restart) {
    if (restart == 0) co_await m.node.kill();
    if (restart == 1) EXPECT_TRUE(co_await m.node.stop());
    EXPECT_TRUE(co_await m.node.start());
    EXPECT_FALSE(m.log().offline());
    const auto keys = keys_of(co_await consume(m.log(), Offset(0)));
    CO_REQUIRE(keys.size() == 95);
    EXPECT_EQ(keys[33], "k-33");
    EXPECT_EQ(keys[34], "again");
    EXPECT_EQ(keys[35], "n-0");
  }
}

LEAT_LOG_TEST(Truncate, ToASegmentBorderToTheStartAndToTheEnd, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 50));
  const Offset border = m.log().segments()[2]->base;
  EXPECT_TRUE(co_await m.log().truncate(Offset(50))) << "nothing to do";
  EXPECT_TRUE(co_await m.log().truncate(border));
  EXPECT_EQ(m.log().log_end(), border);
  EXPECT_EQ(append(m.log(), batch_of("x"))->base, border);
  EXPECT_TRUE(co_await m.log().truncate(Offset(0)));
  EXPECT_EQ(append(m.log(), batch_of("y"))->base, Offset(0));
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), ElementsAre("y"));
  EXPECT_EQ(code_of(co_await m.log().truncate(Offset(2))), Errc::offset_out_of_range);
}

LEAT_LOG_TEST(Truncate, RemovesTheWholeBatchAndItsEpoch, {}) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 5));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_TRUE(co_await append_committed(m.log(), batch_of("b", 5)));
  EXPECT_EQ(m.log().epoch_at(Offset(5)), LeaderEpoch(1));
  EXPECT_TRUE(co_await m.log().truncate(Offset(8)));
  EXPECT_EQ(m.log().log_end(), Offset(5));
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(0)), std::pair(LeaderEpoch(0), Offset(5)));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().log_end(), Offset(5));
  EXPECT_EQ(m.log().end_of_epoch(LeaderEpoch(1)), std::pair(LeaderEpoch(0), Offset(5)));
}

LEAT_LOG_TEST(Truncate, IntoACompactedSegmentSurvivesAKill,
              (m.config().compact = true, m.config().delete_old = false)) {
  EXPECT_TRUE(co_await fill_keys(m.log(), 105, 10));
  co_await runtime::sleep_for(11s);
  EXPECT_TRUE(co_await m.log().truncate(Offset(97)));
  EXPECT_TRUE(co_await fill_keys(m.log(), 20, 10, 97));
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_FALSE(m.log().offline());
  EXPECT_EQ(m.log().log_end(), Offset(117));
  const auto latest = latest_of(co_await consume(m.log(), Offset(0)), 10);
  EXPECT_THAT(latest, SizeIs(10));
  EXPECT_EQ(latest.at("k6"), "v116");
}

Task<> cut_until_off(Machine& m, std::uint64_t operations) {
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_TRUE(co_await fill(m.log(), "k", 45));
  co_await runtime::sleep_for(1s);
  m.world.files().power_off_after(operations);
  (void)co_await m.log().truncate(Offset(23));
  co_await m.node.kill();
}

Task<> find_end(Machine& m, std::int64_t& end) {
  EXPECT_TRUE(co_await m.node.start());
  CO_REQUIRE(!m.log().offline());
  end = m.log().log_end().value();
  const auto keys = keys_of(co_await consume(m.log(), Offset(0)));
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(end));
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(keys[i], fmt::format("k-{}", i));
  EXPECT_TRUE(co_await fill(m.log(), "n", 30));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(end))), SizeIs(30));
  EXPECT_TRUE(co_await m.node.stop());
}

// It ends at the old end, at the new one, or in between when segments went one after the other.
// What an operator greps for, and what the folder is called.
TEST(Partition, IsCalledByItsTopicAndItsFolder) {
  LogConfig config;
  config.topic_name = "orders";
  const TopicPartition id{TopicId(), PartitionIndex(3)};
  EXPECT_EQ(label_of(id, config), fmt::format("orders-3 ({})", id.topic));
}

TEST(Truncate, LosesNothingBelowWhenThePowerGoes) {
  std::map<std::int64_t, int> ends;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Machine m(seed);
    m.config().segment_bytes = 1000;
    m.config().retention_ms = -1;
    m.world.run([&] { return cut_until_off(m, seed % 40); });
    Machine after(seed, m.world.files().crash(seed));
    after.config() = m.config();
    std::int64_t end = -1;
    after.world.run([&] { return find_end(after, end); });
    EXPECT_GE(end, 23);
    EXPECT_LE(end, 45);
    ++ends[end];
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(ends[45], 10);
  EXPECT_GT(ends[23], 10);
}

}  // namespace
}  // namespace leat::log::testing
