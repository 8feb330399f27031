#include "runtime/sim_files.h"

#include "runtime/sim_inode.h"

namespace leat::runtime::sim {

struct FileSystemState {
  explicit FileSystemState(std::uint64_t seed) : random(seed) {}

  Random random;
  SimFaults faults;
  InodeRef root;
  std::uint64_t used = 0;  // by all files that have a name
  std::uint64_t operations = 0;
  std::uint64_t operations_max = std::numeric_limits<std::uint64_t>::max();
  bool off = false;
  bool sync_all_failed = false;
  std::set<const Inode*> locked;
  std::function<void(Duration)> on_wait;

  [[nodiscard]] Status alive() const {
    if (off) return fail(Errc::cancelled, "the machine is off");
    return {};
  }

  // Before every change and every sync.
  [[nodiscard]] Status begin_operation() {
    if (operations >= operations_max) off = true;
    LEAT_CHECK(alive());
    ++operations;
    return {};
  }

  // Of a sync of any kind: its time passes, and it may be told to fail. True: do it.
  [[nodiscard]] bool sync_succeeds() {
    if (on_wait) on_wait(random.between(faults.sync_latency.min, faults.sync_latency.max));
    if (faults.failing_syncs == 0) return true;
    --faults.failing_syncs;
    return false;
  }
};

namespace {

using State = FileSystemState;

std::unexpected<Error> not_found(const std::string& path) { return fail(Errc::not_found, path + ": no such file"); }

// The parts of a path. ".." is not understood: nothing in leat makes such a path.
std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  return parts;
}

InodeRef walk(const State& state, const std::vector<std::string>& parts, std::size_t depth) {
  InodeRef inode = state.root;
  for (std::size_t i = 0; i < depth && inode != nullptr; ++i)
    inode = inode->directory ? inode->find(parts[i]) : nullptr;
  return inode;
}

InodeRef find(const State& state, const std::string& path) {
  const auto parts = split(path);
  return walk(state, parts, parts.size());
}

// A folder and a name in it, which may or may not stand for something.
struct Place {
  InodeRef folder;
  std::string name;
  [[nodiscard]] InodeRef inode() const { return folder->find(name); }
};

Result<Place> find_place(const State& state, const std::string& path) {
  const auto parts = split(path);
  if (parts.empty()) return fail(Errc::invalid_argument, path + ": this is the root");
  InodeRef folder = walk(state, parts, parts.size() - 1);
  if (folder == nullptr || !folder->directory) return not_found(path);
  return Place{std::move(folder), parts.back()};
}

void unlinked(State& state, Inode& inode) {
  inode.linked = false;
  if (!inode.directory) state.used -= inode.cached.size;
}

void remove_below(State& state, Inode& folder) {
  while (!folder.entries.empty()) {
    const auto [name, child] = *folder.entries.begin();
    if (child->directory) remove_below(state, *child);
    folder.set(name, nullptr);
    unlinked(state, *child);
  }
}

std::uint64_t sizes_below(const Inode& inode) {
  std::uint64_t sum = inode.cached.size;
  for (const auto& [name, child] : inode.entries) sum += sizes_below(*child);
  return sum;
}

template <class F>
void for_each_below(Inode& inode, const F& f) {
  f(inode);
  for (const auto& [name, child] : inode.entries) for_each_below(*child, f);
}

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<State> state, InodeRef inode, std::string path, bool writable)
      : state_(std::move(state)), inode_(std::move(inode)), path_(std::move(path)), writable_(writable) {}

  Result<std::size_t> read_at(MutableBytes into, std::uint64_t offset) override {
    LEAT_CHECK(state_->alive());
    return inode_->cached.read(into, offset);
  }

  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t offset) override {
    LEAT_CHECK(state_->alive());
    if (!is_cached(offset, into.size())) return fail(Errc::would_block, path_ + " is not all in the page cache");
    return inode_->cached.read(into, offset);
  }

  bool is_cached(std::uint64_t offset, std::uint64_t length) override {
    return length == 0 || offset >= inode_->cached.size || state_->random.chance(state_->faults.cached_chance);
  }

  void prefetch(std::uint64_t, std::uint64_t) override {}

  Status write_at(std::span<const BytesView> parts, std::uint64_t offset) override {
    LEAT_CHECK(begin_change());
    for (BytesView part : parts) {
      LEAT_CHECK(write_part(part, offset));
      offset += part.size();
    }
    return {};
  }

  Status sync() override {
    LEAT_CHECK(state_->begin_operation());
    if (!state_->sync_succeeds() || std::exchange(inode_->failed, false)) {
      inode_->fail_sync();
      return fail(Errc::io, "fdatasync " + path_ + ": the disk failed");
    }
    if (!state_->faults.ignore_file_sync) inode_->sync();
    return {};
  }

  Status truncate(std::uint64_t size) override {
    LEAT_CHECK(begin_change());
    const std::uint64_t before = inode_->cached.size;
    if (size > before) LEAT_CHECK(reserve(size - before));
    inode_->truncate(size);
    if (size < before && inode_->linked) state_->used -= before - size;
    return {};
  }

  Result<std::uint64_t> size() override {
    LEAT_CHECK(state_->alive());
    return inode_->cached.size;
  }

  void drop_cache() override { inode_->drop_cache(); }
  int descriptor() const override { return -1; }

 private:
  Status begin_change() {
    if (!writable_) return fail(Errc::io, path_ + " is open for reading only");
    return state_->begin_operation();
  }

  [[nodiscard]] std::uint64_t room() const {
    return state_->faults.capacity - std::min(state_->faults.capacity, state_->used);
  }

  Status reserve(std::uint64_t bytes) {
    if (bytes > room()) return fail(Errc::disk_full, "write " + path_ + ": no space left");
    if (inode_->linked) state_->used += bytes;
    return {};
  }

  // A write that does not fit is cut short before it fails, as pwrite(2) is.
  Status write_part(BytesView part, std::uint64_t offset) {
    const std::uint64_t end = offset + part.size();
    const std::uint64_t before = inode_->cached.size;
    if (!part.empty() && end > before) {
      const std::uint64_t allowed = before + std::min(room(), end - before);
      if (allowed < end) {
        if (allowed > offset) LEAT_CHECK(write_part(part.first(allowed - offset), offset));
        return fail(Errc::disk_full, "write " + path_ + ": no space left");
      }
      LEAT_CHECK(reserve(end - before));
    }
    inode_->write(part, offset);
    return {};
  }

  std::shared_ptr<State> state_;
  InodeRef inode_;
  std::string path_;
  bool writable_;
};

