#include "protocol/resp/scripting/fiber.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace leat::resp {
namespace {

struct Steps {
  Fiber fiber{std::size_t{256} << 10};
  std::vector<std::string> seen;
  int stops = 0;
};

// A deep frame, a stop in its midst, and an exception that passes it.
void descend(Steps& steps, int depth) {
  std::string local = "depth " + std::to_string(depth);
  if (depth == 0) {
    for (int i = 0; i < steps.stops; ++i) {
      steps.seen.push_back("stops");
      steps.fiber.stop();
      steps.seen.push_back("goes on");
    }
    throw std::runtime_error("bottom");
  }
  try {
    descend(steps, depth - 1);
  } catch (const std::runtime_error& error) {
    steps.seen.push_back(local + " " + error.what());
    if (depth < 3) throw;
  }
}

TEST(Fiber, GoesOnWhereItStoppedAndCanBeUsedAgain) {
  Steps steps;
  const auto work = [](void* argument) { descend(*static_cast<Steps*>(argument), 3); };
  for (int stops = 0; stops < 3; ++stops) {
    steps.seen.clear();
    steps.stops = stops;
    bool done = steps.fiber.run(work, &steps);
    for (int i = 0; i < stops; ++i) {
      EXPECT_FALSE(done);
      EXPECT_TRUE(steps.fiber.is_stopped());
      EXPECT_FALSE(steps.fiber.is_inside());
      steps.seen.push_back("outside");
      done = steps.fiber.resume();
    }
    EXPECT_TRUE(done);
    EXPECT_FALSE(steps.fiber.is_stopped());
    std::vector<std::string> expected;
    for (int i = 0; i < stops; ++i) expected.insert(expected.end(), {"stops", "outside", "goes on"});
    expected.insert(expected.end(), {"depth 1 bottom", "depth 2 bottom", "depth 3 bottom"});
    EXPECT_EQ(steps.seen, expected);
  }
}

TEST(Fiber, AnExceptionMayBeUnderWayOutsideWhileItIsStopped) {
  Steps steps;
  steps.stops = 1;
  const auto work = [](void* argument) { descend(*static_cast<Steps*>(argument), 3); };
  EXPECT_FALSE(steps.fiber.run(work, &steps));
  try {
    throw std::logic_error("outside");
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "outside");
  }
  EXPECT_TRUE(steps.fiber.resume());
  EXPECT_EQ(steps.seen.back(), "depth 3 bottom");
}

}  // namespace
}  // namespace leat::resp
