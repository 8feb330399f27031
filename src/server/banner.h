#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace leat::server {

// An address that a server listens on.
struct BoundEndpoint {
  ListenerProtocol protocol = ListenerProtocol::kafka;
  std::string host;
  std::uint16_t port = 0;
  bool is_tls = false;
};

// How to make the first user, of a server that listens on these.
[[nodiscard]] std::string first_user_hint(const std::vector<BoundEndpoint>& endpoints);

// Tells the person at the terminal where the server is and what to try; nothing when standard output is not a terminal. `is_open`:
// there are no users, so everyone may do everything.
void print_banner(const ServerConfig& config, const std::vector<BoundEndpoint>& endpoints, bool is_open);

}  // namespace leat::server
