#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "protocol/api/live/event_stream.h"
#include "protocol/api/live/live_request.h"
#include "protocol/api/queue_calls.h"
#include "protocol/api/record_json.h"
#include "protocol/api/request.h"

namespace leat::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// Bytes that parsers may read behind a body.
std::string padded(std::string_view text) {
  std::string out(text);
  out.reserve(out.size() + http::HttpRequest::kBodyPadding);
  return out;
}

TEST(RecordJson, TakesOneRecordOrMany) {
  const std::string one = padded(R"({"key":"k","value":"v","headers":{"h":"x","n":null},"partition":2,"timestamp":5})");
  const auto single = parse_records(one, 10);
  ASSERT_TRUE(single.has_value());
  ASSERT_EQ(single->size(), 1u);
  EXPECT_EQ((*single)[0].key, "k");
  EXPECT_EQ((*single)[0].value, "v");
  EXPECT_EQ((*single)[0].partition, 2);
  EXPECT_EQ((*single)[0].timestamp, 5);
  EXPECT_THAT((*single)[0].headers, ElementsAre(Pair("h", std::optional<std::string>("x")), Pair("n", std::nullopt)));
  const std::string many = padded(R"({"records":[{"value":null},{"value_base64":"/wA="},{"value":{"a":[1,2]}},{}]})");
  const auto several = parse_records(many, 10);
  ASSERT_TRUE(several.has_value());
  EXPECT_EQ((*several)[0].value, std::nullopt);
  EXPECT_EQ((*several)[1].value, std::string("\xff\0", 2));
  EXPECT_EQ((*several)[2].value, R"({"a":[1,2]})");
  EXPECT_EQ((*several)[3].value, std::nullopt);
}

TEST(RecordJson, RefusesWhatMakesNoSenseAndSaysWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no JSON"},
      {"[]", "no JSON object"},
      {"{", "no JSON"},
      {R"({"valu":"x"})", "no member 'valu'"},
      {R"({"value":"x","value_base64":"eA=="})", "value and value_base64"},
      {R"({"value_base64":"e"})", "no base64"},
      {R"({"value_base64":5})", "no text"},
      {R"({"partition":-1})", "partition"},
      {R"({"partition":"1"})", "partition"},
      {R"({"timestamp":1.5})", "timestamp"},
      {R"({"headers":5})", "headers"},
      {R"({"headers":{"a":5}})", "header 'a'"},
      {R"({"headers":[{"value":"x"}]})", "no key"},
      {R"({"records":[]})", "1 to 2"},
      {R"({"records":[{},{},{}]})", "1 to 2"},
      {R"({"records":[{}],"x":1})", "no member 'x'"},
      {R"({"records":[{},{"a":1}]})", "records[1]"},
  };
  for (const auto& [json, why] : cases) {
    const std::string body = padded(json);
    const auto records = parse_records(body, 2);
    ASSERT_FALSE(records.has_value()) << json;
    EXPECT_EQ(records.error().status, 400);
    EXPECT_THAT(records.error().detail, HasSubstr(why)) << json;
  }
  const std::string deep = padded(fmt::format(R"({{"value":{}{}}})", std::string(100, '['), std::string(100, ']')));
  EXPECT_FALSE(parse_records(deep, 2).has_value());
}

// Whatever a double makes of them.
TEST(RecordJson, NumbersStayAsTheyAre) {
  const std::string many = padded(
      R"({"records":[{"value": 12345678901234567890123},{"value":1.10,"key":-0.0},
      {"value":{"price": 0.12345678901234567890, "all":[1e5]},"headers":[{"key":"h","value":2.50}]},{"value":true}]})");
  const auto records = parse_records(many, 10);
  ASSERT_TRUE(records.has_value()) << records.error().detail;
  EXPECT_EQ((*records)[0].value, "12345678901234567890123");
  EXPECT_EQ((*records)[1].value, "1.10");
  EXPECT_EQ((*records)[1].key, "-0.0");
  EXPECT_EQ((*records)[2].value, R"({"price":0.12345678901234567890,"all":[1e5]})");
  EXPECT_THAT((*records)[2].headers, ElementsAre(Pair("h", std::optional<std::string>("2.50"))));
  EXPECT_EQ((*records)[3].value, "true");
  for (const char* bad : {R"({"value":tru})", R"({"value":{"a":01}})", R"({"value":[1,]})", R"({"value":1} x)"})
    EXPECT_FALSE(parse_record(bad).has_value()) << bad;
}

