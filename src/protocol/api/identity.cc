#include "protocol/api/identity.h"

#include "protocol/http/credentials.h"

namespace leat::api {
namespace {

constexpr std::string_view kTokenParameter = "access_token";

std::unexpected<Problem> unauthenticated(std::string_view what) {
  return refuse(401, "unauthenticated", std::string(what));
}

// Who comes too often may come again: that says nothing of what they came with.
std::unexpected<Problem> not_let_in(const Error& error) {
  if (error.code == Errc::would_block) return refuse(error);
  return unauthenticated(error.message);
}

runtime::Task<Outcome<security::Principal>> check_token(const Request& request, std::string token) {
  auto owner = co_await request.shard.credentials.check_token(std::move(token), std::string(request.http.peer));
  if (!owner) co_return not_let_in(owner.error());
  co_return std::move(*owner);
}

security::Principal without_credentials(const Request& request) {
  const std::string peer(request.http.peer);
  if (!request.http.certified_name.empty()) {
    if (auto principal =
            request.shard.logins.by_certificate(request.http.certified_name, request.http.certified_until, peer))
      return *principal;
  }
  return security::Principal::anonymous(security::host_of(peer));
}

}  // namespace

runtime::Task<Outcome<security::Principal>> identify(const Request& request) {
  if (const auto token = http::bearer_token(request.http)) co_return co_await check_token(request, std::string(*token));
  const std::string_view header = request.http.header("Authorization");
  if (header.empty() && request.has(kTokenParameter))
    co_return co_await check_token(request, std::string(request.text(kTokenParameter)));
  if (header.empty()) co_return without_credentials(request);
  auto credentials = http::basic_credentials(request.http);
  if (!credentials) co_return unauthenticated("say who you are by basic authentication, or with a bearer token");
  auto user = co_await request.shard.credentials.check_password(
      std::move(credentials->first), std::move(credentials->second), std::string(request.http.peer));
  if (!user) co_return not_let_in(user.error());
  co_return std::move(*user);
}

void add_challenge(http::HttpResponse& response) {
  response.headers.emplace_back("WWW-Authenticate", R"(Bearer realm="leat")");
  // Last: it is what people have in browsers, for clients that look at one only.
  response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="leat", charset="UTF-8")");
}

}  // namespace leat::api
