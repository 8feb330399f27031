#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

// JSON as JOSE has it. Private to this module.
namespace leat::security {

// An object whose members have names of their own (RFC 7515, section 4; RFC 7519, section 4): two readers of a text with a name
// twice may see two things. nullopt for anything else.
[[nodiscard]] std::optional<nlohmann::json> parse_jose_object(std::string_view text);

// A member that is a text; nullptr: there is none, or it is something else.
[[nodiscard]] const std::string* text_member(const nlohmann::json& object, std::string_view name);

}  // namespace leat::security
