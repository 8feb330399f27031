#include <gtest/gtest.h>

#include "cli/json_record.h"
#include "cli/latency_histogram.h"
#include "cli/output.h"
#include "base/json_text.h"
#include "stream/partitioner.h"
#include "cli/socket.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

constexpr std::int64_t kNow = 1'772'368'205'250;  // 2026-03-01T12:30:05.250Z

// The vectors of Kafka's own UtilsTest.testMurmur2.
TEST(Partitioner, HashesKeysAsTheJavaClientsDo) {
  const std::pair<std::string_view, std::int32_t> vectors[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : vectors) EXPECT_EQ(stream::murmur2(as_bytes(key)), hash) << key;
}

TEST(Partitioner, NegativeHashesStillNameAPartition) {
  EXPECT_EQ(stream::partition_of_key(as_bytes("21"), 6), (-973932308 & 0x7fffffff) % 6);
  for (int i = 0; i < 1000; ++i) {
    const auto partition = stream::partition_of_key(as_bytes(std::to_string(i)), 7);
    ASSERT_GE(partition, 0);
    ASSERT_LT(partition, 7);
  }
}

TEST(TimeText, ReadsDatesDistancesAndMilliseconds) {
  const std::pair<std::string_view, std::int64_t> cases[] = {
      {"2026-03-01T12:30:05.250Z", kNow},
      {"2026-03-01T12:30:05.2504", kNow},
      {"2026-03-01 12:30:05,25", kNow},
      {"2026-03-01T14:30:05.25+02:00", kNow},
      {"2026-03-01T07:00:05.25-0530", kNow},
      {"2026-03-01", 1'772'323'200'000},
      {"2026-03-01T12:30", 1'772'368'200'000},
      {"1970-01-01", 0},
      {"1772368205250", kNow},
      {"now", kNow},
      {"-1h", kNow - 3'600'000},
      {"-15m", kNow - 900'000},
      {"-2d", kNow - 172'800'000},
      {"-500ms", kNow - 500},
  };
  for (const auto& [text, expected] : cases) {
    const auto ms = parse_time(text, kNow);
    ASSERT_TRUE(ms) << text << ": " << ms.error().message;
    EXPECT_EQ(*ms, expected) << text;
  }
}

TEST(TimeText, RefusesWhatIsNoTime) {
  for (const std::string_view text :
       {"", "yesterday", "2026-13-01", "2026-02-30", "2026-03-01T25:00", "2026-03-01T12:30Zx", "2026-03-01T12:30:05.Z",
        "-", "-1", "-1y", "-9223372036854775807d", "12x", "-5"})
    EXPECT_FALSE(parse_time(text, kNow)) << text;
}

TEST(TimeText, WhatIsShownCanBeReadBack) {
  for (const std::int64_t ms : {std::int64_t{0}, kNow, std::int64_t{951'782'399'999}, std::int64_t{4'102'444'800'001}})
    EXPECT_EQ(parse_time(format_time(ms), 0).value_or(-1), ms) << format_time(ms);
  EXPECT_EQ(format_time(kNow), "2026-03-01T12:30:05.250Z");
  EXPECT_EQ(format_time(-1), "-");
}

TEST(JsonRecord, ReadsEveryField) {
  const auto record = parse_json_record(
      R"({"key":"k","value":{"a":[1,2]},"headers":{"h":"1","none":null},"partition":3,"timestamp":17})");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, R"({"a":[1,2]})");
  ASSERT_EQ(record->headers.size(), 2u);
  EXPECT_EQ(record->headers[0], (std::pair<std::string, std::optional<std::string>>("h", "1")));
  EXPECT_EQ(record->headers[1].second, std::nullopt);
  EXPECT_EQ(record->partition, 3);
  EXPECT_EQ(record->timestamp, 17);
}

TEST(JsonRecord, NumbersStayAsTheyAre) {
  const auto record = parse_json_record(
      R"({"key":12345678901234567890123,"value":{"price": 1.10},"headers":{"h":0.10,"o":{"a":1.0}}})");
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->key, "12345678901234567890123");
  EXPECT_EQ(record->value, R"({"price":1.10})");
  EXPECT_EQ(record->headers[0].second, "0.10");
  EXPECT_EQ(record->headers[1].second, R"({"a":1.0})");
}

TEST(JsonRecord, MissingAndNullMeanNone) {
  const auto record = parse_json_record(R"({"value":null})");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->key, std::nullopt);
  EXPECT_EQ(record->value, std::nullopt);
  EXPECT_EQ(record->timestamp, std::nullopt);
}

TEST(JsonRecord, RefusesOtherShapesAndNamesTheField) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"[1]", "object"},
      {"{", "JSON"},
      {"7", "object"},
      {R"({"value":tru})", "value"},
      {R"({"partition":-1})", "partition"},
      {R"({"partition":4294967296})", "partition"},
      {R"({"timestamp":true})", "timestamp"},
      {R"({"timestamp":"someday"})", "someday"},
      {R"({"headers":[1]})", "headers"},
      {R"({"value_base64":"A"})", "value_base64"},
  };
  for (const auto& [line, named] : cases) {
    const auto record = parse_json_record(line);
    ASSERT_FALSE(record) << line;
    EXPECT_NE(record.error().message.find(named), std::string::npos) << record.error().message;
  }
}

