// Freeing segments anywhere in a log: what goes, what stays, and that everyone who reads gets over the gap.
#include <gmock/gmock.h>

#include "log/manifest.h"
#include "tests/log/node.h"
#include "tests/runtime/homes.h"

namespace leat::log::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::SizeIs;

using Ranges = std::vector<std::pair<Offset, Offset>>;

// 95 records in segments of which all but the last are sealed, durably. Record i is "k-i" with a timestamp of 1000 + i.
Task<Status> fill_segments(Machine& m) {
  for (int i = 0; i < 95; ++i)
    LEAT_CO_CHECK(append(m.log(), build({{Timestamp(1000 + i), fmt::format("k-{}", i), "some value or other", {}}})));
  LEAT_CO_CHECK(co_await m.log().flush());
  co_await runtime::sleep_for(100ms);
  if (m.log().segment_count() < 7) co_return fail(Errc::internal, "too few segments");
  co_return Status{};
}

// Offsets [from, to) and from `next` to the end.
std::vector<std::int64_t> offsets_without(Offset from, Offset gap, Offset next, Offset end) {
  std::vector<std::int64_t> offsets;
  for (Offset offset = from; offset < end; ++offset) {
    if (offset < gap || offset >= next) offsets.push_back(offset.value());
  }
  return offsets;
}

