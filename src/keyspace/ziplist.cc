#include "keyspace/ziplist.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace leat::keyspace {
namespace {

constexpr std::size_t kHeaderBytes =
    10;  // the size and the place of the last entry (32 bits each), the count (16 bits)
constexpr std::uint8_t kEnd = 0xff;
constexpr std::uint8_t kLongSize = 0xfe;
constexpr std::uint16_t kCountUnknown = 0xffff;

constexpr std::uint8_t kInteger16 = 0xc0;
constexpr std::uint8_t kInteger32 = 0xd0;
constexpr std::uint8_t kInteger64 = 0xe0;
constexpr std::uint8_t kInteger24 = 0xf0;
constexpr std::uint8_t kInteger8 = 0xfe;
constexpr std::uint8_t kSmallMin = 0xf1;
constexpr std::uint8_t kSmallMax = 0xfd;

// Little endian, the sign extended.
std::int64_t load_integer(std::string_view bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  const auto shift = static_cast<int>(64 - 8 * bytes.size());
  return static_cast<std::int64_t>(value << shift) >> shift;
}

// Takes bytes from the front; what is not there is nullopt.
class Cutter {
 public:
  explicit Cutter(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  [[nodiscard]] std::optional<std::string_view> take(std::size_t size) {
    if (size > rest_.size()) return std::nullopt;
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  [[nodiscard]] std::optional<std::uint8_t> byte() {
    const auto taken = take(1);
    if (!taken) return std::nullopt;
    return static_cast<std::uint8_t>(taken->front());
  }
  // A size in one byte, or behind kLongSize in four.
  [[nodiscard]] std::optional<std::uint32_t> size() {
    const auto first = byte();
    if (!first || *first == kEnd) return std::nullopt;
    if (*first != kLongSize) return *first;
    const auto taken = take(sizeof(std::uint32_t));
    if (!taken) return std::nullopt;
    return listpack::load32(reinterpret_cast<const listpack::Byte*>(taken->data()));
  }

 private:
  std::string_view rest_;
};

std::optional<Element> take_string(Cutter& from, std::size_t size) {
  const auto text = from.take(size);
  if (!text) return std::nullopt;
  return Element{.data = text->data(), .word = text->size()};
}

std::optional<Element> take_integer(Cutter& from, std::size_t size) {
  const auto bytes = from.take(size);
  if (!bytes) return std::nullopt;
  return Element{.data = nullptr, .word = static_cast<std::uint64_t>(load_integer(*bytes))};
}

// What stands behind the size of the entry before.
std::optional<Element> take_element(Cutter& from) {
  const auto kind = from.byte();
  if (!kind) return std::nullopt;
  const std::uint8_t low = *kind & 0x3f;
  switch (*kind >> 6) {
    case 0: return take_string(from, low);
    case 1: {
      const auto next = from.byte();
      if (!next) return std::nullopt;
      return take_string(from, (std::size_t{low} << 8) | *next);
    }
    case 2: {
      const auto size = from.take(sizeof(std::uint32_t));
      if (!size) return std::nullopt;
      const auto* bytes = reinterpret_cast<const listpack::Byte*>(size->data());
      return take_string(from, __builtin_bswap32(listpack::load32(bytes)));
    }
    default: break;
  }
  switch (*kind) {
    case kInteger8: return take_integer(from, 1);
    case kInteger16: return take_integer(from, 2);
    case kInteger24: return take_integer(from, 3);
    case kInteger32: return take_integer(from, 4);
    case kInteger64: return take_integer(from, 8);
    default: break;
  }
  if (*kind < kSmallMin || *kind > kSmallMax) return std::nullopt;
  return Element{.data = nullptr, .word = static_cast<std::uint64_t>(*kind - kSmallMin)};
}

}  // namespace

bool read_ziplist(std::string_view bytes, const std::function<bool(Element)>& use) {
  if (bytes.size() <= kHeaderBytes || static_cast<std::uint8_t>(bytes.back()) != kEnd) return false;
  const auto* header = reinterpret_cast<const listpack::Byte*>(bytes.data());
  if (listpack::load32(header) != bytes.size()) return false;
  const std::uint32_t last = listpack::load32(header + 4);
  const auto count = static_cast<std::uint16_t>(header[8] | (unsigned{header[9]} << 8));
  Cutter from(bytes.substr(kHeaderBytes, bytes.size() - kHeaderBytes - 1));
  std::size_t found = 0;
  std::size_t size_before = 0;
  std::size_t begin_of_last = kHeaderBytes;
  for (; from.left() > 0; ++found) {
    const std::size_t left = from.left();
    const auto before = from.size();
    if (!before || *before != size_before) return false;
    begin_of_last = bytes.size() - 1 - left;
    const auto element = take_element(from);
    if (!element || !use(*element)) return false;
    size_before = left - from.left();
  }
  return last == begin_of_last && (count == kCountUnknown || count == found);
}

bool read_zipmap(std::string_view bytes,
                 const std::function<bool(std::string_view field, std::string_view value)>& use) {
  // A byte with the count, which is not known from 254 on, and one for the end.
  if (bytes.size() < 2 || static_cast<std::uint8_t>(bytes.back()) != kEnd) return false;
  const auto count = static_cast<std::uint8_t>(bytes.front());
  Cutter from(bytes.substr(1, bytes.size() - 2));
  std::size_t found = 0;
  for (; from.left() > 0; ++found) {
    const auto field_size = from.size();
    const auto field = field_size ? from.take(*field_size) : std::nullopt;
    const auto value_size = field ? from.size() : std::nullopt;
    const auto unused = value_size ? from.byte() : std::nullopt;
    const auto value = unused ? from.take(*value_size) : std::nullopt;
    if (!value || !from.take(*unused) || !use(*field, *value)) return false;
  }
  return count >= kLongSize || count == found;
}

}  // namespace leat::keyspace
