#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

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

// The words of a text with blanks between them; views of it.
[[nodiscard]] inline std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace leat::resp
