#include "keyspace/sorted_set.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace leat::keyspace {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a SortedSet shall do, in the plainest way.
struct Model {
  std::set<std::pair<double, std::string>> order;
  std::map<std::string, double> scores;

  SortedSet::Outcome add_or_update(const std::string& member, double score) {
    const auto [at, added] = scores.try_emplace(member, score);
    if (!added) {
      if (at->second == score) return SortedSet::Outcome::unchanged;
      order.erase({at->second, member});
      at->second = score;
    }
    order.emplace(score, member);
    return added ? SortedSet::Outcome::added : SortedSet::Outcome::updated;
  }
  bool remove(const std::string& member) {
    const auto at = scores.find(member);
    if (at == scores.end()) return false;
    order.erase({at->second, member});
    scores.erase(at);
    return true;
  }
  std::vector<std::pair<double, std::string>> list() const { return {order.begin(), order.end()}; }
};

using Listed = std::vector<std::pair<double, std::string>>;

SortedSet::Removed collect(Listed& into) {
  return [&into](std::string_view member, double score) { into.emplace_back(score, member); };
}

// Compares everything that can be asked.
void expect_equal(SortedSet& set, const Model& model) {
  const Listed list = model.list();
  ASSERT_EQ(set.size(), list.size());
  SortedSet::Cursor cursor = set.at(0);
  for (std::size_t i = 0; i < list.size(); ++i, cursor.next()) {
    ASSERT_TRUE(cursor.valid());
    ASSERT_EQ(cursor.entry().score, list[i].first);
    ASSERT_EQ(cursor.entry().member, list[i].second);
    ASSERT_EQ(set.rank(list[i].second), i);
    ASSERT_EQ(set.score(list[i].second), list[i].first);
    ASSERT_EQ(set.at(i).entry().member, list[i].second);
    const auto same = [&](const auto& entry) { return entry.first < list[i].first; };
    if (i % 16 == 0) {
      const auto first = std::partition_point(list.begin(), list.end(), same);
      ASSERT_EQ(set.lower_bound(list[i].first), static_cast<std::size_t>(first - list.begin()));
    }
  }
  ASSERT_FALSE(cursor.valid());
  ASSERT_FALSE(set.at(list.size()).valid());
  if (list.empty()) return;
  cursor = set.at(list.size() - 1);
  for (std::size_t i = list.size(); i > 0; --i, cursor.previous()) ASSERT_EQ(cursor.entry().member, list[i - 1].second);
  ASSERT_FALSE(cursor.valid());
}

