#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> geo_commands() { return {}; }

}  // namespace leat::resp
