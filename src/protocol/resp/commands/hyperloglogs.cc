#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> hyperloglog_commands() { return {}; }

}  // namespace leat::resp
