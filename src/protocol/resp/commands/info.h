#pragma once

namespace leat::resp {

struct Call;

// INFO: what the server is and does, in sections (https://redis.io/commands/info/).
void info(Call& call);

}  // namespace leat::resp
