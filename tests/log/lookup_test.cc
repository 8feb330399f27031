// Finding records by offset and by time: indexes that are right, missing and wrong, cold reads, and few open files.
#include <gmock/gmock.h>

#include <random>

#include "tests/log/node.h"
#include "tests/runtime/homes.h"

namespace leat::log::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// Every offset is found, by reads that begin there.
Task<> expect_all_found(Partition& log, int count) {
  for (int from = 0; from < count; ++from) {
    const auto slice = co_await log.read(Offset(from), {.bytes_max = 1});
    CO_REQUIRE(slice && slice->range.length > kBatchHeaderSize);
    Bytes bytes = Bytes::uninitialized(static_cast<std::size_t>(slice->range.length));
    CO_REQUIRE(slice->range.file->read_at(bytes.mutable_view(), slice->range.offset));
    const auto header = decode_batch_header(bytes);
    CO_REQUIRE(header);
    EXPECT_LE(header->base_offset, Offset(from));
    EXPECT_GE(header->last_offset(), Offset(from)) << "the batch that holds it comes first";
  }
}

Task<Status> fill_mixed(Partition& log, int records) {
  for (int i = 0; i < records;) {
    const int count = std::min(1 + i % 4, records - i);
    LEAT_CO_CHECK(
        append(log, batch_of(fmt::format("k{}", i), count, static_cast<std::size_t>(i * 37 % 300), 1000 + i)));
    i += count;
  }
  co_return co_await log.wait_committed(Offset(records), MonoTime::max());
}

LEAT_LOG_TEST(Index, FindsEveryOffsetInManySegments, {}) {
  EXPECT_TRUE(co_await fill_mixed(m.log(), 300));
  EXPECT_GT(m.log().segment_count(), 10U);
  co_await expect_all_found(m.log(), 300);
}

LEAT_LOG_TEST(Index, FindsEveryOffsetInOneLargeSegmentBeforeAndAfterARestart,
              (m.config().segment_bytes = 1 << 30, m.config().index_interval_bytes = 100)) {
  EXPECT_TRUE(co_await fill_mixed(m.log(), 1000));
  EXPECT_GT(m.log().segments().back()->index_entries, 100U) << "in the file";
  EXPECT_FALSE(m.log().segments().back()->index_tail.empty()) << "and in memory";
  co_await expect_all_found(m.log(), 1000);
  const std::uint64_t entries = m.log().segments().back()->index_entries + m.log().segments().back()->index_tail.size();
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.log().segments().back()->index_entries, entries) << "a clean stop writes what was in memory";
  co_await expect_all_found(m.log(), 1000);
}

std::size_t indexed_segments(const Partition& log) {
  std::size_t indexed = 0;
  for (const auto& segment : log.segments()) indexed += segment->index_entries > 0 ? 1 : 0;
  return indexed;
}

// Damages the indexes of all segments between two starts.
Task<> expect_rebuilt(Machine& m, std::function<void(const std::string& path)> damage) {
  EXPECT_TRUE(co_await fill_mixed(m.log(), 300));
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_TRUE(co_await m.node.start());
  const std::size_t before = indexed_segments(m.log());
  EXPECT_GT(before, 5U);
  EXPECT_TRUE(co_await m.node.stop());
  for (const std::string& name : m.node.names()) {
    if (name.ends_with(".idx")) damage(runtime::join_path(m.node.folder(), name));
  }
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.store->stats().recovered_partitions.value(), 0U) << "a wrong index is no reason to read the log";
  co_await expect_all_found(m.log(), 300);
  for (int time = 1000; time < 1300; time += 7) {
    const auto found = co_await m.log().find_time(Timestamp(time));
    CO_REQUIRE(found && *found);
    EXPECT_EQ((*found)->timestamp, Timestamp(time));
  }
  EXPECT_EQ(indexed_segments(m.log()), before) << "rebuilt, not walked around";
  EXPECT_TRUE(co_await fill_mixed(m.log(), 10));
}

LEAT_LOG_TEST(Index, IsRebuiltWhenItIsMissing, m.config().segment_bytes = 4000) {
  co_await expect_rebuilt(m, [&](const std::string& path) { EXPECT_TRUE(m.world.files().remove(path)); });
}
LEAT_LOG_TEST(Index, IsRebuiltWhenItIsEmpty, m.config().segment_bytes = 4000) {
  co_await expect_rebuilt(m, [&](const std::string& path) {
    EXPECT_TRUE(m.world.files().open(path, runtime::OpenMode::write).value()->truncate(0));
  });
}
LEAT_LOG_TEST(Index, IsRebuiltWhenItIsOfAnotherFile, m.config().segment_bytes = 4000) {
  co_await expect_rebuilt(m, [&](const std::string& path) { EXPECT_TRUE(m.world.files().corrupt(path, 9)); });
}
LEAT_LOG_TEST(Index, IsRebuiltWhenItsEntriesPointElsewhere, m.config().segment_bytes = 4000) {
  co_await expect_rebuilt(m, [&](const std::string& path) {
    const auto file = m.world.files().open(path, runtime::OpenMode::write).value();
    const std::uint64_t size = file->size().value();
    for (std::uint64_t at = kIndexHeaderSize; at < size; at += kIndexEntrySize) {
      EXPECT_TRUE(m.world.files().corrupt(path, at + 7, std::byte{3}));  // its position
    }
  });
}

