#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> command_info_commands() { return {}; }

}  // namespace leat::resp
