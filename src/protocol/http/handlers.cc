#include "protocol/http/handlers.h"

namespace leat::http {
namespace {

runtime::Task<HttpResponse> answer_health() { co_return text_response(200, "alive"); }

runtime::Task<HttpResponse> answer_ready(const NotReady& not_ready) {
  const auto reasons = not_ready();
  if (reasons.empty()) co_return text_response(200, "ready");
  co_return text_response(503, fmt::format("not ready: {}", fmt::join(reasons, "; ")));
}

runtime::Task<HttpResponse> answer_metrics(const observe::MetricsRegistry& metrics,
                                           const security::Authorizer& authorizer) {
  const security::Resource cluster{security::ResourceType::cluster, security::kClusterName};
  if (!authorizer.allows(security::Principal::anonymous(), security::Operation::describe, cluster)) {
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
                    std::shared_ptr<const security::Authorizer> authorizer) {
  Router router;
  router.add({"GET", "/healthz", "200 while the process answers", [](const HttpRequest&) { return answer_health(); }});
  router.add({"GET", "/readyz", "200 while the server serves, 503 with the reasons when it does not",
              [not_ready = std::move(not_ready)](const HttpRequest&) { return answer_ready(not_ready); }});
  router.add({"GET", "/metrics", "everything that is counted, as Prometheus reads it",
              [&metrics, authorizer = std::move(authorizer)](const HttpRequest&) {
                return answer_metrics(metrics, *authorizer);
              }});
  router.add({"GET", "/", "this page", [text = index_of(router)](const HttpRequest&) { return answer_text(text); }});
  return router;
}

}  // namespace leat::http
