#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/http/message.h"

namespace leat::http {

// The name and the password of basic authentication (RFC 7617), both empty if what is sent makes no sense; nullopt: the request
// has none.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> basic_credentials(const HttpRequest& request);
// The token that a request comes with (RFC 6750); nullopt: none.
[[nodiscard]] std::optional<std::string_view> bearer_token(const HttpRequest& request);

}  // namespace leat::http
