#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/shard.h"
#include "runtime/task.h"

namespace leat::runtime {

struct RealRuntimeOptions {
  std::uint32_t shards = 1;
  std::uint32_t io_threads = 4;
};

// The machine's threads, files, sockets and clocks: one thread and event loop a shard, and a pool of threads for what blocks.
class RealRuntime {
 public:
  static std::unique_ptr<RealRuntime> create(const RealRuntimeOptions& options);
  virtual ~RealRuntime() = default;

  [[nodiscard]] virtual std::vector<Shard*> shards() = 0;
  // Runs the shards: shard 0 on the calling thread, the others on their own. Starts main(runtime's shards) on shard 0 and
  // returns when that task has ended; then the loops are stopped and joined, with whatever still waits in them.
  virtual void run(std::function<Task<>()> main) = 0;
  // Calls on_signal(number) on shard 0 for SIGTERM and SIGINT. Before run().
  virtual void on_stop_signal(std::function<void(int)> on_signal) = 0;
  // Calls on_signal() on shard 0 for SIGHUP, which ends the process otherwise. Before run().
  virtual void on_reload_signal(std::function<void()> on_signal) = 0;
};

}  // namespace leat::runtime
