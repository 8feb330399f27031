#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> client_commands() { return {}; }

}  // namespace leat::resp
