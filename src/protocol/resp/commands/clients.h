#pragma once

#include <string>
#include <string_view>

namespace leat::resp {

struct Call;
class Client;
class Executor;

// False: it replied that a client cannot have this name.
[[nodiscard]] bool check_client_name(Call& call, std::string_view name);

// One line of CLIENT LIST, without its end.
[[nodiscard]] std::string describe_client(Executor& executor, const Client& client);

// Handlers of CLIENT's subcommands that are in files of their own.
void client_info(Call& call);
void client_kill(Call& call);
void client_list(Call& call);

void client_caching(Call& call);
void client_getredir(Call& call);
void client_tracking(Call& call);
void client_trackinginfo(Call& call);

}  // namespace leat::resp
