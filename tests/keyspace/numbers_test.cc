#include "keyspace/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace leat::keyspace {
namespace {

using namespace std::literals;

TEST(ParseInteger, OnlyCanonicalTextsAreIntegers) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-1"), -1);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const std::string_view text : {""sv,
                                      "-"sv,
                                      "-0"sv,
                                      "+1"sv,
                                      " 1"sv,
                                      "1 "sv,
                                      "007"sv,
                                      "00"sv,
                                      "-01"sv,
                                      "1e3"sv,
                                      "0x1"sv,
                                      "1\0"sv,
                                      "1.0"sv,
                                      "9223372036854775808"sv,
                                      "-9223372036854775809"sv,
                                      "9999999999999999999"sv,
                                      "18446744073709551617"sv,
                                      "99999999999999999999"sv,
                                      "-99999999999999999999"sv,
                                      "--1"sv,
                                      "-a"sv,
                                      "a"sv,
                                      "1/"sv,
                                      "1:"sv}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(ParseInteger, ReadsWhatFormatWrites) {
  std::mt19937_64 random(1);
  IntegerText buffer;
  for (int i = 0; i < 100'000; ++i) {
    const auto value = static_cast<std::int64_t>(random()) >> (random() % 64);
    const std::string_view text = format_integer(value, buffer);
    ASSERT_EQ(text, std::to_string(value));
    ASSERT_EQ(parse_integer(text), value);
  }
}

TEST(ParseFloat, TakesWhatRedisTakes) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::pair<std::string_view, double> good[] = {
      {"+1", 1},    {"-0", -0.0},   {"007", 7},         {"1E3", 1000},  {"0x10", 16},        {"0x1p-3", 0.125},
      {"inf", inf}, {"-inf", -inf}, {"+inf", inf},      {"INF", inf},   {"-iNfInItY", -inf}, {".5", 0.5},
      {"5.", 5},    {"3.14", 3.14}, {"4e-324", 4e-324}, {"1e17", 1e17}, {"1e-320", 1e-320},  {"-1.5e-3", -0.0015}};
  for (const auto& [text, value] : good) {
    ASSERT_TRUE(parse_float(text)) << text;
    EXPECT_EQ(*parse_float(text), value) << text;
    EXPECT_EQ(std::signbit(*parse_float(text)), std::signbit(value)) << text;
    EXPECT_EQ(parse_long_double(text).has_value(), true) << text;
  }
  const std::string zeros(400, '0');
  EXPECT_EQ(parse_float(zeros + "1"), 1);
  EXPECT_EQ(parse_float("1" + zeros.substr(0, 300)), 1e300);
}

TEST(ParseFloat, RefusesWhatRedisRefuses) {
  for (const std::string_view text :
       {""sv,   " 1"sv,  "1 "sv,  "nan"sv, "-nan"sv, "NAN(1)"sv,  "1\0"sv, "1\0002"sv, "."sv,  "e5"sv,
        "1e"sv, "1e+"sv, "\t1"sv, "1_0"sv, "1,5"sv,  "infinit"sv, "-"sv,   "+"sv,      "0x"sv, "--1"sv}) {
    EXPECT_EQ(parse_float(text), std::nullopt) << text;
    EXPECT_EQ(parse_long_double(text), std::nullopt) << text;
  }
  for (const std::string_view text : {"1e400"sv, "-1e400"sv, "1e-400"sv}) {
    EXPECT_EQ(parse_float(text), std::nullopt) << text;
    EXPECT_TRUE(parse_long_double(text)) << text;
  }
  EXPECT_EQ(parse_long_double("1e4933"), std::nullopt);
  EXPECT_EQ(parse_long_double("1e-4960"), std::nullopt);
  EXPECT_EQ(parse_long_double(std::string(5118, '0') + "1"), 1);
  EXPECT_EQ(parse_long_double(std::string(5119, '0') + "1"), std::nullopt);
}

std::string shown(double value) {
  DoubleText buffer;
  return std::string(format_double(value, buffer));
}

TEST(FormatDouble, WritesScoresAsRedisDoes) {
  const std::pair<double, std::string_view> texts[] = {
      {0, "0"},
      {-0.0, "-0"},
      {3.14, "3.1400000000000001"},
      {0.1, "0.10000000000000001"},
      {0.5, "0.5"},
      {1e17, "1e+17"},
      {123456789012345678.0, "1.2345678901234568e+17"},
      {9007199254740993.0, "9007199254740992"},
      {4503599627370497.5, "4503599627370498"},
      {-4503599627370496.0, "-4503599627370496"},
      {1e16, "10000000000000000"},
      {99999999999999999.0, "1e+17"},
      {0.0001, "0.0001"},
      {0.00001, "1.0000000000000001e-05"},
      {4e-324, "4.9406564584124654e-324"},
      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
  };
  for (const auto& [value, text] : texts) EXPECT_EQ(shown(value), text);
}

TEST(FormatDouble, IsPrintfWith17Digits) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 100'000; ++i) {
    double value = std::bit_cast<double>(random());
    if (i % 3 == 1) value = static_cast<double>(static_cast<std::int64_t>(random()) >> (random() % 64)) / 100;
    if (i % 3 == 2) value = static_cast<double>(static_cast<std::int64_t>(random()) >> (random() % 64));
    if (std::isnan(value)) continue;
    char expected[64];
    std::snprintf(expected, sizeof expected, "%.17g", value);
    ASSERT_EQ(shown(value), expected);
    ASSERT_EQ(parse_float(shown(value)), value);
  }
}

TEST(FormatLongDouble, WritesTheResultsOfIncrByFloatAsRedisDoes) {
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"3.0e3", "3000"},
      {"0.1", "0.1"},
      {"10.50", "10.5"},
      {"100", "100"},
      {"-0", "0"},
      {"-1e-20", "0"},
      {"0.00000000000000001", "0.00000000000000001"},
      {"1e-18", "0"},
      {"0.00001", "0.00001"},
      {"1.23456789012345678901", "1.23456789012345679"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775809", "-9223372036854775809"},
      {"18446744073709551616", "18446744073709551616"},
      {"4503599627370497.5", "4503599627370497.5"},
      {"1e21", "1000000000000000000000"},
  };
  for (const auto& [text, shown] : texts) EXPECT_EQ(format_long_double(parse_long_double(text).value()), shown) << text;
  EXPECT_EQ(format_long_double(10.5L + 0.1L), "10.6");
  const std::string large = format_long_double(parse_long_double("1e4000").value());
  EXPECT_EQ(large.size(), 4000);
  EXPECT_EQ(large.substr(0, 40), "9999999999999999999965463873099623784932");
  EXPECT_EQ(format_long_double(std::numeric_limits<long double>::infinity()), "inf");
}

}  // namespace
}  // namespace leat::keyspace
