#include "keyspace/table.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>

namespace leat::keyspace {
namespace {

struct Item {
  Item* next = nullptr;
  std::string name;
  std::uint64_t value = 0;
  [[nodiscard]] std::string_view key() const { return name; }
};
using Items = Table<Item>;

struct Owner {
  Items table;
  ~Owner() {
    table.clear([](Item* item) { delete item; });
  }
  void add(const std::string& key, std::uint64_t value = 0) { table.insert(*new Item{.name = key, .value = value}); }
  bool drop(const std::string& key) {
    Item* item = table.remove(key);
    const bool was = item != nullptr;
    delete item;
    return was;
  }
};

std::string numbered(std::uint64_t number) { return "key:" + std::to_string(number); }

TEST(Table, DoesWhatAMapDoesWhileItGrowsAndShrinks) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    std::mt19937_64 random(seed);
    Owner owner;
    std::unordered_map<std::string, std::uint64_t> model;
    for (int phase = 0; phase < 12; ++phase) {
      const std::uint64_t bias = phase % 3 == 0 ? 90 : phase % 3 == 1 ? 50 : 5;  // of a hundred, how many add
      for (int i = 0; i < 3000; ++i) {
        const std::string key = numbered(random() % 4000);
        const std::uint64_t hash = hash_of(key);
        Item* found = owner.table.find(key, hash);
        const auto known = model.find(key);
        ASSERT_EQ(found != nullptr, known != model.end()) << "seed " << seed;
        if (found != nullptr) {
          ASSERT_EQ(found->value, known->second);
        }
        if (random() % 100 < bias) {
          const std::uint64_t value = random();
          if (found == nullptr) {
            owner.table.insert(*new Item{.name = key, .value = value}, hash);
          } else {
            auto* with = new Item{.name = key, .value = value};
            owner.table.replace(*found, *with);
            delete found;
          }
          model[key] = value;
        } else if (random() % 8 == 0 && found != nullptr) {
          owner.table.remove(*found);
          delete found;
          model.erase(key);
        } else {
          ASSERT_EQ(owner.drop(key), model.erase(key) == 1);
        }
        ASSERT_EQ(owner.table.size(), model.size());
        if (!owner.table.rehashing() && !model.empty()) {
          ASSERT_LE(owner.table.buckets(), std::max<std::size_t>(4, model.size() * 9));
        }
      }
      std::size_t visited = 0;
      owner.table.for_each([&](Item& item) {
        ++visited;
        EXPECT_EQ(model.at(item.name), item.value);
      });
      ASSERT_EQ(visited, model.size());
    }
  }
}

TEST(Table, HoldsNoMemoryWhenItIsEmpty) {
  const std::int64_t before = MemoryMeter::used();
  {
    Items table;
    EXPECT_EQ(MemoryMeter::used(), before);
    std::vector<Item> items(100'000);
    for (std::size_t i = 0; i < items.size(); ++i) items[i].name = numbered(i);
    for (Item& item : items) table.insert(item);
    EXPECT_GE(table.memory(), items.size() * sizeof(void*));
    EXPECT_GE(MemoryMeter::used() - before, static_cast<std::int64_t>(table.memory()));
    for (Item& item : items) table.remove(item);
    EXPECT_EQ(table.memory(), 0);
    EXPECT_EQ(MemoryMeter::used(), before);
    for (Item& item : items) table.insert(item);
  }
  EXPECT_EQ(MemoryMeter::used(), before);
}

TEST(Table, ScanVisitsAllThatStayedWhateverHappensBetweenItsCalls) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    Owner owner;
    const std::uint64_t stays = random() % 300 + 1;
    const std::uint64_t first = seed % 2 == 0 ? 0 : random() % 20'000;
    for (std::uint64_t i = 0; i < stays; ++i) owner.add(numbered(i));
    for (std::uint64_t i = 0; i < first; ++i) owner.add("other:" + std::to_string(i));
    std::uint64_t low = 0;
    std::uint64_t high = first;
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    do {
      cursor = owner.table.scan(cursor, [&](Item& item) { seen.insert(item.name); });
      // Even seeds grow, odd ones shrink, each third also turns round.
      const bool grow = (seed % 2 == 0) != (seed % 3 == 0 && random() % 2 == 0);
      for (std::uint64_t count = random() % 40; count > 0; --count) {
        if (grow && high < 30'000) {
          owner.add("other:" + std::to_string(high++));
        } else if (!grow && low < high) {
          owner.drop("other:" + std::to_string(low++));
        }
      }
      if (random() % 4 == 0) owner.table.rehash_step(random() % 50);
    } while (cursor != 0);
    for (std::uint64_t i = 0; i < stays; ++i)
      ASSERT_TRUE(seen.contains(numbered(i))) << "seed " << seed << " key " << i;
  }
}