// What a record is written as is read as the same.
TEST(RecordJson, WhatIsWrittenIsReadAsTheSame) {
  std::mt19937 random(7);
  const auto bytes = [&random]() -> std::optional<std::string> {
    if (random() % 5 == 0) return std::nullopt;
    std::string out(random() % 20, '\0');
    for (char& c : out) c = static_cast<char>(random() % 2 == 0 ? random() % 128 : random() % 256);
    return out;
  };
  for (int i = 0; i < 2000; ++i) {
    const auto key = bytes();
    const auto value = bytes();
    const auto header = bytes();
    log::NewRecord record;
    record.timestamp = Timestamp(i);
    if (key) record.key = as_bytes(*key);
    if (value) record.value = as_bytes(*value);
    record.headers.push_back({"name", header ? std::optional(as_bytes(*header)) : std::nullopt});
    log::BatchBuilder builder;
    builder.add(record);
    const Bytes batch = builder.build().value();
    auto reader = log::BatchReader::open(batch, 1 << 20).value();
    const auto view = reader.next().value();
    std::string text;
    ASSERT_TRUE(append_record("t", 3, *view, text).has_value());
    const auto parsed = Json::parse(text, nullptr, false);
    ASSERT_TRUE(parsed.is_object()) << text;
    // But for where it was, which is not said of a new one.
    Json again = parsed;
    again.erase("topic");
    again.erase("offset");
    const auto back = parse_record(again.dump());
    ASSERT_TRUE(back.has_value()) << text << back.error().detail;
    EXPECT_EQ(back->key, key);
    EXPECT_EQ(back->value, value);
    EXPECT_THAT(back->headers, ElementsAre(Pair("name", header)));
    EXPECT_EQ(back->partition, 3);
    EXPECT_EQ(back->timestamp, i);
  }
}

TEST(Receipts, AreReadAsWrittenAndNothingElseIs) {
  const queue::Receipt receipt{PartitionIndex(7), Offset(INT64_MAX), 3, UINT32_MAX};
  EXPECT_EQ(parse_receipt(text_of(receipt)).value(), receipt);
  for (const std::string_view text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1.2.3.4 ", "-1.2.3.4",
                                      "1.2.3.4294967296", "2147483648.0.0.1", "a.b.c.d", "1..2.3", "1.2.3.x"})
    EXPECT_FALSE(parse_receipt(text).has_value()) << text;
}

TEST(EventIds, AreReadAsWritten) {
  const TopicPlaces places{{"a", {{0, 5}, {12, 0}}}, {"b.c-d_e", {{0, INT64_MAX}}}};
  EXPECT_EQ(text_of(places), "a@0:5,12:0;b.c-d_e@0:9223372036854775807");
  EXPECT_EQ(parse_places(text_of(places)), places);
  EXPECT_EQ(parse_places(""), TopicPlaces());
  for (const std::string_view text : {"a", "@0:1", "a@x", "a@0", "a@0:", "a@0:1,", "a@0:-1", "a@-1:0", "a@0:1;b",
                                      "a@0:1 ", "a@0:1;", "a@", "a@;b@0:1"})
    EXPECT_EQ(parse_places(text), std::nullopt) << text;
}

TEST(PercentDecoding, DecodesAndRefusesBrokenEscapes) {
  EXPECT_EQ(percent_decoded("a%2Fb%20c+d", false), "a/b c+d");
  EXPECT_EQ(percent_decoded("a+b%2B", true), "a b+");
  EXPECT_EQ(percent_decoded("%00", false), std::string(1, '\0'));
  for (const std::string_view text : {"%", "%2", "%zz", "a%", "%G0"})
    EXPECT_EQ(percent_decoded(text, true), std::nullopt);
}

Outcome<LiveRequest> parse(std::string_view json) {
  std::string id;
  return parse_live_request(json, id);
}

