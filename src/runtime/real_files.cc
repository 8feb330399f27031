#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "runtime/file.h"

namespace leat::runtime {
namespace {

constexpr std::size_t kReadThroughBytes = std::size_t{128} << 10;
constexpr std::size_t kVectorsPerCall = 256;  // below IOV_MAX, small enough for the stack
constexpr std::uint64_t kSampleStride = std::uint64_t{64} << 10;

// cachestat(2), Linux 6.5: newer than the system headers.
constexpr long kCachestatNumber = 451;
struct CachestatRange {
  std::uint64_t offset;
  std::uint64_t length;
};
struct Cachestat {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t writeback;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> system_failure(std::string_view call, const std::string& path) {
  const int number = errno;
  return fail(system_error(fmt::format("{} {}", call, path), number));
}

std::unexpected<Error> system_failure(std::string_view call, const std::string& path, const std::error_code& code) {
  return fail(system_error(fmt::format("{} {}", call, path), code.value()));
}

// Calls again while a signal interrupts.
template <class F>
auto uninterrupted(F call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

class RealFile final : public File {
 public:
  RealFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  Result<std::size_t> read_at(MutableBytes into, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t count = ::pread(fd_.get(), into.data() + done, into.size() - done, to_off(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_failure("read", path_);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t offset) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t count = read_nowait(into.subspan(done), offset + done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return fail(Errc::would_block, path_ + " is not all in the page cache");
      if (count < 0) return system_failure("read", path_);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

  bool is_cached(std::uint64_t offset, std::uint64_t length) override {
    Result<std::uint64_t> end = size();
    if (!end || offset >= *end || length == 0) return true;
    length = std::min(length, *end - offset);
    if (const auto known = count_cached(offset, length)) {
      // Pages whose read is under way count as cached too; the last one tells, as read-ahead goes forward.
      return *known && byte_is_cached(offset + length - 1);
    }
    for (std::uint64_t at = offset; at < offset + length; at += kSampleStride) {
      if (!byte_is_cached(at)) return false;
    }
    return byte_is_cached(offset + length - 1);
  }

  void prefetch(std::uint64_t offset, std::uint64_t length) override {
    Result<std::uint64_t> end = size();
    if (!end || offset >= *end) return;
    length = std::min(length, *end - offset);
    (void)::readahead(fd_.get(), static_cast<off64_t>(offset), length);
    Bytes scratch = Bytes::uninitialized(std::min<std::uint64_t>(length, kReadThroughBytes));
    for (std::uint64_t done = 0; done < length;) {
      const auto wanted = std::min<std::uint64_t>(scratch.size(), length - done);
      const auto count = read_at(scratch.mutable_view().first(wanted), offset + done);
      if (!count || *count == 0) return;  // whoever reads next sees the error
      done += *count;
    }
  }

  Status write_at(std::span<const BytesView> parts, std::uint64_t offset) override {
    std::size_t part = 0;
    std::size_t skip = 0;  // of parts[part], already written
    while (true) {
      std::array<iovec, kVectorsPerCall> vectors;
      int used = 0;
      for (std::size_t i = part; i < parts.size() && used < static_cast<int>(vectors.size()); ++i) {
        const BytesView rest = parts[i].subspan(i == part ? skip : 0);
        if (rest.empty()) continue;
        vectors[static_cast<std::size_t>(used++)] = {const_cast<std::byte*>(rest.data()), rest.size()};
      }
      if (used == 0) return {};
      const ssize_t count = ::pwritev(fd_.get(), vectors.data(), used, to_off(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_failure("write", path_);
      if (count == 0) return fail(Errc::io, "write " + path_ + ": nothing was written");
      offset += static_cast<std::uint64_t>(count);
      skip += static_cast<std::size_t>(count);
      while (part < parts.size() && skip >= parts[part].size()) skip -= parts[part++].size();
    }
  }

  Status sync() override {
    if (uninterrupted([&] { return ::fdatasync(fd_.get()); }) < 0) return system_failure("fdatasync", path_);
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_.get(), to_off(size)); }) < 0) {
      return system_failure("truncate", path_);
    }
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat about{};
    if (::fstat(fd_.get(), &about) < 0) return system_failure("stat", path_);
    return static_cast<std::uint64_t>(about.st_size);
  }

  void drop_cache() override { (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }
  int descriptor() const override { return fd_.get(); }

 private:
  static off_t to_off(std::uint64_t value) { return static_cast<off_t>(value); }

  // pread that fails with EAGAIN rather than wait for the disk. File systems that live in memory do not offer that, and
  // do not need it.
  ssize_t read_nowait(MutableBytes into, std::uint64_t offset) {
    if (nowait_offered_.load(std::memory_order_relaxed)) {
      iovec vector{into.data(), into.size()};
      const ssize_t count = ::preadv2(fd_.get(), &vector, 1, to_off(offset), RWF_NOWAIT);
      if (count >= 0 || (errno != EOPNOTSUPP && errno != EINVAL)) return count;
      nowait_offered_.store(false, std::memory_order_relaxed);
    }
    return ::pread(fd_.get(), into.data(), into.size(), to_off(offset));
  }

  bool byte_is_cached(std::uint64_t offset) {
    std::byte byte;
    const ssize_t count = read_nowait(MutableBytes(&byte, 1), offset);
    return count >= 0 || errno != EAGAIN;
  }

  // Whether the page cache has every page of the range; nothing when the kernel cannot tell.
  std::optional<bool> count_cached(std::uint64_t offset, std::uint64_t length) const {
    static std::atomic<bool> offered{true};
    if (!offered.load(std::memory_order_relaxed)) return std::nullopt;
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    CachestatRange range{offset, length};
    Cachestat counted{};
    if (::syscall(kCachestatNumber, fd_.get(), &range, &counted, 0U) != 0) {
      if (errno == ENOSYS || errno == EPERM) offered.store(false, std::memory_order_relaxed);
      return std::nullopt;
    }
    const std::uint64_t pages = (offset + length - 1) / page - offset / page + 1;
    return counted.cached >= pages;
  }

  Descriptor fd_;
  std::string path_;
  std::atomic<bool> nowait_offered_{true};
};

class RealDirectoryLock final : public DirectoryLock {
 public:
  explicit RealDirectoryLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;
};

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case OpenMode::read: flags |= O_RDONLY; break;
      case OpenMode::write: flags |= O_RDWR; break;
      case OpenMode::create: flags |= O_RDWR | O_CREAT; break;
      case OpenMode::create_new: flags |= O_RDWR | O_CREAT | O_EXCL; break;
    }
    const int fd = uninterrupted([&] { return ::open(path.c_str(), flags, 0640); });
    if (fd < 0) return system_failure("open", path);
    return std::make_unique<RealFile>(fd, path);
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return system_failure(fmt::format("rename {} to", from), to);
    return {};
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) < 0) return system_failure("remove", path);
    return {};
  }