class SimDirectoryLock final : public DirectoryLock {
 public:
  SimDirectoryLock(std::shared_ptr<State> state, InodeRef folder)
      : state_(std::move(state)), folder_(std::move(folder)) {
    state_->locked.insert(folder_.get());
  }
  ~SimDirectoryLock() override { state_->locked.erase(folder_.get()); }

 private:
  std::shared_ptr<State> state_;
  InodeRef folder_;
};

}  // namespace

SimFileSystem::SimFileSystem(std::uint64_t seed, const SimDisk& disk) : state_(std::make_shared<State>(seed)) {
  state_->root = disk.root_ == nullptr ? std::make_shared<Inode>(true) : copy_tree(*disk.root_);
  state_->used = sizes_below(*state_->root);
}

SimFileSystem::~SimFileSystem() {
  state_->off = true;
  state_->on_wait = nullptr;
}

SimFaults& SimFileSystem::faults() { return state_->faults; }
std::uint64_t SimFileSystem::operations() const { return state_->operations; }
bool SimFileSystem::is_off() const { return state_->off; }
void SimFileSystem::on_wait(std::function<void(Duration)> on_wait) { state_->on_wait = std::move(on_wait); }

void SimFileSystem::power_off_after(std::uint64_t count) {
  state_->operations_max = state_->operations + count;
  if (count == 0) state_->off = true;
}

SimDisk SimFileSystem::crash(std::uint64_t seed) {
  state_->off = true;
  Random random(seed);
  return SimDisk(surviving_tree(*state_->root, random));
}

bool SimFileSystem::corrupt(const std::string& path, std::uint64_t offset, std::byte mask) {
  const InodeRef inode = find(*state_, path);
  if (inode == nullptr || inode->directory || offset >= inode->cached.size) return false;
  inode->cached.writable(offset / kPageSize)[offset % kPageSize] ^= mask;
  if (offset < inode->durable.size) inode->durable.writable(offset / kPageSize)[offset % kPageSize] ^= mask;
  return true;
}

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode) {
  LEAT_CHECK(state_->alive());
  LEAT_TRY(const Place place, find_place(*state_, path));
  InodeRef inode = place.inode();
  if (inode != nullptr) {
    if (mode == OpenMode::create_new) return fail(Errc::exists, path + " exists already");
    if (inode->directory) return fail(Errc::io, path + " is a folder");
  } else {
    if (mode == OpenMode::read || mode == OpenMode::write) return not_found(path);
    LEAT_CHECK(state_->begin_operation());
    inode = std::make_shared<Inode>(false);
    place.folder->set(place.name, inode);
  }
  return std::make_unique<SimFile>(state_, std::move(inode), path, mode != OpenMode::read);
}

