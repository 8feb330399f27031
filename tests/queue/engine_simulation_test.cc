#include "tests/queue/engine_simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/environment.h"

namespace leat::queue {
namespace {

using testing::EngineSimulation;
using testing::Planted;

// LEAT_SEED=n runs that one; LEAT_SEEDS=n how many there are without it.
TEST(EngineSimulation, KeepsItsPromisesThroughChaosAndCrashes) {
  const bool one = std::getenv("LEAT_SEED") != nullptr;
  const std::uint64_t first =
      leat::testing::number_from_environment("LEAT_SEED", leat::testing::number_from_environment("LEAT_FIRST_SEED", 1));
  const std::uint64_t count = one ? 1 : leat::testing::number_from_environment("LEAT_SEEDS", 500);
  EngineSimulation::Reached total;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    EngineSimulation simulation(seed);
    const auto broken = simulation.run();
    ASSERT_FALSE(broken) << *broken << "\nrepeat: LEAT_SEED=" << seed
                         << " test_queue --gtest_filter=EngineSimulation.KeepsItsPromises*";
    const auto& reached = simulation.reached();
    total.steps += reached.steps;
    total.deliveries += reached.deliveries;
    total.redeliveries += reached.redeliveries;
    total.crashes += reached.crashes;
    total.lost_batches += reached.lost_batches;
    total.index_kept += reached.index_kept;
    total.spills += reached.spills;
    total.loads += reached.loads;
    total.erases += reached.erases;
    total.marks += reached.marks;
    total.dead += reached.dead;
    total.rewinds += reached.rewinds;
    total.purges += reached.purges;
    total.left_entries += reached.left_entries;
  }
  if (count < 100) return;
  EXPECT_GT(total.deliveries, 100 * count);
  EXPECT_GT(total.redeliveries, 10 * count);
  EXPECT_GT(total.crashes, 2 * count);
  EXPECT_GT(total.lost_batches, 5 * count);
  EXPECT_GT(total.index_kept, count / 4);
  EXPECT_GT(total.spills, 10 * count);
  EXPECT_GT(total.loads, 5 * count);
  EXPECT_GT(total.erases, count);
  EXPECT_GT(total.marks, count / 4);
  EXPECT_GT(total.dead, count);
  EXPECT_GT(total.rewinds, count);
  EXPECT_GT(total.purges, count / 2);
}

// Whether one of the first seeds notices a planted defect.
bool is_noticed(Planted planted) {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    if (EngineSimulation(seed, planted).run()) return true;
  }
  return false;
}

TEST(EngineSimulation, NoticesAnswersThatAreNotDurable) { EXPECT_TRUE(is_noticed(Planted::answers_at_once)); }
TEST(EngineSimulation, NoticesIndexEntriesRemovedTooEarly) { EXPECT_TRUE(is_noticed(Planted::erases_at_once)); }
TEST(EngineSimulation, NoticesAnIndexMarkedTooEarly) { EXPECT_TRUE(is_noticed(Planted::marks_at_once)); }
TEST(EngineSimulation, NoticesRemovalsOfEntriesThatCameLater) {
  EXPECT_TRUE(is_noticed(Planted::erases_survive_clear));
}
TEST(EngineSimulation, NoticesAnIndexThatIsNotCleared) { EXPECT_TRUE(is_noticed(Planted::no_clear)); }
TEST(EngineSimulation, NoticesAnEntryThatTheIndexForgot) { EXPECT_TRUE(is_noticed(Planted::lost_put)); }

}  // namespace
}  // namespace leat::queue
