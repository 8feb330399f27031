#include "observe/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/process.h"
#include "tests/observe/exposition.h"

namespace leat::observe {
namespace {

using testing::HasSubstr;

TEST(ExpositionReader, RefusesWhatPrometheusWouldRefuse) {
  const std::string head = "# HELP a_total x\n# TYPE a_total counter\n";
  EXPECT_EQ(parse_exposition(head + "a_total{l=\"v\"} 1\n").error, "");
  for (const std::string bad : {"a_total 1", "a_total x\n", "b_total 1\n", "a_total{l=v} 1\n", "a_total{l=\"\"\"} 1\n",
                                "a_total 1\na_total 2\n", "a_total -1\n", "a total 1\n", "# TYPE a_total gauge\n"}) {
    EXPECT_NE(parse_exposition(head + bad).error, "") << bad;
  }
  EXPECT_NE(parse_exposition("# TYPE h histogram\nh_bucket{le=\"1\"} 1\n").error, "");
  EXPECT_NE(parse_exposition("# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\n").error, "");
}

TEST(MetricsPage, ShowsEveryTypeAsValidText) {
  Histogram latency;
  latency.record_us(1);
  latency.record_us(3);
  latency.record_us(1'000'000'000);
  MetricsPage page;
  page.counter("leat_kafka_requests_total", "Requests.", {{"api", "Produce"}}, 5);
  page.gauge("leat_kafka_connections", "Connections.", {}, -2.5);
  page.histogram("leat_kafka_request_seconds", "Latency.", {{"api", "Produce"}}, latency);
  const auto shown = parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.types.at("leat_kafka_request_seconds"), "histogram");
  EXPECT_EQ(shown.helps.at("leat_kafka_requests_total"), "Requests.");
  EXPECT_EQ(shown.samples.at("leat_kafka_requests_total{api=\"Produce\"}"), 5);
  EXPECT_EQ(shown.samples.at("leat_kafka_connections"), -2.5);
  const std::string bucket = "leat_kafka_request_seconds_bucket{api=\"Produce\",le=";
  EXPECT_EQ(shown.samples.at(bucket + "\"1e-06\"}"), 1);
  EXPECT_EQ(shown.samples.at(bucket + "\"2e-06\"}"), 1);
  EXPECT_EQ(shown.samples.at(bucket + "\"4e-06\"}"), 2);
  EXPECT_EQ(shown.samples.at(bucket + "\"67.108864\"}"), 2);
  EXPECT_EQ(shown.samples.at(bucket + "\"+Inf\"}"), 3);
  EXPECT_EQ(shown.samples.at("leat_kafka_request_seconds_count{api=\"Produce\"}"), 3);
  EXPECT_DOUBLE_EQ(shown.samples.at("leat_kafka_request_seconds_sum{api=\"Produce\"}"), 1000.000004);
}

TEST(MetricsPage, AddsUpWhatShardsReportUnderTheSameLabels) {
  Histogram one;
  one.record_us(10);
  Counter counted;
  counted.add(3);
  Gauge open;
  open.set(4);
  MetricsPage page;
  for (int shard = 0; shard < 2; ++shard) {
    page.counter("a_total", "A.", {{"x", "1"}}, counted);
    page.gauge("b", "B.", {}, open);
    page.histogram("c_seconds", "C.", {}, one);
  }
  page.counter("a_total", "A.", {{"x", "2"}}, counted);
  const auto shown = parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("a_total{x=\"1\"}"), 6);
  EXPECT_EQ(shown.samples.at("a_total{x=\"2\"}"), 3);
  EXPECT_EQ(shown.samples.at("b"), 8);
  EXPECT_EQ(shown.samples.at("c_seconds_count"), 2);
}

TEST(MetricsPage, HostileLabelValuesStayInsideTheirQuotes) {
  const std::vector<std::string> hostile = {
      "a\"} 1\nevil 2", "back\\slash", "ends\\", std::string("nul\0x", 5), "\xff\xfe", "\xc3",
      "\xed\xa0\x80",   "\r\n",        "é€😀",   "\xf8\x88\x80\x80\x80"};
  MetricsPage page;
  for (const auto& value : hostile) page.counter("a_total", "A.", {{"client", value}}, 1);
  const auto text = page.text();
  const auto shown = parse_exposition(text);
  EXPECT_EQ(shown.error, "");
  double total = 0;
  for (const auto& [name, value] : shown.samples) total += value;
  EXPECT_EQ(total, static_cast<double>(hostile.size()));
  EXPECT_THAT(text, HasSubstr("client=\"é€😀\""));
  EXPECT_THAT(text, HasSubstr("client=\"??\""));
  EXPECT_EQ(text.find("\nevil"), std::string::npos);
}

TEST(MetricsPage, TextsThatLookTheSameOnThePageAreOneSample) {
  MetricsPage page;
  page.counter("a_total", "A.", {{"client", "\xff"}}, 1);
  page.counter("a_total", "A.", {{"client", "\xfe"}}, 1);
  const auto shown = parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("a_total{client=\"?\"}"), 2);
}

TEST(MetricsPage, LeavesOutInvalidNamesAndASecondType) {
  MetricsPage page;
  page.counter("0bad_total", "X.", {}, 1);
  page.counter("bad-name_total", "X.", {}, 1);
  page.counter("", "X.", {}, 1);
  page.gauge("x", "X.", {{"le", "1"}}, 1);
  page.gauge("x", "X.", {{"__name__", "1"}}, 1);
  page.gauge("x", "X.", {{"a", "1"}, {"a", "2"}}, 1);
  EXPECT_EQ(page.text(), "");
  page.gauge("x", "X.", {}, 1);
  page.counter("x", "X.", {}, 1);
  const auto shown = parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_EQ(shown.samples.at("x"), 1);
}

TEST(MetricsPage, ProcessFamilyIsThereAndPlausible) {
  MetricsPage page;
  collect_process(page);
  const auto shown = parse_exposition(page.text());
  EXPECT_EQ(shown.error, "");
  EXPECT_GT(shown.samples.at("process_resident_memory_bytes"), 1e5);
  EXPECT_GE(shown.samples.at("process_virtual_memory_bytes"), shown.samples.at("process_resident_memory_bytes"));
  EXPECT_GE(shown.samples.at("process_open_fds"), 3);
  EXPECT_GE(shown.samples.at("process_max_fds"), shown.samples.at("process_open_fds"));
  EXPECT_GE(shown.samples.at("process_threads"), 1);
  EXPECT_GE(shown.samples.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(shown.samples.at("process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace leat::observe
