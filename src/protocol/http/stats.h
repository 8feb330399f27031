#pragma once

#include <array>
#include <string_view>

#include "base/metrics.h"

namespace leat::observe {
class MetricsPage;
}

namespace leat::http {

// One listener's counters; written by its shard, read by the metrics page.
struct Stats {
  Counter accepted;   // connections
  Counter rejected;   // connections closed at once: too many
  Counter timed_out;  // connections closed for being idle or slow
  Counter malformed;  // requests that could not be read
  Counter received_bytes;
  Counter sent_bytes;
  Gauge connections;
  std::array<Counter, 6> responses;  // by the first digit of the status
  Histogram request_latency;         // from the end of the request to the end of its answer
};

void collect(observe::MetricsPage& page, const Stats& stats, std::string_view listener);

}  // namespace leat::http
