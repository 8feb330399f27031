#include "protocol/http/handlers.h"

#include "protocol/http/credentials.h"

namespace leat::http {
namespace {

runtime::Task<HttpResponse> answer_health() { co_return text_response(200, "alive"); }

runtime::Task<HttpResponse> answer_ready(const NotReady& not_ready) {
  const auto reasons = not_ready();
  if (reasons.empty()) co_return text_response(200, "ready");
  co_return text_response(503, fmt::format("not ready: {}", fmt::join(reasons, "; ")));
}

HttpResponse unauthorized() {
  HttpResponse response = text_response(401, "a user and a password, or a token, are needed, or others than these");
  response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="leat", charset="UTF-8")");
  return response;
}

runtime::Task<HttpResponse> answer_metrics(const HttpRequest& request, const observe::MetricsRegistry& metrics,
                                           const security::Authorizer& authorizer, security::Logins& logins) {
  const security::Resource cluster{security::ResourceType::cluster, security::kClusterName};
  const std::string peer(request.peer);
  security::Principal principal = security::Principal::anonymous(security::host_of(peer));
  auto credentials = basic_credentials(request);
  const auto token = bearer_token(request);
  if (token) {
    auto owner = co_await logins.check_token(std::string(*token), peer);
    if (!owner) co_return unauthorized();
    principal = std::move(*owner);
  } else if (credentials) {
    auto user = co_await logins.check_password(std::move(credentials->first), std::move(credentials->second), peer);
    if (!user) co_return unauthorized();
    principal = std::move(*user);
  } else if (!request.certified_name.empty()) {
    principal = logins.by_certificate(request.certified_name, request.certified_until, peer).value_or(principal);
  }
  if (!authorizer.allows(principal, security::Operation::describe, cluster)) {
    logins.refused(principal, security::Operation::describe, cluster);
    if (principal.name == security::Principal::anonymous().name) co_return unauthorized();
    co_return text_response(403, "the metrics are not for everyone; ask for the right to describe the cluster");
  }
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = co_await metrics.render();
  co_return response;
}

runtime::Task<HttpResponse> answer_text(std::string text) { co_return text_response(200, text); }

std::string index_of(const Router& router) {
  std::string text = "leat\n";
  for (const auto& route : router.routes())
    text += fmt::format("\n{} {:<10} {}", route.method, route.path, route.summary);
  return text;
}

}  // namespace

Router admin_routes(NotReady not_ready, const observe::MetricsRegistry& metrics,
                    std::shared_ptr<const security::Authorizer> authorizer, security::Logins& logins) {
  Router router;
  router.add({"GET", "/healthz", "200 while the process answers", [](const HttpRequest&) { return answer_health(); }});
  router.add({"GET", "/readyz", "200 while the server serves, 503 with the reasons when it does not",
              [not_ready = std::move(not_ready)](const HttpRequest&) { return answer_ready(not_ready); }});
  router.add({"GET", "/metrics", "everything that is counted, as Prometheus reads it",
              [&metrics, &logins, authorizer = std::move(authorizer)](const HttpRequest& request) {
                return answer_metrics(request, metrics, *authorizer, logins);
              }});
  router.add({"GET", "/", "this page", [text = index_of(router)](const HttpRequest&) { return answer_text(text); }});
  return router;
}

}  // namespace leat::http
