#include "keyspace/numbers.h"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace leat::keyspace {
namespace {

constexpr std::size_t kIntegerTextMax = 20;  // "-9223372036854775808"
constexpr std::size_t kLongDoubleTextMax = 5119;
constexpr double kExactIntegerMax = 9007199254740992.0;  // 2^53
constexpr std::size_t kFractionDigits = 17;

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// strtod or strtold over the whole text, which need not end in a zero byte.
template <class Number>
std::optional<Number> parse_whole(std::string_view text, Number (*parse)(const char*, char**)) {
  if (text.empty() || is_blank(text.front())) return std::nullopt;
  std::array<char, 64> small;
  std::string large;
  const char* begin = small.data();
  if (text.size() < small.size()) {
    std::memcpy(small.data(), text.data(), text.size());
    small[text.size()] = '\0';
  } else {
    begin = large.assign(text).c_str();
  }
  errno = 0;
  char* end = nullptr;
  const Number value = parse(begin, &end);
  if (end != begin + text.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.empty() || text.size() > kIntegerTextMax) return std::nullopt;
  const char* at = text.data();
  const char* end = at + text.size();
  const bool negative = *at == '-';
  if (negative && ++at == end) return std::nullopt;
  if (*at == '0') return text.size() == 1 ? std::optional<std::int64_t>(0) : std::nullopt;
  std::uint64_t value = 0;
  // 19 digits fit without a check at each.
  const char* last = at + 19 < end ? at + 19 : end;
  for (; at != last; ++at) {
    const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
    if (digit > 9) return std::nullopt;
    value = value * 10 + digit;
  }
  if (at != end) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value > kMax + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

std::optional<double> parse_float(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && at == end) return std::isnan(value) ? std::nullopt : std::optional(value);
  return parse_whole<double>(text, std::strtod);
}

std::optional<long double> parse_long_double(std::string_view text) {
  if (text.size() > kLongDoubleTextMax) return std::nullopt;
  if (const auto integer = parse_integer(text)) return static_cast<long double>(*integer);
  return parse_whole<long double>(text, std::strtold);
}

std::string_view format_double(double value, DoubleText& buffer) {
  char* const end = buffer + sizeof buffer;
  const bool is_small_integer = std::abs(value) < kExactIntegerMax && value == std::trunc(value);
  const bool is_negative_zero = value == 0 && std::signbit(value);
  const auto done = is_small_integer && !is_negative_zero
                        ? std::to_chars(buffer, end, static_cast<std::int64_t>(value))
                        : std::to_chars(buffer, end, value, std::chars_format::general, kFractionDigits);
  return {buffer, static_cast<std::size_t>(done.ptr - buffer)};
}

std::string format_long_double(long double value) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (std::abs(value) < 9.2e18L && value == std::trunc(value)) {
    IntegerText buffer;
    return std::string(format_integer(static_cast<std::int64_t>(value), buffer));
  }
  std::array<char, 128> small;
  std::string text;
  const auto size = static_cast<std::size_t>(std::snprintf(small.data(), small.size(), "%.17Lf", value));
  if (size < small.size()) {
    text.assign(small.data(), size);
  } else {
    text.resize(size);
    std::snprintf(text.data(), size + 1, "%.17Lf", value);
  }
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

}  // namespace leat::keyspace
