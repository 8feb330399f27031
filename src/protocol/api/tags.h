#pragma once

#include <string>
#include <string_view>

#include "protocol/api/request.h"

// ETags, and conditions that name them (RFC 9110, section 13). A tag is "MARK" or "MARK-REST": the mark stands for what
// If-Match guards, the rest for what is shown beside and changes by itself. A mark has no '-'.
namespace leat::api {

// Of some text: the same text has the same one. It can be a mark.
[[nodiscard]] std::string digest_of(std::string_view text);
// The tag of what is shown as `shown`.
[[nodiscard]] std::string tag_of(std::string_view mark, std::string_view shown);
[[nodiscard]] std::string tag_of(std::string_view mark);

// Whether an If-Match names a tag with that mark. Weak ones guard nothing.
[[nodiscard]] bool names_mark(std::string_view condition, std::string_view mark);
// Whether an If-None-Match names that tag, as a weak one too.
[[nodiscard]] bool names_tag(std::string_view condition, std::string_view tag);

// What must hold before something is changed or deleted. Between this and the change others may change it: what is guarded
// against is a change that the client has not seen, not one that happens at the same moment. Error: 412.
[[nodiscard]] Outcome<> check_match(const Request& request, std::string_view mark);
[[nodiscard]] std::unexpected<Problem> precondition_failed();

}  // namespace leat::api
