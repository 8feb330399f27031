#include "keyspace/listpack.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "keyspace/memory.h"
#include "tests/keyspace/hex.h"

namespace leat::keyspace {
namespace {

using Position = Listpack::Position;

std::string value_at(const Listpack& list, Position position) {
  IntegerText buffer;
  return std::string(text(list.at(position), buffer));
}

std::vector<std::string> forwards(const Listpack& list) {
  std::vector<std::string> values;
  for (Position at = list.first(); at != Listpack::kNone; at = list.next(at)) values.push_back(value_at(list, at));
  return values;
}

std::vector<std::string> backwards(const Listpack& list) {
  std::vector<std::string> values;
  for (Position at = list.last(); at != Listpack::kNone; at = list.previous(at))
    values.insert(values.begin(), value_at(list, at));
  return values;
}

// From DUMP of a list with these elements in Redis 7.0.15.
const std::vector<std::string> kKnownValues = {"0",
                                               "1",
                                               "63",
                                               "64",
                                               "127",
                                               "128",
                                               "-1",
                                               "4095",
                                               "4096",
                                               "-4096",
                                               "-4097",
                                               "32767",
                                               "-32768",
                                               "32768",
                                               "-32769",
                                               "8388607",
                                               "8388608",
                                               "-8388608",
                                               "-8388609",
                                               "2147483647",
                                               "2147483648",
                                               "-2147483648",
                                               "-2147483649",
                                               "9223372036854775807",
                                               "-9223372036854775808",
                                               "9223372036854775808",
                                               "007",
                                               "-0",
                                               "",
                                               "+1",
                                               " 1",
                                               "aaa"};
constexpr std::string_view kKnownBytes =
    "ae0000002000000101013f0140017f01c08002dfff02cfff02f1001003d00002f1ffef03f1ff7f03f1008003f200800004f2ff7fff04f2ffff"
    "7f04f30000800005f200008004f3ffff7fff05f3ffffff7f05f4000000800000000009f30000008005f4ffffff7fffffffff09f4ffffffffff"
    "ffff7f09f40000000000000080099339323233333732303336383534373735383038148330303704822d30038001822b310382203103836161"
    "6104ff";

TEST(Listpack, IsByteForByteThatOfRedis) {
  Listpack list;
  for (const std::string& value : kKnownValues) list.push_back(value);
  EXPECT_EQ(to_hex(list.bytes()), kKnownBytes);
  EXPECT_EQ(forwards(list), kKnownValues);
  EXPECT_EQ(backwards(list), kKnownValues);
  const auto adopted = Listpack::validate_and_adopt(from_hex(kKnownBytes));
  ASSERT_TRUE(adopted);
  EXPECT_EQ(forwards(*adopted), kKnownValues);
}

TEST(Listpack, IntegersAndTheirTextsAreStoredTheSame) {
  std::mt19937_64 random(3);
  Listpack of_integers;
  Listpack of_texts;
  for (int i = 0; i < 5000; ++i) {
    const auto value = static_cast<std::int64_t>(random()) >> (random() % 64);
    of_integers.push_back(value);
    of_texts.push_back(std::to_string(value));
    ASSERT_EQ(of_integers.at(of_integers.last()).integer(), value);
  }
  EXPECT_EQ(of_integers.bytes(), of_texts.bytes());
}

// From DUMP of hashes with the field "f" and a value of so many 'x' in Redis 7.0.15: total size, first and last bytes.
TEST(Listpack, SizesAtTheLimitsOfEncodingsAreThoseOfRedis) {
  struct Known {
    std::size_t length;
    std::string_view begin, end;
  };
  const Known known[] = {
      {63, "4b0000000200816602bf787878787878", "78787878787840ff"},
      {64, "4d0000000200816602e0407878787878", "78787878787842ff"},
      {125, "8a0000000200816602e07d7878787878", "7878787878787fff"},
      {126, "8c0000000200816602e07e7878787878", "78787878780180ff"},
      {4095, "0d1000000200816602efff7878787878", "78787878782081ff"},
      {4096, "111000000200816602f0001000007878", "78787878782085ff"},
      {16377, "0a4000000200816602f0f93f00007878", "78787878787ffeff"},
      {16378, "0c4000000200816602f0fa3f00007878", "7878787800ffffff"},
      {16379, "0d4000000200816602f0fb3f00007878", "78787878018080ff"},
      {2097145, "0b0020000200816602f0f9ff1f007878", "787878787ffffeff"},
      {2097146, "0d0020000200816602f0faff1f007878", "78787800ffffffff"},
      {2097147, "0e0020000200816602f0fbff1f007878", "78787801808080ff"},
  };
  for (const Known& each : known) {
    const std::string value(each.length, 'x');
    Listpack list;
    list.push_back("f");
    list.push_back(value);
    const std::string_view bytes = list.bytes();
    EXPECT_EQ(to_hex(bytes.substr(0, 16)), each.begin);
    EXPECT_EQ(to_hex(bytes.substr(bytes.size() - 8)), each.end);
    EXPECT_EQ(backwards(list), (std::vector<std::string>{"f", value}));
    EXPECT_TRUE(Listpack::validate_and_adopt(bytes));
  }
}

std::string random_value(std::mt19937_64& random) {
  constexpr std::size_t kSizes[] = {0, 1, 62, 63, 64, 123, 124, 125, 126, 127, 4094, 4095, 4096};
  switch (random() % 12) {
    case 0: return std::string(kSizes[random() % std::size(kSizes)], static_cast<char>('a' + random() % 3));
    case 1: return std::to_string(static_cast<std::int64_t>(random()));
    case 2:
    case 3:
    case 4: return std::to_string(static_cast<std::int64_t>(random()) >> (random() % 64));
    case 5: return "00" + std::to_string(random() % 10);
    default: return std::string(random() % 20, static_cast<char>(random() % 5));
  }
}

class ListpackModel {
 public:
  explicit ListpackModel(std::uint64_t seed) : random_(seed) {}

