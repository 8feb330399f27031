#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Numbers and their texts, by Redis's rules: what is taken for a number, and the exact text that a reply shows.
namespace leat::keyspace {

// Room for the text of any std::int64_t, and of any double.
using IntegerText = char[21];
using DoubleText = char[32];

// Only the canonical text is an integer: no '+', blanks or leading zeros, no "-0".
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

// Decimal or hexadecimal (0x) numbers and "inf" or "infinity" in any case, with an optional sign, and nothing around them.
// NaN is refused, and what is too large or too close to zero to be told from infinity or zero.
[[nodiscard]] std::optional<double> parse_float(std::string_view text);
// At most 5,119 characters.
[[nodiscard]] std::optional<long double> parse_long_double(std::string_view text);

// The texts of these two are in `buffer`.
[[nodiscard]] inline std::string_view format_integer(std::int64_t value, IntegerText& buffer) {
  const char* end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, static_cast<std::size_t>(end - buffer)};
}
// As scores are shown: 17 significant digits, without zeros at the end ("%.17g").
[[nodiscard]] std::string_view format_double(double value, DoubleText& buffer);

// As INCRBYFLOAT shows its result: never an exponent, at most 17 digits behind the point, no zeros at the end.
[[nodiscard]] std::string format_long_double(long double value);

}  // namespace leat::keyspace
