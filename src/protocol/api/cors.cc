#include "protocol/api/cors.h"

#include <algorithm>

namespace leat::api {

Cors::Cors(const std::vector<std::string>& allowed, const http::HttpRequest& request)
    : request_(request), origin_(request.header("Origin")) {
  allows_all_ = std::ranges::find(allowed, "*") != allowed.end();
  is_allowed_ = !origin_.empty() && (allows_all_ || std::ranges::find(allowed, origin_) != allowed.end());
}

bool Cors::is_preflight() const {
  return request_.method == "OPTIONS" && !origin_.empty() && !request_.header("Access-Control-Request-Method").empty();
}

http::HttpResponse Cors::preflight_response() const {
  http::HttpResponse response;
  response.status = 204;
  if (is_allowed_) {
    response.headers.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    const std::string_view wanted = request_.header("Access-Control-Request-Headers");
    if (!wanted.empty()) response.headers.emplace_back("Access-Control-Allow-Headers", wanted);
    response.headers.emplace_back("Access-Control-Max-Age", "600");
  }
  add_headers(response);
  return response;
}

void Cors::add_headers(http::HttpResponse& response) const {
  if (origin_.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  if (!is_allowed_) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", allows_all_ ? std::string_view("*") : origin_);
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "ETag, Location, Retry-After, Leat-Type, Leat-Ttl-Ms, Leat-Next, Idempotent-Replayed");
}

bool Cors::allows_origin() const {
  if (origin_.empty() || is_allowed_) return true;
  // A page of this server's own.
  const auto scheme = origin_.find("://");
  return scheme != std::string_view::npos &&
         http::equals_ignoring_case(origin_.substr(scheme + 3), request_.header("Host"));
}

}  // namespace leat::api
