#pragma once

#include "server/config/config.h"

namespace leat::server {

// Turns `listen` and `advertise` into `listeners`. Errors: invalid_config.
[[nodiscard]] Status resolve_listeners(ServerConfig& config);

// Whether only this machine can reach the address or name.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace leat::server
