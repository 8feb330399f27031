#include "base/logging.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace leat {
namespace {

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
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

}  // namespace

void configure_logging(LogLevel level, LogFormat format) {
  write_json = format == LogFormat::json;
  logger().set_level(spdlog_level(level));
  if (write_json) logger().set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%e%z\",\"level\":\"%l\",%v}");
}

bool log_enabled(LogLevel level) { return logger().should_log(spdlog_level(level)); }

void write_log(LogLevel level, std::string_view module, std::string_view message) {
  try {
    if (!write_json) {
      logger().log(spdlog_level(level), "{}: {}", module, message);
      return;
    }
    const auto quoted =
        nlohmann::json(message).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    logger().log(spdlog_level(level), "\"module\":\"{}\",\"message\":{}", module, quoted);
  } catch (...) {  // NOLINT(bugprone-empty-catch): a line that cannot be written must not end the server
  }
}

}  // namespace leat
