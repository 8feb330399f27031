#pragma once

#include <functional>
#include <string>
#include <vector>

#include "observe/metrics_page.h"
#include "runtime/shard.h"
#include "runtime/task.h"

namespace leat::observe {

// Adds a module's numbers to a page. Must not throw.
using Collector = std::function<void(MetricsPage& page)>;
// The same for what takes more than one shard to tell. Not a coroutine lambda: what it captures must outlive the task.
using TaskCollector = std::function<runtime::Task<>(MetricsPage& page)>;

// Everything that /metrics shows. Filled while the server is wired, used by one shard afterwards.
class MetricsRegistry {
 public:
  // `collector` runs on the shard that renders: for what any thread may read (base/metrics.h).
  void add(Collector collector);
  // `collector` runs on `shard`: for what only that shard may touch, such as its partitions.
  void add(runtime::Shard& shard, Collector collector);
  // `collector` runs on the shard that renders, after all others.
  void add_task(TaskCollector collector);

  // The page of now. On the shard that serves it; the text is put together on the I/O pool.
  [[nodiscard]] runtime::Task<std::string> render() const;

 private:
  struct OfShard {
    runtime::Shard* shard;
    std::vector<Collector> collectors;
  };
  std::vector<Collector> collectors_;
  std::vector<OfShard> of_shards_;
  std::vector<TaskCollector> tasks_;
};

}  // namespace leat::observe
