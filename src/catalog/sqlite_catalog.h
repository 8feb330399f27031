#pragma once

#include <memory>
#include <string>

#include "catalog/catalog.h"
#include "runtime/space_reserve.h"

namespace leat::catalog {

// The catalog of a single node: catalog.db in `folder`, which exists and is locked against other servers. Called on the
// shard that will own it (shard 0), whose files it uses, and on a full disk the space of `reserve`. A lease's time is the shard's monotonic clock.
// Errors: unsupported (written by a newer leat), corrupt, permission_denied, disk_full, io.
[[nodiscard]] runtime::Task<Result<std::unique_ptr<Catalog>>> open_sqlite_catalog(
    std::string folder, runtime::SpaceReserve* reserve = nullptr);

}  // namespace leat::catalog
