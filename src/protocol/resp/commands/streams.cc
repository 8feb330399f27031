#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> stream_commands() { return {}; }

}  // namespace leat::resp
