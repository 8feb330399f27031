#include "protocol/api/identity.h"

#include "protocol/http/basic_credentials.h"

namespace leat::api {
namespace {

constexpr std::string_view kBearer = "Bearer ";

std::unexpected<Problem> unauthenticated(std::string_view what) {
  return refuse(401, "unauthenticated", std::string(what));
}

bool is_bearer(std::string_view header) {
  return header.size() > kBearer.size() && http::equals_ignoring_case(header.substr(0, kBearer.size()), kBearer);
}

}  // namespace

runtime::Task<Outcome<security::Principal>> identify(ApiShard& shard, const http::HttpRequest& request,
                                                     std::string_view access_token) {
  const std::string_view header = request.header("Authorization");
  if (header.empty() && access_token.empty()) co_return security::Principal::anonymous(security::host_of(request.peer));
  if (is_bearer(header) || !access_token.empty()) co_return unauthenticated("tokens are not known here");
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
