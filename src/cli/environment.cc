#include "cli/environment.h"

#include <cstdlib>

namespace leat::cli {

std::string environment(Variable variable, std::string_view otherwise) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment
  const char* value = std::getenv(variable.name());
  return value == nullptr || *value == '\0' ? std::string(otherwise) : std::string(value);
}

}  // namespace leat::cli
