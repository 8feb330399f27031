#pragma once

#include <string>

#include "base/bytes.h"

namespace leat::queue {

// The deduplication id of a message that is told from others by its content: the SHA-256 of its body in hexadecimal.
[[nodiscard]] std::string content_id(BytesView body);

}  // namespace leat::queue
