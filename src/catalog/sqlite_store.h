#pragma once

#include <memory>
#include <string>
#include <vector>

#include "catalog/catalog.h"
#include "runtime/file.h"
#include "runtime/space_reserve.h"

namespace leat::catalog {

// The file catalog.db (docs/formats/catalog.md). Every call waits for the disk, so it runs on the I/O pool; one at a time,
// on any thread. The caller has checked the limits of catalog.h.
class SqliteStore {
 public:
  // Opens or creates the file in `folder`, which exists and is locked against other servers, and checks it. Entries that
  // a dead process left on a lease are deleted. `files` and `reserve`, whose
  // space it takes on a full disk, outlive the store.
  // Errors: unsupported (written by a newer leat), corrupt, permission_denied, disk_full, io.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(runtime::FileSystem& files, const std::string& folder,
                                                                 runtime::SpaceReserve* reserve = nullptr);
  virtual ~SqliteStore() = default;

  struct Committed {
    Revision revision;
    std::vector<Change> changes;  // empty: the revision is not a new one
  };

  [[nodiscard]] virtual Result<Snapshot> snapshot(const std::vector<std::string>& prefixes) = 0;
  [[nodiscard]] virtual Result<Committed> commit(const Commit& request) = 0;
  // Deletes every entry on `lease`, or on any lease when it is kNoLease.
  [[nodiscard]] virtual Result<Committed> drop_lease(LeaseId lease) = 0;
  // The current revision; waits for nothing.
  [[nodiscard]] virtual Revision revision() const = 0;
};

inline constexpr int kCatalogSchemaVersion = 1;

}  // namespace leat::catalog