double random_score(std::mt19937_64& random, int kind) {
  switch (kind) {
    case 0: return static_cast<double>(random() % 5);  // mostly equal
    case 1: return static_cast<double>(random() % 100'000) / 7;
    case 2: {
      constexpr double kOdd[] = {-kInfinity, kInfinity, 0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308};
      return kOdd[random() % 8];
    }
    default: return 1;
  }
}

RankRange ranks_of(const Listed& list, const ScoreRange& range) {
  RankRange result;
  for (const auto& [score, member] : list) {
    const bool below = range.min_exclusive ? score <= range.min : score < range.min;
    const bool inside = range.max_exclusive ? score < range.max : score <= range.max;
    if (below) ++result.first;
    if (below || inside) ++result.end;
  }
  return result;
}

void remove_some(SortedSet& set, Model& model, std::mt19937_64& random, int kind) {
  Listed removed;
  Listed list = model.list();
  Listed expected;
  std::size_t count = 0;
  const int way = static_cast<int>(random() % 4);
  if (way == 0) {
    const std::size_t first = random() % (list.size() + 10);
    const RankRange range{.first = first, .end = first + random() % 200};
    count = set.remove(range, collect(removed));
    for (std::size_t i = range.first; i < std::min(range.end, list.size()); ++i) expected.push_back(list[i]);
  } else if (way == 1) {
    const double min = random_score(random, kind);
    const ScoreRange range{.min = min,
                           .max = kind == 1 ? min + 300 : random_score(random, kind),
                           .min_exclusive = random() % 2 == 0,
                           .max_exclusive = random() % 2 == 0};
    const RankRange ranks = ranks_of(list, range);
    const RankRange found = set.ranks(range);
    ASSERT_EQ(found.count(), ranks.end > ranks.first ? ranks.count() : 0);
    count = set.remove(range, collect(removed));
    for (std::size_t i = ranks.first; i < ranks.end; ++i) expected.push_back(list[i]);
  } else {
    const std::size_t wanted = random() % 150;
    count = way == 2 ? set.pop_min(wanted, collect(removed)) : set.pop_max(wanted, collect(removed));
    if (way == 3) std::reverse(list.begin(), list.end());
    for (std::size_t i = 0; i < std::min(wanted, list.size()); ++i) expected.push_back(list[i]);
  }
  ASSERT_EQ(removed, expected);
  ASSERT_EQ(count, expected.size());
  for (const auto& [score, member] : expected) model.remove(member);
}

TEST(SortedSet, DoesWhatAnOrderedSetDoes) {
  const std::int64_t before = MemoryMeter::used();
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    std::mt19937_64 random(seed);
    const int kind = static_cast<int>(seed % 4);
    const std::uint64_t names = seed < 8 ? 6000 : 200;
    SortedSet set;
    Model model;
    for (int phase = 0; phase < 6; ++phase) {
      for (int i = 0; i < 3000; ++i) {
        const std::string member = "m" + std::to_string(random() % names);
        const std::uint64_t what = random() % 100;
        if (what < (phase % 2 == 0 ? 80 : 30)) {
          const double score = random_score(random, kind);
          ASSERT_EQ(set.add_or_update(member, score), model.add_or_update(member, score));
        } else if (what < 99 || phase % 2 == 0) {
          ASSERT_EQ(set.remove(member), model.remove(member));
        } else {
          ASSERT_NO_FATAL_FAILURE(remove_some(set, model, random, kind)) << "seed " << seed;
        }
        ASSERT_EQ(set.size(), model.order.size());
      }
      ASSERT_NO_FATAL_FAILURE(expect_equal(set, model)) << "seed " << seed;
    }
    if (seed % 2 == 0) continue;
    while (set.size() > 0) ASSERT_NO_FATAL_FAILURE(remove_some(set, model, random, kind)) << "seed " << seed;
    ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
    EXPECT_EQ(MemoryMeter::used(), before);
  }
  EXPECT_EQ(MemoryMeter::used(), before);
}

