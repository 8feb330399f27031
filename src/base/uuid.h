#pragma once

#include <fmt/format.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leat {

// 16 bytes in network order, as Kafka sends topic ids. The zero value means "none".
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  // A version 4 UUID (RFC 4122) from 128 random bits.
  static Uuid from_random(std::uint64_t high, std::uint64_t low);
  // The 8-4-4-4-12 hexadecimal form. Error: invalid_argument.
  static Result<Uuid> parse(std::string_view text);

  [[nodiscard]] bool is_zero() const { return *this == Uuid{}; }
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace leat

template <>
struct std::hash<leat::Uuid> {
  std::size_t operator()(const leat::Uuid& u) const noexcept {
    std::uint64_t parts[2];
    std::memcpy(parts, u.bytes.data(), sizeof parts);
    return parts[0] ^ (parts[1] * 0x9E3779B97F4A7C15ULL);
  }
};
template <>
struct fmt::formatter<leat::Uuid> : fmt::formatter<std::string_view> {
  auto format(const leat::Uuid& u, fmt::format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(u.to_string(), ctx);
  }
};
