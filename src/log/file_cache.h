#pragma once

#include <list>
#include <memory>

#include "base/metrics.h"
#include "base/result.h"
#include "runtime/file.h"

namespace leat::log {

class FileCache;
struct Segment;

// A file that may be open. Lives in its segment.
class CachedFile {
 public:
  CachedFile() = default;
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;
  ~CachedFile();

 private:
  friend class FileCache;
  std::shared_ptr<runtime::File> file_;
  FileCache* cache_ = nullptr;
  std::list<CachedFile*>::iterator place_;
};

// Keeps at most a number of one shard's segment files open; the one used longest ago is closed first (whoever still
// reads or flushes it holds it open until done). Used on that shard only.
class FileCache {
 public:
  FileCache(runtime::FileSystem& files, std::size_t open_max, Gauge& open_files)
      : files_(files), open_max_(open_max), open_files_(open_files) {}

  [[nodiscard]] Result<std::shared_ptr<runtime::File>> log_file(Segment& segment);
  // Created with its header when the segment has no entries yet.
  [[nodiscard]] Result<std::shared_ptr<runtime::File>> index_file(Segment& segment);
  // Creates the segment's log file, or empties a left-over of that name.
  [[nodiscard]] Status create(Segment& segment);
  // Closes the segment's files: the next use opens them anew.
  void close(Segment& segment);

  [[nodiscard]] runtime::FileSystem& files() { return files_; }

 private:
  friend class CachedFile;
  void keep(CachedFile& slot, std::shared_ptr<runtime::File> file);
  void touch(CachedFile& slot);
  void drop(CachedFile& slot);

  runtime::FileSystem& files_;
  std::size_t open_max_;
  Gauge& open_files_;
  std::list<CachedFile*> by_use_;  // most recent first
};

}  // namespace leat::log
