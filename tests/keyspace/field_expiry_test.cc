#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "keyspace/evictor.h"
#include "keyspace/hash.h"
#include "keyspace/keyspace.h"

namespace leat::keyspace {
namespace {

struct Recorder : Observer {
  void modified(Database& /*database*/, std::string_view key) override { modified_keys.emplace_back(key); }
  void removed(Database& /*database*/, std::string_view /*key*/, Removal /*why*/) override {}
  void fields_expired(Database& /*database*/, std::string_view key, bool emptied) override {
    expired.emplace_back(std::string(key) + (emptied ? " emptied" : ""));
  }
  std::vector<std::string> modified_keys;
  std::vector<std::string> expired;
};

std::vector<std::string> journal(Keyspace& keyspace) {
  std::vector<std::string> lines;
  EffectsReader reader(keyspace.effects().bytes());
  while (reader.next()) {
    std::string line = std::to_string(reader.database());
    for (const std::string_view word : reader.arguments()) line += " " + std::string(word);
    lines.push_back(line);
  }
  EXPECT_FALSE(reader.broken());
  keyspace.effects().clear();
  return lines;
}

class FieldExpiry : public testing::Test {
 protected:
  void add(std::string_view key, std::string_view field, std::optional<Millis> when = std::nullopt) {
    Hash& hash = database.find_or_create<Hash>(key);
    hash.set(field, "v");
    if (!when) return;
    hash.set_expiry(field, *when);
    database.fields_changed(*database.peek(key));
  }

  Recorder recorder;
  Keyspace keyspace{2, 1, recorder};
  Database& database = keyspace.database(0);
};

TEST_F(FieldExpiry, FieldsGoWhenTheHashIsUsed) {
  add("h", "stays");
  add("h", "goes", 10);
  add("h", "goes too", 10);
  add("h", "later", 20);
  EXPECT_EQ(database.next_expiry(), 10);
  keyspace.set_now(9);
  EXPECT_EQ(database.read("h")->value<Hash>().size(), 4U);
  EXPECT_TRUE(journal(keyspace).empty());
  keyspace.set_now(10);
  EXPECT_EQ(database.read("h")->value<Hash>().size(), 2U);
  EXPECT_EQ(journal(keyspace), std::vector<std::string>{"0 HDEL h goes goes too"});
  EXPECT_EQ(recorder.expired, std::vector<std::string>{"h"});
  EXPECT_EQ(recorder.modified_keys, std::vector<std::string>{"h"});
  EXPECT_EQ(database.next_expiry(), 20);
}

TEST_F(FieldExpiry, AHashGoesWithItsLastField) {
  add("h", "f", 10);
  keyspace.set_now(10);
  EXPECT_EQ(database.read("h"), nullptr);
  EXPECT_EQ(database.size(), 0U);
  EXPECT_EQ(recorder.expired, std::vector<std::string>{"h emptied"});
  EXPECT_EQ(database.next_expiry(), std::nullopt);
}

TEST_F(FieldExpiry, ASweepTakesHashesOneByOneAndLargeOnesInParts) {
  for (int i = 0; i < 10; ++i) add("h" + std::to_string(i % 2), "f" + std::to_string(i), i + 1);
  const std::size_t large = Database::kFieldsAtOnceMax + 1;
  for (std::size_t i = 0; i < large; ++i) add("large", "f" + std::to_string(i), 50);
  keyspace.set_now(100);
  EXPECT_EQ(database.expire_due(1), 1U);
  EXPECT_EQ(database.size(), 2U);
  EXPECT_EQ(journal(keyspace), std::vector<std::string>{"0 HDEL h0 f0 f2 f4 f6 f8"});
  EXPECT_EQ(database.expire_due(2), 2U);
  EXPECT_EQ(database.size(), 1U);
  EXPECT_EQ(keyspace.stats().expired_fields.value(), 10 + Database::kFieldsAtOnceMax);
  EXPECT_EQ(database.expire_due(100), 1U);
  EXPECT_EQ(database.expire_due(100), 0U);
  EXPECT_EQ(database.size(), 0U);
}

TEST_F(FieldExpiry, TimesFollowTheHash) {
  add("h", "f", 10);
  add("h", "g");
  database.move(*database.peek("h"), keyspace.database(1), "moved");
  EXPECT_EQ(database.next_expiry(), std::nullopt);
  EXPECT_EQ(keyspace.database(1).next_expiry(), 10);
  database.swap(keyspace.database(1));
  EXPECT_EQ(database.next_expiry(), 10);
  database.set_text("moved", "text");
  EXPECT_EQ(database.next_expiry(), std::nullopt);
  Hash hash;
  hash.set("f", "v");
  hash.set_expiry("f", 7);
  database.put("put", std::move(hash));
  EXPECT_EQ(database.next_expiry(), 7);
  database.clear();
  EXPECT_EQ(database.next_expiry(), std::nullopt);
}

TEST_F(FieldExpiry, EvictionByTimeTakesNoKeyWhoseFieldsAloneExpire) {
  add("h", "f", 10);
  keyspace.set_policy(EvictionPolicy::volatile_ttl);
  Evictor evictor(keyspace);
  EXPECT_FALSE(evictor.evict_one());
  database.set_expiry(database.set_text("k", "v"), 20);
  EXPECT_TRUE(evictor.evict_one());
  EXPECT_EQ(database.peek("k"), nullptr);
  EXPECT_NE(database.peek("h"), nullptr);
}

TEST_F(FieldExpiry, WhatIsSeenIsWhatHasNotExpired) {
  std::mt19937_64 random(11);
  std::map<std::string, std::map<std::string, Millis>> model;  // 0: never
  Millis now = 1;
  for (int step = 0; step < 20'000; ++step) {
    keyspace.set_now(now);
    const std::string key = "h" + std::to_string(random() % 20);
    const std::string field = "f" + std::to_string(random() % 30);
    switch (random() % 8) {
      case 0: now += static_cast<Millis>(random() % 20); break;
      case 1:
        database.erase(key);
        model.erase(key);
        break;
      case 2: database.expire_due(random() % 5); break;
      case 3: {
        const std::string other = "h" + std::to_string(random() % 20);
        Entry* entry = database.peek(key);
        if (entry == nullptr || key == other) break;
        database.move(*entry, database, other);
        model[other] = model[key];
        model.erase(key);
        break;
      }
      default: {
        const Millis when = random() % 3 == 0 ? 0 : now + 1 + static_cast<Millis>(random() % 100);
        add(key, field, when == 0 ? std::nullopt : std::optional(when));
        model[key][field] = when;
      }
    }
    keyspace.set_now(now);
    for (auto& [name, fields] : model) {
      std::erase_if(fields, [&](const auto& entry) { return entry.second != 0 && entry.second <= now; });
    }
    std::erase_if(model, [](const auto& entry) { return entry.second.empty(); });
    Entry* entry = database.peek(key);
    ASSERT_EQ(entry != nullptr, model.contains(key)) << step;
    if (entry == nullptr) continue;
    std::size_t seen = 0;
    entry->value<Hash>().for_each([&](Element name, Element) { seen += model[key].count(std::string(name.string())); });
    ASSERT_EQ(seen, model[key].size()) << step;
    ASSERT_EQ(entry->value<Hash>().size(), model[key].size()) << step;
  }
}

}  // namespace
}  // namespace leat::keyspace
