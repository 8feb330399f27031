// From a request to its answer: what is asked for, by whom, whether it may, and in what form it comes back.
#include <algorithm>
#include <stdexcept>

#include "base/logging.h"
#include "protocol/api/cors.h"
#include "protocol/api/handlers.h"
#include "protocol/api/identity.h"
#include "protocol/api/live/live_shard.h"
#include "protocol/api/once.h"
#include "protocol/api/tags.h"
#include "protocol/http/codec.h"

namespace leat::api {
namespace {

using http::HttpResponse;
using runtime::Task;

constexpr int kTooManyRequests = 429;

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD"; }

// What expires may not become what does not; who may alter the cluster is asked for nothing less. Nobody in particular has nothing.
bool is_own(const Request& request) {
  return request.principal.name != security::Principal::anonymous().name &&
         request.principal.name == security::principal_of(request.text(request.operation.access.name)) &&
         (request.principal.expires == kNoTimestamp || is_safe(request.http.method));
}

Outcome<> authorize(const Request& request) {
  const Access& access = request.operation.access;
  if (access.kind == Access::Kind::own) {
    if (is_own(request)) return {};
    return request.authorize(security::Operation::alter, security::ResourceType::cluster, security::kClusterName);
  }
  if (access.kind != Access::Kind::resource) return {};
  if (!access.names_a_parameter && access.name == security::kAnyName)
    return request.authorize_all(access.operation, access.type);
  return request.authorize(access.operation, access.type,
                           access.names_a_parameter ? request.text(access.name) : std::string_view(access.name));
}

// Bodies are not looked at for those who may create nothing.
Outcome<> check_may_create(const Request& request) {
  if (request.operation.access.kind != Access::Kind::granted || request.operation.body != BodyKind::json) return {};
  using security::ResourceType;
  for (const ResourceType type : {ResourceType::cluster, ResourceType::topic, ResourceType::queue}) {
    const auto decision = request.node().policies.authorize_any(request.principal, security::Operation::create, type);
    if (decision == security::Decision::allowed) return {};
  }
  return request.authorize(security::Operation::create, ResourceType::cluster, security::kClusterName);
}

HttpResponse response_of(const IdempotencyStore::Stored& stored) {
  HttpResponse response;
  response.status = stored.status;
  response.body = stored.body;
  if (stored.content_type == "application/json") response.content_type = "application/json";
  response.headers = stored.headers;
  response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

Answer run_handler(Request& request, Handler handler) {
  try {
    co_return co_await handler(request);
  } catch (const std::exception& failure) {
    log_error("http", "{} {} failed: {}", request.http.method, request.http.path, failure.what());
    co_return refuse(500, "internal", "the server failed to answer; its log says why");
  }
}

// The answer of the handler, or of the request that came with the same idempotency key before.
Answer handle_once(Request& request, Handler handler) {
  if (request.http.source != nullptr)
    co_return refuse(400, "invalid-parameter",
                     "a stream of lines takes no idempotency key: it is not known before it ends");
  const http::HttpRequest& http = request.http;
  const OnceKey key = once_key(request.node(), request.principal, request.text("Idempotency-Key"));
  std::string fingerprint =
      digest_of(fmt::format("{} {}\n{}\n{}", http.method, http.target, request.media_type(), http.body));
  LEAT_CO_TRY(const StoredAnswer known, co_await claim_once(request.node(), key, std::move(fingerprint)));
  if (known != nullptr) {
    request.shard.stats.repeated.add();
    co_return response_of(*known);
  }
  auto answer = co_await run_handler(request, handler);
  std::shared_ptr<IdempotencyStore::Stored> stored;
  if (answer) {
    stored = std::make_shared<IdempotencyStore::Stored>();
    *stored = {answer->status, answer->body, std::string(answer->content_type), answer->headers};
  }
  co_await settle_once(request.node(), key, std::move(stored));
  co_return answer;
}

// A GET whose answer the client has already.
void make_conditional(const http::HttpRequest& request, HttpResponse& response) {
  if (response.status != 200 || !is_safe(request.method)) return;
  const std::string_view known = request.header("If-None-Match");
  if (known.empty()) return;
  for (const auto& [name, value] : response.headers) {
    if (name != "ETag" || !names_tag(known, value)) continue;
    response.status = 304;
    response.body.clear();
    return;
  }
}

HttpResponse not_found(const Match& match, std::string_view path) {
  if (match.methods.empty())
    return problem_response({404, "no-such-path", "there is nothing at this path; see /v1/openapi.json", 0}, path);
  auto response = problem_response(
      {405, "method-not-allowed", fmt::format("this path answers {}", fmt::join(match.methods, ", ")), 0}, path);
  std::string allowed = fmt::format("{}", fmt::join(match.methods, ", "));
  if (std::ranges::find(match.methods, "GET") != match.methods.end()) allowed += ", HEAD";
  response.headers.emplace_back("Allow", allowed);
  return response;
}

}  // namespace

// A request that is being answered counts for its principal as long as this lasts.
class ApiShard::Admission {
 public:
  Admission(ApiShard& shard, const std::string& principal)
      : shard_(shard), at_(shard.in_flight_.try_emplace(principal).first) {
    ++at_->second;
  }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  ~Admission() {
    if (--at_->second == 0) shard_.in_flight_.erase(at_);
    shard_.request_done_.notify_all();
  }
  [[nodiscard]] bool is_too_many() const { return at_->second > shard_.node.options.requests_per_user_max; }

