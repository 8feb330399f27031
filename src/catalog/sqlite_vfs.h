#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/file.h"
#include "runtime/space_reserve.h"

namespace leat::catalog {

// SQLite's files by way of runtime::FileSystem, so that they live in the simulated world when all others do. Made for one
// database in WAL mode with locking_mode=EXCLUSIVE: no shared memory, no file locks (the data folder has one), and no
// temporary files (temp_store=MEMORY). A name that SQLite makes is durable with the first sync of its file, and a removal
// at once, whatever SQLite asks for. Used by one thread at a time.
class SqliteVfs {
 public:
  // Registers itself with SQLite under a name of its own. On a full disk it writes to `reserve`'s space, if there is one.
  // Both outlive it.
  SqliteVfs(runtime::FileSystem& files, runtime::SpaceReserve* reserve);
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;
  // Every database that uses it is closed.
  ~SqliteVfs();

  [[nodiscard]] const char* name() const;
  // The last error of the file system, which SQLite's own codes cannot carry. Forgotten when taken.
  [[nodiscard]] std::optional<Error> take_error();
  // Whether any sync has failed, also one whose failure SQLite does not tell (of a checkpoint). What the page cache shows
  // is not to be trusted from then on.
  [[nodiscard]] bool sync_failed() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace leat::catalog
