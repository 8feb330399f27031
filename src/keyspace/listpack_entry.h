#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "keyspace/numbers.h"

// One entry of a listpack, in Redis's format: a byte or more that tell the kind and size, the string or the integer (little
// endian), and the size of all that once more for the way back. Private to the structures that hold listpacks.
namespace leat::keyspace {

// A string in the listpack, or an integer.
struct Element {
  const char* data = nullptr;  // null when it is an integer
  std::uint64_t word = 0;      // the string's size, or the integer

  [[nodiscard]] bool is_integer() const { return data == nullptr; }
  [[nodiscard]] std::int64_t integer() const { return static_cast<std::int64_t>(word); }
  [[nodiscard]] std::string_view string() const { return {data, word}; }
};

// `buffer` holds the text of an integer.
[[nodiscard]] inline std::string_view text(Element element, IntegerText& buffer) {
  return element.is_integer() ? format_integer(element.integer(), buffer) : element.string();
}

// A value to look for: compared with elements without writing out their integers.
class Needle {
 public:
  explicit Needle(std::string_view value) : value_(value), integer_(parse_integer(value)) {}
  explicit Needle(std::string_view value, std::optional<std::int64_t> integer) : value_(value), integer_(integer) {}
  [[nodiscard]] bool matches(Element element) const {
    if (element.is_integer()) return integer_ == element.integer();
    return element.word == value_.size() && is_same(element.data);
  }

 private:
  // Names that differ often do so at their end.
  [[nodiscard]] bool is_same(const char* data) const {
    return value_.empty() ||
           (data[value_.size() - 1] == value_.back() && std::memcmp(data, value_.data(), value_.size()) == 0);
  }

  std::string_view value_;
  std::optional<std::int64_t> integer_;
};

namespace listpack {

using Byte = unsigned char;

inline constexpr Byte kEnd = 0xff;
inline constexpr Byte kString12 = 0xe0;
inline constexpr Byte kString32 = 0xf0;
inline constexpr Byte kInteger13 = 0xc0;
inline constexpr Byte kInteger16 = 0xf1;
inline constexpr Byte kInteger24 = 0xf2;
inline constexpr Byte kInteger32 = 0xf3;
inline constexpr Byte kInteger64 = 0xf4;
inline constexpr std::size_t kString6Limit = 64;
inline constexpr std::size_t kString12Limit = 4096;
inline constexpr std::size_t kBacklenMax = 5;

[[nodiscard]] inline std::uint32_t load32(const Byte* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}
inline void store32(Byte* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }

// The bytes that the size at an entry's end takes. Redis's limits are one short of what would fit.
[[nodiscard]] inline std::size_t backlen_size(std::size_t body) {
  if (body <= 127) return 1;
  if (body < 16383) return 2;
  if (body < 2097151) return 3;
  return body < 268435455 ? 4 : 5;
}

// A new entry: `head` and then `tail` are its body.
struct Entry {
  std::array<Byte, 9> head;
  std::uint8_t head_size = 0;
  std::string_view tail;

