#include "catalog/sqlite_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstring>

namespace leat::catalog {

struct SqliteVfs::Impl {
  runtime::FileSystem& files;
  runtime::SpaceReserve* reserve;
  std::string name;
  sqlite3_vfs vfs{};
  std::optional<Error> error;
  bool sync_failed = false;

  // Keeps the error for take_error() and returns what SQLite is told.
  int fails(Error what, int code) {
    const bool full = what.code == Errc::disk_full;
    error = std::move(what);
    return full ? SQLITE_FULL : code;
  }
  int sync_fails(Error what, int code) {
    sync_failed = true;
    error = std::move(what);
    return code;
  }
};

namespace {

using Impl = SqliteVfs::Impl;

// SQLite cuts files in sectors when it pads the log; File promises nothing below a page.
constexpr int kSectorBytes = 4096;
constexpr int kPathBytesMax = 4096;

// What lies behind SQLite's handle.
struct OpenFile {
  Impl& vfs;
  std::string path;
  std::unique_ptr<runtime::File> file;
  bool name_is_new = false;  // its folder has to be synced with it
};

// SQLite allocates szOsFile bytes for this and owns them; xClose ends what `open` points to.
struct Handle {
  sqlite3_file base;
  OpenFile* open;
};

OpenFile& opened(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->open; }
Impl& impl_of(sqlite3_vfs* vfs) { return *static_cast<Impl*>(vfs->pAppData); }

int close_file(sqlite3_file* file) {
  auto* handle = reinterpret_cast<Handle*>(file);
  delete handle->open;
  handle->open = nullptr;
  return SQLITE_OK;
}

int read_file_at(sqlite3_file* file, void* into, int amount, sqlite3_int64 offset) {
  OpenFile& open = opened(file);
  const auto size = static_cast<std::size_t>(amount);
  const MutableBytes bytes(static_cast<std::byte*>(into), size);
  auto read = open.file->read_at(bytes, static_cast<std::uint64_t>(offset));
  if (!read) return open.vfs.fails(std::move(read.error()), SQLITE_IOERR_READ);
  if (*read == size) return SQLITE_OK;
  std::memset(bytes.data() + *read, 0, size - *read);
  return SQLITE_IOERR_SHORT_READ;
}

int write_file_at(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
  OpenFile& open = opened(file);
  const BytesView bytes(static_cast<const std::byte*>(from), static_cast<std::size_t>(amount));
  const auto at = static_cast<std::uint64_t>(offset);
  auto written = open.file->write_at(bytes, at);
  runtime::SpaceReserve* reserve = open.vfs.reserve;
  if (!written && written.error().code == Errc::disk_full && reserve != nullptr && reserve->rescue())
    written = open.file->write_at(bytes, at);
  return written ? SQLITE_OK : open.vfs.fails(std::move(written.error()), SQLITE_IOERR_WRITE);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  OpenFile& open = opened(file);
  auto cut = open.file->truncate(static_cast<std::uint64_t>(size));
  return cut ? SQLITE_OK : open.vfs.fails(std::move(cut.error()), SQLITE_IOERR_TRUNCATE);
}

int sync_file(sqlite3_file* file, int /*flags*/) {
  OpenFile& open = opened(file);
  auto synced = open.file->sync();
  if (!synced) return open.vfs.sync_fails(std::move(synced.error()), SQLITE_IOERR_FSYNC);
  if (!open.name_is_new) return SQLITE_OK;
  auto named = open.vfs.files.sync_directory(runtime::parent_path(open.path));
  if (!named) return open.vfs.sync_fails(std::move(named.error()), SQLITE_IOERR_DIR_FSYNC);
  open.name_is_new = false;
  return SQLITE_OK;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  OpenFile& open = opened(file);
  auto bytes = open.file->size();
  if (!bytes) return open.vfs.fails(std::move(bytes.error()), SQLITE_IOERR_FSTAT);
  *size = static_cast<sqlite3_int64>(*bytes);
  return SQLITE_OK;
}

int lock_file(sqlite3_file*, int) { return SQLITE_OK; }
int check_reserved_lock(sqlite3_file*, int* held) {
  *held = 0;
  return SQLITE_OK;
}
int control_file(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return kSectorBytes; }
int characteristics(sqlite3_file*) { return 0; }  // a write may tear, and may harm its neighbours in the sector

constexpr sqlite3_io_methods kFileMethods = {
    .iVersion = 1,  // without shared memory and memory maps
    .xClose = close_file,
    .xRead = read_file_at,
    .xWrite = write_file_at,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = size_of_file,
    .xLock = lock_file,
    .xUnlock = lock_file,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  Impl& impl = impl_of(vfs);
  auto* handle = reinterpret_cast<Handle*>(file);
  handle->base.pMethods = nullptr;
  if (name == nullptr) return impl.fails({Errc::unsupported, "SQLite asked for a temporary file"}, SQLITE_CANTOPEN);
  const bool creates = (flags & SQLITE_OPEN_CREATE) != 0;
  auto mode = runtime::OpenMode::read;
  if ((flags & SQLITE_OPEN_READWRITE) != 0) mode = creates ? runtime::OpenMode::create : runtime::OpenMode::write;
  auto opened_file = impl.files.open(name, mode);
  if (!opened_file) return impl.fails(std::move(opened_file.error()), SQLITE_CANTOPEN);
  // New also when it is there: who made it may have been killed before the name was durable.
  handle->open = new OpenFile{impl, name, std::move(*opened_file), creates};
  handle->base.pMethods = &kFileMethods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int /*sync_directory*/) {
  Impl& impl = impl_of(vfs);
  auto removed = impl.files.remove(name);
  if (!removed && removed.error().code == Errc::not_found) return SQLITE_IOERR_DELETE_NOENT;
  if (!removed) return impl.fails(std::move(removed.error()), SQLITE_IOERR_DELETE);
  // Always, though SQLite does not always ask: a rollback journal that came back would undo what was committed since.
  auto synced = impl.files.sync_directory(runtime::parent_path(name));
  return synced ? SQLITE_OK : impl.sync_fails(std::move(synced.error()), SQLITE_IOERR_DIR_FSYNC);
}

int access_file(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* result) {
  *result = impl_of(vfs).files.exists(name) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  const std::size_t length = std::strlen(name);
  if (length >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, length + 1);
  return SQLITE_OK;
}

int random_bytes(sqlite3_vfs*, int size, char* out) {
  sqlite3_vfs* system = sqlite3_vfs_find(nullptr);
  return system->xRandomness(system, size, out);
}
int sleep_for(sqlite3_vfs*, int microseconds) { return microseconds; }  // only for locks, and there are none
int current_time(sqlite3_vfs*, double* julian_day) {
  *julian_day = 0;  // no statement of the catalog asks for the time
  return SQLITE_OK;
}

}  // namespace

SqliteVfs::SqliteVfs(runtime::FileSystem& files, runtime::SpaceReserve* reserve)
    : impl_(new Impl{.files = files, .reserve = reserve, .name = {}}) {
  static std::atomic<std::uint64_t> next{0};
  impl_->name = fmt::format("leat-{}", next.fetch_add(1));
  impl_->vfs = {
      .iVersion = 1,
      .szOsFile = sizeof(Handle),
      .mxPathname = kPathBytesMax,
      .zName = impl_->name.c_str(),
      .pAppData = impl_.get(),
      .xOpen = open_file,
      .xDelete = delete_file,
      .xAccess = access_file,
      .xFullPathname = full_path,
      .xRandomness = random_bytes,
      .xSleep = sleep_for,
      .xCurrentTime = current_time,
  };
  sqlite3_vfs_register(&impl_->vfs, 0);
}

SqliteVfs::~SqliteVfs() { sqlite3_vfs_unregister(&impl_->vfs); }

const char* SqliteVfs::name() const { return impl_->name.c_str(); }

bool SqliteVfs::sync_failed() const { return impl_->sync_failed; }

std::optional<Error> SqliteVfs::take_error() { return std::exchange(impl_->error, std::nullopt); }

}  // namespace leat::catalog
