#pragma once

#include <array>
#include <vector>

#include "base/metrics.h"
#include "protocol/aws/errors.h"

namespace leat::observe {
class MetricsPage;
}

namespace leat::aws {

struct ActionStats {
  Counter requests;
  Histogram latency;  // from the request read to its answer made
};

// What one shard counts of one service.
struct ApiStats {
  explicit ApiStats(std::size_t count) : actions(count), errors(count + 1) {}

  std::vector<ActionStats> actions;                      // in the order of Api::messages()
  std::vector<std::array<Counter, kErrorCodes>> errors;  // the last row: of no known action
};

}  // namespace leat::aws
