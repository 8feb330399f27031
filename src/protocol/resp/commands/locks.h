#pragma once

#include <string>

#include "protocol/resp/command.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

// FENCE key token: what follows it in a transaction happens only if nobody has acquired the lock with a newer token.
[[nodiscard]] bool is_fence(const Command& command);
// Why the writes behind this fence must not happen, as a reply has it; empty: they may. `arguments` are FENCE's.
[[nodiscard]] std::string fence_refusal(Executor& executor, Arguments arguments);

}  // namespace leat::resp
