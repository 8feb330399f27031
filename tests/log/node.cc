#include "tests/log/node.h"

#include <cstdlib>

#include "base/logging.h"
#include "runtime/file.h"

namespace leat::log::testing {
namespace {

// Warnings are what many tests are about; LEAT_TEST_LOG shows them.
class QuietLog final : public ::testing::Environment {
 public:
  void SetUp() override {
    configure_logging(std::getenv("LEAT_TEST_LOG") != nullptr ? LogLevel::info : LogLevel::error, LogFormat::text);
  }
};
const ::testing::Environment* const quiet_log = ::testing::AddGlobalTestEnvironment(new QuietLog);

std::unexpected<Error> killed() { return fail(Errc::cancelled, "the process was killed"); }

class MortalFile final : public runtime::File {
 public:
  MortalFile(std::unique_ptr<runtime::File> file, std::shared_ptr<MortalFiles::State> process, bool is_log)
      : file_(std::move(file)), process_(std::move(process)), is_log_(is_log) {
    process_->open_most = std::max<int>(process_->open_most, ++process_->open);
  }
  ~MortalFile() override { --process_->open; }

  Result<std::size_t> read_at(MutableBytes into, std::uint64_t offset) override {
    if (process_->dead) return killed();
    if (is_log_) ++process_->reads;
    return file_->read_at(into, offset);
  }
  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t offset) override {
    if (process_->dead) return killed();
    if (is_log_) ++process_->reads;
    return file_->read_cached(into, offset);
  }
  bool is_cached(std::uint64_t offset, std::uint64_t length) override { return file_->is_cached(offset, length); }
  void prefetch(std::uint64_t offset, std::uint64_t length) override { file_->prefetch(offset, length); }
  using File::write_at;
  Status write_at(std::span<const BytesView> parts, std::uint64_t offset) override {
    return process_->dead ? killed() : file_->write_at(parts, offset);
  }
  Status sync() override { return process_->dead ? killed() : file_->sync(); }
  Status truncate(std::uint64_t size) override { return process_->dead ? killed() : file_->truncate(size); }
  Result<std::uint64_t> size() override {
    if (process_->dead) return killed();
    return file_->size();
  }
  void drop_cache() override { file_->drop_cache(); }
  int descriptor() const override { return file_->descriptor(); }

 private:
  std::unique_ptr<runtime::File> file_;
  std::shared_ptr<MortalFiles::State> process_;
  bool is_log_;
};

// The whole batches in some bytes that a read returned.
Status take_batches(BytesView bytes, Offset from, std::vector<Stored>& into) {
  while (bytes.size() >= kBatchHeaderSize) {
    LEAT_TRY(const BatchHeader header, decode_batch_header(bytes));
    if (header.total_size() > bytes.size()) break;
    const BytesView batch = bytes.first(header.total_size());
    if (!batch_crc_matches(batch, header))
      return fail(Errc::corrupt, fmt::format("the CRC of the batch at offset {} is wrong", header.base_offset));
    LEAT_TRY(auto records, read_all(batch));
    for (auto& [offset, record] : records) {
      if (offset < from) continue;
      if (!into.empty() && into.back().offset >= offset)
        return fail(Errc::corrupt, fmt::format("offset {} after {}", offset, into.back().offset));
      into.push_back({offset, std::move(record), header.leader_epoch});
    }
    bytes = bytes.subspan(batch.size());
  }
  return {};
}

// Where the next read begins; a batch may reach beyond its last record.
Result<Offset> next_after(BytesView bytes) {
  Offset next(-1);
  while (bytes.size() >= kBatchHeaderSize) {
    LEAT_TRY(const BatchHeader header, decode_batch_header(bytes));
    if (header.total_size() > bytes.size()) break;
    next = header.next_offset();
    bytes = bytes.subspan(header.total_size());
  }
  if (next < Offset(0))
    return fail(Errc::internal, fmt::format("a read returned {} bytes without a whole batch", bytes.size()));
  return next;
}

}  // namespace

