#pragma once

#include <string>
#include <string_view>

namespace leat {

// Appends a JSON string (RFC 8259), with quotes around it, of a text that is UTF-8.
void append_json_text(std::string_view text, std::string& out);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace leat
