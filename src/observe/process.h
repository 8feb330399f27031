#pragma once

#include "observe/metrics_page.h"

namespace leat::observe {

// The process as the operating system sees it, under the names that Prometheus' own client libraries use: memory, CPU
// time, descriptors, threads, start time. What cannot be read is left out.
void collect_process(MetricsPage& page);

}  // namespace leat::observe
