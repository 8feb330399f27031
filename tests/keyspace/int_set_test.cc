#include "keyspace/int_set.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <vector>

#include "keyspace/memory.h"
#include "tests/keyspace/hex.h"

namespace leat::keyspace {
namespace {

std::vector<std::int64_t> values_of(const IntSet& set) {
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < set.size(); ++i) values.push_back(set.at(i));
  return values;
}

// The bytes are from DUMP of a set after each change in Redis 7.0.15.
TEST(IntSet, IsByteForByteThatOfRedisAndKeepsItsWidth) {
  IntSet set;
  EXPECT_EQ(to_hex(set.bytes()), "0200000000000000");
  for (const std::int64_t value : {1, -5, 300}) EXPECT_TRUE(set.add(value));
  EXPECT_EQ(to_hex(set.bytes()), "0200000003000000fbff01002c01");
  EXPECT_TRUE(set.add(-70000));
  EXPECT_EQ(to_hex(set.bytes()), "040000000400000090eefefffbffffff010000002c010000");
  EXPECT_TRUE(set.add(5'000'000'000));
  EXPECT_EQ(to_hex(set.bytes()),
            "080000000500000090eefefffffffffffbffffffffffffff01000000000000002c0100000000000000f2052a01000000");
  EXPECT_TRUE(set.remove(5'000'000'000));
  EXPECT_EQ(to_hex(set.bytes()), "080000000400000090eefefffffffffffbffffffffffffff01000000000000002c01000000000000");
}

TEST(IntSet, RandomOperationsAgreeWithAStdSetAndGiveBackTheirMemory) {
  const std::int64_t before = MemoryMeter::used();
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    IntSet set;
    std::set<std::int64_t> model;
    const int shift_min = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 32 : 50;
    for (int i = 0; i < 2000; ++i) {
      const auto shift = shift_min + static_cast<int>(random() % static_cast<std::uint64_t>(64 - shift_min));
      const std::int64_t value = static_cast<std::int64_t>(random()) >> shift;
      if (random() % 3 == 0 && !model.empty()) {
        const auto near = model.lower_bound(value);
        const std::int64_t removed = near == model.end() ? value : *near;
        ASSERT_EQ(set.remove(removed), model.erase(removed) == 1);
      } else {
        ASSERT_EQ(set.add(value), model.insert(value).second);
      }
      ASSERT_EQ(set.contains(value), model.contains(value));
      ASSERT_EQ(set.size(), model.size());
      ASSERT_EQ(MemoryMeter::used() - before, static_cast<std::int64_t>(set.memory()));
      if (i % 50 != 0) continue;
      ASSERT_EQ(values_of(set), std::vector(model.begin(), model.end()));
      ASSERT_EQ(set.clone().bytes(), set.bytes());
      const auto adopted = IntSet::validate_and_adopt(set.bytes());
      ASSERT_EQ(adopted.has_value(), !model.empty());
      if (adopted) {
        ASSERT_EQ(adopted->bytes(), set.bytes());
      }
    }
    while (!model.empty()) {
      ASSERT_TRUE(set.remove(*model.begin()));
      model.erase(model.begin());
    }
    ASSERT_TRUE(set.empty());
  }
  EXPECT_EQ(MemoryMeter::used(), before);
}

TEST(IntSet, HoldsTheLimitsOfEachWidth) {
  IntSet set;
  const std::vector<std::int64_t> limits = {std::numeric_limits<std::int64_t>::min(),
                                            std::int64_t{std::numeric_limits<std::int32_t>::min()} - 1,
                                            std::numeric_limits<std::int32_t>::min(),
                                            -32769,
                                            -32768,
                                            32767,
                                            32768,
                                            std::numeric_limits<std::int32_t>::max(),
                                            std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1,
                                            std::numeric_limits<std::int64_t>::max()};
  for (auto at = limits.rbegin(); at != limits.rend(); ++at) EXPECT_TRUE(set.add(*at));
  EXPECT_EQ(values_of(set), limits);
  for (const std::int64_t value : limits) EXPECT_TRUE(set.contains(value));
  EXPECT_FALSE(set.contains(0));
}

TEST(IntSetValidation, RefusesWhatIsNotAnIntSet) {
  const std::string good = from_hex("0200000003000000fbff01002c01");
  EXPECT_TRUE(IntSet::validate_and_adopt(good));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(IntSet::validate_and_adopt(good.substr(0, size)));
  EXPECT_FALSE(IntSet::validate_and_adopt(good + "ab"));
  EXPECT_FALSE(IntSet::validate_and_adopt(from_hex("0300000003000000fbff01002c01")));
  EXPECT_FALSE(IntSet::validate_and_adopt(from_hex("020000000300000001000100ff01")));  // twice the same
  EXPECT_FALSE(IntSet::validate_and_adopt(from_hex("02000000030000000200fbff2c01")));  // not in order
  EXPECT_FALSE(IntSet::validate_and_adopt(from_hex("0200000000000000")));              // empty
  EXPECT_FALSE(IntSet::validate_and_adopt(from_hex("0800000000000020")));              // a count that overflows 32 bits
}

TEST(IntSetValidation, WhatPassesAfterRandomDamageIsInOrder) {
  std::mt19937_64 random(5);
  const std::string good = from_hex("040000000400000090eefefffbffffff010000002c010000");
  std::size_t passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto adopted = IntSet::validate_and_adopt(bytes);
    if (!adopted) continue;
    ++passed;
    const auto values = values_of(*adopted);
    ASSERT_EQ(std::set(values.begin(), values.end()).size(), values.size());
    for (const std::int64_t value : values) ASSERT_TRUE(adopted->contains(value));
  }
  EXPECT_GT(passed, 100);
  EXPECT_LT(passed, 19'000);
}

}  // namespace
}  // namespace leat::keyspace
