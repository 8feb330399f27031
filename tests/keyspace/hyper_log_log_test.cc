#include "keyspace/hyper_log_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "tests/keyspace/hex.h"

namespace leat::keyspace {
namespace {

namespace hll = hyper_log_log;

constexpr std::size_t kSparseMax = 3000;

bool add(std::string& bytes, std::string_view element) {
  return hll::raise(bytes, hll::mark_of(element), kSparseMax) == hll::Change::raised;
}

// What a HyperLogLog of these elements is, register by register.
std::array<std::uint8_t, hll::kRegisters> model_of(const std::vector<std::string>& elements) {
  std::array<std::uint8_t, hll::kRegisters> registers{};
  for (const std::string& element : elements) {
    const hll::Mark mark = hll::mark_of(element);
    registers[mark.index] = std::max(registers[mark.index], mark.rank);
  }
  return registers;
}

void expect_registers(const std::string& bytes, const std::array<std::uint8_t, hll::kRegisters>& expected) {
  hll::Registers registers;
  ASSERT_TRUE(registers.merge(bytes));
  for (std::size_t i = 0; i < hll::kRegisters; ++i) ASSERT_EQ(registers[i], expected[i]) << i;
}

// The bytes and counts in these are from Redis 7.0.15.
TEST(HyperLogLog, IsByteForByteThatOfRedis) {
  std::string bytes = hll::make_empty();
  hll::forget_count(bytes.data());
  EXPECT_EQ(to_hex(bytes), "48594c4c0100000000000000000000807fff");
  for (const char* element : {"a", "b", "c"}) EXPECT_TRUE(add(bytes, element));
  EXPECT_EQ(hll::kept_count(bytes), std::nullopt);
  EXPECT_EQ(hll::count(bytes), 3U);
  hll::keep_count(bytes.data(), 3);
  EXPECT_EQ(hll::kept_count(bytes), 3U);
  EXPECT_EQ(to_hex(bytes), "48594c4c01000000030000000000000060f38050b1844bfb80425a");
}

TEST(HyperLogLog, CountsAsRedisDoes) {
  std::string bytes = hll::make_empty();
  std::uint64_t next = 0;
  const auto count_of = [&bytes, &next](std::uint64_t elements) {
    for (; next < elements; ++next) add(bytes, fmt::format("{}", next));
    return hll::count(bytes);
  };
  EXPECT_EQ(count_of(1000), 1001U);
  EXPECT_EQ(bytes.size(), 1923U);
  EXPECT_FALSE(hll::is_dense(bytes));
  EXPECT_EQ(count_of(10000), 9987U);
  EXPECT_TRUE(hll::is_dense(bytes));
  EXPECT_EQ(count_of(100000), 99565U);
  EXPECT_EQ(count_of(1000000), 1009972U);
}

TEST(HyperLogLog, BecomesDenseAtTheSameElementAsInRedis) {
  std::string bytes = hll::make_empty();
  int elements = 0;
  while (!hll::is_dense(bytes)) add(bytes, fmt::format("x{}", elements++));
  EXPECT_EQ(elements, 1692);
}

TEST(HyperLogLog, SparseAndDenseOnesHoldTheHighestRankOfEachRegister) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::string bytes = hll::make_empty();
    std::string dense = bytes;
    ASSERT_TRUE(hll::make_dense(dense));
    ASSERT_EQ(dense.size(), hll::kDenseBytes);
    std::vector<std::string> elements;
    for (std::uint64_t left = random() % 2500; left > 0; --left) {
      elements.push_back(std::to_string(random() % 4000));
      const bool raised = add(bytes, elements.back());
      ASSERT_EQ(raised, add(dense, elements.back()));
    }
    const auto model = model_of(elements);
    expect_registers(bytes, model);
    expect_registers(dense, model);
    EXPECT_EQ(hll::count(bytes), hll::count(dense));
  }
}

TEST(HyperLogLog, RanksTooHighForSparseOnesMakeThemDense) {
  std::string bytes = hll::make_empty();
  EXPECT_EQ(hll::raise(bytes, {5, 32}, kSparseMax), hll::Change::raised);
  EXPECT_FALSE(hll::is_dense(bytes));
  EXPECT_EQ(hll::raise(bytes, {5, 33}, kSparseMax), hll::Change::raised);
  EXPECT_TRUE(hll::is_dense(bytes));
  hll::Registers registers;
  ASSERT_TRUE(registers.merge(bytes));
  EXPECT_EQ(registers[5], 33);
}

TEST(HyperLogLog, NeighboursOfTheSameValueShareACode) {
  std::string bytes = hll::make_empty();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(hll::raise(bytes, {i, 2}, kSparseMax), hll::Change::raised);
  EXPECT_EQ(hll::describe_sparse(bytes), "v:2,4 v:2,4 Z:16376");
  EXPECT_EQ(hll::raise(bytes, {2, 3}, kSparseMax), hll::Change::raised);
  EXPECT_EQ(hll::describe_sparse(bytes), "v:2,2 v:3,1 v:2,1 v:2,4 Z:16376");
  EXPECT_EQ(hll::raise(bytes, {2, 1}, kSparseMax), hll::Change::none);
}

TEST(HyperLogLog, BytesThatAreNoneAreToldByTheirHeader) {
  const std::string empty = hll::make_empty();
  std::string dense = empty;
  ASSERT_TRUE(hll::make_dense(dense));
  EXPECT_TRUE(hll::is_valid(empty));
  EXPECT_TRUE(hll::is_valid(dense));
  EXPECT_FALSE(hll::is_valid(""));
  EXPECT_FALSE(hll::is_valid(empty.substr(0, 15)));
  EXPECT_FALSE(hll::is_valid("hyll" + empty.substr(4)));
  EXPECT_FALSE(hll::is_valid(dense + '\0'));
  EXPECT_FALSE(hll::is_valid(dense.substr(1)));
  std::string other = empty;
  other[4] = 2;
  EXPECT_FALSE(hll::is_valid(other));
}

TEST(HyperLogLog, CodesForTooFewOrTooManyRegistersAreCorrupt) {
  const std::string empty = hll::make_empty();
  for (const std::string& bytes : {empty.substr(0, 16), empty.substr(0, 17), empty + '\0', empty + empty}) {
    SCOPED_TRACE(to_hex(bytes));
    ASSERT_TRUE(hll::is_valid(bytes));
    EXPECT_EQ(hll::count(bytes), std::nullopt);
    hll::Registers registers;
    EXPECT_FALSE(registers.merge(bytes));
    std::string changed = bytes;
    EXPECT_FALSE(hll::make_dense(changed));
    EXPECT_EQ(changed, bytes);
    EXPECT_EQ(hll::raise(changed, {1, 40}, kSparseMax), hll::Change::corrupt);
  }
  std::string none = empty.substr(0, 16);
  EXPECT_EQ(hll::raise(none, {1, 1}, kSparseMax), hll::Change::corrupt);
}

}  // namespace
}  // namespace leat::keyspace
