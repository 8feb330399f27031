#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "keyspace/hyper_log_log.h"

// The codes behind the header of a sparse HyperLogLog: 00nnnnnn is n+1 registers of zero, 01nnnnnn nnnnnnnn too, with 14 bits,
// and 1vvvvvnn is n+1 registers of v+1. Private to hyper_log_log.cc.
namespace leat::keyspace::hyper_log_log::sparse {

inline constexpr std::size_t kShortZerosMax = 64;
inline constexpr std::size_t kValuesMax = 4;
inline constexpr std::uint8_t kValueMax = 32;

struct Code {
  std::size_t bytes;   // that it takes
  std::size_t size;    // registers
  std::uint8_t value;  // of each
};

// The code at `at`, which is within the bytes. What is missing of one that is cut off is zeros.
[[nodiscard]] inline Code read(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  if ((first & 0x80) != 0) return {1, (first & 3U) + 1, static_cast<std::uint8_t>((first >> 2 & 31) + 1)};
  if ((first & 0x40) == 0) return {1, (first & 63U) + 1, 0};
  const unsigned second = at + 1 < bytes.size() ? static_cast<unsigned char>(bytes[at + 1]) : 0U;
  return {2, ((first & 63U) << 8 | second) + 1, 0};
}

void append_zeros(std::string& codes, std::size_t size);
// At most kValuesMax registers, of at most kValueMax.
void append_values(std::string& codes, std::uint8_t value, std::size_t size);

// Calls `use` with the first register, the size and the value of each run, in order. False, somewhere on the way: the codes
// do not come to all registers, or to more.
template <class F>
[[nodiscard]] bool for_each_run(std::string_view bytes, F&& use) {
  std::size_t begin = 0;
  for (std::size_t at = kHeaderBytes; at < bytes.size();) {
    const Code code = read(bytes, at);
    if (code.size > kRegisters - begin) return false;
    use(begin, code.size, code.value);
    begin += code.size;
    at += code.bytes;
  }
  return begin == kRegisters;
}

// A register becomes at least the mark's rank. nullopt: not in this encoding, and nothing was changed.
[[nodiscard]] std::optional<Change> raise(std::string& bytes, Mark mark, std::size_t bytes_max);

[[nodiscard]] std::string describe(std::string_view bytes);

}  // namespace leat::keyspace::hyper_log_log::sparse
