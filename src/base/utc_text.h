#pragma once

#include <string>

#include "base/types.h"

namespace leat {

// "2026-03-01T12:30:05.250Z" (RFC 3339); of 1970 on.
[[nodiscard]] std::string utc_text(Timestamp time);

}  // namespace leat