Result<std::unique_ptr<runtime::File>> MortalFiles::open(const std::string& path, runtime::OpenMode mode) {
  if (state_->dead) return killed();
  if (state_->open >= state_->open_max) return fail(Errc::io, "open " + path + ": Too many open files");
  LEAT_TRY(auto file, disk_.open(path, mode));
  return std::make_unique<MortalFile>(std::move(file), state_, path.ends_with(".log"));
}
Status MortalFiles::rename(const std::string& from, const std::string& to) {
  return state_->dead ? killed() : disk_.rename(from, to);
}
Status MortalFiles::remove(const std::string& path) { return state_->dead ? killed() : disk_.remove(path); }
Status MortalFiles::create_directories(const std::string& path) {
  return state_->dead ? killed() : disk_.create_directories(path);
}
Status MortalFiles::remove_all(const std::string& path) { return state_->dead ? killed() : disk_.remove_all(path); }
Result<std::vector<runtime::FileInfo>> MortalFiles::list(const std::string& path) {
  if (state_->dead) return killed();
  return disk_.list(path);
}
bool MortalFiles::exists(const std::string& path) { return !state_->dead && disk_.exists(path); }
Status MortalFiles::sync_directory(const std::string& path) {
  return state_->dead ? killed() : disk_.sync_directory(path);
}
Status MortalFiles::sync_all(const std::string& path) { return state_->dead ? killed() : disk_.sync_all(path); }
Result<std::uint64_t> MortalFiles::free_space(const std::string& path) { return disk_.free_space(path); }
Result<std::unique_ptr<runtime::DirectoryLock>> MortalFiles::lock_directory(const std::string& path) {
  return disk_.lock_directory(path);
}

constexpr std::uint64_t kReserveSize = std::uint64_t{1} << 20;
constexpr std::uint64_t kJournalsReserveSize = std::uint64_t{64} << 10;

TopicPartition partition_id(std::size_t n) {
  return {Uuid::from_random(1, 2), PartitionIndex(static_cast<std::int32_t>(n))};
}

Node::Node(runtime::FileSystem& on, std::string folder) : disk(on), configs(1) { options.folder = std::move(folder); }
Node::~Node() = default;

Task<Status> Node::start() {
  files = std::make_unique<MortalFiles>(disk);
  reserve = std::make_unique<runtime::SpaceReserve>(*files, options.folder, kReserveSize, kJournalsReserveSize);
  options.reserve = reserve.get();
  reserve->release();
  std::vector<TopicPartition> missing;
  for (std::size_t n = 0; n < configs.size(); ++n) {
    if (!files->exists(manifest_path(folder(n)))) missing.push_back(partition_id(n));
  }
  if (!missing.empty()) {
    LEAT_CO_CHECK(files->create_directories(options.folder));
    LEAT_CO_CHECK(create_partitions(*files, options.folder, missing));
  }
  Checkpoint checkpoint = load_checkpoint(*files, options.folder);
  if (checkpoint.clean) {
    const Checkpoint unclean{.clean = false, .points = checkpoint.points};
    LEAT_CO_CHECK(log::save_checkpoint(*files, options.folder, unclean));
  }
  ++epoch;
  store = std::make_unique<Store>(options, *files);
  store->start();
  for (std::size_t n = 0; n < configs.size(); ++n) {
    const TopicPartition id = partition_id(n);
    std::optional<RecoveryPoint> point;
    if (const auto found = checkpoint.points.find(id); found != checkpoint.points.end()) point = found->second;
    LEAT_CO_TRY(Partition * opened, co_await store->open(id, configs[n], epoch, point, checkpoint.clean));
    logs.push_back(opened->shared_from_this());
  }
  reserve->refill();
  co_return Status{};
}

Status Node::save_checkpoint(bool clean) {
  Checkpoint checkpoint{.clean = clean, .points = {}};
  for (const auto& [id, point] : store->recovery_points()) checkpoint.points.emplace(id, point);
  return log::save_checkpoint(*files, options.folder, checkpoint);
}

Task<Status> Node::stop() {
  Status stopped = co_await store->stop();
  if (stopped) stopped = save_checkpoint(true);
  logs.clear();
  store.reset();
  co_return stopped;
}

Task<> Node::kill() {
  files->kill();
  (void)co_await store->stop();
  logs.clear();
  store.reset();
}

std::string Node::folder(std::size_t n) const { return partition_folder(options.folder, partition_id(n)); }

