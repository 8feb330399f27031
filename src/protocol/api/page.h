#pragma once

#include <optional>

#include "protocol/http/message.h"

namespace leat::api {

// The page for people at "/": what is running, refreshed as they look at it. nullopt: the request is for something else, or not
// of a browser.
[[nodiscard]] std::optional<http::HttpResponse> find_page(const http::HttpRequest& request);

}  // namespace leat::api
