#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "runtime/task.h"

// The catalog: a small, ordered set of entries that every node agrees on. What the entries mean is said in topics.h and
// docs/formats/catalog.md. One interface, two homes: SQLite on one node (sqlite_catalog.h), etcd on many. Nothing here
// promises more than both can keep; tests/catalog/contract.h is the test of that.
namespace leat::catalog {

using Revision = Strong<struct RevisionTag, std::int64_t>;  // of the whole catalog; 0: before the first change
using LeaseId = Strong<struct LeaseTag, std::int64_t>;      // 0: no lease

inline constexpr Revision kAbsent{0};
inline constexpr LeaseId kNoLease{0};

// Limits on every call; above them: too_large, or invalid_argument for a key. The counts and sizes are within etcd's
// defaults (128 operations, 1.5 MiB a request).
inline constexpr std::size_t kKeyBytesMax = 512;  // of printable ASCII, without spaces
inline constexpr std::size_t kValueBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kCommitBytesMax = (std::size_t{5} << 20) / 4;  // keys and values of one commit
inline constexpr std::size_t kCommitConditionsMax = 128;
inline constexpr std::size_t kCommitOperationsMax = 128;  // puts and deletes of one commit
inline constexpr std::size_t kPrefixesMax = 16;           // of one snapshot or watch
inline constexpr std::size_t kSnapshotBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kWatchBacklogBytesMax = std::size_t{16}
                                                     << 20;  // how far a watch may fall behind, at least
inline constexpr std::size_t kLeasesMax = 10'000;

struct Entry {
  std::string key;
  std::string value;  // bytes
  Revision modified;  // of the commit that last put it
};

struct Snapshot {
  Revision revision;           // every entry is as it was at this one
  std::vector<Entry> entries;  // in key order
};

// Holds when the entry's `modified` equals this; kAbsent: when there is no such entry.
struct Condition {
  std::string key;
  Revision modified;
};
struct Put {
  std::string key;
  std::string value;
  LeaseId lease = kNoLease;  // the entry vanishes with this lease; a put without one takes the entry off its lease
};
struct Commit {
  std::vector<Condition> conditions;
  std::vector<Put> puts;
  std::vector<std::string> deletes;  // a key that is absent is fine
};

struct Change {
  std::string key;
  std::optional<std::string> value;  // nullopt: deleted
  Revision revision;                 // the commit that did it
};
struct Changes {
  Revision revision;            // everything watched is known up to here
  std::vector<Change> changes;  // in revision order; a commit is never split
};

// Follows the entries below some prefixes. Belongs to the catalog's shard.
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  virtual ~Watch() = default;

  // Waits for the next changes: all there are, of one commit or more. One call at a time.
  // Errors: cancelled after close() of this or of the catalog; offset_out_of_range when the watch began, or fell, further
  // back than the catalog remembers: take a snapshot and watch again from its revision.
  [[nodiscard]] virtual runtime::Task<Result<Changes>> next() = 0;
  virtual void close() = 0;
};

// Belongs to shard 0: every member is called there, by other shards through runtime::call_on. Calls may overlap; they take
// effect one after the other. Waits happen on the I/O pool or the network, never on the shard.
class Catalog {
 public:
  Catalog() = default;
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  virtual ~Catalog() = default;

  // The entries whose keys begin with any of `prefixes` (a whole key is a prefix too; "" is everything), all at one
  // revision, which includes every commit that was answered before the call. Errors: too_large, io, corrupt, cancelled.
  [[nodiscard]] virtual runtime::Task<Result<Snapshot>> snapshot(std::vector<std::string> prefixes) = 0;

  // If every condition holds, does all puts and deletes at once and returns their revision, greater than any before; it
  // is durable then. A commit that changes nothing returns the current revision. A key is put or deleted at most once.
  // Errors after which nothing has happened: version_conflict (a condition does not hold), not_found (no such lease),
  // invalid_argument, too_large. After any other (disk_full, io, offline, timed_out) it may or may not have happened,
  // and a restart may bring it to light: whoever cares reads again. offline: an earlier flush failed; restart.
  [[nodiscard]] virtual runtime::Task<Result<Revision>> commit(Commit request) = 0;

  // Follows the changes after `after`, the revision of a snapshot of this process.
  [[nodiscard]] virtual Result<std::unique_ptr<Watch>> watch(std::vector<std::string> prefixes, Revision after) = 0;

  // A lease that expires `ttl` (at least a second) after it was granted or last kept alive, unless released first. Its
  // entries are deleted, by one or several commits, at or after that time; they do not outlive the process that holds it.
  // Error: too_large above kLeasesMax.
  [[nodiscard]] virtual runtime::Task<Result<LeaseId>> grant_lease(Milliseconds ttl) = 0;
  // Error: not_found when it has expired or was released.
  [[nodiscard]] virtual runtime::Task<Status> keep_alive(LeaseId lease) = 0;
  // Ends the lease and deletes its entries. Error: not_found.
  [[nodiscard]] virtual runtime::Task<Status> release_lease(LeaseId lease) = 0;

  // Releases every lease, ends every watch, waits for the calls under way and closes the home. Later calls return
  // cancelled. Called once, before the catalog is destroyed, unless the process (or its simulation) crashes.
  [[nodiscard]] virtual runtime::Task<Status> close() = 0;
};

// For homes: whether a call is within the limits.
[[nodiscard]] Status check_key(std::string_view key);
[[nodiscard]] Status check_prefixes(const std::vector<std::string>& prefixes);
[[nodiscard]] Status check_commit(const Commit& request);
// For homes: whether `key` begins with any of `prefixes`.
[[nodiscard]] bool has_prefix(std::string_view key, const std::vector<std::string>& prefixes);
// For homes: the least key above all that begin with `prefix`; empty when there is none.
[[nodiscard]] std::string prefix_end(std::string prefix);

}  // namespace leat::catalog
