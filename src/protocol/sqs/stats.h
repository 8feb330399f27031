#pragma once

#include <array>
#include <map>
#include <string_view>

#include "base/metrics.h"
#include "protocol/sqs/errors.h"
#include "protocol/sqs/model.h"

namespace leat::observe {
class MetricsPage;
}

namespace leat::sqs {

inline constexpr std::size_t kActions = 23;

struct ActionStats {
  Counter requests;
  Histogram latency;  // from the request read to its answer made
};

// One shard's counters.
struct Stats {
  std::array<ActionStats, kActions> actions;                          // in the order of messages()
  std::array<std::array<Counter, kErrorCodes>, kActions + 1> errors;  // the last row: of no known action
  Counter messages_sent;
  Counter messages_received;
};

void collect(observe::MetricsPage& page, const Stats& stats);

}  // namespace leat::sqs
