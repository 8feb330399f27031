#pragma once

#include <atomic>
#include <memory>

#include "keyspace/garbage.h"
#include "runtime/shard.h"

namespace leat::resp {

// Has what the keyspace discards freed on the I/O pool, so that commands do not wait for it.
class Disposal {
 public:
  explicit Disposal(runtime::Shard& shard) : shard_(shard) {}

  void take(std::unique_ptr<keyspace::Garbage> garbage);
  // Bytes that are about to be freed.
  [[nodiscard]] std::size_t pending() const { return pending_->load(std::memory_order_relaxed); }

 private:
  using Count = std::atomic<std::size_t>;
  struct Freeing;

  runtime::Shard& shard_;
  std::shared_ptr<Count> pending_ = std::make_shared<Count>(0);  // outlives this: the pool may be late
};

}  // namespace leat::resp
