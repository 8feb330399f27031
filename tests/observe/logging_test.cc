#include "base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/log_limiter.h"

namespace leat {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

// What `write` sends to the log, in the given form.
template <class F>
std::string captured(LogLevel level, LogFormat format, F write) {
  configure_logging(level, format);
  testing::internal::CaptureStderr();
  write();
  auto text = testing::internal::GetCapturedStderr();
  configure_logging(LogLevel::info, LogFormat::text);
  return text;
}

TEST(Logging, JsonLinesParseWhateverTheMessageHolds) {
  const std::string message = "quote \" newline \n nul \x01 bytes \xff\xfe end";
  const auto line = captured(LogLevel::info, LogFormat::json, [&] { log_warning("kafka", "{}", message); });
  ASSERT_EQ(std::ranges::count(line, '\n'), 1);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed.at("level"), "warning");
  EXPECT_EQ(parsed.at("module"), "kafka");
  EXPECT_THAT(parsed.at("message").get<std::string>(), HasSubstr("quote \" newline \n nul \x01 bytes"));
  EXPECT_EQ(parsed.at("time").get<std::string>().substr(10, 1), "T");
}

TEST(Logging, TextLineStaysOneLineAndHarmlessToATerminal) {
  const auto line = captured(LogLevel::info, LogFormat::text, [] { log_info("http", "{}", "a\nb\x1b[2Jc\r"); });
  EXPECT_THAT(line, EndsWith("http: a\\nb\\x1b[2Jc\\x0d\n"));
}

TEST(Logging, LinesBelowTheLevelAreNotWritten) {
  EXPECT_EQ(captured(LogLevel::error, LogFormat::text, [] { log_warning("x", "hidden"); }), "");
  EXPECT_THAT(captured(LogLevel::debug, LogFormat::text, [] { log_debug("x", "shown"); }), HasSubstr("shown"));
}

TEST(LogLimiter, HoldsBackAboveTheLimitAndSaysHowMany) {
  LogLimiter limiter(2);
  const MonoTime start{std::chrono::hours(5)};
  const auto burst = captured(LogLevel::info, LogFormat::text, [&] {
    for (int i = 0; i < 5; ++i) limiter.write(start, LogLevel::info, "x", "line {}", i);
  });
  EXPECT_EQ(std::ranges::count(burst, '\n'), 2);
  EXPECT_THAT(burst, EndsWith("x: line 1\n"));
  const auto later = captured(LogLevel::info, LogFormat::text, [&] {
    limiter.write(start + std::chrono::milliseconds(999), LogLevel::info, "x", "hidden");
    limiter.write(start + std::chrono::seconds(1), LogLevel::info, "x", "next");
    limiter.write(start + std::chrono::seconds(1), LogLevel::info, "x", "last");
  });
  EXPECT_EQ(std::ranges::count(later, '\n'), 2);
  EXPECT_THAT(later, HasSubstr("x: next (4 lines like this were held back)\n"));
  EXPECT_THAT(later, EndsWith("x: last\n"));
}

}  // namespace
}  // namespace leat
