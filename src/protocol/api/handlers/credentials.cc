// Tokens and access keys: what proves that a request is a user's.
#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/policy_calls.h"
#include "runtime/shard.h"
#include "security/token.h"

namespace leat::api {
namespace {

using security::AccessKey;
using security::Token;
using security::User;

Json json_of(const Token& token) {
  Json json{{"id", token.id}, {"note", token.note}, {"created", token.created.value()}};
  if (token.expires != kNoTimestamp) json["expires"] = token.expires.value();
  return json;
}

Json json_of(const AccessKey& key) { return {{"id", key.id}, {"note", key.note}, {"created", key.created.value()}}; }

// Of the user that the path names, in the order in which they were made. Error: there is none.
template <class T>
Outcome<http::HttpResponse> list_of(const Request& request, std::vector<T> User::* credentials) {
  const security::PolicyPtr policy = request.node().policies.current();
  const User* user = policy->find_user(request.text("user"));
  if (user == nullptr) return refuse(404, "not-found", fmt::format("there is no user '{}'", request.text("user")));
  std::map<std::string, const T*> in_order;
  for (const T& each : user->*credentials)
    in_order.emplace(fmt::format("{:016} {}", each.created.value(), each.id), &each);
  Page page(request);
  for (const auto& [name, each] : in_order) {
    if (!page.add(name, [&] { return json_of(*each); })) break;
  }
  return page.response();
}

template <class T>
Answer remove_from(Request& request, std::vector<T> User::* credentials, std::string_view parameter,
                   std::string_view what) {
  const std::string id(request.text(parameter));
  const std::function<Status(User&)> remove = [&](User& user) -> Status {
    if (std::erase_if(user.*credentials, [&](const T& each) { return each.id == id; }) > 0) return {};
    return fail(Errc::not_found, fmt::format("user '{}' has no {} '{}'", user.name, what, id));
  };
  API_CHECK(co_await change_existing(request, std::string(request.text("user")), remove));
  co_return empty_response();
}

// The answer to what is shown once is kept by nobody.
http::HttpResponse secret_response(const Json& body) {
  auto response = json_response(201, body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace

Answer list_tokens(Request& request) { co_return list_of(request, &User::tokens); }

Answer create_token(Request& request) {
  const Json& body = *request.body;
  const Timestamp now = runtime::Shard::current().wall_now();
  const Timestamp expires =
      body.contains("lifetime_ms") ? Timestamp(now.value() + body.at("lifetime_ms").get<std::int64_t>()) : kNoTimestamp;
  const security::NewToken made = security::make_token(body.value("note", ""), now, expires);
  const std::function<Status(User&)> add = [&](User& user) -> Status {
    std::erase_if(user.tokens, [now](const Token& token) { return token.is_expired(now); });
    user.tokens.push_back(made.token);
    return {};
  };
  API_CHECK(co_await change_existing(request, std::string(request.text("user")), add));
  Json shown = json_of(made.token);
  shown["token"] = made.text;
  co_return secret_response(shown);
}

Answer delete_token(Request& request) { return remove_from(request, &User::tokens, "token", "token"); }

Answer list_access_keys(Request& request) { co_return list_of(request, &User::access_keys); }

Answer create_access_key(Request& request) {
  const AccessKey made =
      security::make_access_key(request.body->value("note", ""), runtime::Shard::current().wall_now());
  const std::function<Status(User&)> add = [&](User& user) -> Status {
    user.access_keys.push_back(made);
    return {};
  };
  API_CHECK(co_await change_existing(request, std::string(request.text("user")), add));
  Json shown = json_of(made);
  shown["secret"] = made.secret;
  co_return secret_response(shown);
}

Answer delete_access_key(Request& request) {
  return remove_from(request, &User::access_keys, "access_key", "access key");
}

}  // namespace leat::api
