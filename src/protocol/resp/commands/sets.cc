#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> set_commands() { return {}; }

}  // namespace leat::resp
