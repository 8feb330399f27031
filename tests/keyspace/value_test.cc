#include "keyspace/value.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "keyspace/dump.h"
#include "keyspace/hash.h"
#include "keyspace/keyspace.h"
#include "keyspace/list.h"
#include "keyspace/set.h"
#include "keyspace/stream.h"
#include "keyspace/zset.h"

namespace leat::keyspace {
namespace {

struct Silent : Observer {
  void modified(Database& /*database*/, std::string_view /*key*/) override {}
  void removed(Database& /*database*/, std::string_view /*key*/, Removal /*why*/) override {}
};

Value make(Type type, int size) {
  Hash hash;
  List list;
  Set set;
  Stream stream;
  ZSet zset;
  for (int i = 0; i < size; ++i) {
    const std::string text = "member" + std::to_string(i);
    switch (type) {
      case Type::hash: hash.set(text, "value"); break;
      case Type::list: list.push_back(text); break;
      case Type::set: set.add(std::to_string(i)); break;
      case Type::stream:
        stream.append({static_cast<std::uint64_t>(i + 1), 0}, std::vector<std::string_view>{"f", "v"});
        break;
      case Type::zset: zset.set(text, i); break;
      case Type::string: break;
    }
  }
  switch (type) {
    case Type::hash:
      if (size % 2 != 0) hash.set_expiry("member0", 5);
      return hash;
    case Type::list: return list;
    case Type::set: return set;
    case Type::stream: return stream;
    case Type::zset: return zset;
    case Type::string: break;
  }
  return {};
}

class AnyValue : public testing::TestWithParam<std::tuple<Type, int>> {
 protected:
  [[nodiscard]] Value value() const { return make(std::get<0>(GetParam()), std::get<1>(GetParam())); }
  Silent silent;
  Keyspace keyspace{2, 1, silent};
  Database& database = keyspace.database(0);
};

TEST_P(AnyValue, MovesClonesAndDiesWithoutALeak) {
  const std::int64_t before = MemoryMeter::used();
  {
    Value first = value();
    ASSERT_TRUE(first);
    EXPECT_EQ(first.type(), std::get<0>(GetParam()));
    const auto held = static_cast<double>(MemoryMeter::used() - before);
    EXPECT_NEAR(held, static_cast<double>(first.object().memory(first.type())), 128 + held / 8);
    Value second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
    ASSERT_TRUE(second);
    first = Value(second.type(), second.object().clone(second.type()));
    EXPECT_GE(MemoryMeter::used() - before, static_cast<std::int64_t>(held));
    EXPECT_EQ(first.object().encoding(first.type()), second.object().encoding(second.type()));
    EXPECT_EQ(first.object().elements(first.type()), second.object().elements(second.type()));
    first = Value();
  }
  EXPECT_EQ(MemoryMeter::used(), before);
}

TEST_P(AnyValue, IsTheSameUnderEveryKeyItIsMovedOrClonedTo) {
  database.put("first", value());
  const std::string dumped = dump(*database.peek("first"));
  database.move(*database.peek("first"), keyspace.database(1), "a key that is longer");
  EXPECT_EQ(database.peek("first"), nullptr);
  Entry& moved = *keyspace.database(1).peek("a key that is longer");
  EXPECT_TRUE(dump(moved) == dumped);
  Entry& clone = database.put("clone", Value(moved.type(), moved.object().clone(moved.type())));
  keyspace.database(1).erase(moved);
  // The order within a table may be another.
  EXPECT_EQ(dump(clone).size(), dumped.size());
  database.set_text("clone", "text");
  EXPECT_EQ(database.peek("clone")->type(), Type::string);
}

INSTANTIATE_TEST_SUITE_P(OfEveryType, AnyValue,
                         testing::Combine(testing::Values(Type::hash, Type::list, Type::set, Type::zset, Type::stream),
                                          testing::Values(1, 10, 301, 2000)));

TEST(Value, ASmallCollectionIsItsBlockAndNothingElse) {
  const std::int64_t before = MemoryMeter::used();
  Silent silent;
  Keyspace keyspace(1, 1, silent);
  Database& database = keyspace.database(0);
  database.set_text("keep the table", "1");
  const auto added = [&](auto put) {
    const std::int64_t was = MemoryMeter::used();
    put();
    return MemoryMeter::used() - was;
  };
  // 30 bytes of an entry, a key of one, and the 8 of malloc.
  constexpr std::int64_t kEntry = 48;
  EXPECT_EQ(added([&] { database.create<Hash>("h").set("field", "value"); }), kEntry + 32);
  EXPECT_EQ(added([&] { database.create<ZSet>("z").set("member", 1); }), kEntry + 32);
  EXPECT_EQ(added([&] { database.create<Set>("s").add("1"); }), kEntry + 32);
  for (const char* key : {"h", "z", "s"}) EXPECT_EQ(database.peek(key)->memory(), std::size_t{kEntry + 32}) << key;
  database.clear();
  EXPECT_LE(MemoryMeter::used() - before, 4096);
}

}  // namespace
}  // namespace leat::keyspace
