#include "queue/offset_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace leat::queue {
namespace {

constexpr std::int64_t kPart = std::int64_t{1} << 32;

TEST(OffsetSet, AgreesWithAPlainSetThroughRandomChanges) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    OffsetSet set;
    std::set<std::int64_t> plain;
    // Around where two parts meet.
    const auto any = [&] { return kPart - 100 + static_cast<std::int64_t>(random() % 200); };
    for (int i = 0; i < 300; ++i) {
      const std::int64_t first = any();
      const std::int64_t end = first + static_cast<std::int64_t>(random() % 20);
      if (random() % 3 != 0) {
        set.add(Offset(first), Offset(end));
        for (std::int64_t at = first; at < end; ++at) plain.insert(at);
      } else {
        set.remove(Offset(first), Offset(end));
        for (std::int64_t at = first; at < end; ++at) plain.erase(at);
      }
      ASSERT_EQ(set.size(), plain.size());
      ASSERT_EQ(set.empty(), plain.empty());
      const std::int64_t from = any();
      const std::int64_t to = from + static_cast<std::int64_t>(random() % 150);
      const auto between = static_cast<std::uint64_t>(std::distance(plain.lower_bound(from), plain.lower_bound(to)));
      ASSERT_EQ(set.count(Offset(from), Offset(to)), between);
      ASSERT_EQ(set.contains(Offset(from)), plain.contains(from));
    }
    OffsetSet again;
    ASSERT_TRUE(again.decode(set.encode()));
    ASSERT_EQ(again.size(), plain.size());
    for (const std::int64_t at : plain) ASSERT_TRUE(again.contains(Offset(at)));
  }
}

TEST(OffsetSet, EveryKindOfContainerIsReadAsItWasWritten) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    std::mt19937_64 random(seed);
    OffsetSet set;
    for (int i = 0; i < 40; ++i) {
      const auto first = static_cast<std::int64_t>(random() % 300'000);
      const auto size = static_cast<std::int64_t>(random() % (i % 2 == 0 ? 50 : 70'000));
      switch (random() % 4) {
        case 0: set.remove(Offset(first), Offset(first + size)); break;
        case 1: set.add(Offset(first), Offset(first + size)); break;
        default:
          for (std::int64_t at = first; at < first + size; at += 1 + static_cast<std::int64_t>(random() % 9))
            set.add(Offset(at));
      }
      const Bytes once = set.encode();
      OffsetSet again;
      ASSERT_TRUE(again.decode(once)) << seed << " " << i;
      ASSERT_EQ(again.size(), set.size());
      ASSERT_EQ(as_text(again.encode()), as_text(once));
    }
  }
}

TEST(OffsetSet, HoldsRangesOverManyParts) {
  OffsetSet set;
  set.add(Offset(kPart - 1), Offset(3 * kPart + 1));
  EXPECT_EQ(set.size(), 2ULL * kPart + 2);
  EXPECT_TRUE(set.contains(Offset(2 * kPart)));
  EXPECT_FALSE(set.contains(Offset(3 * kPart + 1)));
  EXPECT_LT(set.encode().size(), 2'000'000U);
  set.remove(Offset(0), Offset(INT64_MAX));
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.encode().view().empty());
}

TEST(OffsetSet, NothingIsBelowZero) {
  OffsetSet set;
  EXPECT_FALSE(set.contains(Offset(-1)));
  set.add(Offset(0));
  EXPECT_FALSE(set.contains(Offset(-1)));
  EXPECT_EQ(set.count(Offset(-5), Offset(1)), 1U);
}

TEST(OffsetSet, RefusesWhatIsCutShortAndIsEmptyThen) {
  OffsetSet set;
  for (std::int64_t at = 0; at < 100'000; at += 7) set.add(Offset(at));
  set.add(Offset(2 * kPart), Offset(2 * kPart + 50));
  const Bytes whole = set.encode();
  for (std::size_t size = 1; size < whole.size(); size += 97) {
    OffsetSet read;
    read.add(Offset(3));
    if (read.decode(whole.view().first(size))) {
      EXPECT_LT(read.size(), set.size());  // cut between two parts
    } else {
      EXPECT_TRUE(read.empty()) << size;
    }
  }
}

}  // namespace
}  // namespace leat::queue
