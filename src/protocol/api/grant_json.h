#pragma once

#include "protocol/api/request.h"
#include "security/grant.h"

namespace leat::api {

[[nodiscard]] Json json_of(const security::Grant& grant);
// Of a rule in a request's body, which has been checked against the document.
[[nodiscard]] security::Grant grant_of(const std::string& principal, const Json& rule);

}  // namespace leat::api
