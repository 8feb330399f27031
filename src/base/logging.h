#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace leat {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

// Sets the process's log: where lines of at least `level` go (standard error) and how they look. Called once, before any
// thread starts; before it, lines go out as text from `info` on.
void configure_logging(LogLevel level, LogFormat format);

[[nodiscard]] bool log_enabled(LogLevel level);

// Writes one line. `module` is the folder of src/ that speaks. Thread-safe; never throws.
void write_log(LogLevel level, std::string_view module, std::string_view message);

template <class... Args>
void log_debug(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::debug))
    write_log(LogLevel::debug, module, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::info)) write_log(LogLevel::info, module, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::warning))
    write_log(LogLevel::warning, module, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(std::string_view module, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::error))
    write_log(LogLevel::error, module, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace leat
