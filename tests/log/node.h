#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "log/store.h"
#include "runtime/sim.h"
#include "runtime/space_reserve.h"
#include "runtime/sync.h"
#include "tests/log/batch_support.h"

// The log of one server for tests: its partitions on a disk that outlives the process, opened and closed as the server
// does it.
namespace leat {

inline void PrintTo(Errc code, std::ostream* out) { *out << to_string(code); }
template <class Tag, class Rep>
void PrintTo(Strong<Tag, Rep> value, std::ostream* out) {
  *out << value.value();
}

}  // namespace leat

namespace leat::log::testing {

using namespace std::chrono_literals;
using runtime::Task;

// Another file system's files, until the process that uses them is killed: from then on every call is `cancelled`, and what
// was written stays as it is in the page cache.
class MortalFiles final : public runtime::FileSystem {
 public:
  explicit MortalFiles(runtime::FileSystem& disk) : disk_(disk) {}
  void kill() { state_->dead = true; }
  [[nodiscard]] std::uint64_t reads() const { return state_->reads; }  // of log files
  // Files that are open, the most there were, and how many the process may have.
  [[nodiscard]] int open_files() const { return state_->open; }
  [[nodiscard]] int open_files_most() const { return state_->open_most; }
  void limit_open_files(int most) { state_->open_max = most; }

  struct State {
    std::atomic<bool> dead = false;
    std::atomic<std::uint64_t> reads = 0;
    std::atomic<int> open = 0;
    std::atomic<int> open_most = 0;
    std::atomic<int> open_max = std::numeric_limits<int>::max();
  };

  Result<std::unique_ptr<runtime::File>> open(const std::string& path, runtime::OpenMode mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status create_directories(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Result<std::vector<runtime::FileInfo>> list(const std::string& path) override;
  bool exists(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Status sync_all(const std::string& path) override;
  Result<std::uint64_t> free_space(const std::string& path) override;
  Result<std::unique_ptr<runtime::DirectoryLock>> lock_directory(const std::string& path) override;

 private:
  runtime::FileSystem& disk_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// The n-th partition of the tests' topic.
[[nodiscard]] TopicPartition partition_id(std::size_t n);

// One process after the other on the same disk.
struct Node {
  explicit Node(runtime::FileSystem& on, std::string folder = "/data");
  ~Node();

  runtime::FileSystem& disk;
  std::unique_ptr<MortalFiles> files;  // of the process that runs
  std::unique_ptr<runtime::SpaceReserve> reserve;
  StoreOptions options;
  std::vector<LogConfig> configs;  // one for each partition
  LeaderEpoch epoch{-1};           // raised by each start
  std::unique_ptr<Store> store;
  std::vector<std::shared_ptr<Partition>> logs;

  // Makes the partitions that are missing and opens all.
  Task<Status> start();
  // An orderly stop, with a clean checkpoint.
  Task<Status> stop();
  // The process is killed; nothing of it may wait any more.
  Task<> kill();
  [[nodiscard]] Status save_checkpoint(bool clean = false);
  [[nodiscard]] std::string folder(std::size_t n = 0) const;
  [[nodiscard]] std::string segment_path(std::int64_t base, std::string_view suffix = ".log", std::size_t n = 0) const;
  [[nodiscard]] std::vector<std::string> names(std::size_t n = 0) const;  // in a partition's folder
};

// A node on a simulated machine, with one partition at first.
struct Machine {
  explicit Machine(std::uint64_t seed = 1, const runtime::sim::SimDisk& disk = {});
  void run(Task<> (*scenario)(Machine&));
  [[nodiscard]] runtime::sim::SimFaults& faults() { return world.files().faults(); }
  [[nodiscard]] Partition& log(std::size_t n = 0) { return *node.logs.at(n); }
  [[nodiscard]] LogConfig& config(std::size_t n = 0) { return node.configs.at(n); }

  runtime::sim::SimWorld world;
  Node node;
};

// A test whose body is a coroutine on a simulated machine `m` with a started node; `setup` is called with `m` before.
#define LEAT_LOG_TEST(suite, name, setup)                                               \
  static Task<> suite##_##name(Machine& m);                                             \
  TEST(suite, name) {                                                                   \
    Machine m;                                                                          \
    m.config().segment_bytes = 1000;                                                    \
    m.config().index_interval_bytes = 200;                                              \
    m.config().retention_ms = -1;                                                       \
    setup;                                                                              \
    m.run([](Machine& machine) -> Task<> { return started(machine, suite##_##name); }); \
  }                                                                                     \
  static Task<> suite##_##name([[maybe_unused]] Machine& m)

// Starts the node, runs the test, and stops the node unless the test did.
Task<> started(Machine& machine, Task<> (*body)(Machine&));

// The error's code, nullopt when there is none.
template <class T>
std::optional<Errc> code_of(const Result<T>& result) {
  if (result) return std::nullopt;
  return result.error().code;
}

struct Stored {
  Offset offset;
  TestRecord record;
  LeaderEpoch epoch;
};

// A batch of `count` records "PREFIX-0", ... with a value of `size` bytes and timestamps from `time` on.
[[nodiscard]] Bytes batch_of(std::string_view prefix, int count = 1, std::size_t size = 20, std::int64_t time = 1000);
[[nodiscard]] Result<Appended> append(Partition& log, BytesView batch);
// Appends and waits for the commit.
Task<Result<Appended>> append_committed(Partition& log, Bytes batch);
// Appends `count` batches of one record each, "PREFIX-i", and commits them.
Task<Status> fill(Partition& log, std::string prefix, int count, std::size_t size = 20);

// What a consumer gets from `from` up to the high watermark, by reads of at most `bytes_max`. Checks every CRC, that
// offsets grow, and that reads make progress.
Task<Result<std::vector<Stored>>> consume(Partition& log, Offset from, std::uint64_t bytes_max = 1 << 20);
// The same by copy().
Task<Result<std::vector<Stored>>> copy_all(Partition& log, Offset from, bool uncommitted = false);
[[nodiscard]] std::vector<std::string> keys_of(const Result<std::vector<Stored>>& found);
[[nodiscard]] std::vector<std::int64_t> offsets_of(const Result<std::vector<Stored>>& found);

}  // namespace leat::log::testing
