#include "keyspace/dump_codec.h"

#include <liblzf/lzf.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "keyspace/numbers.h"

namespace leat::keyspace {
namespace {

// The upper two bits of a length's first byte.
constexpr std::uint8_t kLength6 = 0;
constexpr std::uint8_t kLength14 = 1;
constexpr std::uint8_t kLength32 = 0x80;
constexpr std::uint8_t kLength64 = 0x81;
constexpr std::uint8_t kEncoded = 3;

constexpr std::uint8_t kInteger8 = 0;
constexpr std::uint8_t kInteger16 = 1;
constexpr std::uint8_t kInteger32 = 2;
constexpr std::uint8_t kCompressed = 3;

constexpr std::size_t kIntegerTextMax = 11;
constexpr std::size_t kCompressedMin = 21;
constexpr std::size_t kSavedMin = 4;
// A reference of three bytes stands for at most 264.
constexpr std::uint64_t kCompressionMax = 264;

constexpr std::uint8_t kNotANumber = 253;
constexpr std::uint8_t kPlusInfinity = 254;
constexpr std::uint8_t kMinusInfinity = 255;

static_assert(std::endian::native == std::endian::little);

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T load(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

template <class T>
bool fits(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

}  // namespace

void DumpWriter::length(std::uint64_t value) {
  if (value < (1U << 6)) {
    byte(static_cast<std::uint8_t>(value));
  } else if (value < (1U << 14)) {
    byte(static_cast<std::uint8_t>((kLength14 << 6) | (value >> 8)));
    byte(static_cast<std::uint8_t>(value & 0xff));
  } else if (value <= std::numeric_limits<std::uint32_t>::max()) {
    byte(kLength32);
    append(out_, __builtin_bswap32(static_cast<std::uint32_t>(value)));
  } else {
    byte(kLength64);
    append(out_, __builtin_bswap64(value));
  }
}

void DumpWriter::text(std::string_view text) {
  if (text.size() <= kIntegerTextMax) {
    const auto integer = parse_integer(text);
    if (integer && fits<std::int32_t>(*integer)) return integer_text(*integer);
  }
  if (text.size() >= kCompressedMin && compressed(text)) return;
  length(text.size());
  out_ += text;
}

void DumpWriter::integer_text(std::int64_t value) {
  if (fits<std::int8_t>(value)) {
    byte((kEncoded << 6) | kInteger8);
    append(out_, static_cast<std::int8_t>(value));
  } else if (fits<std::int16_t>(value)) {
    byte((kEncoded << 6) | kInteger16);
    append(out_, static_cast<std::int16_t>(value));
  } else if (fits<std::int32_t>(value)) {
    byte((kEncoded << 6) | kInteger32);
    append(out_, static_cast<std::int32_t>(value));
  } else {
    IntegerText buffer;
    const std::string_view digits = format_integer(value, buffer);
    length(digits.size());
    out_ += digits;
  }
}

bool DumpWriter::compressed(std::string_view text) {
  if (text.size() > std::numeric_limits<std::uint32_t>::max()) return false;
  const std::size_t room = text.size() - kSavedMin;
  std::string compressed(room, '\0');
  const unsigned size =
      lzf_compress(text.data(), static_cast<unsigned>(text.size()), compressed.data(), static_cast<unsigned>(room));
  if (size == 0) return false;
  byte((kEncoded << 6) | kCompressed);
  length(size);
  length(text.size());
  out_.append(compressed, 0, size);
  return true;
}

void DumpWriter::real(double value) { append(out_, value); }
void DumpWriter::millis(std::int64_t value) { append(out_, value); }

std::optional<std::string_view> DumpReader::take(std::uint64_t size) {
  if (size > rest_.size()) {
    rest_ = {};
    return std::nullopt;
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::optional<std::uint8_t> DumpReader::byte() {
  const auto taken = take(1);
  if (!taken) return std::nullopt;
  return load<std::uint8_t>(*taken);
}

std::optional<DumpReader::Length> DumpReader::length_or_encoding() {
  const auto first = byte();
  if (!first) return std::nullopt;
  const std::uint8_t low = *first & 0x3f;
  switch (*first >> 6) {
    case kLength6: return Length{low, false};
    case kLength14: {
      const auto second = byte();
      if (!second) return std::nullopt;
      return Length{(std::uint64_t{low} << 8) | *second, false};
    }
    case kEncoded: return Length{low, true};
    default: break;
  }
  if (*first == kLength32) {
    const auto bytes = take(sizeof(std::uint32_t));
    if (bytes) return Length{__builtin_bswap32(load<std::uint32_t>(*bytes)), false};
  } else if (*first == kLength64) {
    const auto bytes = take(sizeof(std::uint64_t));
    if (bytes) return Length{__builtin_bswap64(load<std::uint64_t>(*bytes)), false};
  }
  rest_ = {};
  return std::nullopt;
}

std::optional<std::uint64_t> DumpReader::length() {
  const auto length = length_or_encoding();
  if (length && !length->is_encoding) return length->value;
  rest_ = {};
  return std::nullopt;
}

std::optional<std::string_view> DumpReader::text(std::string& buffer) {
  const auto length = length_or_encoding();
  if (!length) return std::nullopt;
  return length->is_encoding ? encoded(length->value, buffer) : take(length->value);
}

std::optional<std::string_view> DumpReader::encoded(std::uint64_t encoding, std::string& buffer) {
  if (encoding == kCompressed) return compressed(buffer);
  const auto integer = [&]() -> std::optional<std::int64_t> {
    const std::size_t size = encoding == kInteger8 ? 1 : encoding == kInteger16 ? 2 : encoding == kInteger32 ? 4 : 0;
    const auto bytes = size == 0 ? std::nullopt : take(size);
    if (!bytes) return std::nullopt;
    if (size == 1) return load<std::int8_t>(*bytes);
    return size == 2 ? load<std::int16_t>(*bytes) : load<std::int32_t>(*bytes);
  }();
  if (!integer) {
    rest_ = {};
    return std::nullopt;
  }
  IntegerText digits;
  return buffer.assign(format_integer(*integer, digits));
}

std::optional<std::string_view> DumpReader::compressed(std::string& buffer) {
  const auto from = length();
  const auto to = length();
  const auto bytes = from && to ? take(*from) : std::nullopt;
  constexpr std::uint64_t kMax = std::numeric_limits<unsigned>::max();
  if (!bytes || bytes->empty() || *to == 0 || *to > kMax || *from > kMax || *to > *from * kCompressionMax) {
    rest_ = {};
    return std::nullopt;
  }
  buffer.resize(*to);
  if (lzf_decompress(bytes->data(), static_cast<unsigned>(bytes->size()), buffer.data(), static_cast<unsigned>(*to)) ==
      *to)
    return buffer;
  rest_ = {};
  return std::nullopt;
}

std::optional<double> DumpReader::real() {
  const auto bytes = take(sizeof(double));
  if (!bytes) return std::nullopt;
  return load<double>(*bytes);
}

std::optional<double> DumpReader::real_text() {
  const auto size = byte();
  if (!size) return std::nullopt;
  switch (*size) {
    case kNotANumber: return std::nan("");
    case kPlusInfinity: return std::numeric_limits<double>::infinity();
    case kMinusInfinity: return -std::numeric_limits<double>::infinity();
    default: break;
  }
  const auto digits = take(*size);
  const auto value = digits ? parse_float(*digits) : std::nullopt;
  if (!value) rest_ = {};
  return value;
}

std::optional<std::int64_t> DumpReader::millis() {
  const auto bytes = take(sizeof(std::int64_t));
  if (!bytes) return std::nullopt;
  return load<std::int64_t>(*bytes);
}

}  // namespace leat::keyspace
