#include "protocol/resp/acl/grant_pattern.h"

#include <cctype>

namespace leat::resp {

using security::PatternType;

std::string pattern_of(const security::Grant& grant) {
  const bool is_prefix = grant.pattern == PatternType::prefixed;
  if (!is_prefix && grant.name == security::kAnyName) return "*";
  std::string pattern;
  for (const char c : grant.name) {
    if (std::string_view("*?[]\\").contains(c)) pattern += '\\';
    pattern += std::isspace(static_cast<unsigned char>(c)) != 0 ? '?' : c;
  }
  return is_prefix ? pattern + '*' : pattern;
}

std::optional<GrantedNames> granted_names(std::string_view pattern) {
  if (pattern == "*") return GrantedNames{PatternType::literal, std::string(security::kAnyName)};
  const LiteralPrefix whole = literal_prefix(pattern);
  if (whole.is_name) {
    if (whole.text == security::kAnyName) return std::nullopt;
    return GrantedNames{PatternType::literal, whole.text};
  }
  const LiteralPrefix begin = literal_prefix(pattern.substr(0, pattern.size() - 1));
  if (!pattern.ends_with('*') || !begin.is_name) return std::nullopt;
  return GrantedNames{PatternType::prefixed, begin.text};
}

LiteralPrefix literal_prefix(std::string_view pattern) {
  LiteralPrefix prefix;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '*' || c == '?' || c == '[') return prefix;
    if (c == '\\' && at + 1 < pattern.size()) ++at;
    prefix.text += pattern[at];
  }
  prefix.is_name = true;
  return prefix;
}

}  // namespace leat::resp
