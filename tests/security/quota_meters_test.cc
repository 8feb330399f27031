#include "security/quota_meters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <thread>
#include <vector>

namespace leat::security {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const MonoTime kStart = MonoTime(std::chrono::hours(1000));

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

TEST(QuotaMeter, LetsASecondsWorthThroughAtOnceAndThenTheRate) {
  QuotaMeter meter("m", 10);
  EXPECT_EQ(meter.burst(), 10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(meter.charge(1, kStart), Duration{0}) << i;
  EXPECT_EQ(meter.wait(kStart), Duration{0});
  EXPECT_EQ(meter.charge(1, kStart), Duration(milliseconds(100)));
  EXPECT_EQ(meter.wait(kStart), Duration(milliseconds(100)));
  EXPECT_EQ(meter.charge(9, kStart), Duration(seconds(1)));
  EXPECT_EQ(meter.wait(kStart + seconds(1)), Duration{0});
  EXPECT_EQ(meter.charge(1, kStart + seconds(1)), Duration(milliseconds(100)));
  // Rest is not saved up beyond a second.
  EXPECT_EQ(meter.charge(11, kStart + seconds(3600)), Duration(milliseconds(100)));
}

TEST(QuotaMeter, LetsOneUnitThroughHoweverSmallTheRate) {
  QuotaMeter meter("m", kQuotaRateMin);
  EXPECT_EQ(meter.charge(1, kStart), Duration{0});
  EXPECT_EQ(meter.charge(1, kStart + seconds(1)), QuotaMeter::kWaitMax);
  EXPECT_EQ(meter.wait(kStart + seconds(1) + QuotaMeter::kWaitMax), Duration{0});
}

TEST(QuotaMeter, NobodyWaitsLongerThanTheMostWhateverWasUsed) {
  for (const double rate : {kQuotaRateMin, 1.0, 1e6, kQuotaLimitMax}) {
    QuotaMeter meter("m", rate);
    for (int i = 0; i < 100; ++i) EXPECT_LE(meter.charge(1e18, kStart + seconds(i)), QuotaMeter::kWaitMax);
    EXPECT_EQ(meter.wait(kStart + seconds(99)), QuotaMeter::kWaitMax);
    EXPECT_EQ(meter.wait(kStart + seconds(99) + QuotaMeter::kWaitMax), Duration{0});
  }
}

TEST(QuotaMeter, ChargesNothingWhenTheWaitWouldBeTooLong) {
  QuotaMeter meter("m", 1);
  EXPECT_EQ(meter.charge_within(1, kStart, seconds(3)), Duration{0});
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(meter.charge_within(1, kStart, seconds(3)), Duration(seconds(i)));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(meter.charge_within(1, kStart, seconds(3)), std::nullopt);
  EXPECT_EQ(meter.charge_within(1, kStart + seconds(1), seconds(3)), Duration(seconds(3)));
}

TEST(QuotaMeter, AnotherRateBeginsAfresh) {
  QuotaMeter meter("m", 1);
  EXPECT_EQ(meter.charge(100, kStart), QuotaMeter::kWaitMax);
  meter.set_rate(1);
  EXPECT_EQ(meter.wait(kStart), QuotaMeter::kWaitMax);
  meter.set_rate(2);
  EXPECT_EQ(meter.wait(kStart), Duration{0});
}

TEST(QuotaMeter, IsLoggedOnceAMinute) {
  QuotaMeter meter("m", 1);
  EXPECT_TRUE(meter.log_is_due(kStart));
  EXPECT_FALSE(meter.log_is_due(kStart + seconds(59)));
  EXPECT_TRUE(meter.log_is_due(kStart + seconds(60)));
}

// What was charged at a time and not made to wait.
struct Free {
  Duration at;
  double amount;
};

// Whether in every interval no more went free than the rate allows in it, and the burst.
void expect_within(std::vector<Free> free, double rate, double burst) {
  std::ranges::sort(free, {}, &Free::at);
  // The most that any interval that ends here has above what the rate allows in it.
  double above = 0;
  Duration last{0};
  for (const Free& use : free) {
    above = std::max(0.0, above - rate * seconds_of(use.at - last)) + use.amount;
    last = use.at;
    // Times are whole nanoseconds.
    ASSERT_LE(above, burst + rate * 1e-9 * static_cast<double>(free.size()) + 1e-6) << "rate " << rate;
  }
}

TEST(QuotaMeter, WhatGoesFreeInAnyTimeStaysWithinTheRateAndTheBurst) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    const auto uniform = [&](double from, double to) { return std::uniform_real_distribution(from, to)(random); };
    const double rate = std::pow(10, uniform(-3, 9));
    QuotaMeter meter("m", rate);
    const double burst = std::max(rate, 1.0);
    std::vector<Free> free;
    Duration at{0};
    double charged = 0;
    for (int i = 0; i < 500; ++i) {
      const double amount = uniform(0, 1) < 0.1 ? uniform(0, 3 * burst) : uniform(0, burst / 5);
      const Duration wait = meter.charge(amount, kStart + at);
      charged += amount;
      if (wait == Duration{0}) free.push_back({at, amount});
      // Some wait as long as they are told, some longer, some not at all.
      const double choice = uniform(0, 1);
      if (choice < 0.5) at += wait;
      if (choice > 0.3) at += nanoseconds(static_cast<std::int64_t>(uniform(0, 0.2e9)));
    }
    expect_within(std::move(free), rate, burst);
    EXPECT_GT(charged, 0);
  }
}

