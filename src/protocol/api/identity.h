#pragma once

#include "protocol/api/request.h"

namespace leat::api {

// Who sends a request, by basic authentication (RFC 7617) or a bearer token (RFC 6750), which operations that browsers call without
// headers take as a parameter too; otherwise whom the client's certificate names, or nobody. Error: 401.
[[nodiscard]] runtime::Task<Outcome<security::Principal>> identify(const Request& request);

// Adds what a client needs to know that is answered 401.
void add_challenge(http::HttpResponse& response);

}  // namespace leat::api
