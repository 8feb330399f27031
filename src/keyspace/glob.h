#pragma once

#include <string_view>

namespace leat::keyspace {

// Whether `text` matches a pattern as KEYS, SCAN and PSUBSCRIBE take them: `*` is any bytes, `?` any one, `[ab]`, `[^ab]` and
// `[a-z]` one of those or none of them, and a backslash takes the next byte as it is. The time it takes is at most the
// product of the two sizes. As in Redis, nothing but "*" and the empty pattern matches the empty text.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case = false);

}  // namespace leat::keyspace
