#include "keyspace/list.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "keyspace/listpack.h"
#include "keyspace/memory.h"
#include "tests/keyspace/hex.h"

namespace leat::keyspace {
namespace {

std::vector<std::string> range(const List& list, std::size_t from, std::size_t to) {
  std::vector<std::string> values;
  list.for_range(from, to, [&values](std::string_view value) { values.emplace_back(value); });
  return values;
}

std::vector<std::string> all(const List& list) { return range(list, 0, list.size()); }

std::vector<std::string> chunks(const List& list) {
  std::vector<std::string> chunks;
  list.for_each_chunk([&chunks](std::string_view bytes) { chunks.emplace_back(bytes); });
  return chunks;
}

// Sizes that reach each limit: of one chunk, of an entry's encodings, and beyond a chunk.
std::string random_value(std::mt19937_64& random, std::size_t large_one_in) {
  if (random() % large_one_in == 0) {
    constexpr std::size_t kSizes[] = {63, 64, 126, 127, 1000, 2000, 4095, 4096, 8150, 8170, 8178, 8184, 8192, 20'000};
    return std::string(kSizes[random() % std::size(kSizes)], static_cast<char>('a' + random() % 2));
  }
  switch (random() % 4) {
    case 0: return std::to_string(static_cast<std::int64_t>(random()) >> (random() % 64));
    case 1: return std::to_string(random() % 10);
    case 2: return std::string(random() % 120, static_cast<char>(random()));
    default: return std::string(random() % 3, static_cast<char>('a' + random() % 3));
  }
}

class ListModel {
 public:
  explicit ListModel(std::uint64_t seed)
      : random_(seed), large_one_in_(seed % 2 == 0 ? 5 : 100), target_(seed % 3 == 0 ? 5 : 400) {}

  void step() {
    const std::string value = random_value(random_, large_one_in_);
    const bool grow = random_() % (2 * target_) >= model_.size();
    switch (random_() % 12) {
      case 0:
      case 1: return grow ? push_front(value) : pop_front();
      case 2:
      case 3: return grow ? push_back(value) : pop_back();
      case 4: return push_back(value);
      case 5: return pop_front();
      case 6: return set(value);
      case 7: return insert(value);
      case 8: return remove(value);
      case 9: return trim();
      case 10: return positions(value);
      default: return read();
    }
  }

  void check() {
    ASSERT_EQ(list_.size(), model_.size());
    ASSERT_EQ(all(list_), model_);
    List rebuilt;
    std::size_t count = 0;
    std::size_t small_pairs = 0;
    std::size_t before = List::kListpackBytesMax;
    for (const std::string& bytes : chunks(list_)) {
      const auto validated = listpack::validate(bytes);
      ASSERT_TRUE(validated) << validated.error().message;
      ASSERT_TRUE(bytes.size() <= List::kListpackBytesMax || *validated == 1) << bytes.size();
      ASSERT_TRUE(rebuilt.append_listpack(bytes));
      if (before + bytes.size() < List::kListpackBytesMax / 2) ++small_pairs;
      before = bytes.size();
      ++count;
    }
    ASSERT_EQ(count, list_.chunks());
    // Small neighbours become one; only popping at the ends may leave some.
    ASSERT_LE(small_pairs, 2);
    ASSERT_EQ(all(rebuilt), model_);
    const List copy = list_.clone();
    ASSERT_EQ(chunks(copy), chunks(list_));
    ASSERT_EQ(copy.size(), model_.size());
  }

  [[nodiscard]] std::size_t memory() const { return list_.memory(); }

 private:
  void push_front(const std::string& value) {
    list_.push_front(value);
    model_.insert(model_.begin(), value);
  }
  void push_back(const std::string& value) {
    list_.push_back(value);
    model_.push_back(value);
  }
  void pop_front() {
    const auto popped = list_.pop_front();
    ASSERT_EQ(popped.has_value(), !model_.empty());
    if (!popped) return;
    ASSERT_EQ(*popped, model_.front());
    model_.erase(model_.begin());
  }
  void pop_back() {
    const auto popped = list_.pop_back();
    ASSERT_EQ(popped.has_value(), !model_.empty());
    if (!popped) return;
    ASSERT_EQ(*popped, model_.back());
    model_.pop_back();
  }
  void set(const std::string& value) {
    const auto size = static_cast<std::int64_t>(model_.size());
    const std::int64_t index = static_cast<std::int64_t>(random_() % (2 * model_.size() + 3)) - size - 1;
    const bool there = index < size && index >= -size;
    ASSERT_EQ(list_.set(index, value), there);
    if (there) model_[static_cast<std::size_t>(index < 0 ? index + size : index)] = value;
  }
  void insert(const std::string& value) {
    const bool after = random_() % 2 == 0;
    const std::string pivot = model_.empty() || random_() % 4 == 0 ? value : model_[random_() % model_.size()];
    auto where = std::find(model_.begin(), model_.end(), pivot);
    const bool there = where != model_.end();
    ASSERT_EQ(after ? list_.insert_after(pivot, value) : list_.insert_before(pivot, value), there);
    if (there) model_.insert(where + (after ? 1 : 0), value);
  }
  void remove(const std::string& random_one) {
    const std::string value = model_.empty() || random_() % 2 == 0 ? random_one : model_[random_() % model_.size()];
    const std::int64_t count = static_cast<std::int64_t>(random_() % 7) - 3;
    std::size_t left = count == 0 ? model_.size() : static_cast<std::size_t>(std::abs(count));
    std::size_t removed = 0;
    const auto drop = [&](std::size_t i) {
      if (model_[i] != value || left == 0) return false;
      model_.erase(model_.begin() + static_cast<std::ptrdiff_t>(i));
      --left;
      ++removed;
      return true;
    };
    if (count < 0) {
      for (std::size_t i = model_.size(); i-- > 0;) drop(i);
    } else {
      for (std::size_t i = 0; i < model_.size();) i += drop(i) ? 0 : 1;
    }
    ASSERT_EQ(list_.remove(count, value), removed);
  }
  void trim() {
    if (random_() % 30 == 0) {
      const std::size_t from = random_() % (model_.size() + 1);
      keep(from, from + random_() % (model_.size() - from + 1));
    } else {
      const std::size_t from = std::min<std::size_t>(random_() % 4, model_.size());
      keep(from, std::max(from, model_.size() - std::min<std::size_t>(random_() % 4, model_.size())));
    }
  }
  void keep(std::size_t from, std::size_t to) {
    list_.trim(from, to);
    model_ = std::vector<std::string>(model_.begin() + static_cast<std::ptrdiff_t>(from),
                                      model_.begin() + static_cast<std::ptrdiff_t>(to));
  }
  void positions(const std::string& random_one) {
    const std::string value = model_.empty() || random_() % 3 == 0 ? random_one : model_[random_() % model_.size()];
    const std::int64_t rank = random_() % 2 == 0 ? 1 + static_cast<std::int64_t>(random_() % 3)
                                                 : -1 - static_cast<std::int64_t>(random_() % 3);
    const std::size_t count = random_() % 4;
    const std::size_t compared_max = random_() % 2 == 0 ? 0 : random_() % (model_.size() + 2);
    std::vector<std::size_t> expected;
    std::int64_t matches = 0;
    for (std::size_t i = 0; i < model_.size() && (compared_max == 0 || i < compared_max); ++i) {
      const std::size_t index = rank > 0 ? i : model_.size() - 1 - i;
      if (model_[index] != value || ++matches < std::abs(rank)) continue;
      expected.push_back(index);
      if (expected.size() == count) break;
    }
    ASSERT_EQ(list_.positions(value, rank, count, compared_max), expected);
  }
  void read() {
    IntegerText buffer;
    const auto size = static_cast<std::int64_t>(model_.size());
    const std::int64_t index = static_cast<std::int64_t>(random_() % (2 * model_.size() + 3)) - size - 1;
    const auto value = list_.at(index, buffer);
    ASSERT_EQ(value.has_value(), index < size && index >= -size);
    if (value) {
      ASSERT_EQ(*value, model_[static_cast<std::size_t>(index < 0 ? index + size : index)]);
    }
    const std::size_t from = random_() % (model_.size() + 1);
    const std::size_t to = from + random_() % (model_.size() - from + 1);
    const std::vector<std::string> expected(model_.begin() + static_cast<std::ptrdiff_t>(from),
                                            model_.begin() + static_cast<std::ptrdiff_t>(to));
    ASSERT_EQ(range(list_, from, to), expected);
  }

  std::mt19937_64 random_;
  std::size_t large_one_in_;
  std::size_t target_;
  List list_;
  std::vector<std::string> model_;
};

TEST(List, RandomOperationsAgreeWithAVectorAndGiveBackTheirMemory) {
  const std::int64_t before = MemoryMeter::used();
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    ListModel model(seed);
    const std::int64_t own = static_cast<std::int64_t>(rounded_size(sizeof(List)));
    for (int i = 0; i < 2000; ++i) {
      model.step();
      ASSERT_EQ(MemoryMeter::used() - before, static_cast<std::int64_t>(model.memory()) - own);
      if (i % 100 == 0) model.check();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  EXPECT_EQ(MemoryMeter::used(), before);
}

std::vector<std::size_t> chunk_sizes(const List& list) {
  std::vector<std::size_t> sizes;
  for (const std::string& bytes : chunks(list)) sizes.push_back(bytes.size());
  return sizes;
}

// The sizes and bytes are from DUMP in Redis 7.0.15.
TEST(List, ChunksAreThoseOfRedis) {
  List list;
  for (int i = 0; i < 300; ++i) list.push_back(std::string(100, 'x'));
  EXPECT_EQ(chunk_sizes(list), (std::vector<std::size_t>{8144, 8144, 8144, 6496}));
  List large;
  large.push_back("a");
  large.push_back(std::string(8192, 'x'));
  large.push_back("b");
  EXPECT_EQ(chunk_sizes(large), (std::vector<std::size_t>{10, 8206, 10}));
  EXPECT_EQ(to_hex(chunks(large)[0]), "0a0000000100816102ff");
}

TEST(List, IsNotLargerThanThatOfRedisWhenSmall) {
  // Redis's quicklist, its node, and a listpack of as many bytes as jemalloc rounds them to.
  for (std::size_t count = 1; count <= 10; ++count) {
    List list;
    for (std::size_t i = 0; i < count; ++i) list.push_back("item" + std::to_string(i));
    const std::size_t listpack_bytes = chunks(list)[0].size();
    EXPECT_LE(list.memory(), 16 + 48 + 32 + (listpack_bytes + 15) / 16 * 16) << count;
  }
}

TEST(List, FullChunksHaveLittleFreeRoom) {
  List list;
  for (int i = 0; i < 100'000; ++i) list.push_back("element:" + std::to_string(i));
  std::size_t bytes = 0;
  for (const std::size_t size : chunk_sizes(list)) bytes += size;
  EXPECT_LE(list.memory(), bytes * 102 / 100);
  List reversed;
  for (int i = 0; i < 100'000; ++i) reversed.push_front("element:" + std::to_string(i));
  EXPECT_LE(reversed.memory(), bytes * 102 / 100);
}

TEST(List, ACappedListDoesNotGrow) {
  List list;
  std::size_t most = 0;
  for (int i = 0; i < 50'000; ++i) {
    list.push_front(std::string(60 + i % 40, 'x'));
    list.trim(0, std::min<std::size_t>(list.size(), 90));
    if (i > 1000) most = std::max(most, list.memory());
  }
  EXPECT_EQ(list.size(), 90);
  EXPECT_LE(most, 2 * 90 * 105);
}

TEST(List, ElementsOfAnyTextAreFoundAsTheyWereGiven) {
  List list;
  for (const std::string_view value : {"1", "01", "-0", "", "+1", "1 "}) list.push_back(value);
  EXPECT_EQ(list.positions("1", 1, 0, 0), (std::vector<std::size_t>{0}));
  EXPECT_EQ(list.positions("01", 1, 0, 0), (std::vector<std::size_t>{1}));
  EXPECT_EQ(list.remove(0, ""), 1);
  EXPECT_EQ(list.remove(0, "0"), 0);
  EXPECT_TRUE(list.insert_after("-0", "x"));
  EXPECT_EQ(all(list), (std::vector<std::string>{"1", "01", "-0", "x", "+1", "1 "}));
}

TEST(List, TakesOverListpacksOfAnySizeAndRefusesOthers) {
  Listpack large;
  std::vector<std::string> expected;
  for (int i = 0; i < 5000; ++i) {
    large.push_back(i);
    expected.push_back(std::to_string(i));
  }
  List list;
  ASSERT_TRUE(list.append_listpack(large.bytes()));
  EXPECT_EQ(all(list), expected);
  EXPECT_GT(list.chunks(), 1);
  EXPECT_TRUE(list.append_listpack(Listpack().bytes()));
  EXPECT_FALSE(list.append_listpack(large.bytes().substr(1)));
  EXPECT_EQ(list.size(), expected.size());
  const List moved = std::move(list);
  EXPECT_EQ(all(moved), expected);
}

}  // namespace
}  // namespace leat::keyspace
