#pragma once

#include <map>
#include <string>

#include "base/metrics.h"

namespace leat::observe {
class MetricsPage;
}

namespace leat::api {

// One shard's counters of the HTTP API.
struct ApiStats {
  std::map<std::string, Counter, std::less<>> requests;  // by operation; made when the shard is
  Counter problems;                                      // requests that were refused or failed
  Counter throttled;                                     // of those, with 429
  Counter repeated;                                      // answered from an idempotency key
  Gauge websockets;
  Gauge event_streams;
  Counter live_sent;      // events, to all who listen
  Counter live_received;  // requests over WebSockets
  Counter live_ended;     // connections that were ended because they did not keep up
};

void collect(observe::MetricsPage& page, const ApiStats& stats);

}  // namespace leat::api
