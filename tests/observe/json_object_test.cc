#include "base/json_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JsonObject, HasTextsDecodedAndAllElseAsItWasWritten) {
  JsonParser parser;
  const auto object = parser.parse_object(
      R"( {"text":"a\u00e9\n\"b", "n\u0061me" : [1, {"x": 1.10}] , "big": 123456789012345678901234567890,
          "decimal":1.10, "none": null, "yes": true, "deep": {"a":{"b":[]}} , "text":"second"} )");
  ASSERT_TRUE(object.has_value()) << object.error().message;
  ASSERT_NE(object->find("text"), nullptr);
  EXPECT_TRUE(object->find("text")->is_text);
  EXPECT_EQ(object->find("text")->text, "aé\n\"b");
  EXPECT_EQ(object->find("name")->text, R"([1, {"x": 1.10}])");
  EXPECT_FALSE(object->find("name")->is_text);
  EXPECT_EQ(object->find("big")->text, "123456789012345678901234567890");
  EXPECT_EQ(object->find("decimal")->text, "1.10");
  EXPECT_EQ(object->find("none"), nullptr);
  EXPECT_EQ(object->find("nothing"), nullptr);
  EXPECT_EQ(object->find("yes")->text, "true");
  EXPECT_EQ(object->find("deep")->text, R"({"a":{"b":[]}})");
  EXPECT_EQ(object->members().size(), 8u);
  EXPECT_TRUE(parser.parse_object("{}")->members().empty());
}

TEST(JsonObject, IntegersAreThoseOf64Bits) {
  JsonParser parser;
  const auto list =
      parser.parse_list(R"([0, -9223372036854775808,9223372036854775807 , 9223372036854775808, 1.0, "5", true])");
  ASSERT_TRUE(list.has_value());
  std::vector<std::optional<std::int64_t>> numbers;
  for (const JsonValue& value : *list) numbers.push_back(value.integer());
  EXPECT_THAT(numbers, ElementsAre(0, INT64_MIN, INT64_MAX, std::nullopt, std::nullopt, std::nullopt, std::nullopt));
}

TEST(JsonObject, RefusesWhatIsNone) {
  JsonParser parser;
  for (const char* json : {"",
                           " ",
                           "{",
                           "}",
                           "{]",
                           "[]",
                           "5",
                           "null",
                           "\"x\"",
                           "{} {}",
                           "{}}",
                           "{},",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{\"a\":1 \"b\":2}",
                           "{a:1}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":[}",
                           "{\"a\":\"x}",
                           "{,}",
                           "{\"a\":1}x"})
    EXPECT_FALSE(parser.parse_object(json).has_value()) << json;
  EXPECT_THAT(parser.parse_object("[]").error().message, HasSubstr("is no JSON object"));
  EXPECT_THAT(parser.parse_object("7").error().message, HasSubstr("is no JSON object"));
  EXPECT_THAT(parser.parse_list("{}").error().message, HasSubstr("is no list"));
  for (const char* json : {"", "[", "[1,]", "[1 2]", "[] []", "[1]]"})
    EXPECT_FALSE(parser.parse_list(json).has_value()) << json;
  EXPECT_TRUE(parser.parse_object("{\"a\":1}").has_value());  // it goes on after all that
}

TEST(JsonObject, MinifiedKeepsNumbersAndChecksAll) {
  JsonParser parser;
  EXPECT_EQ(parser.minified(" { \"a b\" : [ 1.10 , 1e300 ,\n12345678901234567890123 ] } ").value(),
            R"({"a b":[1.10,1e300,12345678901234567890123]})");
  EXPECT_EQ(parser.minified("0.12345678901234567890123").value(), "0.12345678901234567890123");
  EXPECT_EQ(parser.minified("true").value(), "true");
  for (const char* json : {"", "tru", "01", "1.", "[1,]", "{\"a\":nul}", "[12345678901234567890123,]", "1e", "[1]]"})
    EXPECT_FALSE(parser.minified(json).has_value()) << json;
  const auto nested = [](std::size_t levels, std::string_view inside) {
    return std::string(levels, '[') + std::string(inside) + std::string(levels, ']');
  };
  for (const std::string_view inside : {"1", "12345678901234567890123"}) {
    EXPECT_TRUE(parser.minified(nested(60, inside)).has_value()) << inside;
    EXPECT_FALSE(parser.minified(nested(70, inside)).has_value()) << inside;
    EXPECT_FALSE(parser.minified(nested(100'000, inside)).has_value()) << inside;
  }
}

}  // namespace
}  // namespace leat
