#pragma once

#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "catalog/catalog.h"
#include "runtime/task.h"

// Who this cluster and node are, and ids that must never be given twice. On the catalog's shard; the errors of
// Catalog::commit apply.
namespace leat::catalog {

struct Identity {
  Uuid cluster;
  NodeId node;
};

inline constexpr NodeId kFirstNodeId{1};

// What the catalog of a single node says of itself; at the first start it is made up and stored: a random cluster id and
// `configured`, or kFirstNodeId. Error: invalid_config, when `configured` is not the id under which the node was started
// first: partitions belong to that one.
[[nodiscard]] runtime::Task<Result<Identity>> ensure_identity(Catalog& catalog, std::optional<NodeId> configured);

inline constexpr std::int64_t kProducerIdsPerBlock = 1000;

// `first` and the kProducerIdsPerBlock - 1 ids after it, which nobody else has or will have.
struct ProducerIdBlock {
  ProducerId first;
};
[[nodiscard]] runtime::Task<Result<ProducerIdBlock>> allocate_producer_ids(Catalog& catalog);

}  // namespace leat::catalog
