#pragma once

#include "protocol/api/node.h"
#include "protocol/api/problem.h"

namespace leat::api {

// Who sends a request, by basic authentication (RFC 7617); anonymous when it says nothing. Error: 401.
[[nodiscard]] runtime::Task<Outcome<security::Principal>> identify(ApiShard& shard, const http::HttpRequest& request);

// Adds what a client needs to know that is answered 401.
void add_challenge(http::HttpResponse& response);

}  // namespace leat::api
