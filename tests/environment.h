#pragma once

#include <cstdint>
#include <cstdlib>

namespace leat::testing {

// A number from the environment (LEAT_SEED and the like), or `otherwise`.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

}  // namespace leat::testing
