#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> acl_commands() { return {}; }

}  // namespace leat::resp
