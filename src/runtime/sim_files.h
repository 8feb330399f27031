#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "runtime/file.h"
#include "runtime/sim_random.h"

namespace leat::runtime::sim {

struct Inode;
struct FileSystemState;

// What a disk holds after a power loss (or at first: nothing). Copies share; each boot starts from its own state.
class SimDisk {
 public:
  SimDisk() = default;

 private:
  friend class SimFileSystem;
  explicit SimDisk(std::shared_ptr<const Inode> root) : root_(std::move(root)) {}
  std::shared_ptr<const Inode> root_;
};

// What goes wrong, and how often. May be changed at any time.
struct SimFaults {
  // The next so many syncs (of files, folders or all) fail with io. A file's unsynced pages are then clean but not durable, as
  // Linux has it: a later sync succeeds without them, and drop_cache() shows what the disk really has. When it is a sync of
  // all that fails, the next sync of each such file tells first.
  std::uint32_t failing_syncs = 0;
  // All files together may be this large; what does not fit is disk_full.
  std::uint64_t capacity = std::uint64_t{1} << 40;
  // Virtual time that a sync takes.
  DurationRange sync_latency;
  // How often read_cached() and is_cached() find what they look for.
  double cached_chance = 0.8;
  // A liar of a disk: syncs succeed and do nothing.
  bool ignore_file_sync = false;
  bool ignore_directory_sync = false;
};

// Files and folders in memory that lose at a power loss what POSIX allows to be lost:
// - A page (4 KiB) that was written and not synced holds, independently of every other, its old content, the new one,
//   or a mix of both by sectors of 512 bytes; where the file was extended the old content is zeros. The size may be the
//   old one, the new one or one in between, with or without the data.
// - An unsynced truncation may or may not have happened.
// - A name that changed since its folder was last synced holds, independently of every other name, any one of the files
//   (or nothing) that it held since then. A rename unlinks the old name and links the new one; a name that is replaced
//   holds the old or the new file, never nothing.
// - File::sync keeps content and size but no name; sync_directory keeps the names of one folder; sync_all keeps all.
// Paths are resolved from one root; a leading '/' makes no difference. Single-threaded.
class SimFileSystem final : public FileSystem {
 public:
  explicit SimFileSystem(std::uint64_t seed, const SimDisk& disk = {});
  // Handles that are still open are dead from then on: everything they do is `cancelled`.
  ~SimFileSystem() override;

  [[nodiscard]] SimFaults& faults();

  // Changes and syncs so far. The same run from the same seed has the same ones in the same order.
  [[nodiscard]] std::uint64_t operations() const;
  // Lets `count` more changes and syncs through, then switches the machine off: from then on every call is `cancelled`
  // and nothing changes, so that the code under test winds down by itself. 0 switches off now.
  void power_off_after(std::uint64_t count);
  [[nodiscard]] bool is_off() const;
  // Switches off and returns one of the states that the disk may be in, drawn from `seed`.
  [[nodiscard]] SimDisk crash(std::uint64_t seed);

  // Flips the bits of `mask` in one byte, in memory and on disk: bit rot. False when the file has no such byte.
  bool corrupt(const std::string& path, std::uint64_t offset, std::byte mask = std::byte{1});

  // Called with the virtual time that a call waits.
  void on_wait(std::function<void(Duration)> on_wait);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status create_directories(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status sync_all(const std::string& path) override;
  Result<std::uint64_t> free_space(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;

 private:
  std::shared_ptr<FileSystemState> state_;
};

}  // namespace leat::runtime::sim
