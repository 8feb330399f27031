#include "log/file_cache.h"

#include "log/segment.h"

namespace leat::log {

using runtime::OpenMode;

CachedFile::~CachedFile() {
  if (cache_ != nullptr) cache_->drop(*this);
}

Result<std::shared_ptr<runtime::File>> FileCache::log_file(Segment& segment) {
  if (segment.log_file.file_ == nullptr) {
    LEAT_TRY(std::shared_ptr<runtime::File> file, files_.open(segment.log_path(), OpenMode::write));
    keep(segment.log_file, std::move(file));
  } else {
    touch(segment.log_file);
  }
  return segment.log_file.file_;
}

Result<std::shared_ptr<runtime::File>> FileCache::index_file(Segment& segment) {
  if (segment.index_file.file_ == nullptr) {
    LEAT_TRY(std::shared_ptr<runtime::File> file, files_.open(segment.index_path(), OpenMode::create));
    if (segment.index_entries == 0 && !segment.index_rebuilding) {
      LEAT_CHECK(file->truncate(0));  // a left-over of that name may have had entries
      LEAT_CHECK(file->write_at(encode_index_header(segment.base), 0));
    }
    keep(segment.index_file, std::move(file));
  } else {
    touch(segment.index_file);
  }
  return segment.index_file.file_;
}

Status FileCache::create(Segment& segment) {
  LEAT_TRY(std::shared_ptr<runtime::File> file, files_.open(segment.log_path(), OpenMode::create));
  LEAT_CHECK(file->truncate(0));
  keep(segment.log_file, std::move(file));
  return {};
}

void FileCache::close(Segment& segment) {
  drop(segment.log_file);
  drop(segment.index_file);
}

void FileCache::keep(CachedFile& slot, std::shared_ptr<runtime::File> file) {
  while (by_use_.size() >= open_max_) drop(*by_use_.back());
  slot.file_ = std::move(file);
  slot.cache_ = this;
  by_use_.push_front(&slot);
  slot.place_ = by_use_.begin();
  open_files_.set(static_cast<std::int64_t>(by_use_.size()));
}

void FileCache::touch(CachedFile& slot) { by_use_.splice(by_use_.begin(), by_use_, slot.place_); }

void FileCache::drop(CachedFile& slot) {
  if (slot.cache_ == nullptr) return;
  by_use_.erase(slot.place_);
  slot.file_.reset();
  slot.cache_ = nullptr;
  open_files_.set(static_cast<std::int64_t>(by_use_.size()));
}

}  // namespace leat::log