  void step() {
    const std::string value = random_value(random_);
    const std::size_t index = model_.empty() ? 0 : random_() % model_.size();
    const Position at = list_.seek(static_cast<std::int64_t>(index));
    ASSERT_EQ(at == Listpack::kNone, model_.empty());
    const auto where = model_.begin() + static_cast<std::ptrdiff_t>(index);
    const std::uint64_t kind = random_() % (model_.size() > 200 ? 12 : 9);
    if (kind <= 1 || model_.empty()) {
      list_.push_back(value);
      model_.push_back(value);
    } else if (kind == 2) {
      list_.push_front(value);
      model_.insert(model_.begin(), value);
    } else if (kind == 3) {
      ASSERT_EQ(value_at(list_, list_.insert_before(at, value)), value);
      model_.insert(where, value);
    } else if (kind == 4 && random_() % 2 == 0) {
      const std::string second = random_value(random_);
      const Position pair = list_.insert_pair_before(at, std::string_view(value), std::string_view(second));
      ASSERT_EQ(value_at(list_, pair), value);
      const std::string both[] = {value, second};
      model_.insert(where, std::begin(both), std::end(both));
    } else if (kind == 4) {
      ASSERT_EQ(value_at(list_, list_.insert_after(at, value)), value);
      model_.insert(where + 1, value);
    } else if (kind == 5) {
      list_.replace(at, value);
      *where = value;
    } else if (kind == 6) {
      find(value, index, at);
    } else if (kind == 7) {
      const auto from_end = static_cast<std::int64_t>(index) - static_cast<std::int64_t>(model_.size());
      ASSERT_EQ(list_.seek(from_end), at);
      ASSERT_EQ(list_.seek(static_cast<std::int64_t>(model_.size())), Listpack::kNone);
      ASSERT_EQ(list_.seek(-1 - static_cast<std::int64_t>(model_.size())), Listpack::kNone);
    } else {
      const std::size_t count = 1 + random_() % (kind < 11 ? 2 : 50);
      const std::size_t erased = std::min(count, model_.size() - index);
      const Position next = list_.erase(at, count);
      ASSERT_EQ(next == Listpack::kNone, index + erased == model_.size());
      model_.erase(where, where + static_cast<std::ptrdiff_t>(erased));
    }
  }

  void check() {
    ASSERT_EQ(forwards(list_), model_);
    ASSERT_EQ(backwards(list_), model_);
    ASSERT_EQ(list_.size(), model_.size());
    ASSERT_EQ(list_.empty(), model_.empty());
    const auto adopted = Listpack::validate_and_adopt(list_.bytes());
    ASSERT_TRUE(adopted) << adopted.error().message;
    ASSERT_EQ(adopted->bytes(), list_.bytes());
    ASSERT_EQ(list_.clone().bytes(), list_.bytes());
  }

 private:
  void find(const std::string& random_one, std::size_t index, Position at) {
    const std::string& wanted = random_() % 2 == 0 ? random_one : model_[random_() % model_.size()];
    const std::size_t skip = random_() % 3;
    std::size_t expected = index;
    while (expected < model_.size() && model_[expected] != wanted) expected += skip + 1;
    const Position found = list_.find(wanted, at, skip);
    ASSERT_EQ(found, expected < model_.size() ? list_.seek(static_cast<std::int64_t>(expected)) : Listpack::kNone);
  }