TEST(LiveRequests, HaveTheirIdWhateverIsWrongWithTheRest) {
  for (const char* json : {R"({"op":"fly","id":"x"})", R"({"id":"x"})", R"({"op":"subscribe","what":1,"id":"x"})"}) {
    std::string id;
    EXPECT_FALSE(parse_live_request(json, id).has_value()) << json;
    EXPECT_EQ(id, R"("x")") << json;
  }
}

TEST(LiveRequests, NameOneThingThatTheyAreFor) {
  const auto subscribe = parse(R"({"op":"subscribe","id":"x","topic":"t","offsets":{"1":7},"time":3})");
  ASSERT_TRUE(subscribe.has_value());
  EXPECT_EQ(subscribe->op, LiveOp::subscribe);
  EXPECT_EQ(subscribe->topic, "t");
  EXPECT_THAT(subscribe->start.offsets, ElementsAre(Pair(1, 7)));
  EXPECT_EQ(subscribe->start.time, Timestamp(3));
  EXPECT_EQ(parse(R"({"op":"publish","channel":"c","data":"d","id":5})")->record.value, "d");
  EXPECT_EQ(parse(R"({"op":"send","queue":"q","body":[1]})")->message.body, "[1]");
  EXPECT_EQ(parse(R"({"op":"extend","queue":"q","receipts":["0.1.0.1"],"lease_ms":9})")->settle_for, Milliseconds(9));
}

TEST(LiveRequests, WithAnIdempotencyKeyAreTheSameWhateverTheirId) {
  const auto one = parse(R"({"op":"publish","id":1,"topic":"t","value":{"a": [1, 2]},"idempotency_key":"k"})");
  const auto again = parse(R"({"op":"publish","topic":"t","value":{"a":[1,2]},"id":"x","idempotency_key":"k"})");
  const auto other = parse(R"({"op":"publish","topic":"t","value":{"a":[1,3]},"idempotency_key":"k"})");
  const auto sent = parse(R"({"op":"send","queue":"t","body":"a","idempotency_key":"k"})");
  ASSERT_TRUE(one && again && other && sent);
  EXPECT_EQ(one->idempotency_key, "k");
  EXPECT_EQ(one->content, again->content);
  EXPECT_NE(one->content, other->content);
  EXPECT_NE(sent->content, one->content);
  EXPECT_EQ(parse(R"({"op":"publish","topic":"t","value":"x"})")->idempotency_key, "");
}

TEST(LiveRequests, ThatMakeNoSenseAreRefused) {
  for (const char* json : {"",
                           "[]",
                           "{}",
                           R"({"op":5})",
                           R"({"op":"fly"})",
                           R"({"op":"subscribe"})",
                           R"({"op":"subscribe","topic":"a","channel":"b"})",
                           R"({"op":"publish","pattern":"a*","data":"x"})",
                           R"({"op":"publish","queue":"a","value":"x"})",
                           R"({"op":"send","topic":"a","body":"x"})",
                           R"({"op":"subscribe","topic":"t","from":"middle"})",
                           R"({"op":"subscribe","topic":"t","offsets":{"x":1}})",
                           R"({"op":"subscribe","topic":"t","offsets":{"0":-1}})",
                           R"({"op":"subscribe","queue":"q","prefetch":0})",
                           R"({"op":"acknowledge","queue":"q"})",
                           R"({"op":"acknowledge","queue":"q","receipts":[]})",
                           R"({"op":"acknowledge","queue":"q","receipts":["x"]})",
                           R"({"op":"extend","queue":"q","receipts":["0.1.0.1"]})",
                           R"({"op":"ping","id":{}})",
                           R"({"op":"ping","id":1.5})",
                           R"({"op":"subscribe","topic":"t","what":1})",
                           R"({"op":"subscribe","topic":"t","idempotency_key":"k"})",
                           R"({"op":"publish","topic":"t","value":"x","idempotency_key":""})",
                           R"({"op":"publish","topic":"t","value":"x","idempotency_key":5})",
                           R"({"op":"send","queue":"q","headers":{"leat-due":"1"},"body":"x"})"}) {
    const auto request = parse(json);
    ASSERT_FALSE(request.has_value()) << json;
    EXPECT_EQ(request.error().status, 400) << json;
  }
}

}  // namespace
}  // namespace leat::api
