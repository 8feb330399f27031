#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/message.h"
#include "security/policies.h"

namespace leat::api {

// Whether a Host header names this machine whoever resolves it: an address, localhost, or a host of `origins`
// (http.cors_origins; "*": all). One that is empty is of no browser.
[[nodiscard]] bool is_own_host(std::string_view host, const std::vector<std::string>& origins);

// Whether a request may be of a page whose name was made to lead to this machine (DNS rebinding): to its browser that page is of
// this server's own origin, and while there is no user nothing else keeps it out. So who comes from this machine then has to
// name its own host. Over TLS browsers have checked the name.
[[nodiscard]] bool is_misdirected(const http::HttpRequest& request, const std::vector<std::string>& origins,
                                  const security::Policies& policies);
// Refuses it: 421.
[[nodiscard]] http::HttpResponse misdirected_response(const http::HttpRequest& request);

}  // namespace leat::api
