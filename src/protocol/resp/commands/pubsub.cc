#include "protocol/resp/registry.h"

namespace leat::resp {

std::span<const Command> pubsub_commands() { return {}; }

}  // namespace leat::resp