 private:
  ApiShard& shard_;
  std::map<std::string, std::size_t>::iterator at_;
};

ApiShard::ApiShard(const ApiNode& of, stream::StreamShard& of_streams, queue::QueueShard& of_queues)
    : node(of),
      streams(of_streams),
      queues(of_queues),
      logins("http", of.policies),
      credentials(logins, of.policies),
      quotas("http", of.policies),
      quota_gate(quotas),
      live(std::make_unique<LiveShard>(*this)) {
  for (const ApiOperation& operation : document.operations()) {
    if (find_handler(operation.id) == nullptr)
      throw std::logic_error(fmt::format("openapi.yaml: nothing does '{}'", operation.id));
    stats.requests[operation.id];
  }
}

ApiShard::~ApiShard() = default;

bool ApiShard::streams_body(const http::HttpRequest& head) const {
  if (media_type_of(head) != kLinesType) return false;
  const Match match = document.match(head.method, head.path);
  return match.operation != nullptr && match.operation->body == BodyKind::streamed;
}

void ApiShard::start() { live->start(); }

Task<> ApiShard::stop(MonoTime deadline) {
  is_stopping_ = true;
  logins.begin_stop();
  co_await live->stop();
  while (!in_flight_.empty()) {
    const bool is_woken = co_await request_done_.wait_until(deadline);
    if (!is_woken) break;
  }
}

Answer ApiShard::handle(Request& request, const std::vector<std::string_view>& segments) {
  LEAT_CO_CHECK(request.read_parameters(segments));
  LEAT_CO_TRY(request.principal, co_await identify(request));
  const Admission admission(*this, request.principal.name);
  if (admission.is_too_many())
    co_return std::unexpected(Problem{kTooManyRequests, "too-many-requests", "too many requests are under way", 1});
  if (const Duration wait = quota_gate.admit(request.principal, request.http.body.size()); wait > Duration{0})
    co_return std::unexpected(quota_exceeded(wait));
  LEAT_CO_CHECK(authorize(request));
  LEAT_CO_CHECK(check_may_create(request));
  if (request.operation.body == BodyKind::json) LEAT_CO_CHECK(request.read_body());
  const Handler handler = find_handler(request.operation.id);
  if (!request.has("Idempotency-Key")) co_return co_await run_handler(request, handler);
  co_return co_await handle_once(request, handler);
}

Task<HttpResponse> ApiShard::answer(const http::HttpRequest& request) {
  const Cors cors(node.options.cors_origins, request);
  if (is_stopping_) co_return problem_response({503, "stopping", "the server stops", 1}, request.path);
  if (cors.is_preflight()) co_return cors.preflight_response();
  if (!is_safe(request.method) && !cors.allows_origin()) {
    stats.problems.add();
    co_return problem_response({403, "origin-denied", "pages of this origin may change nothing (http.cors_origins)", 0},
                               request.path);
  }
  HttpResponse response;
  const Match match = document.match(request.method, request.path);
  if (match.operation == nullptr) {
    stats.problems.add();
    response = not_found(match, request.path);
  } else {
    stats.requests.find(match.operation->id)->second.add();
    Request call(*this, request, *match.operation);
    auto answer = co_await handle(call, match.values);
    response = answer ? std::move(*answer) : refused(answer.error(), request);
    make_conditional(request, response);
    quota_gate.charge_out(call.principal, response.body.size());
  }
  cors.add_headers(response);
  co_return response;
}

HttpResponse ApiShard::refused(const Problem& problem, const http::HttpRequest& request) {
  stats.problems.add();
  if (problem.status == kTooManyRequests) stats.throttled.add();
  if (problem.status >= 500) {
    bad_input.write(shard().now(), LogLevel::warning, "http", "{} {}: {}", request.method, request.path,
                    problem.detail);
  } else {
    bad_input.write(shard().now(), LogLevel::info, "http", "{}: {} {} refused with {}: {}", request.peer,
                    request.method, request.path, problem.status, problem.detail);
  }
  HttpResponse response = problem_response(problem, request.path);
  if (problem.status == 401) add_challenge(response);
  return response;
}

}  // namespace leat::api
