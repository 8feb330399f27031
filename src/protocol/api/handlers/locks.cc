#include <nlohmann/json.hpp>

#include "protocol/api/commands.h"
#include "protocol/api/handlers.h"

namespace leat::api {
namespace {

using resp::ReplyValue;
using runtime::Task;
using security::Operation;
using security::ResourceType;

std::unexpected<Problem> not_held() {
  return refuse(409, "not-held", "nobody holds the lock with this token any more");
}

bool is_one(const ReplyValue& reply) { return reply.integer() != nullptr && *reply.integer() == 1; }

}  // namespace

Answer get_lock(Request& request) {
  const std::string lock(request.text("lock"));
  LEAT_CO_TRY(const ReplyValue reply, co_await run_command(request, {"LOCK.INFO", lock}));
  if (reply.map() == nullptr) co_return refuse(404, "not-found", "nobody holds the lock");
  Json body{{"lock", lock}};
  for (const auto& [name, value] : reply.map()->pairs)
    body[*name.text() == "ttl" ? "ttl_ms" : *name.text()] = json_of(value);
  co_return json_response(200, body);
}

Answer acquire_lock(Request& request) {
  const Json& body = *request.body;
  const std::int64_t ttl = body.at("ttl_ms");
  std::vector<std::string> words{"LOCK.ACQUIRE", std::string(request.text("lock"))};
  for (const Json& key : body.value("keys", Json::array())) {
    LEAT_CO_CHECK(request.authorize(Operation::write, ResourceType::lock, key.get_ref<const std::string&>()));
    words.push_back(key);
  }
  words.insert(words.end(), {"TTL", fmt::format("{}", ttl)});
  if (const auto wait = body.value("wait_ms", std::int64_t{0}); wait > 0)
    words.insert(words.end(), {"WAIT", fmt::format("{}", wait)});
  if (const auto owner = body.find("owner"); owner != body.end())
    words.insert(words.end(), {"OWNER", owner->get<std::string>()});
  API_TRY(const ReplyValue reply, co_await run_waiting_command(request, std::move(words), local_options(request, 0)));
  if (const auto* failure = reply.failure()) co_return std::unexpected(problem_of_reply(failure->text));
  if (reply.integer() == nullptr) co_return refuse(409, "lock-held", "somebody else holds it; GET tells who");
  if (request.http.presence->is_gone() && !request.has("Idempotency-Key")) {
    // Nobody knows of it, nor will: it would be held for nothing.
    std::vector<std::string> release{"LOCK.RELEASE", std::string(request.text("lock")),
                                     fmt::format("{}", *reply.integer())};
    (void)co_await run_command(request, std::move(release));
  }
  co_return json_response(201, {{"token", *reply.integer()}, {"ttl_ms", ttl}});
}

Answer extend_lock(Request& request) {
  const std::int64_t token = request.body->at("token");
  const std::int64_t ttl = request.body->at("ttl_ms");
  LEAT_CO_TRY(const ReplyValue reply,
              co_await run_command(request, {"LOCK.EXTEND", std::string(request.text("lock")), fmt::format("{}", token),
                                             "TTL", fmt::format("{}", ttl)}));
  if (!is_one(reply)) co_return not_held();
  co_return json_response(200, {{"token", token}, {"ttl_ms", ttl}});
}

Answer release_lock(Request& request) {
  LEAT_CO_TRY(const ReplyValue reply, co_await run_command(request, {"LOCK.RELEASE", std::string(request.text("lock")),
                                                                     std::string(request.text("token"))}));
  if (!is_one(reply)) co_return not_held();
  co_return empty_response();
}

}  // namespace leat::api
