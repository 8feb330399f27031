#include "keyspace/bits.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace leat::keyspace {
namespace {

// A string and its bits, one by one.
struct Model {
  std::string bytes;
  std::vector<bool> row;
};

Model random_model(std::mt19937_64& random) {
  Model model;
  model.bytes.resize(random() % 100);
  const auto kind = random() % 4;
  for (char& byte : model.bytes) {
    byte = kind == 0 ? '\0' : kind == 1 ? '\xff' : static_cast<char>(random());
    if (kind < 2 && random() % 40 == 0) byte = static_cast<char>(random());
  }
  for (const char byte : model.bytes) {
    for (int i = 7; i >= 0; --i) model.row.push_back((static_cast<unsigned char>(byte) >> i & 1) != 0);
  }
  return model;
}

TEST(Bits, CountsAndFindsWhatARowOfBitsHas) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Model model = random_model(random);
    const std::size_t size = model.row.size();
    const std::size_t from = random() % (size + 1);
    const std::size_t to = from + random() % (size - from + 1);
    const auto begin = model.row.begin();
    const auto in = [begin](std::size_t i) { return begin + static_cast<std::ptrdiff_t>(i); };
    EXPECT_EQ(bits::count(model.bytes), static_cast<std::uint64_t>(std::count(in(0), in(size), true)));
    EXPECT_EQ(bits::count(model.bytes, from, to), static_cast<std::uint64_t>(std::count(in(from), in(to), true)));
    for (const bool value : {false, true}) {
      const auto at = std::find(in(from), in(to), value);
      const std::uint64_t expected = at == in(to) ? bits::kNone : static_cast<std::uint64_t>(at - begin);
      EXPECT_EQ(bits::find(model.bytes, value, from, to), expected);
    }
  }
}

TEST(Bits, IntegersOfAnyWidthAreThoseOfTheirBits) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Model model = random_model(random);
    model.bytes.resize(model.bytes.size() + 9);
    model.row.resize(model.bytes.size() * 8);
    const auto width = static_cast<unsigned>(1 + random() % 64);
    const std::uint64_t bit = random() % (model.row.size() - width + 1);
    const std::uint64_t value = random();
    bits::store(model.bytes.data(), bit, width, value);
    for (unsigned i = 0; i < width; ++i) model.row[bit + i] = (value >> (width - 1 - i) & 1) != 0;
    for (std::size_t i = 0; i < model.row.size(); ++i) ASSERT_EQ(bits::get(model.bytes, i), model.row[i]) << i;
    EXPECT_EQ(bits::load(model.bytes, bit, width), width == 64 ? value : value & ((std::uint64_t{1} << width) - 1));
  }
}

TEST(Bits, BehindTheEndAreZeros) {
  EXPECT_EQ(bits::load("\xff", 4, 8), 0xf0U);
  EXPECT_EQ(bits::load("\xff", 8, 64), 0U);
  EXPECT_EQ(bits::load("", ~std::uint64_t{0}, 64), 0U);
}

}  // namespace
}  // namespace leat::keyspace
