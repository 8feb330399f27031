#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> bitmap_commands() { return {}; }

}  // namespace leat::resp
