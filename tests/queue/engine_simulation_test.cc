#include "tests/queue/engine_simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace leat::queue {
namespace {

using testing::EngineSimulation;
using testing::Planted;

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

// LEAT_SEED=n runs that one; LEAT_SEEDS=n how many there are without it.
TEST(EngineSimulation, KeepsItsPromisesThroughChaosAndCrashes) {
  const bool one = std::getenv("LEAT_SEED") != nullptr;
  const std::uint64_t first = number_from_environment("LEAT_SEED", number_from_environment("LEAT_FIRST_SEED", 1));
  const std::uint64_t count = one ? 1 : number_from_environment("LEAT_SEEDS", 1000);
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

// The first seed that notices a planted defect; 0 if none of the first `seeds` does.
std::uint64_t caught_by(Planted planted, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    if (EngineSimulation(seed, planted).run()) return seed;
  }
  return 0;
}

TEST(EngineSimulation, NoticesWhatAHostMustNotDo) {
  EXPECT_NE(caught_by(Planted::erases_at_once, 500), 0U);
  EXPECT_NE(caught_by(Planted::marks_at_once, 500), 0U);
  EXPECT_NE(caught_by(Planted::erases_survive_clear, 500), 0U);
  EXPECT_NE(caught_by(Planted::no_clear, 500), 0U);
  EXPECT_NE(caught_by(Planted::answers_at_once, 500), 0U);
  EXPECT_NE(caught_by(Planted::lost_put, 500), 0U);
}

}  // namespace
}  // namespace leat::queue
