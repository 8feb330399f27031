#include "catalog/identity.h"

#include "catalog/documents.h"
#include "runtime/shard.h"

namespace leat::catalog {
namespace {

using runtime::Shard;
using runtime::Task;

constexpr int kAttemptsMax = 64;

// Makes up what the snapshot does not have. Errors: version_conflict, when someone was faster.
Task<Result<Identity>> create_identity(Catalog& catalog, std::optional<Uuid> cluster, std::optional<NodeId> node,
                                       NodeId wanted) {
  Shard& shard = Shard::current();
  Commit request;
  if (!cluster) {
    cluster = Uuid::from_random(shard.random(), shard.random());
    request.conditions.push_back({std::string(kClusterIdKey), kAbsent});
    request.puts.push_back({std::string(kClusterIdKey), encode_cluster_id(*cluster)});
  }
  if (!node) {
    node = wanted;
    request.conditions.push_back({node_key(wanted), kAbsent});
    request.puts.push_back({node_key(wanted), encode_node({wanted, shard.wall_now()})});
  }
  const Identity identity{*cluster, *node};
  auto committed = co_await catalog.commit(std::move(request));
  if (!committed) co_return fail(std::move(committed.error()));
  co_return identity;
}

}  // namespace

Task<Result<Identity>> ensure_identity(Catalog& catalog, std::optional<NodeId> configured) {
  if (configured && configured->value() < 0) co_return fail(Errc::invalid_config, "a node id is not negative");
  std::vector<std::string> prefixes{std::string(kClusterIdKey), std::string(kNodesPrefix)};
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    auto snapshot = co_await catalog.snapshot(prefixes);
    if (!snapshot) co_return fail(std::move(snapshot.error()));
    std::optional<Uuid> cluster;
    std::optional<NodeId> node;
    for (const Entry& entry : snapshot->entries) {
      if (entry.key == kClusterIdKey) {
        LEAT_CO_TRY(cluster, decode_cluster_id(entry.key, entry.value));
      } else {
        LEAT_CO_TRY(const NodeEntry found, decode_node(entry.key, entry.value));
        node = found.id;
      }
    }
    if (node && configured && *node != *configured) {
      co_return fail(Errc::invalid_config,
                     fmt::format("this data folder belongs to node {}, not {}: set that node id, or "
                                 "none",
                                 *node, *configured));
    }
    if (cluster && node) co_return Identity{*cluster, *node};
    auto created = co_await create_identity(catalog, cluster, node, configured.value_or(kFirstNodeId));
    if (created || created.error().code != Errc::version_conflict) co_return created;
  }
  co_return fail(Errc::version_conflict, "the cluster's identity kept changing");
}

Task<Result<ProducerIdBlock>> allocate_producer_ids(Catalog& catalog) {
  const std::string key(kProducerIdsKey);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    std::vector<std::string> prefixes{key};
    auto snapshot = co_await catalog.snapshot(std::move(prefixes));
    if (!snapshot) co_return fail(std::move(snapshot.error()));
    ProducerId first{0};
    Revision found = kAbsent;
    if (!snapshot->entries.empty()) {
      const Entry& entry = snapshot->entries.front();
      LEAT_CO_TRY(first, decode_next_producer_id(entry.key, entry.value));
      found = entry.modified;
    }
    if (first.value() > INT64_MAX - kProducerIdsPerBlock) co_return fail(Errc::internal, "producer ids are used up");
    Commit request;
    request.conditions.push_back({key, found});
    request.puts.push_back({key, encode_next_producer_id(first + kProducerIdsPerBlock)});
    auto committed = co_await catalog.commit(std::move(request));
    if (committed) co_return ProducerIdBlock{first};
    if (committed.error().code != Errc::version_conflict) co_return fail(std::move(committed.error()));
  }
  co_return fail(Errc::version_conflict, "the producer id counter kept changing");
}

}  // namespace leat::catalog
