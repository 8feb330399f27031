#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> hash_commands() { return {}; }

}  // namespace leat::resp
