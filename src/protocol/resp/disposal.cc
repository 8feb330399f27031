#include "protocol/resp/disposal.h"

#include <utility>

namespace leat::resp {

struct Disposal::Freeing final : runtime::Work {
  std::unique_ptr<keyspace::Garbage> garbage;
  std::shared_ptr<Count> pending;
};

void Disposal::take(std::unique_ptr<keyspace::Garbage> garbage) {
  pending_->fetch_add(garbage->bytes(), std::memory_order_relaxed);
  auto freeing = std::make_unique<Freeing>();
  freeing->garbage = std::move(garbage);
  freeing->pending = pending_;
  freeing->run = [](runtime::Work* work) {
    const std::unique_ptr<Freeing> self(static_cast<Freeing*>(work));
    const std::size_t bytes = self->garbage->bytes();
    self->garbage.reset();
    self->pending->fetch_sub(bytes, std::memory_order_relaxed);
  };
  shard_.send_blocking(*freeing.release());
}

}  // namespace leat::resp
