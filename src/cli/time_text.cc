#include "cli/time_text.h"

#include <charconv>

#include "base/utc_text.h"

namespace leat::cli {
namespace {

// Reads the parts of a date one after the other.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool digits(std::size_t count, std::int64_t& value) {
    if (rest_.size() < count) return false;
    value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  bool skip(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  // ".25" as 250; digits beyond the third are dropped.
  bool fraction(std::int64_t& ms) {
    ms = 0;
    std::int64_t weight = 100;
    std::size_t seen = 0;
    for (; peek() >= '0' && peek() <= '9'; ++seen, rest_.remove_prefix(1), weight /= 10) ms += (peek() - '0') * weight;
    return seen > 0;
  }

 private:
  std::string_view rest_;
};

// The minutes of "Z", "+02:00", "-0530" or nothing.
bool read_zone(Scanner& scan, std::int64_t& minutes) {
  minutes = 0;
  if (scan.at_end() || scan.skip('Z') || scan.skip('z')) return scan.at_end();
  const bool west = scan.peek() == '-';
  if (!scan.skip('+') && !scan.skip('-')) return false;
  std::int64_t hours = 0;
  std::int64_t rest = 0;
  if (!scan.digits(2, hours)) return false;
  scan.skip(':');
  if (!scan.at_end() && !scan.digits(2, rest)) return false;
  if (hours > 23 || rest > 59) return false;
  minutes = (hours * 60 + rest) * (west ? -1 : 1);
  return scan.at_end();
}

bool read_date(std::string_view text, std::int64_t& ms) {
  Scanner scan(text);
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0, zone = 0;
  if (!scan.digits(4, year) || !scan.skip('-') || !scan.digits(2, month) || !scan.skip('-') || !scan.digits(2, day))
    return false;
  if (scan.skip('T') || scan.skip('t') || scan.skip(' ')) {
    if (!scan.digits(2, hour) || !scan.skip(':') || !scan.digits(2, minute)) return false;
    if (scan.skip(':')) {
      if (!scan.digits(2, second)) return false;
      if ((scan.skip('.') || scan.skip(',')) && !scan.fraction(fraction)) return false;
    }
    if (!read_zone(scan, zone)) return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!scan.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 60) return false;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  ms = ((days * 24 + hour) * 60 + minute - zone) * 60'000 + second * 1000 + fraction;
  return true;
}

bool read_distance(std::string_view text, std::int64_t& ms) {
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || count < 0) return false;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m" || unit == "min") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit == "d") factor = 86'400'000;
  if (unit == "w") factor = 7 * 86'400'000LL;
  if (factor == 0 || count > INT64_MAX / factor) return false;
  ms = count * factor;
  return true;
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text, std::int64_t now_ms) {
  std::int64_t ms = 0;
  if (text == "now") return now_ms;
  if (text.starts_with('-') && read_distance(text.substr(1), ms)) return now_ms - ms;
  if (read_date(text, ms)) return ms;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (failure == std::errc() && end == text.data() + text.size() && ms >= 0) return ms;
  return fail(
      Errc::invalid_argument,
      fmt::format(
          "'{}' is no time: write 2026-03-01T12:30:00Z, milliseconds since 1970, or a distance like -15m, -1h, -2d",
          text));
}

std::string format_time(std::int64_t ms) {
  if (ms < 0) return "-";
  return utc_text(Timestamp(ms));
}

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<Milliseconds> parse_span(std::string_view option, std::string_view text) {
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::int64_t number = -1;
  (void)std::from_chars(text.data(), text.data() + digits,
                        number);  // stays as it is where there is none, or too large a one
  std::int64_t factor = digits == text.size() ? 1000 : 0;
  for (const auto& [unit, ms] : kUnits)
    if (text.substr(digits) == unit) factor = ms;
  if (number < 0 || factor == 0 || number > 36'500LL * 86'400'000 / factor)
    return fail(Errc::invalid_argument,
                fmt::format("{} takes a time such as 250ms, 30s, 5m, 12h or 7d, not '{}'", option, text));
  return Milliseconds(number * factor);
}

}  // namespace leat::cli
