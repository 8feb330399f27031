#pragma once

#include "base/result.h"
#include "protocol/resp/command.h"
#include "protocol/resp/parser.h"

namespace leat::resp {

// Which commands can be executed without a connection, by its category and flags in the table of commands: not those that
// change what a connection is (its protocol, user, transaction, subscriptions, caching), nor those of replication. `administers`:
// also those of @admin. `in_unit`: as one of several in a unit: no scripts, and none that MULTI refuses.
struct LocalRules {
  bool administers = false;
  bool in_unit = false;
};

// The command, or subcommand, that the words are. Errors: invalid_argument (there is none, or not with so many words),
// permission_denied (it may not be executed so). From any shard.
[[nodiscard]] Result<const Command*> look_up_local(Arguments words, const LocalRules& rules);

}  // namespace leat::resp
