#pragma once

#include "base/result.h"
#include "server/config/config.h"

namespace leat::server {

// Runs a server until SIGTERM or SIGINT: opens the data folder, recovers, listens, serves, and on the first signal stops
// accepting, finishes what is in flight, flushes and closes; a second signal ends the process at once. Blocks the calling
// thread, which becomes shard 0. Errors: what kept it from starting, each with what to do; io when the stop could not flush.
[[nodiscard]] Status serve(const ServerConfig& config);

}  // namespace leat::server
