#pragma once

#include "protocol/api/node.h"
#include "protocol/api/problem.h"

namespace leat::api {

// Who sends a request: by basic authentication (RFC 7617), by a token (RFC 6750) in the header or, for those who cannot send it,
// in the parameter `access_token`, which the caller has decoded; anonymous when it says nothing. Error: 401.
[[nodiscard]] runtime::Task<Outcome<security::Principal>> identify(ApiShard& shard, const http::HttpRequest& request,
                                                                   std::string_view access_token);

// Adds what a client needs to know that is answered 401.
void add_challenge(http::HttpResponse& response);

}  // namespace leat::api
