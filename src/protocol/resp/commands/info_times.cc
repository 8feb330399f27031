#include <algorithm>

#include "protocol/resp/commands/info.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

void info_of_commands(Executor& executor, std::string& out) {
  for (const auto& [name, stats] : executor.times().commands()) {
    const double total = static_cast<double>(stats->nanoseconds) / 1000;
    out +=
        fmt::format("cmdstat_{}:calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}\r\n", name,
                    stats->calls, stats->nanoseconds / 1000,
                    stats->calls == 0 ? 0 : total / static_cast<double>(stats->calls), stats->rejected, stats->failed);
  }
}

void info_of_errors(Executor& executor, std::string& out) {
  for (const auto& [code, count] : executor.times().errors())
    out += fmt::format("errorstat_{}:count={}\r\n", code, count);
}

void info_of_latencies(Executor& executor, std::string& out) {
  for (const auto& [name, stats] : executor.times().commands()) {
    if (stats->latencies == nullptr) continue;
    const auto at = [&](double percent) { return static_cast<double>(stats->latencies->percentile(percent)) / 1000; };
    out += fmt::format("latency_percentiles_usec_{}:p50={:.3f},p99={:.3f},p99.9={:.3f}\r\n", name, at(50), at(99),
                       at(99.9));
  }
}

}  // namespace leat::resp