Manifest manifest_of(Machine& m) {
  const auto bytes = runtime::read_file(m.world.files(), manifest_path(m.node.folder()), 100'000);
  return decode_manifest(bytes.value()).value();
}

Task<Status> restart(Machine& m, bool clean) {
  if (clean) LEAT_CO_CHECK(co_await m.node.stop());
  if (!clean) co_await m.node.kill();
  LEAT_CO_CHECK(co_await m.node.start());
  if (m.log().offline()) co_return fail(*m.log().offline());
  co_return Status{};
}

LEAT_LOG_TEST(FreeSegments, InTheMiddleIsDurableAndReadersGoOnBehindIt, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  const Offset gap = m.log().segments()[2]->base;
  const Offset next = m.log().segments()[4]->base;
  const std::uint64_t size = m.log().size_bytes();
  const std::size_t count = m.log().segment_count();
  const std::string name = segment_name(gap, 1);
  EXPECT_THAT(m.node.names(), Contains(name + ".log"));
  EXPECT_TRUE(co_await m.log().free_segments({{gap, next}}));
  EXPECT_THAT(m.node.names(), Not(Contains(name + ".log")));
  EXPECT_THAT(m.node.names(), Not(Contains(name + ".idx")));
  EXPECT_EQ(m.log().segment_count(), count - 2);
  EXPECT_LT(m.log().size_bytes(), size);
  for (int round = 0; round < 3; ++round) {
    if (round > 0) EXPECT_TRUE(co_await restart(m, round == 2));
    EXPECT_EQ(m.log().log_start(), Offset(0));
    EXPECT_EQ(m.log().log_end(), Offset(95));
    EXPECT_EQ(manifest_of(m).freed, (Ranges{{gap, next}}));
    for (Offset from(0); from < Offset(95); ++from) {
      const auto expected = offsets_without(from, gap, next, Offset(95));
      EXPECT_EQ(offsets_of(co_await consume(m.log(), from, 400)), expected) << "read from " << from.value();
      EXPECT_EQ(offsets_of(co_await copy_all(m.log(), from)), expected) << "copied from " << from.value();
      std::vector<std::int64_t> visited;
      EXPECT_TRUE(co_await m.log().visit_headers(
          from, [&](const BatchHeader& header) { visited.push_back(header.base_offset.value()); }));
      EXPECT_EQ(visited, expected) << "visited from " << from.value();
      const auto found = co_await m.log().find_time(Timestamp(1000 + from.value()));
      CO_REQUIRE(found && *found);
      EXPECT_EQ((*found)->offset.value(), expected.front());
    }
  }
  EXPECT_EQ(append(m.log(), batch_of("next"))->base, Offset(95));
}

LEAT_LOG_TEST(FreeSegments, KeepsWhatIsNotWhollyWithinARange, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  const std::size_t count = m.log().segment_count();
  const Offset second = m.log().segments()[1]->base;
  const Offset third = m.log().segments()[2]->base;
  const Offset active = m.log().segments().back()->base;
  EXPECT_TRUE(co_await m.log().free_segments({}));
  EXPECT_TRUE(co_await m.log().free_segments({{second + 1, third}, {second, third - 1}, {third, third}}));
  EXPECT_TRUE(co_await m.log().free_segments({{active, Offset(95)}, {Offset(500), Offset(400)}}));
  EXPECT_EQ(m.log().segment_count(), count);
  EXPECT_TRUE(co_await m.log().free_segments({{second, third}, {second, third}}));
  EXPECT_EQ(m.log().segment_count(), count - 1);
  EXPECT_TRUE(co_await m.log().free_segments({{second, third}})) << "nothing is left to do";
  EXPECT_EQ(manifest_of(m).freed, (Ranges{{second, third}}));
}

LEAT_LOG_TEST(FreeSegments, KeepsWhatIsNotDurableOrNotCommittedYet, {}) {
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(append(m.log(), batch_of("k")));
  const std::size_t count = m.log().segment_count();
  CO_REQUIRE(count > 2);
  EXPECT_TRUE(co_await m.log().free_segments({{Offset(0), Offset(30)}}));
  EXPECT_EQ(m.log().segment_count(), count);
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_TRUE(co_await m.log().free_segments({{Offset(0), Offset(30)}}));
  EXPECT_EQ(m.log().segment_count(), 1U);
}

LEAT_LOG_TEST(FreeSegments, TheFirstOnesRaiseTheStartOverWhatWasFreedBefore, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  std::vector<Offset> base;
  for (const auto& segment : m.log().segments()) base.push_back(segment->base);
  EXPECT_TRUE(co_await m.log().free_segments({{base[1], base[2]}, {base[4], base[5]}}));
  EXPECT_TRUE(co_await m.log().free_segments({{base[3], base[4]}}));
  EXPECT_EQ(manifest_of(m).freed, (Ranges{{base[1], base[2]}, {base[3], base[5]}})) << "neighbours are one range";
  EXPECT_TRUE(co_await m.log().delete_records(base[1] - 2));
  EXPECT_TRUE(co_await m.log().free_segments({{base[1] - 2, base[1]}})) << "what lies below the start is within";
  EXPECT_EQ(m.log().log_start(), base[2]);
  EXPECT_EQ(manifest_of(m).freed, (Ranges{{base[3], base[5]}}));
  EXPECT_EQ(code_of(co_await m.log().read(base[2] - 1, {})), Errc::offset_out_of_range);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(co_await restart(m, round == 1));
    EXPECT_EQ(m.log().log_start(), base[2]);
    EXPECT_EQ(offsets_of(co_await consume(m.log(), base[2])), offsets_without(base[2], base[3], base[5], Offset(95)));
  }
  EXPECT_TRUE(co_await m.log().free_segments({{Offset(0), Offset(95)}}));
  EXPECT_EQ(m.log().segment_count(), 1U);
  EXPECT_EQ(m.log().log_start(), m.log().segments().front()->base);
  EXPECT_EQ(manifest_of(m).freed, Ranges{});
}

LEAT_LOG_TEST(FreeSegments, ThenDeletedRecordsEndAtTheEndOfAGap, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  const Offset gap = m.log().segments()[2]->base;
  const Offset next = m.log().segments()[3]->base;
  EXPECT_TRUE(co_await m.log().free_segments({{gap, next}}));
  EXPECT_TRUE(co_await m.log().delete_records(gap + 1));
  EXPECT_EQ(m.log().log_start(), next);
  EXPECT_EQ(m.log().segments().front()->base, next);
  EXPECT_TRUE(co_await restart(m, false));
  EXPECT_EQ(m.log().log_start(), next);
}

