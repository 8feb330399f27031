#include "protocol/http/router.h"

#include "base/logging.h"

namespace leat::http {
namespace {

runtime::Task<HttpResponse> call(const Handler& handler, const HttpRequest& request) {
  try {
    co_return co_await handler(request);
  } catch (const std::exception& failure) {
    log_error("http", "{} {} failed: {}", request.method, request.path, failure.what());
  }
  co_return text_response(500, "the server failed to answer; its log says why");
}

}  // namespace

runtime::Task<HttpResponse> Router::handle(const HttpRequest& request) const {
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  std::string allowed;
  for (const auto& route : routes_) {
    if (route.path != request.path) continue;
    if (route.method == method) co_return co_await call(route.handler, request);
    allowed += fmt::format("{}{}{}", allowed.empty() ? "" : ", ", route.method, route.method == "GET" ? ", HEAD" : "");
  }
  if (allowed.empty()) co_return text_response(404, "nothing is at this path; GET / lists what is here");
  auto response = text_response(405, fmt::format("this path answers {}", allowed));
  response.headers.emplace_back("Allow", allowed);
  co_return response;
}

}  // namespace leat::http