TEST(QuotaMeter, SoItDoesWithManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kUses = 20'000;
  constexpr double kRate = 1e6;
  QuotaMeter meter("m", kRate);
  std::vector<std::vector<Free>> free(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(static_cast<std::uint64_t>(t));
      for (int i = 0; i < kUses; ++i) {
        // Each thread goes through the same ten seconds.
        const Duration at = nanoseconds(std::int64_t{10'000'000'000} / kUses * i);
        const auto amount = static_cast<double>(random() % 500);
        if (meter.charge(amount, kStart + at) == Duration{0}) free[static_cast<std::size_t>(t)].push_back({at, amount});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Free> all;
  for (const auto& some : free) all.insert(all.end(), some.begin(), some.end());
  double sum = 0;
  for (const Free& use : all) sum += use.amount;
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, kRate * 10 + kRate + 1);
  // Threads run apart: what one uses at a time may be charged after what another uses later, so only the whole is certain.
}

TEST(QuotaMeter, LosesNothingThatThreadsChargeAtTheSameTime) {
  constexpr int kThreads = 8;
  constexpr int kUses = 10'000;
  constexpr double kRate = 10'000;
  QuotaMeter meter("m", kRate);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kUses; ++i) meter.charge(1, kStart);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NEAR(seconds_of(meter.wait(kStart)), kThreads * kUses / kRate - 1, 1e-6);
}

TEST(QuotaSeats, AreTakenUpToTheLimit) {
  QuotaSeats seats;
  std::vector<std::thread> threads;
  std::atomic<int> entered{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) entered += seats.try_enter(50) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(entered, 50);
  seats.leave();
  EXPECT_TRUE(seats.try_enter(50));
  EXPECT_FALSE(seats.try_enter(50));
  EXPECT_EQ(seats.taken(), 50U);
}

Quotas::Found found(double limit, const std::string& user) {
  return {.limit = limit, .shared_by = {{QuotaPart::user, user}}};
}

TEST(QuotaMeters, AreSharedByThoseForWhomTheSameLimitHolds) {
  QuotaMeters meters;
  const auto one = meters.meter(QuotaKey::request_rate, found(5, "ada"));
  EXPECT_EQ(one, meters.meter(QuotaKey::request_rate, found(5, "ada")));
  EXPECT_NE(one, meters.meter(QuotaKey::request_rate, found(5, "bob")));
  EXPECT_NE(one, meters.meter(QuotaKey::producer_byte_rate, found(5, "ada")));
  EXPECT_EQ(one->burst(), 5);
  EXPECT_EQ(one, meters.meter(QuotaKey::request_rate, found(7, "ada")));
  EXPECT_EQ(one->burst(), 7);
  EXPECT_EQ(meters.seats({{QuotaPart::user, "ada"}}), meters.seats({{QuotaPart::user, "ada"}}));
}

TEST(QuotaMeters, ThoseThatNobodyHoldsGoWhenThereAreTooMany) {
  constexpr std::size_t kMost = 50;
  QuotaMeters meters(kMost);
  std::vector<std::shared_ptr<QuotaMeter>> held;
  for (int i = 0; i < 10; ++i)
    held.push_back(meters.meter(QuotaKey::request_rate, found(1, "held-" + std::to_string(i))));
  for (int i = 0; i < 1000; ++i) (void)meters.meter(QuotaKey::request_rate, found(1, std::to_string(i)));
  EXPECT_EQ(meters.size(), kMost);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(held[static_cast<std::size_t>(i)],
              meters.meter(QuotaKey::request_rate, found(1, "held-" + std::to_string(i))));
  // Those that are held stay even where that is too many.
  for (std::size_t i = 0; i < 2 * kMost; ++i)
    held.push_back(meters.meter(QuotaKey::request_rate, found(1, "more-" + std::to_string(i))));
  EXPECT_GE(meters.size(), held.size());
}

}  // namespace
}  // namespace leat::security
