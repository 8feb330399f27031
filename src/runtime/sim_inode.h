#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "runtime/sim_random.h"

// Inside the simulated home only: a file or folder as memory has it, as the disk has it, and what may become of the
// difference.
namespace leat::runtime::sim {

struct Inode;
using InodeRef = std::shared_ptr<Inode>;

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr std::uint64_t kSectorSize = 512;

// Pages are shared between memory, disk and the disks of other boots, and copied when written; a missing one is zeros.
struct Content {
  using Page = std::array<std::byte, kPageSize>;

  std::map<std::uint64_t, std::shared_ptr<Page>> pages;
  std::uint64_t size = 0;

  Page& writable(std::uint64_t page);
  [[nodiscard]] std::size_t read(MutableBytes into, std::uint64_t offset) const;
  // Drops what lies beyond `new_size` and sets the size; the rest of the last page is zeros.
  void cut(std::uint64_t new_size);
};

struct Inode {
  explicit Inode(bool is_directory) : directory(is_directory) {}

  const bool directory;
  bool linked = true;  // has a name now

  // A file.
  Content cached;
  Content durable;
  std::set<std::uint64_t> dirty;  // pages written since they were last synced
  std::set<std::uint64_t> lost;   // pages that are clean although the disk does not have them
  std::uint64_t low_size = 0;     // the smallest size since the last sync
  bool failed = false;            // a sync of all lost pages of it, and nobody who syncs this file knows yet

  // A folder.
  std::map<std::string, InodeRef> entries;
  // Of each name that changed since the last sync: what it stood for, from what the disk has to before the last change.
  std::map<std::string, std::vector<InodeRef>> earlier;

  void write(BytesView bytes, std::uint64_t offset);
  void truncate(std::uint64_t size);
  void sync();
  void fail_sync();
  void drop_cache();

  // nullptr when there is no such name.
  [[nodiscard]] InodeRef find(const std::string& name) const;
  // Lets a name stand for something else, or (nullptr) for nothing.
  void set(const std::string& name, InodeRef inode);
  void sync_names() { earlier.clear(); }
};

// A copy of a tree as a disk without unsynced changes.
[[nodiscard]] InodeRef copy_tree(const Inode& root);
// What a power loss may leave of a tree.
[[nodiscard]] InodeRef surviving_tree(const Inode& root, Random& random);

}  // namespace leat::runtime::sim
