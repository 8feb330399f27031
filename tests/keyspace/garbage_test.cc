#include "keyspace/garbage.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "keyspace/keyspace.h"
#include "keyspace/set.h"

namespace leat::keyspace {
namespace {

// Keeps what is discarded.
struct Collector : Observer {
  void modified(Database& /*database*/, std::string_view /*key*/) override {}
  void removed(Database& /*database*/, std::string_view /*key*/, Removal /*why*/) override {}
  void discard(std::unique_ptr<Garbage> thing) override { garbage.push_back(std::move(thing)); }
  std::vector<std::unique_ptr<Garbage>> garbage;
};

class Discarding : public testing::Test {
 protected:
  void add_set(std::string_view key, int members) {
    auto& set = database.create<Set>(key);
    for (int i = 0; i < members; ++i) set.add("member" + std::to_string(i));
  }

  Collector collector;
  Keyspace keyspace{2, 1, collector};
  Database& database = keyspace.database(0);
};

TEST_F(Discarding, SmallValuesAreFreedAtOnce) {
  add_set("k", 100);
  database.erase("k");
  database.set_text("s", std::string(100'000, 'x'));
  database.erase("s");
  EXPECT_TRUE(collector.garbage.empty());
}

TEST_F(Discarding, LargeValuesAreHandedOverHoweverTheyGo) {
  const std::int64_t before = MemoryMeter::used();
  add_set("erased", 5000);
  database.erase("erased");
  ASSERT_EQ(collector.garbage.size(), 1U);
  EXPECT_GT(collector.garbage[0]->bytes(), 5000U * 10);
  EXPECT_GT(MemoryMeter::used() - before, 5000 * 10);
  collector.garbage.clear();
  EXPECT_LT(MemoryMeter::used() - before, 5000);

  add_set("overwritten", 5000);
  database.set_text("overwritten", "x");
  EXPECT_EQ(collector.garbage.size(), 1U);
  IntegerText buffer;
  EXPECT_EQ(database.peek("overwritten")->text(buffer), "x");

  add_set("expired", 5000);
  database.set_expiry(*database.peek("expired"), 5);
  keyspace.set_now(10);
  EXPECT_EQ(database.peek("expired"), nullptr);
  EXPECT_EQ(collector.garbage.size(), 2U);

  database.set_text("text", std::string(3'000'000, 'x'));
  database.erase("text");
  EXPECT_EQ(collector.garbage.size(), 3U);
}

TEST_F(Discarding, ADatabaseOfManyKeysIsHandedOverAsOne) {
  const std::int64_t before = MemoryMeter::used();
  for (int i = 0; i < 5000; ++i) {
    const std::string key = "key" + std::to_string(i);
    database.set_text(key, "value");
    if (i % 2 == 0) database.set_expiry(*database.peek(key), 1'000);
  }
  add_set("set", 5000);
  database.clear();
  EXPECT_EQ(database.size(), 0U);
  EXPECT_EQ(database.volatile_size(), 0U);
  EXPECT_EQ(database.next_expiry(), std::nullopt);
  ASSERT_EQ(collector.garbage.size(), 1U);
  collector.garbage.clear();
  EXPECT_LE(MemoryMeter::used() - before, 0);
  database.set_text("again", "1");
  EXPECT_EQ(database.size(), 1U);
}

TEST_F(Discarding, FewKeysAreClearedAtOnce) {
  for (int i = 0; i < 10; ++i) database.set_text("key" + std::to_string(i), "value");
  database.set_expiry(*database.peek("key3"), 1'000);
  database.clear();
  EXPECT_EQ(database.size(), 0U);
  EXPECT_EQ(database.next_expiry(), std::nullopt);
  EXPECT_TRUE(collector.garbage.empty());
}

TEST_F(Discarding, TheKeyspaceKnowsBeforeWhenNothingExpires) {
  constexpr Millis kNever = std::numeric_limits<Millis>::max();
  EXPECT_EQ(keyspace.next_expiry(), kNever);
  Database& other = keyspace.database(1);
  other.set_text("a", "1");
  other.set_expiry(*other.peek("a"), 300);
  database.set_text("b", "1");
  database.set_expiry(*database.peek("b"), 200);
  EXPECT_EQ(keyspace.next_expiry(), 200);
  keyspace.set_now(250);
  EXPECT_EQ(database.expire_due(10), 1U);
  EXPECT_LE(keyspace.next_expiry(), 300);
  keyspace.refresh_next_expiry();
  EXPECT_EQ(keyspace.next_expiry(), 300);
  other.erase("a");
  keyspace.refresh_next_expiry();
  EXPECT_EQ(keyspace.next_expiry(), kNever);
}

}  // namespace
}  // namespace leat::keyspace
