#pragma once

#include <string_view>

namespace leat::resp {

// Whether `given` is this word, in any case. `word` is in upper case.
[[nodiscard]] constexpr bool is_word(std::string_view given, std::string_view word) {
  if (given.size() != word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const char c = given[i] >= 'a' && given[i] <= 'z' ? static_cast<char>(given[i] - ('a' - 'A')) : given[i];
    if (c != word[i]) return false;
  }
  return true;
}

}  // namespace leat::resp
