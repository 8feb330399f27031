#include <gtest/gtest.h>

#include "catalog/sqlite_store.h"
#include "runtime/sim_files.h"
#include "tests/catalog/faulty_files.h"
#include "tests/catalog/support.h"

// Power loss, and a killed process, at every operation of the catalog's files: what was answered is there, nothing is half
// there, and what was under way is there as a whole or not at all.
namespace leat::catalog {
namespace {

using runtime::sim::SimDisk;
using runtime::sim::SimFileSystem;

constexpr const char* kFolder = "/data";
constexpr std::uint64_t kForever = std::numeric_limits<std::uint64_t>::max();

using State = std::map<std::string, std::string>;

// The n-th commit (from 1): several keys at once, some of them large, and deletions. Commits are told apart by "n".
Commit nth_commit(int n) {
  Commit request;
  request.puts.push_back({"n", std::to_string(n)});
  const auto size = static_cast<std::size_t>(n % 5 == 0 ? 20'000 : 50 * (n % 7));
  request.puts.push_back(
      {fmt::format("k/{}", n % 4), fmt::format("{}:", n) + std::string(size, static_cast<char>('a' + n % 26))});
  if (n % 3 == 0) request.deletes.push_back(fmt::format("k/{}", (n + 1) % 4));
  return request;
}

// What the catalog holds after commits 1..n.
State state_after(int n) {
  State state;
  for (int i = 1; i <= n; ++i) {
    const Commit request = nth_commit(i);
    for (const Put& put : request.puts) state[put.key] = put.value;
    for (const std::string& key : request.deletes) state.erase(key);
  }
  return state;
}

// How far the commits have come, as their caller knows it.
struct Progress {
  int answered = 0;   // the last commit that was answered with success
  int attempted = 0;  // the last one that was begun
};

Result<State> read_all(SqliteStore& store) {
  LEAT_TRY(const Snapshot snapshot, store.snapshot({""}));
  State state;
  for (const Entry& entry : snapshot.entries) state.emplace(entry.key, entry.value);
  return state;
}

// Takes over what the store holds, which must be the state after one of the commits that may be there.
std::optional<std::string> resume(SqliteStore& store, Progress& progress) {
  const auto found = read_all(store);
  if (!found) return "unreadable: " + found.error().message;
  for (int n = progress.answered; n <= progress.attempted; ++n) {
    if (*found != state_after(n)) continue;
    if (store.revision() != Revision(n)) return fmt::format("commit {} at revision {}", n, store.revision());
    progress = {n, n};
    return std::nullopt;
  }
  const auto n = found->find("n");
  return fmt::format("answered {}, attempted {}, but found {} entries, n={}", progress.answered, progress.attempted,
                     found->size(), n == found->end() ? "none" : n->second);
}

// One life of a process: opens, checks what is there, commits until `last`, closing and opening in between, or until
// something keeps failing. Then before_exit() is called with the catalog still open. Returns what is wrong with what it
// found.
std::optional<std::string> live(
    runtime::FileSystem& files, int last, Progress& progress, const std::function<void()>& before_exit = [] {}) {
  constexpr int kTries = 3;  // of the same commit: one whose flush failed must not succeed by trying again
  while (true) {
    auto store = SqliteStore::open(files, kFolder);
    if (!store) {
      if (store.error().code == Errc::corrupt || store.error().code == Errc::unsupported) return store.error().message;
      return std::nullopt;
    }
    if (auto wrong = resume(**store, progress)) {
      // A dying file system cannot be read either; only what is read and wrong counts.
      return wrong->starts_with("unreadable") ? std::nullopt : wrong;
    }
    int failures = 0;
    while (progress.answered < last && failures < kTries) {
      progress.attempted = progress.answered + 1;
      if (!(*store)->commit(nth_commit(progress.attempted))) {
        ++failures;
        continue;
      }
      progress.answered = progress.attempted;
      if (progress.answered % 10 == 0) break;  // closes: checkpoint, removal of the log
    }
    if (progress.answered >= last || failures > 0) {
      before_exit();
      return std::nullopt;
    }
  }
}

void make_folder(SimFileSystem& files) {
  if (files.exists(kFolder)) return;
  ASSERT_TRUE(files.create_directories(kFolder));
  ASSERT_TRUE(files.sync_directory("/"));
}

// After the crash everything works and is right, and goes on to be.
std::optional<std::string> recover(const SimDisk& disk, std::uint64_t seed, Progress progress) {
  SimFileSystem files(seed, disk);
  const int last = progress.attempted + 3;
  if (auto wrong = live(files, last, progress)) return wrong;
  if (progress.answered < last) return fmt::format("stuck after recovery at commit {} of {}", progress.answered, last);
  return std::nullopt;
}

struct Plan {
  std::uint64_t seed = 0;
  std::uint64_t power_off_after = kForever;  // operations of the first process
  std::uint64_t kill_after = kForever;       // calls of the first process
  std::uint64_t failing_sync = kForever;     // the n-th sync of the first process fails, and it is killed at exit
  std::uint64_t second_power_off_after = kForever;  // operations of the second process
  bool lying_files = false;
  bool lying_directories = false;
};
constexpr int kCommits = 25;

struct Outcome {
  std::optional<std::string> wrong;
  std::uint64_t operations = 0;  // of the file system until the power went
  std::uint64_t calls = 0;       // of the first process
  std::uint64_t syncs = 0;       // of the first process
};

// A process that may lose power, be killed or meet a failing sync; then, if there still is power, another one on the same
// file system; then the power goes, and a third one recovers.
Outcome run(const Plan& plan) {
  SimFileSystem files(plan.seed);
  make_folder(files);
  files.faults().ignore_file_sync = plan.lying_files;
  files.faults().ignore_directory_sync = plan.lying_directories;
  if (plan.power_off_after != kForever) files.power_off_after(plan.power_off_after);
  const std::uint64_t before = files.operations();
  Outcome outcome;
  Progress progress;
  {
    bool killed = false;
    FaultyFiles process(files);
    process.fault = [&](std::string_view call, const std::string&) -> std::optional<Errc> {
      if (killed || outcome.calls++ >= plan.kill_after) return Errc::cancelled;
      if (call == "sync" && outcome.syncs++ == plan.failing_sync) files.faults().failing_syncs = 1;
      return std::nullopt;
    };
    outcome.wrong = live(process, kCommits, progress, [&] { killed = plan.failing_sync != kForever; });
  }
  outcome.operations = files.operations() - before;
  if (!outcome.wrong && !files.is_off()) {
    files.faults().failing_syncs = 0;
    if (plan.second_power_off_after != kForever) files.power_off_after(plan.second_power_off_after);
    outcome.wrong = live(files, progress.attempted + 5, progress, [&] { files.power_off_after(0); });
  }
  const SimDisk disk = files.crash(plan.seed * 31 + 7);
  if (!outcome.wrong) outcome.wrong = recover(disk, plan.seed + 1, progress);
  return outcome;
}

TEST(CatalogPowerLoss, AtEveryOperationNothingAnsweredIsLostAndNothingIsHalf) {
  const std::uint64_t operations = run({}).operations;
  ASSERT_GT(operations, 100U);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (std::uint64_t after = 0; after <= operations; ++after) {
      const Plan plan{.seed = seed * 1000 + after, .power_off_after = after};
      const Outcome outcome = run(plan);
      ASSERT_EQ(outcome.wrong, std::nullopt) << "seed " << plan.seed << ", power off after " << after;
    }
  }
}

TEST(CatalogPowerLoss, APowerLossAfterAKillAtEveryCallLosesNothing) {
  const std::uint64_t calls = run({}).calls;
  ASSERT_GT(calls, 100U);
  for (std::uint64_t after = 0; after <= calls; ++after) {
    const Plan plan{.seed = 50'000 + after, .kill_after = after};
    const Outcome outcome = run(plan);
    ASSERT_EQ(outcome.wrong, std::nullopt) << "seed " << plan.seed << ", killed after " << after;
  }
}

TEST(CatalogPowerLoss, AKillWhileTheCatalogIsMadeAndAPowerLossSoonAfterLeaveItUsable) {
  for (std::uint64_t kill = 0; kill <= 12; ++kill) {
    for (std::uint64_t off = 0; off <= 12; ++off) {
      for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const Plan plan{.seed = seed * 10'000 + kill * 100 + off, .kill_after = kill, .second_power_off_after = off};
        const Outcome outcome = run(plan);
        ASSERT_EQ(outcome.wrong, std::nullopt) << "seed " << plan.seed << ", kill " << kill << ", off " << off;
      }
    }
  }
}

TEST(CatalogPowerLoss, AFailedSyncIsNeverCoveredUpByALaterOne) {
  const std::uint64_t syncs = run({}).syncs;
  ASSERT_GT(syncs, 20U);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (std::uint64_t at = 0; at < syncs; ++at) {
      const Plan plan{.seed = 90'000 * seed + at, .failing_sync = at};
      const Outcome outcome = run(plan);
      ASSERT_EQ(outcome.wrong, std::nullopt) << "seed " << plan.seed << ", failing sync " << at;
    }
  }
}

// The crash during recovery from a crash.
TEST(CatalogPowerLoss, RecoveryMayBeInterruptedToo) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SimDisk disk;
    Progress progress;
    for (std::uint64_t boot = 0; boot < 8; ++boot) {
      SimFileSystem files(seed * 100 + boot, disk);
      if (boot == 0) make_folder(files);
      files.power_off_after((seed * 7 + boot * 13) % 23);
      const auto wrong = live(files, 1000, progress);
      ASSERT_EQ(wrong, std::nullopt) << "seed " << seed << ", boot " << boot;
      disk = files.crash(seed * 1000 + boot);
    }
    ASSERT_EQ(recover(disk, seed, progress), std::nullopt) << "seed " << seed;
  }
}

// The checks above can fail: a disk that lies is found out, within this many crash points.
int crash_points_until_caught(Plan plan, int limit) {
  for (int i = 1; i <= limit; ++i) {
    plan.seed = static_cast<std::uint64_t>(i);
    plan.power_off_after = static_cast<std::uint64_t>(20 + i * 3);
    if (run(plan).wrong) return i;
  }
  return limit + 1;
}

TEST(CatalogPowerLoss, ASkippedFileSyncIsCaught) {
  EXPECT_LE(crash_points_until_caught({.lying_files = true}, 20), 20);
}

TEST(CatalogPowerLoss, ASkippedDirectorySyncIsCaught) {
  EXPECT_LE(crash_points_until_caught({.lying_directories = true}, 20), 20);
}

}  // namespace
}  // namespace leat::catalog
