#include "protocol/api/identity.h"

#include "protocol/http/basic_credentials.h"

namespace leat::api {
namespace {

std::unexpected<Problem> unauthenticated(std::string_view what) {
  return refuse(401, "unauthenticated", std::string(what));
}

}  // namespace

runtime::Task<Outcome<security::Principal>> identify(ApiShard& shard, const http::HttpRequest& request) {
  if (request.header("Authorization").empty())
    co_return security::Principal::anonymous(security::host_of(request.peer));
  auto credentials = http::basic_credentials(request);
  if (!credentials) co_return unauthenticated("say who you are by basic authentication");
  auto user = co_await shard.passwords.check(std::move(credentials->first), std::move(credentials->second),
                                             std::string(request.peer));
  if (!user) co_return unauthenticated(user.error().message);
  co_return std::move(*user);
}

void add_challenge(http::HttpResponse& response) {
  response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="leat", charset="UTF-8")");
}

}  // namespace leat::api
