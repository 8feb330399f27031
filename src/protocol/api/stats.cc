#include "protocol/api/stats.h"

#include "observe/metrics_page.h"

namespace leat::api {

void collect(observe::MetricsPage& page, const ApiStats& stats) {
  for (const auto& [operation, count] : stats.requests) {
    if (count.value() == 0) continue;
    page.counter("leat_api_requests_total", "Requests to the HTTP API.", {{"operation", operation}}, count);
  }
  page.counter("leat_api_problems_total", "Requests to the HTTP API that were refused or failed.", {}, stats.problems);
  page.counter("leat_api_throttled_total", "Requests refused since their user had too many under way.", {},
               stats.throttled);
  page.counter("leat_api_repeated_total", "Requests answered as the first one with their idempotency key.", {},
               stats.repeated);
  page.gauge("leat_live_websockets", "Open WebSockets.", {}, stats.websockets);
  page.gauge("leat_live_event_streams", "Open streams of server-sent events.", {}, stats.event_streams);
  page.counter("leat_live_events_total", "Records and messages sent to live connections.", {}, stats.live_sent);
  page.counter("leat_live_requests_total", "Messages received over WebSockets.", {}, stats.live_received);
  page.counter("leat_live_slow_connections_total", "Live connections ended as they did not keep up with channels.", {},
               stats.live_ended);
}

}  // namespace leat::api
