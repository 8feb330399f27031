#include "security/login_throttle.h"

#include <gtest/gtest.h>

namespace leat::security {
namespace {

using namespace std::chrono_literals;

TEST(LoginThrottle, LetsFirstAttemptsThroughAtOnce) {
  LoginThrottle throttle;
  const MonoTime now{1h};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(throttle.wait("alice", "10.0.0.1", now), Duration{0});
}

TEST(LoginThrottle, EachFailureMakesTheNextAttemptWaitLonger) {
  LoginThrottle throttle;
  MonoTime now{1h};
  Duration before{0};
  for (int i = 0; i < 12; ++i) {
    throttle.failed("alice", "10.0.0.1", now);
    const auto wait = throttle.wait("alice", "10.0.0.1", now);
    ASSERT_TRUE(wait);
    EXPECT_GE(*wait, before);
    EXPECT_LE(*wait, LoginThrottle::kDelayMax);
    before = *wait;
    now += *wait + 5s;
  }
  EXPECT_EQ(before, LoginThrottle::kDelayMax);
  EXPECT_EQ(throttle.wait("alice", "10.0.0.2", now), Duration{0});
  EXPECT_EQ(throttle.wait("bob", "10.0.0.1", now), Duration{0});
}

TEST(LoginThrottle, AttemptsAtTheSameTimeWaitForEachOtherUntilTheyAreTooMany) {
  LoginThrottle throttle;
  const MonoTime now{1h};
  for (int i = 0; i < 6; ++i) throttle.failed("alice", "10.0.0.1", now);
  std::size_t admitted = 0;
  Duration before{0};
  while (const auto wait = throttle.wait("alice", "10.0.0.1", now)) {
    EXPECT_GT(*wait, before);
    before = *wait;
    ASSERT_LT(++admitted, 1000U);
  }
  EXPECT_GE(admitted, 2U);
}

TEST(LoginThrottle, ForgetsAfterAWhileAndRemembersOnlySoMany) {
  LoginThrottle throttle;
  MonoTime now{1h};
  throttle.failed("alice", "10.0.0.1", now);
  EXPECT_EQ(throttle.wait("alice", "10.0.0.1", now + LoginThrottle::kForgetAfter + 1ms), Duration{0});
  throttle.failed("first", "10.0.0.1", now);
  for (std::size_t i = 0; i < LoginThrottle::kPairsMax; ++i) throttle.failed(std::to_string(i), "10.0.0.1", now);
  EXPECT_EQ(throttle.wait("first", "10.0.0.1", now), Duration{0});
  EXPECT_GT(throttle.wait("0", "10.0.0.1", now), Duration{0});
}

}  // namespace
}  // namespace leat::security
