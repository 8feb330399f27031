#pragma once

#include <cstddef>
#include <cstdint>

namespace leat {

// Base-128 integers, least significant group first, and their zigzag form for signed values
// (Kafka's varint and varlong: https://kafka.apache.org/protocol#protocol_types).

// Reads one from [at, end). Returns the byte after it, or nullptr if it is cut short or longer than its type.
[[nodiscard]] inline const std::byte* read_uvarint64(const std::byte* at, const std::byte* end, std::uint64_t& value) {
  std::uint64_t result = 0;
  for (int shift = 0; shift < 64 && at != end; shift += 7) {
    const auto group = static_cast<std::uint64_t>(*at++);
    if (shift == 63 && group > 1) return nullptr;
    result |= (group & 0x7F) << shift;
    if (group < 0x80) {
      value = result;
      return at;
    }
  }
  return nullptr;
}

[[nodiscard]] inline const std::byte* read_uvarint32(const std::byte* at, const std::byte* end, std::uint32_t& value) {
  std::uint32_t result = 0;
  for (int shift = 0; shift < 32 && at != end; shift += 7) {
    const auto group = static_cast<std::uint32_t>(*at++);
    if (shift == 28 && group > 0x0F) return nullptr;
    result |= (group & 0x7F) << shift;
    if (group < 0x80) {
      value = result;
      return at;
    }
  }
  return nullptr;
}

[[nodiscard]] inline const std::byte* read_varint32(const std::byte* at, const std::byte* end, std::int32_t& value) {
  std::uint32_t raw = 0;
  at = read_uvarint32(at, end, raw);
  value = static_cast<std::int32_t>(raw >> 1) ^ -static_cast<std::int32_t>(raw & 1);
  return at;
}

[[nodiscard]] inline const std::byte* read_varint64(const std::byte* at, const std::byte* end, std::int64_t& value) {
  std::uint64_t raw = 0;
  at = read_uvarint64(at, end, raw);
  value = static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
  return at;
}

inline constexpr std::size_t kVarint64SizeMax = 10;

// Writes at `at`, which has room for kVarint64SizeMax bytes. Returns the byte after the last one written.
inline std::byte* write_uvarint(std::byte* at, std::uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<std::byte>(value);
  return at;
}
inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::byte* write_varint(std::byte* at, std::int64_t value) { return write_uvarint(at, zigzag(value)); }

inline std::size_t uvarint_size(std::uint64_t value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}
inline std::size_t varint_size(std::int64_t value) { return uvarint_size(zigzag(value)); }

}  // namespace leat
