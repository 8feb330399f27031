#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace leat::runtime {

// An open file. Thread-safe as the operating system's files are: concurrent reads and writes of different ranges are
// independent. A call that may wait for the disk says so; those run on the I/O pool (runtime/call.h), the others anywhere.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  // Reads up to into.size() bytes at `offset`: fewer only at the end of the file. May wait for the disk.
  [[nodiscard]] virtual Result<std::size_t> read_at(MutableBytes into, std::uint64_t offset) = 0;
  // The same from memory only: would_block when any byte is not in the page cache. Never waits.
  [[nodiscard]] virtual Result<std::size_t> read_cached(MutableBytes into, std::uint64_t offset) = 0;
  // Whether the whole range can be read without the disk. Never waits; an estimate, since pages may leave at any time.
  [[nodiscard]] virtual bool is_cached(std::uint64_t offset, std::uint64_t length) = 0;
  // Brings the range into the page cache. Waits for the disk.
  virtual void prefetch(std::uint64_t offset, std::uint64_t length) = 0;

  // Writes all of `parts`, one after the other, at `offset`, to the page cache; a short write is completed or is an
  // error (then the range's content is unspecified). Errors: disk_full, io.
  [[nodiscard]] virtual Status write_at(std::span<const BytesView> parts, std::uint64_t offset) = 0;
  [[nodiscard]] Status write_at(BytesView bytes, std::uint64_t offset) {
    return write_at(std::span(&bytes, 1), offset);
  }

  // Makes everything written before the call durable, and the size needed to read it (fdatasync). Waits for the disk.
  // After an error nothing may be assumed of what was written since the last success.
  [[nodiscard]] virtual Status sync() = 0;
  // Cuts or extends. Not durable until sync().
  [[nodiscard]] virtual Status truncate(std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
  // Forgets clean cached pages, so that the next read comes from the disk (posix_fadvise DONTNEED).
  virtual void drop_cache() = 0;
  // The descriptor for sendfile, or -1 in a simulated file.
  [[nodiscard]] virtual int descriptor() const = 0;
};

enum class OpenMode {
  read,        // must exist
  write,       // must exist; read and write
  create,      // created if missing; read and write
  create_new,  // must not exist; read and write
};

struct FileInfo {
  std::string name;  // within its folder
  bool is_directory = false;
  std::uint64_t size = 0;
};

// A lock on a folder against other processes, held while it lives.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

// Names and folders. Every call may wait for the disk, open() of a file that was used lately hardly. Paths use '/'.
// What is promised after a power loss: a name made by create, rename or create_directories is there only after
// sync_directory() of its folder, a removal is lasting only then, and file content only after File::sync().
class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // Renames over an existing file, atomically.
  [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Removes a file; not_found if there is none.
  [[nodiscard]] virtual Status remove(const std::string& path) = 0;
  // Makes the folder and its missing parents; fine if it exists.
  [[nodiscard]] virtual Status create_directories(const std::string& path) = 0;
  // Removes a folder and all in it; fine if it does not exist.
  [[nodiscard]] virtual Status remove_all(const std::string& path) = 0;
  // What is in a folder, in name order.
  [[nodiscard]] virtual Result<std::vector<FileInfo>> list(const std::string& path) = 0;
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  // Makes the folder's names durable.
  [[nodiscard]] virtual Status sync_directory(const std::string& path) = 0;
  // Makes everything on the file system that holds `path` durable: content, sizes and names (syncfs). After an error every
  // later call fails too, since what was lost may be anyone's; the next sync() of a file that lost something fails.
  [[nodiscard]] virtual Status sync_all(const std::string& path) = 0;
  // Bytes that may still be written to the file system that holds `path`.
  [[nodiscard]] virtual Result<std::uint64_t> free_space(const std::string& path) = 0;
  // Locks the folder against another server. Error: exists, when another process holds it.
  [[nodiscard]] virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;
};

// The parts of a path.
[[nodiscard]] std::string join_path(std::string_view folder, std::string_view name);
[[nodiscard]] std::string parent_path(std::string_view path);

// Replaces the file at `path` by `content` so that after a power loss at any moment it holds either the old or the new
// content, and on success the new one: temporary file, sync, rename, sync of the folder. Waits for the disk.
[[nodiscard]] Status replace_file(FileSystem& files, const std::string& path, BytesView content);
// All of a file, which must be at most `size_max` bytes. Errors: not_found, too_large, io. Waits for the disk.
[[nodiscard]] Result<Bytes> read_file(FileSystem& files, const std::string& path, std::uint64_t size_max);

// The operating system's files. Thread-safe; lives as long as the process.
[[nodiscard]] FileSystem& real_files();

}  // namespace leat::runtime
