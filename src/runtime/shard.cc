#include "runtime/shard.h"

#include <cassert>

namespace leat::runtime {
namespace {
thread_local Shard* current_shard = nullptr;
}

Shard& Shard::current() {
  assert(current_shard != nullptr);
  return *current_shard;
}

bool Shard::is_current(const Shard& shard) { return current_shard == &shard; }

Shard* Shard::set_current(Shard* shard) { return std::exchange(current_shard, shard); }

}  // namespace leat::runtime
