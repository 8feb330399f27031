#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leat::security {

// Base64 of RFC 4648, section 4, with padding.
[[nodiscard]] std::string base64(std::string_view bytes);
// nullopt for anything but what base64() writes: no blanks, no missing padding, no bits that are left over.
[[nodiscard]] std::optional<std::string> base64_decoded(std::string_view text);
// The same for section 5's alphabet ("-" and "_"), without padding, as JOSE has it (RFC 7515).
[[nodiscard]] std::string base64url(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64url_decoded(std::string_view text);

}  // namespace leat::security