LEAT_LOG_TEST(Index, OfTheActiveSegmentIsRebuiltWhileItGrows, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await fill_mixed(m.log(), 600));
  EXPECT_TRUE(co_await m.node.stop());
  const std::string path = m.node.segment_path(0, ".idx");
  const std::uint64_t size = m.world.files().open(path, runtime::OpenMode::read).value()->size().value();
  for (std::uint64_t at = kIndexHeaderSize; at < size; at += kIndexEntrySize)
    m.world.files().corrupt(path, at + 7, std::byte{3});
  EXPECT_TRUE(co_await m.node.start());
  runtime::TaskScope scope;
  scope.spawn(expect_all_found(m.log(), 600));
  scope.spawn(expect_all_found(m.log(), 600));
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(append(m.log(), batch_of("more", 1, 50)));
    co_await runtime::sleep_for(20us);
  }
  co_await scope.join();
  EXPECT_TRUE(co_await m.log().flush());
  co_await expect_all_found(m.log(), 900);
}

// ---- By time ----

// What Kafka's ListOffsets answers, by looking at every record.
struct TimeModel {
  std::vector<std::int64_t> timestamps;  // by offset

  std::optional<std::int64_t> first_at(std::int64_t time, std::size_t start, std::size_t end) const {
    for (std::size_t i = start; i < end; ++i)
      if (timestamps[i] >= time) return static_cast<std::int64_t>(i);
    return std::nullopt;
  }
  std::optional<std::int64_t> largest(std::size_t start, std::size_t end) const {
    std::optional<std::int64_t> best;
    for (std::size_t i = start; i < end; ++i)
      if (!best || timestamps[i] > timestamps[static_cast<std::size_t>(*best)]) best = static_cast<std::int64_t>(i);
    return best;
  }
};

std::optional<std::int64_t> offset_in(const Result<std::optional<TimedOffset>>& found) {
  if (!found) {
    ADD_FAILURE() << found.error().message;
    return -1;
  }
  if (!*found) return std::nullopt;
  return (*found)->offset.value();
}

LEAT_LOG_TEST(Time, IsFoundAsByLookingAtEveryRecord, m.node.options.flush_max = 1h) {
  std::mt19937 random(7);
  TimeModel model;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 5; ++i) {
      std::vector<TestRecord> records(1 + random() % 4);
      for (TestRecord& record : records) {
        const std::int64_t time = round * 100 + static_cast<std::int64_t>(random() % 400);  // out of order
        record = {Timestamp(time), "k", "v", {}};
        model.timestamps.push_back(time);
      }
      EXPECT_TRUE(append(m.log(), build(records, random() % 4 == 0 ? Codec::zstd : Codec::none)));
    }
    if (round % 2 == 0) EXPECT_TRUE(co_await m.log().flush());  // otherwise the last records are not committed
    if (round % 7 == 3) {
      const auto before = m.log().log_start() + static_cast<std::int64_t>(random() % 20);
      EXPECT_TRUE(co_await m.log().delete_records(std::min(before, m.log().high_watermark())));
    }
    co_await runtime::sleep_for(100ms);  // a segment that was sealed is flushed
    const auto start = static_cast<std::size_t>(m.log().log_start().value());
    const auto end = static_cast<std::size_t>(m.log().high_watermark().value());
    for (int i = 0; i < 10; ++i) {
      const auto time = static_cast<std::int64_t>(random() % 4600) - 10;
      EXPECT_EQ(offset_in(co_await m.log().find_time(Timestamp(time))), model.first_at(time, start, end)) << time;
    }
    EXPECT_EQ(offset_in(co_await m.log().find_max_time()), model.largest(start, end)) << round;
  }
  EXPECT_GT(m.log().segment_count(), 5U);
}

LEAT_LOG_TEST(Time, OfAnEmptyLogIsNotFound, m.node.options.flush_max = 1h) {
  EXPECT_EQ(offset_in(co_await m.log().find_max_time()), std::nullopt);
  EXPECT_EQ(offset_in(co_await m.log().find_time(Timestamp(0))), std::nullopt);
  EXPECT_TRUE(append(m.log(), batch_of("uncommitted")));
  EXPECT_EQ(offset_in(co_await m.log().find_max_time()), std::nullopt);
  EXPECT_EQ(offset_in(co_await m.log().find_time(Timestamp(0))), std::nullopt);
}

LEAT_LOG_TEST(Time, OfALogWhoseRecordsWereAllDeletedIsNotFound, {}) {
  EXPECT_TRUE(co_await fill_mixed(m.log(), 50));
  EXPECT_TRUE(co_await m.log().delete_records(Offset(50)));
  EXPECT_EQ(offset_in(co_await m.log().find_max_time()), std::nullopt);
  EXPECT_EQ(offset_in(co_await m.log().find_time(Timestamp(0))), std::nullopt);
}

