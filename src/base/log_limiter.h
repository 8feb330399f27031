#pragma once

#include <cstdint>
#include <utility>

#include "base/logging.h"
#include "base/types.h"

namespace leat {

// Keeps one place in the code, that anyone's bad input can reach, from filling the log: at most `lines_max` lines a second,
// and the next one after that says how many were held back. Not thread-safe: each shard has its own.
class LogLimiter {
 public:
  explicit LogLimiter(std::uint32_t lines_max = 5) : lines_max_(lines_max) {}

  // Whether a line may be written at `now`; if not, it is counted as held back.
  [[nodiscard]] bool admit(MonoTime now) {
    if (now - window_start_ >= std::chrono::seconds(1)) {
      window_start_ = now;
      lines_ = 0;
    }
    if (lines_ < lines_max_) {
      ++lines_;
      return true;
    }
    ++held_back_;
    return false;
  }
  // How many were held back since this was last asked.
  std::uint64_t take_held_back() { return std::exchange(held_back_, 0); }

  template <class... Args>
  void write(MonoTime now, LogLevel level, std::string_view module, fmt::format_string<Args...> format,
             Args&&... args) {
    if (!log_enabled(level) || !admit(now)) return;
    auto line = fmt::format(format, std::forward<Args>(args)...);
    if (const auto more = take_held_back(); more > 0) line += fmt::format(" ({} lines like this were held back)", more);
    write_log(level, module, line);
  }

 private:
  std::uint32_t lines_max_;
  std::uint32_t lines_ = 0;
  std::uint64_t held_back_ = 0;
  MonoTime window_start_{};
};

}  // namespace leat
