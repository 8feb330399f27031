#include "queue/settings.h"

#include <gtest/gtest.h>

namespace leat::queue {
namespace {

Errc code_of(const Result<QueueSettings>& result) { return result ? Errc::internal : result.error().code; }

// Every setting with a value that is not its default.
const SettingsMap kEverything = {{"ageing_ms", "5000"},
                                 {"at_limit", "slow"},
                                 {"backoff", "exponential"},
                                 {"backoff_base_ms", "10"},
                                 {"backoff_max_ms", "20"},
                                 {"bytes_max", "1000000"},
                                 {"content_dedup", "true"},
                                 {"dead_letter_queue", "dead.letters"},
                                 {"dedup_scope", "message_group"},
                                 {"dedup_window_ms", "1"},
                                 {"delay_ms", "900000"},
                                 {"deliveries_max", "3"},
                                 {"depth_max", "12"},
                                 {"fair", "false"},
                                 {"group_in_flight_max", "7"},
                                 {"group_rate_max", "0.5"},
                                 {"in_flight_max", "8"},
                                 {"lease_ms", "0"},
                                 {"message_size_max", "1024"},
                                 {"order", "fifo"},
                                 {"rate_max", "100.25"},
                                 {"retention_ms", "60000"},
                                 {"wait_ms", "20000"}};

TEST(QueueSettings, DefaultsAreValidAndWrittenAsNothing) {
  EXPECT_TRUE(check_settings({}));
  EXPECT_EQ(to_map({}), SettingsMap{});
  EXPECT_EQ(settings_from({}).value(), QueueSettings{});
}

TEST(QueueSettings, EverySettingReachesItsFieldAndComesBack) {
  const auto read = settings_from(kEverything);
  ASSERT_TRUE(read) << read.error().message;
  QueueSettings expected;
  expected.ageing = Milliseconds(5000);
  expected.at_limit = AtLimit::slow;
  expected.backoff = Backoff::exponential;
  expected.backoff_base = Milliseconds(10);
  expected.backoff_max = Milliseconds(20);
  expected.bytes_max = 1'000'000;
  expected.content_dedup = true;
  expected.dead_letter_queue = "dead.letters";
  expected.dedup_scope = DedupScope::message_group;
  expected.dedup_window = Milliseconds(1);
  expected.delay = Milliseconds(900'000);
  expected.deliveries_max = 3;
  expected.depth_max = 12;
  expected.fair = false;
  expected.group_in_flight_max = 7;
  expected.group_rate_max = 0.5;
  expected.in_flight_max = 8;
  expected.lease = Milliseconds(0);
  expected.message_size_max = 1024;
  expected.order = Order::fifo;
  expected.rate_max = 100.25;
  expected.retention = Milliseconds(60'000);
  expected.wait = Milliseconds(20'000);
  EXPECT_EQ(*read, expected);
  EXPECT_EQ(to_map(*read), kEverything);
  // The one that the others leave no room for.
  EXPECT_TRUE(settings_from({{"priorities", "true"}})->priorities);
  EXPECT_EQ(to_map({.priorities = true}), (SettingsMap{{"priorities", "true"}}));
}

TEST(QueueSettings, EachRefusesWhatIsNoValueOfIt) {
  for (const auto& [name, value] : kEverything) {
    if (name == "dead_letter_queue") continue;
    for (const char* text : {"", " 1", "1 ", "x", "-1", "99999999999999999999999", "nan", "TRUE", "Fifo"})
      EXPECT_EQ(code_of(settings_from({{name, text}})), Errc::invalid_config) << name << "=" << text;
  }
  EXPECT_EQ(code_of(settings_from({{"dead_letter_queue", "not a name"}})), Errc::invalid_config);
  EXPECT_EQ(code_of(settings_from({{"rate_max", "inf"}})), Errc::invalid_config);
  EXPECT_EQ(code_of(settings_from({{"lease_ms", "1.5"}})), Errc::invalid_config);
  EXPECT_EQ(code_of(settings_from({{"message_size_max", "0"}})), Errc::invalid_config);
  EXPECT_EQ(code_of(settings_from({{"deliveries_max", "3000000000"}})), Errc::invalid_config);
  EXPECT_EQ(code_of(settings_from({{"lease", "1"}})), Errc::invalid_config) << "durations end in _ms";
}

TEST(QueueSettings, ChecksRangesOfWhatWasNotParsed) {
  const auto refused = [](const std::function<void(QueueSettings&)>& change) {
    QueueSettings settings;
    change(settings);
    const Status checked = check_settings(settings);
    return !checked && checked.error().code == Errc::invalid_config;
  };
  EXPECT_FALSE(refused([](QueueSettings&) {}));
  EXPECT_TRUE(refused([](QueueSettings& s) { s.lease = Milliseconds(-1); }));
  EXPECT_TRUE(refused([](QueueSettings& s) { s.delay = Milliseconds::max(); }));
  EXPECT_TRUE(refused([](QueueSettings& s) { s.rate_max = std::numeric_limits<double>::quiet_NaN(); }));
  EXPECT_TRUE(refused([](QueueSettings& s) { s.group_rate_max = -0.1; }));
  EXPECT_TRUE(refused([](QueueSettings& s) { s.depth_max = -1; }));
  EXPECT_TRUE(refused([](QueueSettings& s) { s.order = static_cast<Order>(2); }));
}

TEST(QueueSettings, MustFitEachOther) {
  EXPECT_EQ(code_of(settings_from({{"deliveries_max", "3"}})), Errc::invalid_config);
  EXPECT_TRUE(settings_from({{"dead_letter_queue", "d"}}));
  EXPECT_TRUE(settings_from({{"deliveries_max", "3"}, {"dead_letter_queue", "d"}}));
  EXPECT_EQ(code_of(settings_from({{"backoff_base_ms", "5000"}, {"backoff_max_ms", "4999"}})), Errc::invalid_config);
  EXPECT_EQ(code_of(settings_from({{"order", "fifo"}, {"priorities", "true"}})), Errc::invalid_config);
}

}  // namespace
}  // namespace leat::queue