  Status create_directories(const std::string& path) override {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) return system_failure("create folder", path, code);
    return {};
  }

  Status remove_all(const std::string& path) override {
    std::error_code code;
    std::filesystem::remove_all(path, code);
    if (code) return system_failure("remove folder", path, code);
    return {};
  }

  Result<std::vector<FileInfo>> list(const std::string& path) override {
    const auto close = [](DIR* open) { ::closedir(open); };
    const std::unique_ptr<DIR, decltype(close)> folder(::opendir(path.c_str()), close);
    if (folder == nullptr) return system_failure("list", path);
    std::vector<FileInfo> found;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr && errno != 0) return system_failure("list", path);
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat about{};
      if (::fstatat(::dirfd(folder.get()), entry->d_name, &about, 0) < 0) {
        if (errno == ENOENT) continue;  // removed meanwhile
        return system_failure("list", runtime::join_path(path, name));
      }
      found.push_back({std::string(name), S_ISDIR(about.st_mode), static_cast<std::uint64_t>(about.st_size)});
    }
    std::ranges::sort(found, {}, &FileInfo::name);
    return found;
  }

  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Status sync_directory(const std::string& path) override {
    const Descriptor folder(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (folder.get() < 0) return system_failure("open folder", path);
    if (uninterrupted([&] { return ::fsync(folder.get()); }) < 0) return system_failure("fsync folder", path);
    return {};
  }

  Status sync_all(const std::string& path) override {
    LEAT_TRY(Mount * mount, mount_of(path));
    std::unique_lock lock(mount->mutex);
    mount->freed.wait(lock, [mount] { return !mount->free.empty(); });
    if (mount->failed) return fail(Errc::io, "syncfs " + path + ": an earlier one failed");
    Descriptor descriptor = std::move(mount->free.back());
    mount->free.pop_back();
    lock.unlock();
    const bool synced = uninterrupted([&] { return ::syncfs(descriptor.get()); }) == 0;
    const int why = errno;
    lock.lock();
    mount->free.push_back(std::move(descriptor));
    mount->failed |= !synced;
    mount->freed.notify_one();
    if (synced) return {};
    errno = why;
    return system_failure("syncfs", path);
  }

  Result<std::uint64_t> free_space(const std::string& path) override {
    struct statvfs about{};
    if (::statvfs(path.c_str(), &about) < 0) return system_failure("statvfs", path);
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
  }

  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    const std::string name = join_path(path, "lock");
    Descriptor fd(uninterrupted([&] { return ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640); }));
    if (fd.get() < 0) return system_failure("open", name);
    if (uninterrupted([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) < 0) {
      if (errno != EWOULDBLOCK) return system_failure("flock", name);
      return fail(Errc::exists, fmt::format("{} is in use by another process (lock file {})", path, name));
    }
    return std::make_unique<RealDirectoryLock>(std::move(fd));
  }

 private:
  // A file system, with descriptors that stay open. syncfs reports on each descriptor, once, the write errors since that one
  // was opened or used last: a fresh one could miss some, and of two calls side by side on one only one is told of an error,
  // which may be the other's loss. So each call has one for itself, and gives it back after the failure is noted.
  struct Mount {
    std::mutex mutex;
    std::condition_variable freed;
    std::vector<Descriptor> free;
    bool failed = false;
  };
  static constexpr int kSyncsAtOnce = 4;

  Result<Mount*> mount_of(const std::string& path) {
    struct stat about{};
    if (::stat(path.c_str(), &about) < 0) return system_failure("stat", path);
    const std::lock_guard lock(mounts_mutex_);
    if (const auto known = mounts_.find(about.st_dev); known != mounts_.end()) return &known->second;
    std::vector<Descriptor> opened;
    for (int i = 0; i < kSyncsAtOnce; ++i) {
      opened.emplace_back(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
      if (opened.back().get() < 0) return system_failure("open", path);
    }
    Mount& mount = mounts_[about.st_dev];
    mount.free = std::move(opened);
    return &mount;
  }

  std::mutex mounts_mutex_;
  std::map<dev_t, Mount> mounts_;
};

}  // namespace

FileSystem& real_files() {
  static FileSystem& files = *new RealFileSystem;  // never destroyed: threads may use it until the process ends
  return files;
}

}  // namespace leat::runtime