LEAT_LOG_TEST(FreeSegments, ThenRetentionGoesOverAGap, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  std::vector<Offset> base;
  for (const auto& segment : m.log().segments()) base.push_back(segment->base);
  EXPECT_TRUE(co_await m.log().free_segments({{base[2], base[3]}}));
  const auto& segments = m.log().segments();
  LogConfig config = m.log().config();
  config.retention_bytes = static_cast<std::int64_t>(m.log().size_bytes() - segments[0]->size - segments[1]->size);
  m.log().reconfigure(config);
  EXPECT_TRUE(co_await m.log().apply_retention(m.world.wall_now()));
  EXPECT_EQ(m.log().log_start(), base[3]);
  EXPECT_TRUE(co_await restart(m, false));
  EXPECT_EQ(m.log().log_start(), base[3]);
  EXPECT_THAT(offsets_of(co_await consume(m.log(), base[3])), SizeIs(static_cast<std::size_t>(95 - base[3].value())));
}

LEAT_LOG_TEST(FreeSegments, AReaderBehindWhomAllIsFreedWaitsAtTheHighWatermark, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  co_await runtime::sleep_for(100ms);
  const Offset gap = m.log().segments()[2]->base;
  EXPECT_TRUE(co_await m.log().free_segments({{gap, Offset(95)}}));
  EXPECT_EQ((co_await m.log().read(gap + 1, {}))->range.length, 0U);
  EXPECT_EQ((co_await m.log().copy(gap + 1, 1000))->size(), 0U);
  EXPECT_FALSE((co_await m.log().find_time(Timestamp(1000 + gap.value())))->has_value());
  EXPECT_EQ((*co_await m.log().find_max_time())->offset, gap - 1);
  // Appended, but not committed: nothing of it may be seen, not even from within the gap.
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(append(m.log(), batch_of("new")));
  EXPECT_EQ((co_await m.log().read(gap + 1, {}))->range.length, 0U);
  EXPECT_THAT(offsets_of(co_await copy_all(m.log(), gap + 1, true)), SizeIs(30));
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_THAT(offsets_of(co_await consume(m.log(), gap + 1)), SizeIs(30));
}

LEAT_LOG_TEST(FreeSegments, LetsAReaderFinishWithAFileThatGoes, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  const Offset gap = m.log().segments()[2]->base;
  const auto slice = co_await m.log().read(gap, {});
  EXPECT_TRUE(co_await m.log().free_segments({{gap, m.log().segments()[2]->end}}));
  Bytes bytes = Bytes::uninitialized(static_cast<std::size_t>(slice->range.length));
  EXPECT_EQ(slice->range.file->read_at(bytes.mutable_view(), slice->range.offset).value(), bytes.size());
  EXPECT_EQ(decode_batch_header(bytes)->base_offset, gap);
}

LEAT_LOG_TEST(FreeSegments, CompactionKeepsTheGap, (m.config().compact = true, m.config().delete_old = false)) {
  for (int i = 0; i < 95; ++i)
    EXPECT_TRUE(append(m.log(), build({{Timestamp(1000 + i), fmt::format("k{}", i % 40), "some value or other", {}}})));
  EXPECT_TRUE(co_await m.log().flush());
  co_await runtime::sleep_for(100ms);
  const Offset gap = m.log().segments()[1]->base;
  const Offset next = m.log().segments()[3]->base;
  EXPECT_TRUE(co_await m.log().free_segments({{gap, next}}));
  co_await runtime::sleep_for(11s);
  EXPECT_GT(m.node.store->stats().compacted_segments.value(), 0U);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(manifest_of(m).freed, (Ranges{{gap, next}}));
    const auto found = co_await consume(m.log(), Offset(0));
    std::set<std::string> keys;
    for (const std::string& key : keys_of(found)) keys.insert(key);
    EXPECT_THAT(keys, SizeIs(40)) << "the last record of each key is above the gap";
    for (const std::int64_t offset : offsets_of(found)) EXPECT_TRUE(offset < gap.value() || offset >= next.value());
    EXPECT_TRUE(co_await restart(m, false));
  }
}