Status SimFileSystem::rename(const std::string& from, const std::string& to) {
  LEAT_CHECK(state_->begin_operation());
  LEAT_TRY(const Place source, find_place(*state_, from));
  LEAT_TRY(const Place target, find_place(*state_, to));
  const InodeRef moved = source.inode();
  if (moved == nullptr) return not_found(from);
  const InodeRef replaced = target.inode();
  if (replaced == moved) return {};
  if (replaced != nullptr) {
    if (replaced->directory != moved->directory || !replaced->entries.empty()) {
      return fail(Errc::io, fmt::format("rename {} to {}: a folder is in the way", from, to));
    }
    unlinked(*state_, *replaced);
  }
  target.folder->set(target.name, moved);
  source.folder->set(source.name, nullptr);
  return {};
}

Status SimFileSystem::remove(const std::string& path) {
  LEAT_CHECK(state_->begin_operation());
  LEAT_TRY(const Place place, find_place(*state_, path));
  const InodeRef inode = place.inode();
  if (inode == nullptr) return not_found(path);
  if (inode->directory) return fail(Errc::io, path + " is a folder");
  place.folder->set(place.name, nullptr);
  unlinked(*state_, *inode);
  return {};
}

Status SimFileSystem::create_directories(const std::string& path) {
  LEAT_CHECK(state_->alive());
  InodeRef folder = state_->root;
  for (const std::string& name : split(path)) {
    InodeRef next = folder->find(name);
    if (next == nullptr) {
      LEAT_CHECK(state_->begin_operation());
      next = std::make_shared<Inode>(true);
      folder->set(name, next);
    }
    if (!next->directory) return fail(Errc::exists, path + ": a file is in the way");
    folder = std::move(next);
  }
  return {};
}

Status SimFileSystem::remove_all(const std::string& path) {
  LEAT_CHECK(state_->begin_operation());
  const auto place = find_place(*state_, path);
  if (!place) return {};
  const InodeRef inode = place->inode();
  if (inode == nullptr) return {};
  if (inode->directory) remove_below(*state_, *inode);
  place->folder->set(place->name, nullptr);
  unlinked(*state_, *inode);
  return {};
}

Result<std::vector<FileInfo>> SimFileSystem::list(const std::string& path) {
  LEAT_CHECK(state_->alive());
  const InodeRef folder = find(*state_, path);
  if (folder == nullptr || !folder->directory) return not_found(path);
  std::vector<FileInfo> found;
  for (const auto& [name, inode] : folder->entries) found.push_back({name, inode->directory, inode->cached.size});
  return found;
}

bool SimFileSystem::exists(const std::string& path) { return find(*state_, path) != nullptr; }

Status SimFileSystem::sync_directory(const std::string& path) {
  LEAT_CHECK(state_->begin_operation());
  const InodeRef folder = find(*state_, path);
  if (folder == nullptr || !folder->directory) return not_found(path);
  if (!state_->sync_succeeds()) return fail(Errc::io, "fsync folder " + path + ": the disk failed");
  if (!state_->faults.ignore_directory_sync) folder->sync_names();
  return {};
}

Status SimFileSystem::sync_all(const std::string& path) {
  LEAT_CHECK(state_->begin_operation());
  if (find(*state_, path) == nullptr) return not_found(path);
  const SimFaults& faults = state_->faults;
  if (state_->sync_all_failed || !state_->sync_succeeds()) {
    state_->sync_all_failed = true;
    for_each_below(*state_->root, [](Inode& inode) {
      inode.failed |= !inode.dirty.empty();
      inode.fail_sync();
    });
    return fail(Errc::io, "syncfs " + path + ": the disk failed");
  }
  for_each_below(*state_->root, [&faults](Inode& inode) {
    if (inode.directory && !faults.ignore_directory_sync) inode.sync_names();
    if (!inode.directory && !faults.ignore_file_sync) inode.sync();
  });
  return {};
}

Result<std::uint64_t> SimFileSystem::free_space(const std::string& path) {
  LEAT_CHECK(state_->alive());
  if (find(*state_, path) == nullptr) return not_found(path);
  return state_->faults.capacity - std::min(state_->faults.capacity, state_->used);
}

Result<std::unique_ptr<DirectoryLock>> SimFileSystem::lock_directory(const std::string& path) {
  LEAT_CHECK(state_->alive());
  const InodeRef folder = find(*state_, path);
  if (folder == nullptr || !folder->directory) return not_found(path);
  if (state_->locked.contains(folder.get())) return fail(Errc::exists, path + " is in use by another process");
  LEAT_TRY(const auto lock_file, open(join_path(path, "lock"), OpenMode::create));
  return std::make_unique<SimDirectoryLock>(state_, folder);
}

}  // namespace leat::runtime::sim
