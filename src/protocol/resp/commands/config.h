#pragma once

namespace leat::resp {

struct Call;

// CONFIG and its subcommands (https://redis.io/commands/config-get/ and those beside it).
void config_get(Call& call);
void config_set(Call& call);
void config_resetstat(Call& call);
void config_rewrite(Call& call);
void config_help(Call& call);

}  // namespace leat::resp
