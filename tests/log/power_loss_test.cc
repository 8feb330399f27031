#include "tests/log/power_loss.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/environment.h"

namespace leat::log::testing {
namespace {

// LEAT_CRASH_POINTS sets how many power losses the first test goes through; LEAT_SEED runs one world alone.
constexpr int kCrashesPerWorld = 4;

TEST(PowerLoss, LosesNothingThatWasAcknowledged) {
  const std::uint64_t seed = leat::testing::number_from_environment("LEAT_SEED", 0);
  const std::uint64_t points = leat::testing::number_from_environment("LEAT_CRASH_POINTS", 3000);
  const std::uint64_t first = seed != 0 ? seed : 1;
  const std::uint64_t last = seed != 0 ? seed : points / kCrashesPerWorld;
  std::map<std::string, std::uint64_t> reached;
  for (std::uint64_t world = first; world <= last; ++world) {
    const PowerLossReport report = run_power_losses({.seed = world, .crashes = kCrashesPerWorld});
    ASSERT_FALSE(report.wrong) << *report.wrong;
    for (const auto& [what, count] : report.reached) reached[what] += count;
  }
  for (const auto& [what, count] : reached)
    std::printf("  %-32s %llu\n", what.c_str(), static_cast<unsigned long long>(count));
  if (seed != 0 || points < 1000) return;
  // The worlds reach what they are for.
  EXPECT_EQ(reached["power losses"], points / kCrashesPerWorld * kCrashesPerWorld);
  for (const char* what : {"acknowledged appends", "checkpoints", "clean stops", "compacted segments", "cut tails",
                           "deletions", "ends with room", "failing syncs", "freed segments", "full disks", "kills",
                           "power losses during a start", "records read", "removed segments", "rolls"})
    EXPECT_GT(reached[what], 50U) << what;
}

// The first seed that notices a planted defect; 0 if none of the first `seeds` does.
std::uint64_t caught_by(Planted planted, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const PowerLossReport report = run_power_losses({.seed = seed, .crashes = kCrashesPerWorld, .planted = planted});
    if (!report.wrong) continue;
    const std::string what = report.wrong->substr(0, report.wrong->find('\n'));
    std::printf("  caught by seed %llu: %s\n", static_cast<unsigned long long>(seed), what.c_str());
    return seed;
  }
  return 0;
}

TEST(PowerLossHarness, NoticesASkippedFileSync) { EXPECT_NE(caught_by(Planted::skipped_file_sync, 20), 0U); }
TEST(PowerLossHarness, NoticesASkippedFolderSync) { EXPECT_NE(caught_by(Planted::skipped_folder_sync, 40), 0U); }
TEST(PowerLossHarness, NoticesAnEarlyAcknowledgement) { EXPECT_NE(caught_by(Planted::early_acknowledgement, 20), 0U); }
TEST(PowerLossHarness, NoticesIgnoredChecksums) { EXPECT_NE(caught_by(Planted::ignored_crc, 100), 0U); }

}  // namespace
}  // namespace leat::log::testing
