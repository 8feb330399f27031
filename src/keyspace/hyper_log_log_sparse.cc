#include "keyspace/hyper_log_log_sparse.h"

#include <fmt/format.h>

namespace leat::keyspace::hyper_log_log::sparse {
namespace {

constexpr std::size_t kNowhere = 0;

// How far from the change runs of equal registers are looked for, in codes.
constexpr int kMergedCodes = 5;

char values_code(std::uint8_t value, std::size_t size) {
  return static_cast<char>(0x80U | (value - 1U) << 2 | static_cast<unsigned>(size - 1));
}

// The code that takes the place of one, in which the register `index` (counted within it) becomes `rank`.
std::string split(const Code& code, std::size_t index, std::uint8_t rank) {
  std::string codes;
  const auto append = [&codes, &code](std::size_t size) {
    if (size == 0) return;
    code.value == 0 ? append_zeros(codes, size) : append_values(codes, code.value, size);
  };
  append(index);
  append_values(codes, rank, 1);
  append(code.size - index - 1);
  return codes;
}

// Joins neighbours of the same value, as far as they fit into one code, from `at` on.
void merge_values(std::string& bytes, std::size_t at) {
  for (int left = kMergedCodes; left > 0 && at < bytes.size(); --left) {
    const Code code = read(bytes, at);
    if (code.value != 0 && at + 1 < bytes.size()) {
      const Code following = read(bytes, at + 1);
      if (following.value == code.value && code.size + following.size <= kValuesMax) {
        bytes[at] = values_code(code.value, code.size + following.size);
        bytes.erase(at + 1, 1);
        continue;  // perhaps with the next one, too
      }
    }
    at += code.bytes;
  }
}

}  // namespace

void append_zeros(std::string& codes, std::size_t size) {
  if (size > kShortZerosMax) {
    codes += static_cast<char>(0x40U | static_cast<unsigned>((size - 1) >> 8));
    codes += static_cast<char>((size - 1) & 0xff);
  } else {
    codes += static_cast<char>(size - 1);
  }
}

void append_values(std::string& codes, std::uint8_t value, std::size_t size) { codes += values_code(value, size); }

std::optional<Change> raise(std::string& bytes, Mark mark, std::size_t bytes_max) {
  if (mark.rank > kValueMax) return std::nullopt;
  std::size_t at = kHeaderBytes;
  std::size_t previous = kNowhere;
  std::size_t begin = 0;
  Code code{};
  for (;; at += code.bytes) {
    if (at >= bytes.size()) return Change::corrupt;
    code = read(bytes, at);
    if (mark.index < begin + code.size) break;
    begin += code.size;
    previous = at;
  }
  if (code.value >= mark.rank) return Change::none;
  const std::string codes = split(code, mark.index - begin, mark.rank);
  if (codes.size() > code.bytes && bytes.size() + codes.size() - code.bytes > bytes_max) return std::nullopt;
  bytes.replace(at, code.bytes, codes);
  merge_values(bytes, previous == kNowhere ? kHeaderBytes : previous);
  return Change::raised;
}

std::string describe(std::string_view bytes) {
  std::string text;
  for (std::size_t at = kHeaderBytes; at < bytes.size();) {
    const Code code = read(bytes, at);
    if (!text.empty()) text += ' ';
    if (code.value != 0) {
      text += fmt::format("v:{},{}", code.value, code.size);
    } else {
      text += fmt::format("{}:{}", code.bytes == 1 ? 'z' : 'Z', code.size);
    }
    at += code.bytes;
  }
  return text;
}

}  // namespace leat::keyspace::hyper_log_log::sparse
