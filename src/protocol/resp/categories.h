#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp/command.h"

namespace leat::resp {

// All categories of a command: those of its row, and those that follow from its flags.
[[nodiscard]] std::uint32_t categories_of(const Command& command);
// The same as names with @.
[[nodiscard]] std::vector<std::string> category_names(const Command& command);
// The name of one category, without @.
[[nodiscard]] std::string_view category_name(std::uint32_t category);
// A category's name without @, in any case.
[[nodiscard]] std::optional<std::uint32_t> parse_category(std::string_view name);

}  // namespace leat::resp
