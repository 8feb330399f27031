#include "keyspace/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "keyspace/dump_codec.h"
#include "keyspace/hash.h"
#include "keyspace/keyspace.h"
#include "keyspace/list.h"
#include "keyspace/set.h"
#include "keyspace/zset.h"
#include "tests/keyspace/hex.h"

namespace leat::keyspace {
namespace {

struct Silent : Observer {
  void modified(Database& /*database*/, std::string_view /*key*/) override {}
  void removed(Database& /*database*/, std::string_view /*key*/, Removal /*why*/) override {}
};

std::string text_of(Element element) {
  IntegerText buffer;
  return std::string(text(element, buffer));
}

class Dump : public testing::Test {
 protected:
  std::string dump_key(std::string_view key = "k") { return dump(*database.peek(key)); }
  std::string dump_text(std::string_view text) {
    database.set_text("k", text);
    return to_hex(dump_key());
  }
  // Puts a payload in as a key; false: it is refused.
  bool load(std::string_view payload) {
    if (!is_dump(payload)) return false;
    auto loaded = load_dump(payload);
    if (!loaded) return false;
    database.erase("k");
    if (loaded->value) {
      database.put("k", std::move(loaded->value));
    } else {
      database.set_text("k", loaded->text);
    }
    return true;
  }
  bool load_hex(std::string_view hex) { return load(from_hex(hex)); }
  template <class T>
  T& value(std::string_view key = "k") {
    return database.peek(key)->value<T>();
  }
  std::string text() {
    IntegerText buffer;
    return std::string(database.peek("k")->text(buffer));
  }
  std::vector<std::string> list() {
    std::vector<std::string> elements;
    value<List>().for_range(0, value<List>().size(), [&](std::string_view element) { elements.emplace_back(element); });
    return elements;
  }
  std::map<std::string, std::string> hash() {
    std::map<std::string, std::string> fields;
    value<Hash>().for_each([&](Element field, Element content) { fields[text_of(field)] = text_of(content); });
    return fields;
  }
  std::map<std::string, double> zset() {
    std::map<std::string, double> members;
    value<ZSet>().for_each([&](Element member, double score) { members[text_of(member)] = score; });
    return members;
  }
  std::set<std::string> set() {
    std::set<std::string> members;
    value<Set>().for_each([&](Element member) { members.insert(text_of(member)); });
    return members;
  }

