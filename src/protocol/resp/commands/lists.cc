#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> list_commands() { return {}; }

}  // namespace leat::resp
