#include "keyspace/zset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "keyspace/encoding_limits.h"
#include "tests/keyspace/hex.h"

namespace leat::keyspace {
namespace {

std::string to_string(Element member) {
  IntegerText buffer;
  return std::string(text(member, buffer));
}

using Pairs = std::vector<std::pair<double, std::string>>;

Pairs pairs_of(const ZSet& set, RankRange range, bool downwards = false) {
  Pairs pairs;
  set.for_each(range, downwards, [&](Element member, double score) { pairs.emplace_back(score, to_string(member)); });
  return pairs;
}
Pairs pairs_of(const ZSet& set) { return pairs_of(set, {.first = 0, .end = set.size()}); }

// The same by simple means.
class Model {
 public:
  ZSet::Outcome set(const std::string& member, double score) {
    const auto at = scores_.find(member);
    if (at == scores_.end()) {
      scores_[member] = score;
      return ZSet::Outcome::added;
    }
    if (at->second == score) return ZSet::Outcome::unchanged;
    at->second = score;
    return ZSet::Outcome::updated;
  }
  bool remove(const std::string& member) { return scores_.erase(member) != 0; }
  [[nodiscard]] std::optional<double> score(const std::string& member) const {
    const auto at = scores_.find(member);
    return at == scores_.end() ? std::nullopt : std::optional(at->second);
  }
  [[nodiscard]] Pairs pairs() const {
    std::set<std::pair<double, std::string>> ordered;
    for (const auto& [member, score] : scores_) ordered.emplace(score, member);
    return {ordered.begin(), ordered.end()};
  }

 private:
  std::map<std::string, double> scores_;
};

std::string random_member(std::mt19937_64& random) {
  const std::uint64_t number = random() % 60;
  if (number < 20) return std::to_string(static_cast<std::int64_t>(number) - 10);
  if (number == 20) return "";
  return "member:" + std::to_string(number);
}
double random_score(std::mt19937_64& random) {
  constexpr double kScores[] = {0,
                                -1,
                                1,
                                0.1,
                                -2.5,
                                1e17,
                                4611686018427387904.0,
                                9223372036854775807.0,
                                1e300,
                                -1e9,
                                3.25,
                                1e-9,
                                std::numeric_limits<double>::infinity()};
  return kScores[random() % std::size(kScores)];
}

void expect_ranges(const ZSet& set, const Pairs& model, std::mt19937_64& random) {
  const ScoreRange range{.min = random_score(random),
                         .max = random_score(random),
                         .min_exclusive = random() % 2 == 0,
                         .max_exclusive = random() % 2 == 0};
  Pairs expected;
  for (const auto& pair : model) {
    const bool above = range.min_exclusive ? pair.first > range.min : pair.first >= range.min;
    const bool below = range.max_exclusive ? pair.first < range.max : pair.first <= range.max;
    if (above && below) expected.push_back(pair);
  }
  const RankRange ranks = set.ranks(range);
  EXPECT_EQ(pairs_of(set, ranks), expected);
  const Pairs downwards(expected.rbegin(), expected.rend());
  EXPECT_EQ(pairs_of(set, ranks, true), downwards);
}

TEST(ZSet, BehavesAsASortedMapInBothForms) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    ZSet set;
    Model model;
    if (seed % 2 == 1) {
      // Beyond the limit, and back to where it was.
      const std::string long_member(EncodingLimits::zset_max_listpack_value + 1, 'x');
      set.set(long_member, 1);
      ASSERT_TRUE(set.remove(long_member));
    }
    ASSERT_EQ(set.encoding(), seed % 2 == 1 ? "skiplist" : "listpack");
    for (int step = 0; step < 400; ++step) {
      const std::string member = random_member(random);
      if (random() % 3 != 0) {
        const double score = random_score(random);
        ASSERT_EQ(set.set(member, score), model.set(member, score));
      } else {
        ASSERT_EQ(set.remove(member), model.remove(member));
      }
      ASSERT_EQ(set.score(member), model.score(member));
      const Pairs expected = model.pairs();
      ASSERT_EQ(pairs_of(set), expected) << "seed " << seed << " step " << step;
      expect_ranges(set, expected, random);
      if (expected.empty()) continue;
      const std::size_t rank = random() % expected.size();
      ASSERT_EQ(set.rank(expected[rank].second), rank);
      ASSERT_EQ(to_string(set.at(rank).member), expected[rank].second);
      ASSERT_EQ(set.at(rank).score, expected[rank].first);
      if (step % 40 == 0) {
        const RankRange range{.first = rank, .end = std::min(rank + 3, expected.size())};
        for (std::size_t i = range.first; i < range.end; ++i) model.remove(expected[i].second);
        ASSERT_EQ(set.remove(range), range.count());
        ASSERT_EQ(pairs_of(set), model.pairs());
      }
    }
    ASSERT_EQ(pairs_of(set.clone()), model.pairs());
  }
}

