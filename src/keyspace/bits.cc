#include "keyspace/bits.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace leat::keyspace::bits {
namespace {

constexpr std::size_t kWordBytes = 8;

std::uint64_t load_word(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

[[gnu::always_inline]] inline std::uint64_t count_words_with(const char* bytes, std::size_t words) {
  std::uint64_t ones = 0;
  for (std::size_t i = 0; i < words; ++i) {
    ones += static_cast<std::uint64_t>(std::popcount(load_word(bytes + i * kWordBytes)));
  }
  return ones;
}

#if defined(__x86_64__)
// The same loop with instructions that not every processor has.
[[gnu::target("avx2,popcnt")]] std::uint64_t count_words_avx2(const char* bytes, std::size_t words) {
  return count_words_with(bytes, words);
}
std::uint64_t count_words(const char* bytes, std::size_t words) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
  return has_avx2 ? count_words_avx2(bytes, words) : count_words_with(bytes, words);
}
#else
std::uint64_t count_words(const char* bytes, std::size_t words) { return count_words_with(bytes, words); }
#endif

// The bits of a byte from the one at `from` on, and those before `to`.
std::uint8_t mask_from(std::uint64_t from) { return static_cast<std::uint8_t>(0xffU >> from); }
std::uint8_t mask_to(std::uint64_t to) { return static_cast<std::uint8_t>(~(0xffU >> to)); }

std::uint8_t byte_at(std::string_view bytes, std::uint64_t index) { return static_cast<std::uint8_t>(bytes[index]); }

}  // namespace

std::uint64_t count(std::string_view bytes) {
  const std::size_t words = bytes.size() / kWordBytes;
  std::uint64_t ones = count_words(bytes.data(), words);
  for (std::size_t i = words * kWordBytes; i < bytes.size(); ++i) {
    ones += static_cast<std::uint64_t>(std::popcount(byte_at(bytes, i)));
  }
  return ones;
}

std::uint64_t count(std::string_view bytes, std::uint64_t from, std::uint64_t to) {
  if (from >= to) return 0;
  const std::uint64_t first = from / 8;
  const std::uint64_t last = (to - 1) / 8;
  std::uint64_t ones = count(bytes.substr(first, last - first + 1));
  // What is too much at both ends.
  ones -=
      static_cast<std::uint64_t>(std::popcount(static_cast<std::uint8_t>(byte_at(bytes, first) & mask_to(from % 8))));
  if (to % 8 != 0) {
    ones -=
        static_cast<std::uint64_t>(std::popcount(static_cast<std::uint8_t>(byte_at(bytes, last) & mask_from(to % 8))));
  }
  return ones;
}

std::uint64_t find(std::string_view bytes, bool value, std::uint64_t from, std::uint64_t to) {
  if (from >= to) return kNone;
  const std::uint8_t flip = value ? 0 : 0xff;  // so that ones are looked for
  const std::uint64_t limit = (to + 7) / 8;
  std::uint64_t at = from / 8;
  auto byte = static_cast<std::uint8_t>((byte_at(bytes, at) ^ flip) & mask_from(from % 8));
  if (byte == 0) {
    ++at;
    const std::uint64_t empty = value ? 0 : ~std::uint64_t{0};
    while (at + kWordBytes <= limit && load_word(bytes.data() + at) == empty) at += kWordBytes;
    while (at < limit && (byte_at(bytes, at) ^ flip) == 0) ++at;
    if (at >= limit) return kNone;
    byte = byte_at(bytes, at) ^ flip;
  }
  const std::uint64_t bit = at * 8 + static_cast<std::uint64_t>(std::countl_zero(byte));
  return bit < to ? bit : kNone;
}

std::uint64_t load(std::string_view bytes, std::uint64_t bit, unsigned width) {
  const std::uint64_t first = bit / 8;
  const auto shift = static_cast<unsigned>(bit % 8);
  // The nine bytes that it may touch, as one number.
  unsigned __int128 window = 0;
  for (std::uint64_t i = 0; i < 9; ++i) {
    const std::uint64_t index = first + i;
    window = (window << 8) | (index >= first && index < bytes.size() ? byte_at(bytes, index) : 0U);
  }
  const auto value = static_cast<std::uint64_t>(window >> (72 - shift - width));
  return width == 64 ? value : value & ((std::uint64_t{1} << width) - 1);
}

void store(char* bytes, std::uint64_t bit, unsigned width, std::uint64_t value) {
  for (unsigned i = 0; i < width; ++i) set(bytes, bit + i, (value >> (width - 1 - i) & 1) != 0);
}

}  // namespace leat::keyspace::bits
