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
  Counter output_limit_disconnections;  // of clients that did not take what was sent
  Counter dropped_messages;             // for subscribers that did not take them
  Gauge connections;
  Gauge blocked_clients;
};

struct StatsBaseline {
  std::uint64_t commands = 0;
  std::uint64_t accepted_connections = 0;
  std::uint64_t refused_connections = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t expired_keys = 0;
  std::uint64_t evicted_keys = 0;
};

}  // namespace leat::resp