LEAT_LOG_TEST(Time, TellsTheEpochOfTheRecord, m.node.epoch = LeaderEpoch(4)) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 3));
  const auto found = co_await m.log().find_time(Timestamp(1001));
  CO_REQUIRE(found && *found);
  EXPECT_EQ((*found)->offset, Offset(1));
  EXPECT_EQ((*found)->epoch, LeaderEpoch(5));
}

// ---- Cold reads and open files ----

LEAT_LOG_TEST(ColdReads, ReturnTheRightRecords, m.faults().cached_chance = 0) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 100));
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) expected.push_back(fmt::format("k-{}", i));
  EXPECT_EQ(keys_of(co_await consume(m.log(), Offset(0), 300)), expected);
  EXPECT_EQ(keys_of(co_await copy_all(m.log(), Offset(0))), expected);
  co_await expect_all_found(m.log(), 100);
  EXPECT_EQ(offset_in(co_await m.log().find_time(Timestamp(1050))), 50);
  EXPECT_GT(m.node.store->stats().cold_reads.value(), 100U);
}

Task<> read_all_the_time(Partition& log, const bool& stopping) {
  while (!stopping) {
    EXPECT_TRUE(co_await consume(log, log.log_start(), 500));
    co_await runtime::sleep_for(100us);
  }
}

Task<> watch_open_files(Machine& m, std::int64_t limit, const bool& stopping) {
  while (!stopping) {
    EXPECT_LE(m.node.store->stats().open_files.value(), limit);
    co_await runtime::sleep_for(50us);
  }
}

LEAT_LOG_TEST(OpenFiles, StayBelowTheLimitWithHundredsOfPartitions,
              (m.node.configs.assign(300, m.config()), m.node.options.open_files_max = 20)) {
  runtime::TaskScope scope;
  bool stopping = false;
  scope.spawn(watch_open_files(m, 20, stopping));
  for (std::size_t n = 0; n < 5; ++n) scope.spawn(read_all_the_time(m.log(n), stopping));
  for (int round = 0; round < 3; ++round) {
    for (std::size_t n = 0; n < 300; ++n)
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(append(m.log(n), batch_of(fmt::format("k{}", n), 1, 100)));
    for (std::size_t n = 0; n < 300; ++n) EXPECT_TRUE(co_await m.log(n).flush());
  }
  stopping = true;
  co_await scope.join();
  EXPECT_GT(m.node.store->stats().open_files.value(), 10);
  for (std::size_t n = 0; n < 300; n += 50) EXPECT_THAT(keys_of(co_await consume(m.log(n), Offset(0))), SizeIs(15));
  EXPECT_TRUE(co_await m.node.store->remove(partition_id(7)));
  EXPECT_LE(m.node.store->stats().open_files.value(), 20);
}

std::ptrdiff_t offline_count(const Machine& m) {
  return std::ranges::count_if(m.node.store->partitions(),
                               [](const Partition* log) { return log->offline().has_value(); });
}

LEAT_LOG_TEST(OpenFiles, AFlushOfManyPartitionsStaysNearTheLimit,
              (m.node.configs.assign(300, m.config()), m.node.options.open_files_max = 20)) {
  for (std::size_t n = 0; n < 300; ++n) EXPECT_TRUE(append(m.log(n), batch_of("k")));
  for (std::size_t n = 0; n < 300; ++n) EXPECT_TRUE(co_await m.log(n).flush());
  EXPECT_LE(m.node.files->open_files_most(), 45) << "20 in the cache, 20 that are flushed";
  EXPECT_EQ(offline_count(m), 0);
}

LEAT_LOG_TEST(OpenFiles, WithoutDescriptorsAFlushWaitsUntilThereAreSome,
              (m.node.configs.assign(50, m.config()), m.node.options.open_files_max = 20)) {
  for (std::size_t n = 0; n < 50; ++n) EXPECT_TRUE(append(m.log(n), batch_of("k")));
  m.node.files->limit_open_files(0);
  co_await runtime::sleep_for(1s);
  EXPECT_GT(m.node.store->stats().failed_flushes.value(), 0U);
  EXPECT_EQ(offline_count(m), 0) << "nothing was lost";
  m.node.files->limit_open_files(1000);
  for (std::size_t n = 0; n < 50; ++n) EXPECT_TRUE(co_await m.log(n).flush());
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  for (std::size_t n = 0; n < 50; ++n) EXPECT_THAT(keys_of(co_await consume(m.log(n), Offset(0))), SizeIs(1));
}

LEAT_LOG_TEST(OpenFiles, AFlushThatCannotBeginForLongTakesItsPartitionOffline,
              (m.node.configs.assign(50, m.config()), m.node.options.open_files_max = 20)) {
  for (std::size_t n = 0; n < 50; ++n) EXPECT_TRUE(append(m.log(n), batch_of("k")));
  m.node.files->limit_open_files(0);
  const Status flushed = co_await m.log(0).flush();
  EXPECT_FALSE(flushed) << "whoever waits for it hears of it";
  EXPECT_TRUE(m.log(0).offline());
  m.node.files->limit_open_files(1000);
}

}  // namespace
}  // namespace leat::log::testing
