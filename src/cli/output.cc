#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace leat::cli {
namespace {

constexpr Milliseconds kShowAfter{1000};
constexpr Milliseconds kRedrawEvery{100};
constexpr int kBarWidth = 30;

// Columns that a text takes: code points of UTF-8.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string amount(std::uint64_t value, std::string_view unit) {
  if (unit == "bytes") return human_bytes(static_cast<std::int64_t>(value));
  return fmt::format("{} {}", human_count(static_cast<std::int64_t>(value)), unit);
}

}  // namespace

std::string human_bytes(std::int64_t bytes) {
  if (bytes < 0) return "-";
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  std::string_view unit;
  for (const std::string_view next : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
    value /= 1024;
    unit = next;
    if (value < 1024) break;
  }
  return fmt::format("{:.1f} {}", value, unit);
}

std::string human_count(std::int64_t count) {
  std::string digits = std::to_string(count);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string human_ns(double ns) {
  if (ns < 1e3) return fmt::format("{:.0f} ns", ns);
  if (ns < 1e6) return fmt::format("{:.1f} µs", ns / 1e3);
  if (ns < 1e9) return fmt::format("{:.2f} ms", ns / 1e6);
  return fmt::format("{:.2f} s", ns / 1e9);
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::string Table::render() const {
  const std::vector<std::string>& headings = rows_.front();
  std::vector<bool> right;
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings.size(); ++column) {
    right.push_back(headings[column].starts_with('>'));
    std::size_t width = width_of(headings[column]) - (right.back() ? 1 : 0);
    for (std::size_t row = 1; row < rows_.size(); ++row) width = std::max(width, width_of(rows_[row][column]));
    widths.push_back(width);
  }
  std::string text;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    std::string line;
    for (std::size_t column = 0; column < headings.size(); ++column) {
      std::string_view cell = rows_[row][column];
      if (row == 0 && right[column]) cell.remove_prefix(1);
      const std::string blanks(widths[column] - width_of(cell), ' ');
      line += right[column] ? blanks + std::string(cell) : std::string(cell) + blanks;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

void Output::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !closed_) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      closed_ = true;
      if (errno != EPIPE) failure_ = errno;
    }
  }
  buffer_.clear();
}

Status Output::status() const {
  if (failure_ != 0) return fail(system_error("write to standard output", failure_));
  return {};
}

Progress::Progress(std::string unit, std::optional<std::uint64_t> total)
    : unit_(std::move(unit)),
      total_(total),
      started_(std::chrono::steady_clock::now()),
      drawn_(started_ + kShowAfter - kRedrawEvery),
      enabled_(is_terminal(STDERR_FILENO)) {}

void Progress::update(std::uint64_t done) {
  if (!enabled_) return;
  const MonoTime now = std::chrono::steady_clock::now();
  if (now - drawn_ < kRedrawEvery) return;
  draw(done, now);
}

void Progress::draw(std::uint64_t done, MonoTime now) {
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(done) / seconds);
  std::string line = fmt::format("{}, {}/s", amount(done, unit_), amount(rate, unit_));
  if (total_ && *total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(*total_));
    const int full = static_cast<int>(part * kBarWidth);
    line = fmt::format("[{}{}] {:3.0f} %  {}", std::string(static_cast<std::size_t>(full), '#'),
                       std::string(static_cast<std::size_t>(kBarWidth - full), '.'), part * 100, line);
    if (rate > 0 && done < *total_) line += fmt::format(", {} s left", (*total_ - done) / rate);
  }
  fmt::print(stderr, "\r{}\x1b[K", line);
  std::fflush(stderr);
  visible_ = true;
}

void Progress::clear() {
  if (!visible_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  visible_ = false;
}

}  // namespace leat::cli