TEST(Table, ScanOfATableThatDoesNotChangeVisitsEachNodeOnce) {
  Owner owner;
  std::size_t count = 0;
  while (count < 4096 || !owner.table.rehashing()) owner.add(numbered(count++));
  owner.table.rehash_step(1000);
  const auto visits = [&] {
    std::size_t visited = 0;
    std::uint64_t cursor = 0;
    do {
      cursor = owner.table.scan(cursor, [&](Item&) { ++visited; });
    } while (cursor != 0);
    return visited;
  };
  ASSERT_TRUE(owner.table.rehashing());
  EXPECT_EQ(visits(), count);
  while (owner.table.rehash_step(100)) {}
  EXPECT_EQ(visits(), count);
}

TEST(Table, TheVisitedNodeMayBeRemovedAndFreed) {
  Owner owner;
  for (int way = 0; way < 3; ++way) {
    for (std::uint64_t i = 0; i < 3000; ++i) owner.add(numbered(i));
    const auto visit = [&](Item& item) {
      owner.table.remove(item);
      delete &item;
    };
    if (way == 0) {
      owner.table.for_each(visit);
    } else if (way == 1) {
      std::uint64_t cursor = 0;
      do {
        cursor = owner.table.scan(cursor, visit);
      } while (cursor != 0);
    } else {
      for (std::uint64_t bits = 1; owner.table.size() > 0; bits += 0x9e3779b97f4a7c15)
        owner.table.sample(16, bits, visit);
    }
    EXPECT_EQ(owner.table.size(), 0);
    EXPECT_EQ(owner.table.memory(), 0);
  }
}

TEST(Table, NodesMayBeAddedWhileAllAreVisited) {
  Owner owner;
  for (std::uint64_t i = 0; i < 64; ++i) owner.add(numbered(i));
  std::set<std::string> seen;
  std::uint64_t added = 0;
  owner.table.for_each([&](Item& item) {
    seen.insert(item.name);
    for (int i = 0; i < 10 && added < 2000; ++i) owner.add("new:" + std::to_string(added++));
  });
  for (std::uint64_t i = 0; i < 64; ++i) EXPECT_TRUE(seen.contains(numbered(i)));
  for (std::uint64_t i = 0; i < added; ++i) EXPECT_NE(owner.table.find("new:" + std::to_string(i)), nullptr);
}

TEST(Table, FindsEachNodeInTheMiddleOfARehash) {
  Owner owner;
  std::uint64_t count = 0;
  while (count < 4096 || !owner.table.rehashing()) owner.add(numbered(count++));
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_NE(owner.table.peek(numbered(i)), nullptr);
  EXPECT_EQ(owner.table.peek("absent"), nullptr);
  ASSERT_TRUE(owner.table.rehashing());
  while (owner.table.rehash_step(1)) {
    ASSERT_NE(owner.table.peek(numbered(count / 2)), nullptr);
  }
  EXPECT_FALSE(owner.table.rehashing());
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_NE(owner.table.peek(numbered(i)), nullptr);
}

