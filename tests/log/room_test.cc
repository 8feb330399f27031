// Zeros written behind the active segment's batches, so that flushes find their blocks: only under `commit`, and never seen.
#include <gmock/gmock.h>

#include "log/recovery.h"
#include "tests/log/node.h"

namespace leat::log::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kRoomy = std::uint64_t{1} << 40;

Bytes content(Machine& m, const std::string& path) {
  return runtime::read_file(m.world.files(), path, std::uint64_t{1} << 30).value_or(Bytes());
}
// How much of the active segment's file lies behind its batches. They are zeros.
std::uint64_t room(Machine& m, std::int64_t base = 0, std::size_t n = 0) {
  const std::uint64_t size = m.log(n).segments().back()->size;
  const Bytes bytes = content(m, m.node.segment_path(base, ".log", n));
  EXPECT_GE(bytes.size(), size);
  for (const std::byte b : bytes.view().subspan(size)) EXPECT_EQ(b, std::byte{0});
  return bytes.size() - size;
}
// Commits one record after the other.
Task<Status> commit_each(Partition& log, int count) {
  for (int i = 0; i < count; ++i) LEAT_CO_CHECK(co_await fill(log, fmt::format("k{}", i), 1));
  co_return Status{};
}
RecoveredLog looked_at(Machine& m) {
  RecoveryOptions options;
  options.repair = false;
  return recover_log(m.world.files(), m.node.folder(), partition_id(0), std::nullopt, false, options);
}

LEAT_LOG_TEST(Room, IsThereOnceASegmentHasSeenSomeFlushesAndStaysBelowItsSize, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 1));
  EXPECT_EQ(room(m), 0U);
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(co_await fill(m.log(), "k", 5, 500));
    EXPECT_LE(room(m), std::min<std::uint64_t>(m.log().size_bytes(), 256 << 10));
    if (i > 2) EXPECT_GT(room(m), 0U) << i;
  }
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(1001));
}

LEAT_LOG_TEST(Room, IsNotMadeForLargeFlushesNorOtherPolicies,
              (m.node.configs.resize(2, m.config()), m.config(0).segment_bytes = 1 << 30,
               m.config(1).segment_bytes = 1 << 30, m.config(1).flush = FlushPolicy::interval)) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(co_await append_committed(m.log(0), batch_of("large", 1, 100'000)));
    EXPECT_TRUE(co_await fill(m.log(1), "k", 5));
    EXPECT_TRUE(co_await m.log(1).flush());
  }
  EXPECT_EQ(room(m, 0, 0), 0U);
  EXPECT_EQ(room(m, 0, 1), 0U);
}

LEAT_LOG_TEST(Room, IsGoneAfterACleanStop, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  EXPECT_GT(room(m), 0U);
  const std::uint64_t size = m.log().size_bytes();
  EXPECT_TRUE(co_await m.node.stop());
  EXPECT_EQ(content(m, m.node.segment_path(0)).size(), size);
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.files->reads(), 0U);
}

LEAT_LOG_TEST(Room, IsNoDamageAfterAKillAndIsTakenBack, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  EXPECT_GT(room(m), 0U);
  co_await m.node.kill();
  const RecoveredLog seen = looked_at(m);
  EXPECT_THAT(seen.findings, IsEmpty());
  EXPECT_FALSE(seen.damage);
  EXPECT_EQ(seen.cut_bytes, 0U);
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.store->stats().cut_bytes.value(), 0U);
  EXPECT_EQ(room(m), 0U);
  EXPECT_TRUE(co_await fill(m.log(), "later", 5));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(55));
}

LEAT_LOG_TEST(Room, BehindACheckpointCostsOneReadAndNoVerification, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  EXPECT_TRUE(m.node.save_checkpoint());
  EXPECT_GT(room(m), 0U);
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.files->reads(), 2U) << "and one to rebuild its index";
  EXPECT_EQ(room(m), 0U);
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(50));
}

