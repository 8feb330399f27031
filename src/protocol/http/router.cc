#include "protocol/http/router.h"

namespace leat::http {
runtime::Task<HttpResponse> Router::handle(const HttpRequest& request) const {
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  std::string allowed;
  for (const auto& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == method) co_return co_await route.handler(request);
    allowed += fmt::format("{}{}{}", allowed.empty() ? "" : ", ", route.method, route.method == "GET" ? ", HEAD" : "");
  }
  if (allowed.empty()) co_return text_response(404, "nothing is at this path; GET / lists what is here");
  auto response = text_response(405, fmt::format("this path answers {}", allowed));
  response.headers.emplace_back("Allow", allowed);
  co_return response;
}

}  // namespace leat::http