  Silent observer;
  Keyspace keyspace{1, 1, observer};
  Database& database = keyspace.database(0);
};

// A payload of this body that is_dump() accepts.
std::string with_footer(std::string body) {
  body += std::string("\x0a\0", 2);
  const std::uint64_t checksum = dump_checksum(body);
  body.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return body;
}

TEST_F(Dump, TheChecksumIsThatOfRedis) { EXPECT_EQ(dump_checksum("123456789"), 0xe9c6d914c4b8d9caU); }

// What redis-server 7.0.15 gives for the same values.
TEST_F(Dump, StringsAreByteForByteRedis) {
  EXPECT_EQ(dump_text("hello"), "000568656c6c6f0a006372df766534200a");
  EXPECT_EQ(dump_text("-5"), "00c0fb0a0049c4c6f4d7263f68");
  EXPECT_EQ(dump_text("1000"), "00c1e8030a0089d1478ebac4b764");
  EXPECT_EQ(dump_text("-70000"), "00c290eefeff0a002875de7b13eb2800");
  EXPECT_EQ(dump_text("12345678901"), "000b31323334353637383930310a00304e52d727176510");
  EXPECT_EQ(dump_text(""), "00000a005d9b5c400f7fa2da");
  EXPECT_EQ(dump_text(std::string(100, 'a')), "00c3094064016161e057000161610a00e8a3b507b06df271");
}

TEST_F(Dump, SetsHashesAndSortedSetsAreByteForByteRedis) {
  auto& integers = database.create<Set>("k");
  for (const char* member : {"1", "-2", "300000"}) integers.add(std::string_view(member));
  EXPECT_EQ(to_hex(dump_key()), "0b140400000003000000feffffff01000000e09304000a00c1a88fb6df40a557");
  database.create<Set>("k").add(std::string_view("member"));
  EXPECT_EQ(to_hex(dump_key()), "0201066d656d6265720a00782717cf5e5d03c4");
  auto& small = database.create<Hash>("k");
  small.set("f", "v");
  small.set("g", "12");
  EXPECT_EQ(to_hex(dump_key()), "10121200000004008166028176028167020c01ff0a00de133993f783817e");
  database.create<Hash>("k").set("f", std::string(65, 'v'));
  EXPECT_EQ(to_hex(dump_key()), "04010166c3094041017676e034000176760a003d71be523786cf45");
  auto& sorted = database.create<ZSet>("k");
  sorted.set("a", 1.5);
  sorted.set("b", -3);
  sorted.set("c", std::numeric_limits<double>::infinity());
  EXPECT_EQ(to_hex(dump_key()), "111d1d0000000600816202dffd0281610283312e350481630283696e6604ff0a00940d89edfbff19ab");
  auto& large = database.create<ZSet>("k");
  large.set(std::string(65, 'a'), 1.5);
  large.set("b", -3);
  EXPECT_EQ(to_hex(dump_key()),
            "0502c3094041016161e03400016161000000000000f83f016200000000000008c00a0037cf409205091a1f");
}

// redis-server 7.0.15 restores these payloads as the same values.
TEST_F(Dump, OldFormsOfListsAreRead) {
  ASSERT_TRUE(load_hex("01030161c00501620a009132ddc098f5f285"));
  EXPECT_THAT(list(), testing::ElementsAre("a", "5", "b"));
  ASSERT_TRUE(load_hex("0a1c1c00000016000000050000016103f602fe9c03c048f404f0a08601ff0a00672b328cdbbd3a83"));
  EXPECT_THAT(list(), testing::ElementsAre("a", "5", "-100", "-3000", "100000"));
  ASSERT_TRUE(
      load_hex("0e0210100000000d000000020000016103f6ff1e1e0000001a000000030000d00000008006e00000000000010000"
               "0a017aff0a002a4e8731e41c331e"));
  EXPECT_THAT(list(), testing::ElementsAre("a", "5", "-2147483648", "1099511627776", "z"));
  ASSERT_TRUE(load_hex("12020207070000000000ff020a0a0000000100816102ff0a0040b7b892432540b1"));
  EXPECT_THAT(list(), testing::ElementsAre("a"));
  ASSERT_TRUE(load_hex("120101036162630a000c3768de9360195a"));
  EXPECT_THAT(list(), testing::ElementsAre("abc"));
}

TEST_F(Dump, OldFormsOfHashesAndSortedSetsAreRead) {
  const std::map<std::string, std::string> fields{{"f", "v"}, {"g", "12"}};
  ASSERT_TRUE(load_hex("091102016601027678780167020231327878ff0a001f11d4a02a3f9dcc"));
  EXPECT_EQ(hash(), fields);
  ASSERT_TRUE(load_hex("0d161600000013000000040000016603017603016703fdff0a00572c81349ac23db6"));
  EXPECT_EQ(hash(), fields);
  ASSERT_TRUE(load_hex("0c191900000013000000040000016203fefd0301610303312e35ff0a004aa93729c0ec3957"));
  EXPECT_EQ(zset(), (std::map<std::string, double>{{"a", 1.5}, {"b", -3}}));
  ASSERT_TRUE(load_hex("0303016103312e350162ff0163fe0a00ec7dee8cbb928758"));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(zset(), (std::map<std::string, double>{{"a", 1.5}, {"b", -kInfinity}, {"c", kInfinity}}));
}

TEST_F(Dump, WhatRedisRefusesIsRefused) {
  EXPECT_FALSE(load_hex("000568656c6c6f0a006372df766534200b"));  // checksum
  EXPECT_FALSE(load(""));
  EXPECT_FALSE(load_hex("03010161fd0a00d3936749eadf3ed5"));    // a score that is no number
  EXPECT_FALSE(load_hex("0202016101610a0057be762fc2d6523a"));  // a member twice
  EXPECT_FALSE(load_hex("02000a003ace39009b8939e8"));          // nothing in it
  EXPECT_FALSE(load_hex("0801610a0024854e1e803c0337"));        // no such type
  std::string later = from_hex("0001611000");
  const std::uint64_t checksum = dump_checksum(later);
  later.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  EXPECT_FALSE(load(later));  // a version to come
}

TEST_F(Dump, HashesKeepTheTimesOfTheirFields) {
  auto& written = database.create<Hash>("k");
  written.set("a", "1");
  written.set("b", "2");
  written.set("c", "3");
  written.set_expiry("b", 5'000'000);
  written.set_expiry("c", 4'000'000);
  const std::string payload = dump_key();
  database.erase("k");
  ASSERT_TRUE(load(payload));
  EXPECT_EQ(hash(), (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(value<Hash>().expiry("a"), std::nullopt);
  EXPECT_EQ(value<Hash>().expiry("b"), 5'000'000);
  EXPECT_EQ(value<Hash>().expiry("c"), 4'000'000);
  EXPECT_EQ(database.next_expiry(), 4'000'000);
}

class RandomDump : public Dump, public testing::WithParamInterface<unsigned> {
 protected:
  std::string word() {
    switch (random() % 4) {
      case 0: return std::to_string(static_cast<std::int64_t>(random()) >> (random() % 64));
      case 1: return std::string(random() % 300, static_cast<char>('a' + random() % 3));
      default: break;
    }
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }
  std::size_t count() { return 1 + random() % (random() % 4 == 0 ? 700 : 20); }
  void fill(Type type) {
    const std::size_t size = count();
    switch (type) {
      case Type::string: database.set_text("k", word()); break;
      case Type::list: {
        auto& made = database.create<List>("k");
        for (std::size_t i = 0; i < size; ++i) made.push_back(word());
        break;
      }
      case Type::set: {
        auto& made = database.create<Set>("k");
        const bool integers = random() % 2 == 0;
        for (std::size_t i = 0; i < size; ++i) made.add(integers ? std::to_string(random() % 100'000) : word());
        break;
      }
      case Type::zset: {
        auto& made = database.create<ZSet>("k");
        for (std::size_t i = 0; i < size; ++i) made.set(word(), static_cast<double>(random() % 1000) / 8);
        break;
      }
      case Type::hash: {
        auto& made = database.create<Hash>("k");
        for (std::size_t i = 0; i < size; ++i) made.set(word(), word());
        break;
      }
      case Type::stream: break;
    }
  }
  std::mt19937_64 random{GetParam()};
};

TEST_P(RandomDump, WhatIsLoadedIsWhatWasDumped) {
  for (int round = 0; round < 40; ++round) {
    for (const Type type : {Type::string, Type::list, Type::set, Type::zset, Type::hash}) {
      fill(type);
      const auto before =
          std::tuple(type == Type::string ? text() : "", type == Type::list ? list() : decltype(list()){},
                     type == Type::set ? set() : decltype(set()){}, type == Type::zset ? zset() : decltype(zset()){},
                     type == Type::hash ? hash() : decltype(hash()){});
      const std::string payload = dump_key();
      ASSERT_TRUE(load(payload));
      ASSERT_EQ(database.peek("k")->type(), type);
      const auto after =
          std::tuple(type == Type::string ? text() : "", type == Type::list ? list() : decltype(list()){},
                     type == Type::set ? set() : decltype(set()){}, type == Type::zset ? zset() : decltype(zset()){},
                     type == Type::hash ? hash() : decltype(hash()){});
      EXPECT_EQ(before, after);
    }
  }
}

// Under the sanitizers: nothing outside the bytes is read, and what is taken can be dumped again.
TEST_P(RandomDump, DamagedPayloadsAreRefusedOrTaken) {
  for (int round = 0; round < 200; ++round) {
    fill(static_cast<Type>(random() % 5));
    std::string payload = dump_key();
    payload.resize(payload.size() - 10);
    for (std::size_t i = 0; i <= random() % 3; ++i) payload[random() % payload.size()] = static_cast<char>(random());
    if (random() % 4 == 0) payload.resize(1 + random() % payload.size());
    if (!load(with_footer(payload))) continue;
    EXPECT_TRUE(is_dump(dump_key()));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomDump, testing::Range(0U, 8U));

}  // namespace
}  // namespace leat::keyspace
