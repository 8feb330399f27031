#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "security/grant.h"

namespace leat::resp {

// A pattern of Redis that matches the names which the grant is about. Rules cannot have blanks: they are written as '?'.
[[nodiscard]] std::string pattern_of(const security::Grant& grant);

// The names that a pattern matches, as grants say it; nullopt: no grant says so, since they are neither one name nor all that
// begin alike.
struct GrantedNames {
  security::PatternType type = security::PatternType::literal;
  std::string name;
};
[[nodiscard]] std::optional<GrantedNames> granted_names(std::string_view pattern);

// What all names that match a pattern begin with. `is_name`: only the name that it returns matches.
struct LiteralPrefix {
  std::string text;
  bool is_name = false;
};
[[nodiscard]] LiteralPrefix literal_prefix(std::string_view pattern);

}  // namespace leat::resp
