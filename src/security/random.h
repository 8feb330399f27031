#pragma once

#include <string>

namespace leat::security {

// Random bytes from the system, for salts, nonces and secrets that no simulation sees.
[[nodiscard]] std::string random_bytes(std::size_t size);

}  // namespace leat::security
