#include "keyspace/set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "keyspace/encoding_limits.h"

namespace leat::keyspace {
namespace {

std::string str(Element element) {
  IntegerText buffer;
  return std::string(text(element, buffer));
}

std::set<std::string> members(Set& set) {
  std::set<std::string> all;
  set.for_each([&](Element member) { EXPECT_TRUE(all.insert(str(member)).second); });
  return all;
}

void run(std::uint64_t seed, std::int64_t variety, bool with_texts) {
  std::mt19937_64 random(seed);
  const std::int64_t memory = MemoryMeter::used();
  {
    Set set;
    std::set<std::string> model;
    for (int step = 0; step < 4000; ++step) {
      const auto number = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(variety)) - variety / 2;
      std::string member = std::to_string(number);
      if (with_texts && random() % 4 == 0) member = std::string(random() % 40, 'm') + member;
      if (with_texts && random() % 50 == 0) member.clear();
      switch (random() % 4) {
        case 0: ASSERT_EQ(set.remove(member), model.erase(member) == 1); break;
        case 1: ASSERT_EQ(set.contains(member), model.contains(member)); break;
        case 2:
          ASSERT_EQ(set.add(Element{.data = member.data(), .word = member.size()}), model.insert(member).second);
          break;
        default: ASSERT_EQ(set.add(member), model.insert(member).second);
      }
      ASSERT_EQ(set.size(), model.size());
      if (step % 199 == 0) {
        ASSERT_EQ(members(set), model);
        Set copy = set.clone();
        ASSERT_EQ(members(copy), model);
        EXPECT_EQ(copy.encoding(), set.encoding());
      }
    }
    EXPECT_GE(set.memory() + 1024, static_cast<std::size_t>(MemoryMeter::used() - memory));
    EXPECT_LE(set.memory(), static_cast<std::size_t>(MemoryMeter::used() - memory) + 1024);
  }
  EXPECT_EQ(MemoryMeter::used(), memory);
}

TEST(Set, BehavesAsASetInBothForms) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    run(seed, seed % 3 == 0 ? 60 : 5000, seed % 2 == 0);
  }
}

TEST(Set, IntegersStayIntegersUpToTheLimit) {
  Set set;
  for (std::size_t i = 0; i < EncodingLimits::set_max_intset_entries; ++i) set.add(std::to_string(i));
  EXPECT_EQ(set.encoding(), "intset");
  set.add("1000000");
  EXPECT_EQ(set.encoding(), "hashtable");
  Set text;
  text.add("01");
  EXPECT_EQ(text.encoding(), "hashtable");
  EXPECT_FALSE(text.contains("1"));
  Set adopted(IntSet{});
  EXPECT_EQ(adopted.encoding(), "intset");
}

TEST(Set, IntegersAndTextsOfThemAreTheSameMember) {
  Set integers;
  integers.add("5");
  Set texts;
  texts.add("five");
  texts.add("5");
  integers.for_each([&](Element member) { EXPECT_TRUE(texts.contains(member)); });
  EXPECT_FALSE(integers.contains(Element{.data = "five", .word = 4}));
  texts.for_each([&](Element member) { integers.remove(member); });
  EXPECT_EQ(integers.size(), 0U);
}

TEST(Set, EveryMemberComesUpAtRandomAndInScans) {
  for (const bool texts : {false, true}) {
    Set set;
    for (int i = 0; i < 400; ++i) set.add((texts ? "m" : "") + std::to_string(i));
    std::mt19937_64 random(3);
    std::set<std::string> seen;
    for (int i = 0; i < 8000; ++i) seen.insert(str(set.random(random())));
    EXPECT_EQ(seen.size(), 400U);
    std::set<std::string> scanned;
    std::uint64_t cursor = 0;
    do {
      cursor = set.scan(cursor, [&](Element member) { scanned.insert(str(member)); });
    } while (cursor != 0);
    EXPECT_EQ(scanned, seen);
  }
}

}  // namespace
}  // namespace leat::keyspace
