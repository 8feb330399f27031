#pragma once

namespace leat::resp {

struct Call;

// The reply of a container's HELP: its subcommands, as the table of commands has them.
void reply_help(Call& call);

}  // namespace leat::resp
