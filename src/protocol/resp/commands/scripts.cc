#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> script_commands() { return {}; }

}  // namespace leat::resp
