#include "keyspace/glob.h"

#include <algorithm>

namespace leat::keyspace {
namespace {

unsigned char lowered(char c) {
  return static_cast<unsigned char>(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
}

struct Matcher {
  std::string_view pattern;
  bool ignore_case;

  [[nodiscard]] bool equal(char a, char b) const { return ignore_case ? lowered(a) == lowered(b) : a == b; }
  [[nodiscard]] bool in_range(char c, char from, char to) const {
    auto first = static_cast<unsigned char>(from);
    auto last = static_cast<unsigned char>(to);
    auto value = static_cast<unsigned char>(c);
    if (first > last) std::swap(first, last);
    if (ignore_case) {
      first = lowered(static_cast<char>(first));
      last = lowered(static_cast<char>(last));
      value = lowered(c);
    }
    return first <= value && value <= last;
  }

  // Whether the element of the pattern at `at`, which is no star, takes `c`. Moves behind the element.
  [[nodiscard]] bool takes(std::size_t& at, char c) const {
    if (pattern[at] == '?') {
      ++at;
      return true;
    }
    if (pattern[at] == '[') return class_takes(at, c);
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    return equal(pattern[at++], c);
  }

  // A class that is not closed ends with the pattern; `-` with anything behind it makes a range, even with the bracket.
  [[nodiscard]] bool class_takes(std::size_t& at, char c) const {
    ++at;
    const bool negated = at < pattern.size() && pattern[at] == '^';
    if (negated) ++at;
    bool found = false;
    for (; at < pattern.size() && pattern[at] != ']'; ++at) {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) {
        found |= pattern[++at] == c;
      } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
        found |= in_range(c, pattern[at], pattern[at + 2]);
        at += 2;
      } else {
        found |= equal(pattern[at], c);
      }
    }
    if (at < pattern.size()) ++at;
    return found != negated;
  }
};

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case) {
  constexpr std::size_t kNone = std::string_view::npos;
  if (text.empty()) return pattern.empty();
  const Matcher matcher{pattern, ignore_case};
  std::size_t at = 0;
  std::size_t position = 0;
  // After the last star, and where in the text what follows it was last tried. A star before that one need not be tried again.
  std::size_t after_star = kNone;
  std::size_t tried = 0;
  while (position < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      after_star = ++at;
      if (after_star == pattern.size()) return true;
      tried = position;
    } else if (at < pattern.size() && matcher.takes(at, text[position])) {
      ++position;
    } else if (after_star != kNone) {
      at = after_star;
      position = ++tried;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(at), pattern.end(), [](char c) { return c == '*'; });
}

}  // namespace leat::keyspace
