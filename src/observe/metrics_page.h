#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/metrics.h"

namespace leat::observe {

// Names and values. A value is the client's text as it is: the page makes it valid.
using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

// One answer to a scrape, in Prometheus' text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats). Modules add what they counted; samples of the same name
// and labels are added up, so that every shard may add its own. Names are leat_<module>_<what>_<unit>[_total].
// A name that is not valid, or that is already used with another type, is a defect: it is logged and left out.
class MetricsPage {
 public:
  // A count that only grows; its name ends with _total.
  void counter(std::string_view name, std::string_view help, const Labels& labels, double value);
  void gauge(std::string_view name, std::string_view help, const Labels& labels, double value);
  // Durations, shown in seconds; the name ends with _seconds.
  void histogram(std::string_view name, std::string_view help, const Labels& labels, const Histogram& value);

  void counter(std::string_view name, std::string_view help, const Labels& labels, const Counter& value) {
    counter(name, help, labels, static_cast<double>(value.value()));
  }
  void gauge(std::string_view name, std::string_view help, const Labels& labels, const Gauge& value) {
    gauge(name, help, labels, static_cast<double>(value.value()));
  }

  // The whole page, families in the order of their names. Takes milliseconds when there are thousands of samples.
  [[nodiscard]] std::string text() const;

 private:
  enum class Type : std::uint8_t { counter, gauge, histogram };
  struct HistogramSum {
    std::array<std::uint64_t, Histogram::kBuckets> buckets{};
    std::uint64_t sum_us = 0;
  };
  struct Sample {
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;
    HistogramSum histogram;
  };
  struct Family {
    Type type = Type::counter;
    std::string help;
    std::vector<Sample> samples;
    std::unordered_map<std::string, std::size_t> by_labels;
  };

  // nullptr when it is left out.
  Sample* sample(Type type, std::string_view name, std::string_view help, const Labels& labels);

  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace leat::observe
