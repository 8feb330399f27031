#include "tests/stream/group_simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/environment.h"

namespace leat::stream {
namespace {

using testing::GroupSimulation;

// LEAT_SEED=n runs that one; LEAT_SEEDS=n how many there are without it.
TEST(GroupSimulation, KeepsItsPromisesThroughChaosAndCrashes) {
  const bool one = std::getenv("LEAT_SEED") != nullptr;
  const std::uint64_t first = leat::testing::number_from_environment("LEAT_SEED", 1);
  const std::uint64_t count = one ? 1 : leat::testing::number_from_environment("LEAT_SEEDS", 2000);
  GroupSimulation::Reached total;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    GroupSimulation simulation(seed);
    const auto broken = simulation.run();
    ASSERT_FALSE(broken) << *broken << "\nrepeat: LEAT_SEED=" << seed
                         << " test_stream --gtest_filter=GroupSimulation.*";
    const auto& reached = simulation.reached();
    total.generations += reached.generations;
    total.static_rejoins += reached.static_rejoins;
    total.crashes += reached.crashes;
    total.lost_records += reached.lost_records;
    total.commits += reached.commits;
    total.fetches += reached.fetches;
    total.deletions += reached.deletions;
  }
  if (count < 100) return;
  const auto at_least = static_cast<int>(count);
  EXPECT_GT(total.generations, 2 * at_least);
  EXPECT_GT(total.static_rejoins, at_least / 10);
  EXPECT_GT(total.crashes, 2 * at_least);
  EXPECT_GT(total.lost_records, at_least / 2);
  EXPECT_GT(total.commits, at_least);
  EXPECT_GT(total.fetches, at_least);
  EXPECT_GT(total.deletions, at_least / 10);
}

}  // namespace
}  // namespace leat::stream
