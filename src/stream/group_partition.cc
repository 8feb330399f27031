#include "stream/group_partition.h"

#include <limits>

namespace leat::stream {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Takes one code point off the front of `text`, which is not empty.
char32_t take_code_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t size = 1;
  char32_t point = lead;
  char32_t smallest = 0;
  if (lead >= 0xF0 && lead < 0xF8) {
    size = 4;
    point = lead & 0x07;
    smallest = 0x10000;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    size = 3;
    point = lead & 0x0F;
    smallest = 0x800;
  } else if (lead >= 0xC0 && lead < 0xE0) {
    size = 2;
    point = lead & 0x1F;
    smallest = 0x80;
  }
  bool valid = (lead < 0x80 || size > 1) && size <= text.size();
  for (std::size_t i = 1; valid && i < size; ++i) {
    valid = is_continuation(text[i]);
    point = (point << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  valid = valid && point >= smallest && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
  text.remove_prefix(valid ? size : 1);
  return valid ? point : kReplacement;
}

}  // namespace

std::int32_t java_hash(std::string_view text) {
  std::uint32_t hash = 0;
  const auto add = [&](char32_t unit) { hash = 31 * hash + static_cast<std::uint32_t>(unit); };
  while (!text.empty()) {
    const char32_t point = take_code_point(text);
    if (point < 0x10000) {
      add(point);
    } else {
      add(0xD800 + ((point - 0x10000) >> 10));
      add(0xDC00 + ((point - 0x10000) & 0x3FF));
    }
  }
  return static_cast<std::int32_t>(hash);
}

PartitionIndex group_partition(std::string_view group_id, std::int32_t partitions) {
  const std::int32_t hash = java_hash(group_id);
  if (hash == std::numeric_limits<std::int32_t>::min()) return PartitionIndex(0);
  return PartitionIndex((hash < 0 ? -hash : hash) % partitions);
}

}  // namespace leat::stream
