#include "protocol/resp/notifications.h"

#include <array>
#include <utility>

namespace leat::resp {
namespace {

using enum EventClass;

constexpr std::array<std::pair<char, EventClass>, 14> kLetters{{
    {'g', generic},
    {'$', string},
    {'l', list},
    {'s', set},
    {'h', hash},
    {'z', zset},
    {'x', expired},
    {'e', evicted},
    {'t', stream},
    {'d', module},
    {'K', keyspace},
    {'E', keyevent},
    {'m', key_miss},
    {'n', new_key},
}};
constexpr std::size_t kInAll = 10;  // the first of kLetters

constexpr std::uint32_t all_classes() {
  std::uint32_t classes = 0;
  for (std::size_t i = 0; i < kInAll; ++i) classes |= static_cast<std::uint32_t>(kLetters[i].second);
  return classes;
}

}  // namespace

std::optional<std::uint32_t> parse_event_classes(std::string_view letters) {
  std::uint32_t classes = 0;
  for (const char letter : letters) {
    if (letter == 'A') {
      classes |= all_classes();
      continue;
    }
    std::uint32_t found = 0;
    for (const auto& [known, event_class] : kLetters) {
      if (known == letter) found = static_cast<std::uint32_t>(event_class);
    }
    if (found == 0) return std::nullopt;
    classes |= found;
  }
  return classes;
}

std::string format_event_classes(std::uint32_t classes) {
  std::string letters;
  const bool all = (classes & all_classes()) == all_classes();
  if (all) letters += 'A';
  for (std::size_t i = all ? kInAll : 0; i < kLetters.size(); ++i) {
    if (all && kLetters[i].second == EventClass::new_key) continue;  // Redis does not tell of it either
    if ((classes & static_cast<std::uint32_t>(kLetters[i].second)) != 0) letters += kLetters[i].first;
  }
  return letters;
}

}  // namespace leat::resp
