#include "protocol/http/stats.h"

#include "observe/metrics_page.h"

namespace leat::http {

void collect(observe::MetricsPage& page, const Stats& stats, std::string_view listener) {
  const observe::Labels labels{{"listener", listener}};
  page.counter("leat_http_connections_total", "Connections accepted.", labels, stats.accepted);
  page.counter("leat_http_rejected_connections_total", "Connections closed at once since there were too many.", labels,
               stats.rejected);
  page.counter("leat_http_timed_out_connections_total", "Connections closed for being idle or slow.", labels,
               stats.timed_out);
  page.counter("leat_http_malformed_requests_total", "Requests that could not be read.", labels, stats.malformed);
  page.counter("leat_http_received_bytes_total", "Bytes read from connections.", labels, stats.received_bytes);
  page.counter("leat_http_sent_bytes_total", "Bytes written to connections.", labels, stats.sent_bytes);
  page.gauge("leat_http_connections", "Open connections.", labels, stats.connections);
  static constexpr std::string_view kClasses[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
  for (std::size_t i = 1; i < std::size(kClasses); ++i) {
    page.counter("leat_http_responses_total", "Responses by class of status.",
                 {{"listener", listener}, {"code", kClasses[i]}}, stats.responses[i]);
  }
  page.histogram("leat_http_request_seconds", "Time from the end of a request to the end of its answer.", labels,
                 stats.request_latency);
}

}  // namespace leat::http
