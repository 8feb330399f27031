#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/file.h"

namespace leat::runtime {

// Disk space that is set aside, so that on a full disk what must go on can: deletes, the manifests and the catalog that
// tell of them, a start; and, from a share of its own, consumers, whose progress is journalled. One for a data folder,
// shared by all shards. While any of it is in use nothing that can wait (records, new topics) may be written, or it would
// take what was freed. Thread-safe; calls that wait for the disk say so.
class SpaceReserve {
 public:
  static constexpr std::uint64_t kSize = std::uint64_t{4} << 20;
  static constexpr std::uint64_t kJournalsSize = std::uint64_t{16} << 20;

  // `files` outlives it; sizes in bytes.
  SpaceReserve(FileSystem& files, const std::string& data, std::uint64_t size = kSize,
               std::uint64_t journals_size = kJournalsSize);

  // Sets the space aside, or as much of it as there is: then it stays in use. Waits for the disk.
  void refill();
  // Gives the space to whoever writes next, but for the journals' share. False when there was none left. Waits for the disk.
  bool release();
  // The same for a write that found the disk full, and must not wait: it is tried again when this is true.
  [[nodiscard]] bool rescue();
  // The journals' share, for an append to one that found the disk full: it is tried again when this is true.
  [[nodiscard]] bool rescue_journal();
  // Between a release() or rescue and the refill() that could set all of it aside again.
  [[nodiscard]] bool in_use() const { return in_use_.load(std::memory_order_relaxed); }
  // disk_full while it is in use: asked before anything that can wait is written.
  [[nodiscard]] Status check_space() const;
  // runtime::replace_file that takes the reserve when the disk is full. Waits for the disk.
  [[nodiscard]] Status replace_file(const std::string& path, BytesView content);

 private:
  struct Share {
    std::string path;
    std::uint64_t size;
  };
  [[nodiscard]] bool set_aside(const Share& share) const;
  bool give(const Share& share);
  void tell_full();

  FileSystem& files_;
  Share share_;
  Share journals_;
  std::mutex mutex_;  // one at a time changes the file
  std::atomic<bool> in_use_ = false;
  std::atomic<bool> was_full_ = false;  // and told so
};

}  // namespace leat::runtime