TEST(ZSet, MembersOfOneScoreAreInTheOrderOfTheirBytes) {
  for (const bool large : {false, true}) {
    ZSet set;
    if (large) set.set(std::string(100, 'z'), 0);
    for (const char* member : {"b", "a", "10", "9", "ab", ""}) set.set(member, 0);
    const LexRange from_10_to_b{.min = {.kind = LexBound::Kind::member, .member = "10"},
                                .max = {.kind = LexBound::Kind::member, .member = "b", .exclusive = true}};
    EXPECT_EQ(pairs_of(set, set.ranks(from_10_to_b)), (Pairs{{0, "10"}, {0, "9"}, {0, "a"}, {0, "ab"}})) << large;
    EXPECT_EQ(set.ranks(LexRange{.min = {.kind = LexBound::Kind::min}, .max = {.kind = LexBound::Kind::max}}).count(),
              set.size());
    EXPECT_EQ(set.ranks(LexRange{.min = {.kind = LexBound::Kind::max}, .max = {.kind = LexBound::Kind::min}}).count(),
              0);
  }
}

// What `DUMP` of Redis 7.0.15 shows between its type and its footer.
TEST(ZSet, ItsListpackIsByteForByteTheOneOfRedis) {
  ZSet set;
  set.set("a", 1);
  set.set("12", 1.5);
  set.set("b", -0.0);
  set.set("c", 4611686018427387904.0);
  set.set("d", 9223372036854775807.0);
  EXPECT_EQ(to_hex(set.listpack()->bytes()),
            "400000000a00816202000181610201010c0183312e3504816302f400000000000000400981640296392e323233333732"
            "30333638353437373538652b313817ff");
}

TEST(ZSet, GrowsOutOfItsListpackByCountAndByLength) {
  ZSet by_count;
  for (std::size_t i = 0; i < EncodingLimits::zset_max_listpack_entries; ++i) {
    by_count.set("member:" + std::to_string(i), static_cast<double>(i % 7));
  }
  EXPECT_EQ(by_count.encoding(), "listpack");
  by_count.set("member:0", 99);
  EXPECT_EQ(by_count.encoding(), "listpack");
  by_count.set("one more", 3);
  EXPECT_EQ(by_count.encoding(), "skiplist");
  EXPECT_EQ(by_count.size(), EncodingLimits::zset_max_listpack_entries + 1);
  EXPECT_EQ(by_count.score("member:0"), 99);

  ZSet by_length;
  by_length.set(std::string(EncodingLimits::zset_max_listpack_value, 'x'), 1);
  EXPECT_EQ(by_length.encoding(), "listpack");
  by_length.set(std::string(EncodingLimits::zset_max_listpack_value + 1, 'x'), 1);
  EXPECT_EQ(by_length.encoding(), "skiplist");
}