LEAT_LOG_TEST(Room, OfATornBatchIsCutWithIt, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  const std::uint64_t size = m.log().size_bytes();
  const std::uint64_t behind = room(m);
  EXPECT_GT(behind, 100U);
  co_await m.node.kill();
  const Bytes torn = batch_of("torn");
  EXPECT_TRUE(m.world.files()
                  .open(m.node.segment_path(0), runtime::OpenMode::write)
                  .value()
                  ->write_at(torn.view().first(40), size));
  EXPECT_EQ(looked_at(m).cut_bytes, behind);
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_EQ(m.node.store->stats().cut_bytes.value(), behind);
  EXPECT_EQ(m.log().log_end(), Offset(50));
  EXPECT_EQ(room(m), 0U);
}

LEAT_LOG_TEST(Room, IsNotInASealedSegment, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  EXPECT_GT(room(m), 0U);
  const std::uint64_t size = m.log().size_bytes();
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  EXPECT_TRUE(co_await fill(m.log(), "next", 1));
  EXPECT_EQ(content(m, m.node.segment_path(0)).size(), size);
  co_await runtime::sleep_for(1s);  // the manifest lists it
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_FALSE(m.log().offline());
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(51));
}

// A roll shortens the file at once; that it stays so is part of the seal.
LEAT_LOG_TEST(Room, DoesNotComeBackToASealedSegmentWithAPowerLoss, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  EXPECT_TRUE(co_await m.log().flush());
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  EXPECT_TRUE(co_await fill(m.log(), "next", 1));
  co_await runtime::sleep_for(1s);
  EXPECT_TRUE(m.log().segments().front()->seal_durable);
  const std::uint64_t size = m.log().segments().front()->size;
  co_await m.node.kill();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Machine after(seed, m.world.files().crash(seed));
    EXPECT_EQ(content(after, m.node.segment_path(0)).size(), size) << seed;
  }
}

// The checkpoint vouches for the batches of a segment whose seal failed, not for its being cut behind them.
LEAT_LOG_TEST(Room, DoesNotComeBackAfterASealThatFailed, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await commit_each(m.log(), 50));
  EXPECT_TRUE(m.node.save_checkpoint());
  const std::uint64_t size = m.log().size_bytes();
  m.faults().failing_syncs = 1;
  EXPECT_TRUE(m.log().roll(m.world.wall_now()));
  EXPECT_FALSE(co_await fill(m.log(), "next", 1));
  co_await m.node.kill();
  EXPECT_TRUE(co_await m.node.start());
  EXPECT_FALSE(m.log().offline());
  EXPECT_TRUE(co_await fill(m.log(), "later", 1));
  co_await runtime::sleep_for(1s);
  EXPECT_TRUE(m.log().segments().front()->seal_durable);
  EXPECT_EQ(m.log().segments().front()->size, size);
  co_await m.node.kill();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Machine after(seed, m.world.files().crash(seed));
    EXPECT_EQ(content(after, m.node.segment_path(0)).size(), size) << seed;
  }
}

LEAT_LOG_TEST(Room, ThatFindsTheDiskFullIsDoneWithout, m.config().segment_bytes = 1 << 30) {
  EXPECT_TRUE(co_await fill(m.log(), "k", 3));
  EXPECT_EQ(room(m), 0U);
  m.faults().capacity = kRoomy - m.world.files().free_space("/").value() + 3 * batch_of("k-0").size() + 10;
  EXPECT_TRUE(co_await fill(m.log(), "k", 3));
  EXPECT_EQ(room(m), 0U);
  EXPECT_FALSE(m.log().offline());
  m.faults().capacity = kRoomy;
  EXPECT_TRUE(co_await fill(m.log(), "k", 30));
  EXPECT_THAT(keys_of(co_await consume(m.log(), Offset(0))), SizeIs(36));
}

}  // namespace
}  // namespace leat::log::testing