TEST(JsonRecord, WhatIsPrintedCanBeProducedAgainByteForByte) {
  const std::string binary("\xff\x00\x80 a", 5);
  log::RecordView record;
  record.offset = Offset(7);
  record.timestamp = Timestamp(kNow);
  record.key = as_bytes("caf\xc3\xa9");
  record.value = as_bytes(binary);
  const std::vector<log::RecordHeader> headers{{"h", as_bytes("v")}, {"h", std::nullopt}, {"bin", as_bytes(binary)}};
  const std::string line = render_json_record({"topic", 2}, record, headers);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto again = parse_json_record(line);
  ASSERT_TRUE(again) << line << ": " << again.error().message;
  EXPECT_EQ(again->key, "caf\xc3\xa9");
  EXPECT_EQ(again->value, binary);
  EXPECT_EQ(again->timestamp, kNow);
  EXPECT_EQ(again->partition, 2);
  ASSERT_EQ(again->headers.size(), 3u);
  EXPECT_EQ(again->headers[1].second, std::nullopt);
  EXPECT_EQ(again->headers[2].second, binary);
}

// RFC 4648, section 10.
TEST(Base64, AgreesWithTheVectorsOfItsRfc) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(from_base64(encoded).value_or("?"), plain);
  }
  for (const std::string_view text : {"Z", "Zg=", "Z===", "Zm9*"}) EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Utf8, TellsTextFromBytes) {
  for (const std::string_view text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8c\x8a"})
    EXPECT_TRUE(is_utf8(text));
  for (const std::string_view text :
       {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"})
    EXPECT_FALSE(is_utf8(text));
}

TEST(LatencyHistogram, PercentilesAreWithinItsPrecision) {
  LatencyHistogram histogram;
  for (std::int64_t us = 1; us <= 100'000; ++us) histogram.record(us * 1000);
  EXPECT_EQ(histogram.count(), 100'000u);
  EXPECT_EQ(histogram.max_ns(), 100'000'000u);
  for (const double fraction : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = fraction * 1e8;
    EXPECT_NEAR(static_cast<double>(histogram.percentile_ns(fraction)), exact, exact / 64 + 1000) << fraction;
  }
  EXPECT_EQ(histogram.percentile_ns(1.0), histogram.max_ns());
}

TEST(LatencyHistogram, HoldsTheSmallestAndTheLargest) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.percentile_ns(0.5), 0u);
  histogram.record(-5);
  histogram.record(0);
  EXPECT_EQ(histogram.percentile_ns(1.0), 0u);
  histogram.record(INT64_MAX);
  EXPECT_EQ(histogram.max_ns(), static_cast<std::uint64_t>(INT64_MAX));
  EXPECT_GE(histogram.percentile_ns(1.0), (std::uint64_t{1} << 42) - 1);
}

TEST(LatencyHistogram, SumsThoseOfSeveralThreads) {
  LatencyHistogram a, b;
  a.record(100);
  b.record(300);
  a.add(b);
  EXPECT_EQ(a.count(), 2u);
  EXPECT_EQ(a.mean_ns(), 200);
  EXPECT_EQ(a.max_ns(), 300u);
}

TEST(Address, IsReadWithAndWithoutPort) {
  EXPECT_EQ(parse_address("mill:9093").value(), (Address{"mill", 9093}));
  EXPECT_EQ(parse_address("mill").value(), (Address{"mill", kDefaultPort}));
  EXPECT_EQ(parse_address("[::1]:19092").value(), (Address{"::1", 19092}));
  EXPECT_EQ(parse_address("[::1]:19092")->to_string(), "[::1]:19092");
  EXPECT_EQ(parse_address("tls://alice@mill:9093").value(), (Address{"mill", 9093, "alice", true}));
  EXPECT_EQ(parse_address("tls://[::1]:9093")->to_string(), "tls://[::1]:9093");
  for (const std::string_view text : {"", "tls://", "http://mill:9092", ":9092", "mill:", "mill:0", "mill:70000",
                                      "mill:x", "[::1", "[::1]9", "[::1]:"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(Output, AlignsTablesAndNumbers) {
  Table table({"NAME", ">SIZE"});
  table.add({"é", "1"});
  table.add({"longer", "12"});
  EXPECT_EQ(table.render(), "NAME    SIZE\né          1\nlonger    12\n");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_count(1234567), "1,234,567");
  EXPECT_EQ(human_count(-1234), "-1,234");
  EXPECT_EQ(human_count(999), "999");
}

}  // namespace
}  // namespace leat::cli
