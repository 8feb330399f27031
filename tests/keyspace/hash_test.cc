#include "keyspace/hash.h"

#include <gtest/gtest.h>

#include <map>
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

struct Model {
  std::map<std::string, std::string> values;
  std::map<std::string, Millis> times;
};

void expect_equal(Hash& hash, const Model& model) {
  ASSERT_EQ(hash.size(), model.values.size());
  std::map<std::string, std::string> seen;
  hash.for_each([&](Element field, Element value) { EXPECT_TRUE(seen.emplace(str(field), str(value)).second); });
  ASSERT_EQ(seen, model.values);
  for (const auto& [field, value] : model.values) {
    const auto found = hash.get(field);
    ASSERT_TRUE(found);
    ASSERT_EQ(str(*found), value);
    const auto at = model.times.find(field);
    ASSERT_EQ(hash.expiry(field), at == model.times.end() ? std::nullopt : std::optional(at->second));
  }
  std::optional<Millis> next;
  for (const auto& [field, when] : model.times) next = std::min(next.value_or(when), when);
  ASSERT_EQ(hash.next_expiry(), next);
}

std::string random_text(std::mt19937_64& random, std::size_t variety) {
  const std::uint64_t number = random() % variety;
  switch (random() % 8) {
    case 0: return std::string(number % 100, 'x') + std::to_string(number);
    case 1: return "";
    case 2: return std::string(1, static_cast<char>(number)) + '\0';
    default: return std::to_string(static_cast<std::int64_t>(number) - 20);
  }
}

void run(std::uint64_t seed, std::size_t variety, int steps) {
  std::mt19937_64 random(seed);
  const std::int64_t memory = MemoryMeter::used();
  {
    Hash hash;
    Model model;
    for (int step = 0; step < steps; ++step) {
      const std::string field = random_text(random, variety);
      const auto is_there = model.values.contains(field);
      switch (random() % 8) {
        case 0:
        case 1:
          ASSERT_EQ(hash.remove(field), model.values.erase(field) == 1);
          model.times.erase(field);
          break;
        case 2:
          if (!is_there) break;
          model.times[field] = static_cast<Millis>(random() % 50);
          hash.set_expiry(field, model.times[field]);
          break;
        case 3: ASSERT_EQ(hash.clear_expiry(field), model.times.erase(field) == 1); break;
        default: {
          const std::string value = random_text(random, 1000);
          const bool keep = random() % 4 == 0;
          ASSERT_EQ(hash.set(field, value, keep), !is_there);
          model.values[field] = value;
          if (!keep) model.times.erase(field);
        }
      }
      if (step % 97 == 0) expect_equal(hash, model);
      if (step % 501 == 0) {
        Hash copy = hash.clone();
        expect_equal(copy, model);
      }
    }
    expect_equal(hash, model);
    EXPECT_GE(hash.memory() + 1024, static_cast<std::size_t>(MemoryMeter::used() - memory));
    EXPECT_LE(hash.memory(), static_cast<std::size_t>(MemoryMeter::used() - memory) + 1024);
  }
  EXPECT_EQ(MemoryMeter::used(), memory);
}

TEST(Hash, BehavesAsAMapWithTimesInBothForms) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    run(seed, seed % 2 == 0 ? 30 : 3000, 4000);
  }
}

TEST(Hash, BecomesATableBeyondEitherLimit) {
  Hash many;
  for (std::size_t i = 0; i < EncodingLimits::hash_max_listpack_entries; ++i) many.set(std::to_string(i), "v");
  EXPECT_EQ(many.encoding(), "listpack");
  many.set("one more", "v");
  EXPECT_EQ(many.encoding(), "hashtable");

  Hash large;
  large.set("f", std::string(EncodingLimits::hash_max_listpack_value, 'v'));
  EXPECT_EQ(large.encoding(), "listpack");
  large.set("f", std::string(EncodingLimits::hash_max_listpack_value + 1, 'v'));
  EXPECT_EQ(large.encoding(), "hashtable");
  EXPECT_EQ(large.size(), 1U);
  large.set("f", "v");
  EXPECT_EQ(large.encoding(), "hashtable");
}

TEST(Hash, AdoptedPairsAreWhatTheyWere) {
  Hash small;
  small.set("a", "1");
  small.set("2", "b");
  Hash adopted(small.listpack()->clone());
  EXPECT_EQ(adopted.encoding(), "listpack");
  EXPECT_EQ(str(*adopted.get("a")), "1");
  EXPECT_EQ(str(*adopted.get("2")), "b");
  Listpack pairs;
  pairs.push_back("f");
  pairs.push_back(std::string(EncodingLimits::hash_max_listpack_value + 1, 'v'));
  EXPECT_EQ(Hash(std::move(pairs)).encoding(), "hashtable");
}

TEST(Hash, EveryFieldComesUpAtRandomAndInScans) {
  for (const int size : {1, 100, 2000}) {
    Hash hash;
    for (int i = 0; i < size; ++i) hash.set("f" + std::to_string(i), std::to_string(i));
    std::mt19937_64 random(7);
    std::set<std::string> seen;
    for (int i = 0; i < size * 20; ++i) {
      const Hash::Pair pair = hash.random(random());
      ASSERT_EQ(str(pair.field), "f" + str(pair.value));
      seen.insert(str(pair.field));
    }
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(size));
    std::set<std::string> scanned;
    std::uint64_t cursor = 0;
    do {
      cursor = hash.scan(cursor, [&](Element field, Element) { scanned.insert(str(field)); });
    } while (cursor != 0);
    EXPECT_EQ(scanned, seen);
  }
}

}  // namespace
}  // namespace leat::keyspace
