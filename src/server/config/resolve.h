#pragma once

#include "server/config/config.h"

namespace leat::server {

// Turns `listen` and `advertise` into `listeners`. Errors: invalid_config.
[[nodiscard]] Status resolve_listeners(ServerConfig& config);

// Whether only this machine can reach the address or name.
// Whether nobody can reach a listener whose protocol knows leat's users, of whom there are none: then it lets everyone in.
// Error: invalid_config.
[[nodiscard]] Status check_listeners_without_users(const ServerConfig& config);

[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace leat::server