LEAT_LOG_TEST(FreeSegments, ATruncationIntoAGapEndsBeforeIt, {}) {
  EXPECT_TRUE(co_await fill_segments(m));
  std::vector<Offset> base;
  for (const auto& segment : m.log().segments()) base.push_back(segment->base);
  EXPECT_TRUE(co_await m.log().free_segments({{base[1], base[2]}, {base[3], base[4]}, {base[5], base[6]}}));
  const auto expect_end = [&](Offset end) {
    EXPECT_EQ(m.log().log_end(), end);
    EXPECT_EQ(m.log().high_watermark(), end);
  };
  EXPECT_TRUE(co_await m.log().truncate(base[6]));
  expect_end(base[6]);
  EXPECT_EQ(manifest_of(m).freed, (Ranges{{base[1], base[2]}, {base[3], base[4]}, {base[5], base[6]}}));
  EXPECT_TRUE(co_await m.log().truncate(base[5] + 1));
  expect_end(base[5]);
  EXPECT_EQ(manifest_of(m).freed, (Ranges{{base[1], base[2]}, {base[3], base[4]}}));
  EXPECT_TRUE(co_await m.log().truncate(base[3]));
  expect_end(base[3]);
  EXPECT_EQ(manifest_of(m).freed, (Ranges{{base[1], base[2]}}));
  EXPECT_TRUE(co_await fill(m.log(), "n", 30));
  EXPECT_TRUE(co_await restart(m, false));
  EXPECT_EQ(offsets_of(co_await consume(m.log(), Offset(0))),
            offsets_without(Offset(0), base[1], base[2], base[3] + 30));
}

// ---- Power loss ----

constexpr int kOperationsMax = 40;

Task<> free_until_off(Machine& m, std::uint64_t operations) {
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_TRUE(co_await fill_segments(m));
  CO_REQUIRE(m.node.save_checkpoint());
  m.world.files().power_off_after(operations);
  (void)co_await m.log().free_segments(
      {{Offset(0), m.log().segments()[1]->base}, {m.log().segments()[3]->base, m.log().segments()[5]->base}});
  co_await m.node.kill();
}

Task<> find_freed(Machine& m, bool& freed) {
  EXPECT_TRUE(co_await m.node.start());
  CO_REQUIRE(!m.log().offline());
  EXPECT_EQ(m.log().log_end(), Offset(95));
  freed = m.log().log_start() > Offset(0);
  const std::size_t expected = manifest_of(m).freed.size();
  EXPECT_EQ(expected, freed ? 1U : 0U) << "all of it or nothing";
  std::size_t logs = 0;
  for (const std::string& name : m.node.names()) logs += name.ends_with(".log") ? 1 : 0;
  EXPECT_EQ(logs, m.log().segment_count()) << "what is not listed is removed";
  const auto offsets = offsets_of(co_await consume(m.log(), m.log().log_start()));
  EXPECT_EQ(offsets.front(), m.log().log_start().value());
  EXPECT_EQ(offsets.back(), 94);
  EXPECT_TRUE(co_await m.node.stop());
}

TEST(FreeSegments, HappenAsAWholeOrNotAtAllWhenThePowerGoes) {
  std::map<bool, int> outcomes;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Machine m(seed);
    m.config().segment_bytes = 1000;
    m.config().retention_ms = -1;
    m.world.run([&] { return free_until_off(m, seed % kOperationsMax); });
    Machine after(seed, m.world.files().crash(seed));
    after.config() = m.config();
    bool freed = false;
    after.world.run([&] { return find_freed(after, freed); });
    ++outcomes[freed];
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(outcomes[false], 10);
  EXPECT_GT(outcomes[true], 10);
}

}  // namespace
}  // namespace leat::log::testing
