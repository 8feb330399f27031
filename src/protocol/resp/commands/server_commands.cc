#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> server_commands() { return {}; }

}  // namespace leat::resp
