#pragma once

#include "observe/metrics_page.h"

namespace leat::resp {

class Executor;

// What the keyspace and its clients are and did, for the metrics page. On the executor's shard.
void collect(observe::MetricsPage& page, Executor& executor);

}  // namespace leat::resp