TEST(ZSet, ALargeOneThatIsSmallBecomesAListpackWhenToldTo) {
  ZSet small = ZSet::make_large();
  for (const char* member : {"b", "a", "10"}) small.set(member, -0.0);
  small.set("c", -1);
  EXPECT_EQ(small.encoding(), "skiplist");
  EXPECT_TRUE(std::signbit(*small.score("a")));
  small.compact();
  EXPECT_EQ(small.encoding(), "listpack");
  EXPECT_EQ(pairs_of(small), (Pairs{{-1, "c"}, {0, "10"}, {0, "a"}, {0, "b"}}));
  EXPECT_FALSE(std::signbit(*small.score("a")));

  ZSet long_member = ZSet::make_large();
  long_member.set(std::string(EncodingLimits::zset_max_listpack_value + 1, 'x'), 1);
  long_member.compact();
  EXPECT_EQ(long_member.encoding(), "skiplist");
  ZSet many = ZSet::make_large();
  for (std::size_t i = 0; i <= EncodingLimits::zset_max_listpack_entries; ++i) many.set(std::to_string(i), 1);
  many.compact();
  EXPECT_EQ(many.encoding(), "skiplist");
}

Listpack listpack_of(const std::vector<std::string>& entries) {
  Listpack list;
  for (const std::string& entry : entries) list.push_back(std::string_view(entry));
  return list;
}

TEST(ZSet, AdoptsOnlyPairsOfDifferentMembersWithScores) {
  EXPECT_FALSE(ZSet::adopt(listpack_of({"a"})));
  EXPECT_FALSE(ZSet::adopt(listpack_of({"a", "b"})));
  EXPECT_FALSE(ZSet::adopt(listpack_of({"a", "nan"})));
  EXPECT_FALSE(ZSet::adopt(listpack_of({"a", "1", "a", "2"})));
  const auto ordered = ZSet::adopt(listpack_of({"a", "1", "b", "1.5"}));
  ASSERT_TRUE(ordered);
  EXPECT_EQ(pairs_of(*ordered), (Pairs{{1, "a"}, {1.5, "b"}}));
  const auto unordered = ZSet::adopt(listpack_of({"b", "1", "a", "1", "c", "-inf"}));
  ASSERT_TRUE(unordered);
  EXPECT_EQ(pairs_of(*unordered), (Pairs{{-std::numeric_limits<double>::infinity(), "c"}, {1, "a"}, {1, "b"}}));
  const auto long_member = ZSet::adopt(listpack_of({std::string(65, 'x'), "1"}));
  ASSERT_TRUE(long_member);
  EXPECT_EQ(long_member->encoding(), "skiplist");
}

TEST(ZSet, AScanVisitsEveryMember) {
  for (const std::size_t size : {std::size_t{5}, std::size_t{1000}}) {
    ZSet set;
    for (std::size_t i = 0; i < size; ++i) set.set("m" + std::to_string(i), static_cast<double>(i));
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    do {
      cursor = set.scan(cursor, [&](Element member, double score) {
        EXPECT_EQ("m" + std::to_string(static_cast<int>(score)), to_string(member));
        seen.insert(to_string(member));
      });
    } while (cursor != 0);
    EXPECT_EQ(seen.size(), size);
  }
}

TEST(ZSet, AVisitEndsWhereTheVisitorSaysSo) {
  for (const bool large : {false, true}) {
    ZSet set;
    if (large) set.set(std::string(100, 'z'), 1000);
    for (int i = 0; i < 10; ++i) set.set("m" + std::to_string(i), i);
    int visits = 0;
    set.for_each([&](Element /*member*/, double /*score*/) { return ++visits < 4; });
    EXPECT_EQ(visits, 4);
  }
}

// But for the rounding of a few blocks.
TEST(ZSet, WhatItHoldsIsWhatItCounts) {
  for (const int size : {10, 1000}) {
    const std::int64_t before = MemoryMeter::used();
    {
      ZSet set;
      for (int i = 0; i < size; ++i) set.set("member:" + std::to_string(i), i * 0.5);
      EXPECT_NEAR(static_cast<double>(MemoryMeter::used() - before), static_cast<double>(set.memory()), 64);
    }
    EXPECT_EQ(MemoryMeter::used(), before);
  }
}

}  // namespace
}  // namespace leat::keyspace
