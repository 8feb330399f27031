#pragma once

#include <memory>

#include "log/config.h"
#include "log/file_cache.h"
#include "log/partition.h"

namespace leat::log {

// Compaction of one shard's partitions, one at a time: reads sealed segments, keeps each key's last record, and puts the
// rewritten segment in their place. The work is done on the I/O pool; readers go on meanwhile. What is kept and for how
// long is in docs/formats/record-batch.md and log/compaction.h.
class Compactor {
 public:
  Compactor(const StoreOptions& options, FileCache& cache) : options_(options), cache_(cache) {}

  // Compacts `partition` when enough of it is new (min.cleanable.dirty.ratio) or old (max.compaction.lag.ms); else nothing.
  // Ends early with `cancelled` when `stopping` turns true.
  runtime::Task<Status> compact(std::shared_ptr<Partition> partition, Timestamp now, const bool& stopping);

 private:
  const StoreOptions& options_;
  FileCache& cache_;
};

}  // namespace leat::log