std::string Node::segment_path(std::int64_t base, std::string_view suffix, std::size_t n) const {
  return runtime::join_path(folder(n), segment_name(Offset(base), 1) + std::string(suffix));
}

std::vector<std::string> Node::names(std::size_t n) const {
  std::vector<std::string> names;
  if (const auto listed = disk.list(folder(n))) {
    for (const runtime::FileInfo& file : *listed) names.push_back(file.name);
  }
  return names;
}

Machine::Machine(std::uint64_t seed, const runtime::sim::SimDisk& disk)
    : world(seed, {.disk = disk}), node(world.files()) {}

void Machine::run(Task<> (*scenario)(Machine&)) {
  world.run([this, scenario] { return scenario(*this); });
}

Task<> started(Machine& machine, Task<> (*body)(Machine&)) {
  if (const Status ready = co_await machine.node.start(); !ready) {
    ADD_FAILURE() << ready.error().message;
    co_return;
  }
  co_await body(machine);
  if (machine.node.store != nullptr) {
    const Status stopped = co_await machine.node.stop();
    EXPECT_TRUE(stopped) << stopped.error().message;
  }
}

Bytes batch_of(std::string_view prefix, int count, std::size_t size, std::int64_t time) {
  std::vector<TestRecord> records;
  for (int i = 0; i < count; ++i)
    records.push_back({Timestamp(time + i),
                       count == 1 ? std::string(prefix) : fmt::format("{}-{}", prefix, i),
                       std::string(size, static_cast<char>('a' + i % 26)),
                       {}});
  return build(records);
}

Result<Appended> append(Partition& log, BytesView batch) {
  LEAT_TRY(const BatchHeader header, decode_batch_header(batch));
  return log.append(ValidBatch{header, batch, {}}, runtime::Shard::current().wall_now());
}

Task<Result<Appended>> append_committed(Partition& log, Bytes batch) {
  LEAT_CO_TRY(const Appended appended, append(log, batch));
  LEAT_CO_CHECK(co_await log.wait_committed(appended.end, MonoTime::max()));
  co_return appended;
}

Task<Status> fill(Partition& log, std::string prefix, int count, std::size_t size) {
  for (int i = 0; i < count; ++i)
    LEAT_CO_CHECK(append(log, batch_of(fmt::format("{}-{}", prefix, i), 1, size, 1000 + i)));
  co_return co_await log.wait_committed(log.log_end(), MonoTime::max());
}

Task<Result<std::vector<Stored>>> consume(Partition& log, Offset from, std::uint64_t bytes_max) {
  std::vector<Stored> found;
  while (true) {
    LEAT_CO_TRY(const ReadSlice slice, co_await log.read(from, {.bytes_max = bytes_max}));
    if (slice.range.length == 0) co_return found;
    Bytes bytes = Bytes::uninitialized(static_cast<std::size_t>(slice.range.length));
    LEAT_CO_TRY(const std::size_t got, slice.range.file->read_at(bytes.mutable_view(), slice.range.offset));
    if (got != bytes.size()) co_return fail(Errc::corrupt, fmt::format("{} of {} bytes are there", got, bytes.size()));
    LEAT_CO_CHECK(take_batches(bytes, from, found));
    LEAT_CO_TRY(from, next_after(bytes));
  }
}

Task<Result<std::vector<Stored>>> copy_all(Partition& log, Offset from, bool uncommitted) {
  std::vector<Stored> found;
  while (true) {
    LEAT_CO_TRY(const Bytes bytes, co_await log.copy(from, 700, uncommitted));
    if (bytes.empty()) co_return found;
    LEAT_CO_CHECK(take_batches(bytes, from, found));
    LEAT_CO_TRY(from, next_after(bytes));
  }
}

std::vector<std::string> keys_of(const Result<std::vector<Stored>>& found) {
  if (!found) return {"error: " + found.error().message};
  std::vector<std::string> keys;
  for (const Stored& stored : *found) keys.push_back(stored.record.key.value_or("-"));
  return keys;
}

std::vector<std::int64_t> offsets_of(const Result<std::vector<Stored>>& found) {
  if (!found) return {-1};
  std::vector<std::int64_t> offsets;
  for (const Stored& stored : *found) offsets.push_back(stored.offset.value());
  return offsets;
}

}  // namespace leat::log::testing
