#include "protocol/api/page.h"

#include "protocol/api/document.h"

namespace leat::api {

std::optional<http::HttpResponse> find_page(const http::HttpRequest& request) {
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (request.path != "/" || !is_get) return std::nullopt;
  if (request.header("Accept").find("text/html") == std::string_view::npos) return std::nullopt;
  http::HttpResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.headers.emplace_back(
      "Content-Security-Policy",
      "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.body = kPageText;
  return response;
}

}  // namespace leat::api