  std::mt19937_64 random_;
  Listpack list_;
  std::vector<std::string> model_;
};

TEST(Listpack, RandomOperationsAgreeWithAVectorAndGiveBackTheirMemory) {
  const std::int64_t before = MemoryMeter::used();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    ListpackModel model(seed);
    for (int i = 0; i < 1000; ++i) {
      model.step();
      if (i % 20 == 0) model.check();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  EXPECT_EQ(MemoryMeter::used(), before);
}

TEST(Listpack, MemoryIsCountedAsItIsReported) {
  const std::int64_t before = MemoryMeter::used();
  Listpack list;
  EXPECT_EQ(list.memory(), 0);
  for (int i = 0; i < 2000; ++i) {
    list.push_back(i);
    ASSERT_EQ(MemoryMeter::used() - before, static_cast<std::int64_t>(list.memory()));
    ASSERT_LE(list.memory(), list.total() * 5 / 4 + 32);
  }
  Listpack other = std::move(list);
  other = Listpack();
  EXPECT_EQ(MemoryMeter::used(), before);
}

TEST(Listpack, CountsMoreEntriesThanItsHeaderCanTell) {
  Listpack list;
  for (int i = 0; i < 65'534; ++i) list.push_back(i % 100);
  EXPECT_EQ(to_hex(list.bytes().substr(4, 2)), "feff");
  for (int i = 0; i < 100; ++i) list.push_back(i);
  EXPECT_EQ(to_hex(list.bytes().substr(4, 2)), "ffff");
  EXPECT_EQ(list.size(), 65'634);
  EXPECT_EQ(list.at(list.seek(65'633)).integer(), 99);
  EXPECT_EQ(list.seek(65'634), Listpack::kNone);
  EXPECT_EQ(list.at(list.seek(-65'633)).integer(), 1);
  ASSERT_TRUE(Listpack::validate_and_adopt(list.bytes()));
  list.erase(list.first(), 634);
  EXPECT_EQ(list.size(), 65'000);
  EXPECT_EQ(to_hex(list.bytes().substr(4, 2)), "e8fd");
}

TEST(ListpackValidation, RefusesWhatIsNotWhole) {
  const std::string good = from_hex(kKnownBytes);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Listpack::validate_and_adopt(good.substr(0, size)));
    std::string told = good.substr(0, size);
    if (size < listpack::kEmptyBytes) continue;
    listpack::write_header(reinterpret_cast<unsigned char*>(told.data()), size, listpack::kCountUnknown);
    told.back() = '\xff';
    const auto adopted = Listpack::validate_and_adopt(told);
    if (adopted) {
      EXPECT_EQ(forwards(*adopted).size(), adopted->size());
    }
  }
  EXPECT_FALSE(Listpack::validate_and_adopt(good + '\0'));
  EXPECT_FALSE(Listpack::validate_and_adopt(from_hex("080000000000ffff")));    // an end before the end
  EXPECT_FALSE(Listpack::validate_and_adopt(from_hex("0900000002000101ff")));  // a wrong count
  EXPECT_FALSE(Listpack::validate_and_adopt(from_hex("0900000001000102ff")));  // a wrong size on the way back
  EXPECT_FALSE(
      Listpack::validate_and_adopt(from_hex("0a00000001000180"
                                            "81ff")));                         // one that is too long
  EXPECT_FALSE(Listpack::validate_and_adopt(from_hex("090000000100f501ff")));  // no such kind
  EXPECT_TRUE(Listpack::validate_and_adopt(from_hex("09000000ffff0101ff")));
  EXPECT_TRUE(Listpack::validate_and_adopt(from_hex("070000000000ff")));
}

// The sanitizers see any step outside of the bytes.
TEST(ListpackValidation, WhatPassesAfterRandomDamageCanBeReadBothWays) {
  std::mt19937_64 random(4);
  Listpack list;
  for (const std::string& value : kKnownValues) list.push_back(value);
  list.push_back(std::string(200, 'y'));
  list.push_back(std::string(5000, 'z'));
  const std::string good(list.bytes());
  std::size_t passed = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes = good;
    const std::size_t damages = 1 + random() % 3;
    for (std::size_t k = 0; k < damages; ++k)
      bytes[random() % (random() % 2 == 0 ? 400 : bytes.size())] = static_cast<char>(random());
    const auto adopted = Listpack::validate_and_adopt(std::string_view(bytes.data(), bytes.size()));
    if (!adopted) continue;
    ++passed;
    ASSERT_EQ(forwards(*adopted), backwards(*adopted));
  }
  EXPECT_GT(passed, 100);
  EXPECT_LT(passed, 90'000);
}

}  // namespace
}  // namespace leat::keyspace
