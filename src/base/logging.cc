#include "base/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace leat {
namespace {

constexpr const char* kTextPattern = "%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool write_json = false;

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = spdlog::stderr_color_mt("leat");
    made->set_pattern(kTextPattern);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

// Messages quote what clients sent: it must neither begin a line of its own nor steer the terminal.
std::string printable(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (code < 0x20 || code == 0x7F) {
      out += fmt::format("\\x{:02x}", code);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void configure_logging(LogLevel level, LogFormat format) {
  write_json = format == LogFormat::json;
  logger().set_level(spdlog_level(level));
  logger().set_pattern(write_json ? kJsonPattern : kTextPattern);
}

bool log_enabled(LogLevel level) { return logger().should_log(spdlog_level(level)); }

void write_log(LogLevel level, std::string_view module, std::string_view message) {
  try {
    if (!write_json) {
      logger().log(spdlog_level(level), "{}: {}", module, printable(message));
      return;
    }
    const auto quoted = nlohmann::json(message).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    logger().log(spdlog_level(level), "\"module\":\"{}\",\"message\":{}", module, quoted);
  } catch (...) {  // NOLINT(bugprone-empty-catch): a line that cannot be written must not end the server
  }
}

}  // namespace leat