TEST(SortedSet, KeepsItsOrderWhileAHundredThousandComeAndGo) {
  std::mt19937_64 random(1);
  SortedSet set;
  Model model;
  for (int i = 0; i < 100'000; ++i) {
    const std::string member = std::to_string(random() % 60'000);
    const double score = static_cast<double>(random() % 1'000'000);
    ASSERT_EQ(set.add_or_update(member, score), model.add_or_update(member, score));
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
  for (int i = 0; i < 50'000; ++i) {
    const std::string member = std::to_string(random() % 60'000);
    ASSERT_EQ(set.remove(member), model.remove(member));
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
}

TEST(SortedSet, MembersThatComeSortedFillTheirLeaves) {
  for (const bool ascending : {true, false}) {
    SortedSet set;
    Model model;
    for (int i = 0; i < 20'000; ++i) {
      const double score = ascending ? i : -i;
      set.add_or_update(std::to_string(i), score);
      model.add_or_update(std::to_string(i), score);
    }
    ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
    // 48 for a member, 13 for its buckets, 16 in its leaf and little above: leaves that are half full would make it 95.
    EXPECT_LT(set.memory(), 20'000 * 80);
    // Taken away from the end where they came last, which has nodes of one child.
    for (int i = 20'000; i-- > 0;) ASSERT_TRUE(set.remove(std::to_string(i)));
    ASSERT_EQ(set.size(), 0);
    ASSERT_EQ(set.memory(), sizeof(SortedSet));
  }
}

TEST(SortedSet, SmallSetsOfTheEndsGoAwayWhole) {
  // Each count leaves the last leaf, and the nodes above it, with another number of entries.
  for (std::size_t count = 4090; count < 4170; ++count) {
    SortedSet set;
    for (std::size_t i = 0; i < count; ++i) set.add_or_update(std::to_string(i), static_cast<double>(i));
    ASSERT_EQ(set.pop_max(5), 5);
    ASSERT_EQ(set.remove(RankRange{.first = count - 80, .end = count}), 75);
    ASSERT_EQ(set.at(set.size() - 1).entry().score, static_cast<double>(count - 81));
    ASSERT_EQ(set.pop_min(4000), std::min<std::size_t>(4000, count - 80));
  }
}

TEST(SortedSet, UpdatesMoveMembersWithinAndBetweenLeaves) {
  std::mt19937_64 random(5);
  SortedSet set;
  Model model;
  for (int i = 0; i < 2000; ++i) {
    set.add_or_update("m" + std::to_string(i), i);
    model.add_or_update("m" + std::to_string(i), i);
  }
  for (int i = 0; i < 20'000; ++i) {
    const std::string member = "m" + std::to_string(random() % 2000);
    const double reach = i % 2 == 0 ? 20 : 2000;
    const double score = model.scores[member] + std::fmod(static_cast<double>(random() % 4000), reach) - reach / 2;
    ASSERT_EQ(set.add_or_update(member, score), model.add_or_update(member, score));
    if (i % 1000 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(set, model));
}

TEST(SortedSet, CountsInRangesOfScores) {
  SortedSet set;
  for (int i = 0; i < 1000; ++i) set.add_or_update(std::to_string(i), i / 10);
  set.add_or_update("low", -kInfinity);
  set.add_or_update("high", kInfinity);
  EXPECT_EQ(set.ranks(ScoreRange{.min = -kInfinity, .max = kInfinity}).count(), 1002);
  EXPECT_EQ(
      set.ranks(ScoreRange{.min = -kInfinity, .max = kInfinity, .min_exclusive = true, .max_exclusive = true}).count(),
      1000);
  EXPECT_EQ(set.ranks(ScoreRange{.min = 5, .max = 7}).count(), 30);
  EXPECT_EQ(set.ranks(ScoreRange{.min = 5, .max = 7, .min_exclusive = true}).count(), 20);
  EXPECT_EQ(set.ranks(ScoreRange{.min = 5, .max = 7, .max_exclusive = true}).count(), 20);
  EXPECT_EQ(set.ranks(ScoreRange{.min = 5, .max = 5, .max_exclusive = true}).count(), 0);
  EXPECT_TRUE(set.ranks(ScoreRange{.min = 7, .max = 5}).empty());
  EXPECT_EQ(set.lower_bound(5), 51);
  EXPECT_EQ(set.lower_bound(5, true), 61);
  EXPECT_EQ(set.lower_bound(1000), 1001);
  EXPECT_EQ(set.lower_bound(kInfinity, true), 1002);
}

TEST(SortedSet, RangesOfMembersOfEqualScores) {
  SortedSet set;
  std::set<std::string> names;
  std::mt19937_64 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string name;
    for (std::uint64_t length = random() % 4; length > 0; --length)
      name.push_back(static_cast<char>(random() % 3 * 127));
    name += std::to_string(random() % 1000);
    names.insert(name);
    set.add_or_update(name, 0);
  }
  const auto less = [](const std::string& left, const std::string& right) { return left < right; };
  for (int i = 0; i < 500; ++i) {
    const std::string low(set.random(random()).member.substr(0, 3));
    const std::string high(set.random(random()).member);
    const bool low_out = random() % 2 == 0;
    const bool high_out = random() % 2 == 0;
    const LexRange range{.min = {.kind = LexBound::Kind::member, .member = low, .exclusive = low_out},
                         .max = {.kind = LexBound::Kind::member, .member = high, .exclusive = high_out}};
    std::size_t expected = 0;
    for (const std::string& name : names) {
      const bool above = less(low, name) || (!low_out && low == name);
      const bool below = less(name, high) || (!high_out && high == name);
      if (above && below) ++expected;
    }
    ASSERT_EQ(set.ranks(range).count(), expected);
  }
  EXPECT_EQ(set.ranks(LexRange{}).count(), names.size());
  EXPECT_TRUE(set.ranks(LexRange{.min = {.kind = LexBound::Kind::max}, .max = {.kind = LexBound::Kind::min}}).empty());
  EXPECT_EQ(set.remove(LexRange{.max = {.kind = LexBound::Kind::member, .member = "5"}}),
            static_cast<std::size_t>(std::distance(names.begin(), names.upper_bound("5"))));
  EXPECT_EQ(set.at(0).entry().member, *names.upper_bound("5"));
}

TEST(SortedSet, ZeroesOfBothSignsAreEqual) {
  SortedSet set;
  EXPECT_EQ(set.add_or_update("b", 0.0), SortedSet::Outcome::added);
  EXPECT_EQ(set.add_or_update("a", -0.0), SortedSet::Outcome::added);
  EXPECT_EQ(set.add_or_update("b", -0.0), SortedSet::Outcome::unchanged);
  EXPECT_EQ(set.rank("a"), 0);
  EXPECT_FALSE(std::signbit(*set.score("b")));
  EXPECT_TRUE(std::signbit(*set.score("a")));
  EXPECT_EQ(set.ranks(ScoreRange{.min = 0.0, .max = -0.0}).count(), 2);
}

TEST(SortedSet, AnEmptySetAnswers) {
  SortedSet set;
  EXPECT_EQ(set.size(), 0);
  EXPECT_EQ(set.score("a"), std::nullopt);
  EXPECT_EQ(set.rank("a"), std::nullopt);
  EXPECT_FALSE(set.remove("a"));
  EXPECT_FALSE(set.at(0).valid());
  EXPECT_TRUE(set.ranks(ScoreRange{.min = -kInfinity, .max = kInfinity}).empty());
  EXPECT_EQ(set.pop_min(3), 0);
  EXPECT_EQ(set.pop_max(3), 0);
  EXPECT_EQ(set.memory(), sizeof(SortedSet));
}

TEST(SortedSet, RanksThatAreNotThereAreCutOff) {
  SortedSet set;
  for (int i = 0; i < 10; ++i) set.add_or_update(std::to_string(i), i);
  EXPECT_EQ(set.clamped({.first = 3, .end = 100}).count(), 7);
  EXPECT_TRUE(set.clamped({.first = 20, .end = 100}).empty());
  EXPECT_TRUE(set.clamped({.first = 8, .end = 2}).empty());
  EXPECT_EQ(set.remove(RankRange{.first = 8, .end = 2}), 0);
  EXPECT_EQ(set.remove(RankRange{.first = 8, .end = 200}), 2);
}

TEST(SortedSet, ScanAndRandomReachAllMembers) {
  SortedSet set;
  for (int i = 0; i < 500; ++i) set.add_or_update(std::to_string(i), i % 7);
  std::map<std::string, double> seen;
  std::uint64_t cursor = 0;
  do {
    cursor = set.scan(cursor, [&](std::string_view member, double score) { seen[std::string(member)] = score; });
  } while (cursor != 0);
  ASSERT_EQ(seen.size(), 500);
  for (const auto& [member, score] : seen) EXPECT_EQ(score, std::stoi(member) % 7);
  std::mt19937_64 random(2);
  std::map<std::string, int> drawn;
  for (int i = 0; i < 100'000; ++i) ++drawn[std::string(set.random(random()).member)];
  ASSERT_EQ(drawn.size(), 500);
  // 200 each is the mean, and 6 deviations are 85.
  for (const auto& [member, count] : drawn) EXPECT_NEAR(count, 200, 85) << member;
}

TEST(SortedSet, MembersMayBeEmptyLongOrOfAnyBytes) {
  SortedSet set;
  Model model;
  std::vector<std::string> members = {
      "", std::string(1, '\0'), std::string("a\0b", 3), "a", std::string(3000, 'z'), "\xff", "\x7f"};
  for (const std::string& member : members) {
    set.add_or_update(member, 1);
    model.add_or_update(member, 1);
  }
  expect_equal(set, model);
  const std::int64_t used = MemoryMeter::used();
  set.add_or_update(std::string(100'000, 'y'), 2);
  EXPECT_GE(MemoryMeter::used() - used, 100'000);
}

TEST(SortedSet, KnowsTheMemoryItUses) {
  const std::int64_t before = MemoryMeter::used();
  auto set = std::make_unique<SortedSet>();
  std::mt19937_64 random(11);
  for (int i = 0; i < 5000; ++i)
    set->add_or_update(std::to_string(random() % 4000), static_cast<double>(random() % 100));
  for (int i = 0; i < 2000; ++i) set->remove(std::to_string(random() % 4000));
  // The table's memory() leaves out what malloc rounds its one or two arrays up to.
  EXPECT_NEAR(static_cast<double>(MemoryMeter::used() - before), static_cast<double>(set->memory()), 64);
  set.reset();
  EXPECT_EQ(MemoryMeter::used(), before);
}

}  // namespace
}  // namespace leat::keyspace