TEST(Table, RandomNodesAreAllReachedAndTheFairOnesEquallyOften) {
  Owner owner;
  for (std::uint64_t i = 0; i < 200; ++i) owner.add(numbered(i));
  std::unordered_map<std::string, int> plain;
  std::unordered_map<std::string, int> fair;
  std::unordered_map<std::string, int> sampled;
  std::mt19937_64 random(7);
  for (int i = 0; i < 200'000; ++i) {
    ++plain[owner.table.random(random())->name];
    ++fair[owner.table.random_fair(random())->name];
    if (i % 10 == 0) owner.table.sample(5, random(), [&](Item& item) { ++sampled[item.name]; });
  }
  EXPECT_EQ(plain.size(), 200);
  EXPECT_EQ(sampled.size(), 200);
  ASSERT_EQ(fair.size(), 200);
  // 1000 each is the mean, and 6 deviations are 190.
  for (const auto& [name, count] : fair) EXPECT_NEAR(count, 1000, 190) << name;
}

TEST(Table, RandomFindsTheOnlyNodeLeftOfMany) {
  Owner owner;
  owner.table.reserve(1 << 20);
  owner.add("only");
  EXPECT_EQ(owner.table.buckets(), 1 << 20);
  EXPECT_EQ(owner.table.random(3)->name, "only");
  EXPECT_EQ(owner.table.random_fair(3)->name, "only");
  EXPECT_EQ(Items().random(1), nullptr);
  EXPECT_EQ(Items().random_fair(1), nullptr);
}

TEST(Table, SampleGivesEachNodeAtMostOnce) {
  Owner owner;
  for (std::uint64_t i = 0; i < 10; ++i) owner.add(numbered(i));
  for (std::uint64_t bits = 0; bits < 100; ++bits) {
    std::set<std::string> seen;
    const std::size_t count =
        owner.table.sample(64, bits, [&](Item& item) { EXPECT_TRUE(seen.insert(item.name).second); });
    EXPECT_EQ(count, seen.size());
    EXPECT_EQ(count, 10);
  }
}

TEST(Table, IsMovedWithItsNodes) {
  Owner owner;
  for (std::uint64_t i = 0; i < 1000; ++i) owner.add(numbered(i));
  Items other = std::move(owner.table);
  EXPECT_EQ(owner.table.size(), 0);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(owner.table.find("key:1"), nullptr);
  EXPECT_EQ(other.size(), 1000);
  EXPECT_NE(other.find("key:1"), nullptr);
  owner.table = std::move(other);
  EXPECT_EQ(owner.table.size(), 1000);
}

TEST(Table, KeysMayBeEmptyLongOrOfAnyBytes) {
  Owner owner;
  std::vector<std::string> keys = {"", std::string(1, '\0'), std::string(2, '\0'), std::string(5000, 'x')};
  for (int byte = 0; byte < 256; ++byte) keys.push_back(std::string("k") + static_cast<char>(byte));
  for (const std::string& key : keys) owner.add(key);
  for (const std::string& key : keys) ASSERT_EQ(owner.table.find(key)->name, key);
}

TEST(Table, TellsOfItsBuckets) {
  Owner owner;
  for (std::uint64_t i = 0; i < 1000; ++i) owner.add(numbered(i));
  while (owner.table.rehash_step(100)) {}
  const TableStats stats = owner.table.stats();
  EXPECT_EQ(stats.buckets, 1024);
  EXPECT_EQ(stats.buckets_of_rehash, 0);
  EXPECT_GT(stats.buckets_used, 500);
  EXPECT_LT(stats.buckets_used, 800);
  EXPECT_GE(stats.longest_chain, 2);
  EXPECT_EQ(owner.table.memory(), 1024 * sizeof(void*));
}

}  // namespace
}  // namespace leat::keyspace
