#pragma once

#include "base/metrics.h"

namespace leat::resp {

// Written by the executor's shard, read by the metrics page.
struct Stats {
  Counter commands;
  Counter errors;              // replies that are errors
  Counter malformed_requests;  // connections closed since what they sent is not the protocol
  Counter accepted_connections;
  Counter refused_connections;
  Counter bytes_in;
  Counter bytes_out;
  Counter units_journalled;
  Gauge connections;
  Gauge blocked_clients;
};

}  // namespace leat::resp