  [[nodiscard]] std::size_t body() const { return head_size + tail.size(); }
  [[nodiscard]] std::size_t size() const { return body() + backlen_size(body()); }
  // Needs size() bytes.
  void write(Byte* to) const {
    to[0] = head[0];
    if (head_size > 1) std::memcpy(to + 1, &head[1], head_size - 1U);
    if (!tail.empty()) std::memcpy(to + head_size, tail.data(), tail.size());
    std::size_t left = body();
    std::size_t count = backlen_size(left);
    Byte* at = to + left + count;
    for (; count > 0; --count, left >>= 7) *--at = static_cast<Byte>((left & 0x7f) | (count > 1 ? 0x80 : 0));
  }
};

[[nodiscard]] inline Entry encode(std::int64_t value) {
  Entry entry;
  const auto bytes = static_cast<std::uint64_t>(value);
  if (value >= 0 && value <= 127) {
    entry.head[0] = static_cast<Byte>(value);
    entry.head_size = 1;
    return entry;
  }
  if (value >= -4096 && value <= 4095) {
    entry.head[0] = static_cast<Byte>(kInteger13 | ((bytes >> 8) & 0x1f));
    entry.head[1] = static_cast<Byte>(bytes & 0xff);
    entry.head_size = 2;
    return entry;
  }
  const auto fits = [value](int bits) {
    return value == static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
  };
  const auto [kind, size] = fits(16)   ? std::pair{kInteger16, 2}
                            : fits(24) ? std::pair{kInteger24, 3}
                            : fits(32) ? std::pair{kInteger32, 4}
                                       : std::pair{kInteger64, 8};
  entry.head[0] = kind;
  std::memcpy(&entry.head[1], &bytes, sizeof bytes);
  entry.head_size = static_cast<std::uint8_t>(1 + size);
  return entry;
}

[[nodiscard]] inline Entry encode_string(std::string_view value) {
  Entry entry;
  entry.tail = value;
  if (value.size() < kString6Limit) {
    entry.head[0] = static_cast<Byte>(0x80 | value.size());
    entry.head_size = 1;
  } else if (value.size() < kString12Limit) {
    entry.head[0] = static_cast<Byte>(kString12 | (value.size() >> 8));
    entry.head[1] = static_cast<Byte>(value.size() & 0xff);
    entry.head_size = 2;
  } else {
    entry.head[0] = kString32;
    store32(&entry.head[1], static_cast<std::uint32_t>(value.size()));
    entry.head_size = 5;
  }
  return entry;
}

// A canonical integer becomes one. `value` must outlive the entry, and be smaller than 4 GiB.
[[nodiscard]] inline Entry encode(std::string_view value) {
  const auto integer = parse_integer(value);
  return integer ? encode(*integer) : encode_string(value);
}

// How many bytes tell the kind and size of an entry that begins with `first`; 0 when no entry does.
[[nodiscard]] inline std::size_t head_size(Byte first) {
  if (first < 0xc0) return 1;
  if (first < kString32) return 2;
  if (first == kString32) return 5;
  return first <= kInteger64 ? 1 : 0;
}

// The bytes of an entry but for the size at its end. Reads head_size() bytes.
[[nodiscard]] inline std::size_t body_size(const Byte* entry) {
  const Byte first = *entry;
  if (first < 0x80) return 1;
  if (first < 0xc0) return 1 + std::size_t{first & 0x3fU};
  if (first < kString12) return 2;
  if (first < kString32) return 2 + ((std::size_t{first & 0x0fU} << 8) | entry[1]);
  switch (first) {
    case kString32: return 5 + std::size_t{load32(entry + 1)};
    case kInteger16: return 3;
    case kInteger24: return 4;
    case kInteger32: return 5;
    default: return 9;
  }
}

// The whole size of an entry by its first byte, or 0 when that does not tell.
inline constexpr std::array<std::uint8_t, 256> kEntrySizes = [] {
  std::array<std::uint8_t, 256> sizes{};
  for (std::size_t first = 0; first < 0x80; ++first) sizes[first] = 2;
  for (std::size_t first = 0x80; first < 0xc0; ++first) sizes[first] = static_cast<std::uint8_t>(2 + (first & 0x3f));
  for (std::size_t first = kInteger13; first < kString12; ++first) sizes[first] = 3;
  sizes[kInteger16] = 4;
  sizes[kInteger24] = 5;
  sizes[kInteger32] = 6;
  sizes[kInteger64] = 10;
  return sizes;
}();

[[nodiscard]] inline std::size_t entry_size(const Byte* entry) {
  if (const std::size_t size = kEntrySizes[*entry]; size != 0) return size;
  const std::size_t body = body_size(entry);
  return body + backlen_size(body);
}

// The entry that ends before `end`.
[[nodiscard]] inline const Byte* entry_before(const Byte* end) {
  std::size_t body = 0;
  for (int shift = 0;; shift += 7) {
    const Byte part = *--end;
    body |= std::size_t{part & 0x7fU} << shift;
    if ((part & 0x80) == 0) return end - body;
  }
}

[[nodiscard]] inline Element decode(const Byte* entry) {
  const auto integer = [entry](std::size_t size) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, entry + 1, size);
    const auto unused = static_cast<int>(64 - 8 * size);
    return Element{nullptr, static_cast<std::uint64_t>(static_cast<std::int64_t>(bytes << unused) >> unused)};
  };
  const auto string = [entry](std::size_t head, std::size_t size) {
    return Element{reinterpret_cast<const char*>(entry + head), size};
  };
  const Byte first = *entry;
  if (first < 0x80) return {nullptr, first};
  if (first < 0xc0) return string(1, first & 0x3f);
  if (first < kString12) {
    const std::uint64_t bytes = (std::uint64_t{first & 0x1fU} << 8) | entry[1];
    return {nullptr, static_cast<std::uint64_t>(static_cast<std::int64_t>(bytes << 51) >> 51)};
  }
  if (first < kString32) return string(2, (std::size_t{first & 0x0fU} << 8) | entry[1]);
  switch (first) {
    case kString32: return string(5, load32(entry + 1));
    case kInteger16: return integer(2);
    case kInteger24: return integer(3);
    case kInteger32: return integer(4);
    default: return integer(8);
  }
}

}  // namespace listpack
}  // namespace leat::keyspace
