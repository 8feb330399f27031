#include <algorithm>
#include <nlohmann/json.hpp>

#include "protocol/api/grant_json.h"
#include "protocol/api/handlers.h"
#include "protocol/api/paging.h"
#include "protocol/api/policy_calls.h"
#include "protocol/api/tags.h"
#include "runtime/call.h"
#include "security/kept_password.h"
#include "security/password.h"

namespace leat::api {
namespace {

using runtime::Task;
using security::KeptPassword;
using security::Operation;
using security::ResourceType;
using security::User;

Json json_of(const User& user) {
  return {{"name", user.name},
          {"password", !user.scram.empty()           ? "scram"
                       : !user.password_hash.empty() ? "hash"
                                                     : "none"},
          {"roles", user.roles},
          {"command_rules", user.command_rules},
          {"tokens", user.tokens.size()},
          {"access_keys", user.access_keys.size()},
          {"created", user.created.value()},
          {"modified", user.modified.value()}};
}

std::string mark_of(const User& user) { return digest_of(json_of(user).dump()); }

http::HttpResponse user_response(int status, const User& user) {
  auto response = json_response(status, json_of(user));
  response.headers.emplace_back("ETag", tag_of(mark_of(user)));
  return response;
}

// `is_another`: whether that is why it fails.
Status check_known(const Request& request, const User& user, bool& is_another) {
  is_another = !check_match(request, mark_of(user));
  if (is_another) return fail(Errc::version_conflict, "the user is another one by now");
  return {};
}

// What a request's body says of the password; nullopt: nothing.
Task<Outcome<std::optional<KeptPassword>>> password_in(const Request& request) {
  const Json& body = *request.body;
  if (body.contains("password") && body.contains("password_hash"))
    co_return refuse(400, "invalid-argument", "a password comes as itself or as a hash, not both");
  if (body.contains("password_hash")) {
    // To check a password against it costs what the hash says.
    LEAT_CO_CHECK(request.authorize(Operation::alter, ResourceType::cluster, security::kClusterName));
    const std::string hash = body.at("password_hash");
    API_CHECK(security::check_password_hash(hash));
    co_return KeptPassword{.scram = {}, .hash = hash};
  }
  if (!body.contains("password")) co_return std::nullopt;
  const std::string password = body.at("password");
  if (password.contains('\0')) co_return refuse(400, "invalid-argument", "a password has no zero bytes");
  const bool for_scram = body.value("scram", true);
  co_await request.shard.hashing.reserve(1);
  const runtime::Reservation hashing(request.shard.hashing, 1);
  co_return co_await runtime::run_blocking([&] { return security::keep_password(password, for_scram); });
}

std::vector<std::string> roles_in(const Json& body) {
  auto roles = body.at("roles").get<std::vector<std::string>>();
  std::ranges::sort(roles);
  return roles;
}

std::vector<security::Grant> grants_of_everything(const std::string& principal) {
  std::vector<security::Grant> grants;
  for (const auto type :
       {ResourceType::cluster, ResourceType::topic, ResourceType::group, ResourceType::transactional_id,
        ResourceType::queue, ResourceType::key, ResourceType::lock, ResourceType::channel}) {
    const bool is_cluster = type == ResourceType::cluster;
    grants.push_back({.principal = principal,
                      .type = type,
                      .name = std::string(is_cluster ? security::kClusterName : security::kAnyName)});
  }
  return grants;
}

}  // namespace

Answer list_users(Request& request) {
  const security::PolicyPtr policy = request.node().policies.current();
  Page page(request);
  for (const auto& [name, user] : policy->users()) {
    if (!page.add(name, [&] { return json_of(user); })) break;
  }
  co_return page.response();
}

Answer create_user(Request& request) {
  const Json& body = *request.body;
  User user{.name = body.at("name")};
  if (body.contains("roles")) user.roles = roles_in(body);
  API_CHECK(security::check_user(user));
  const std::string name = user.name;
  const auto exists = [&name] { return fail(Errc::exists, fmt::format("there is a user '{}' already", name)); };
  if (request.node().policies.current()->find_user(name) != nullptr) co_return refuse(exists().error());
  LEAT_CO_TRY(std::optional<KeptPassword> password, co_await password_in(request));
  if (password) password->give_to(user);
  const UserChange make = [&](std::optional<User> was) -> Result<std::optional<User>> {
    if (was) return exists();
    return user;
  };
  const bool is_admin = body.value("admin", false);
  std::vector<security::Grant> grants;
  if (is_admin) grants = grants_of_everything(security::principal_of(name));
  API_TRY(const std::optional<User> made, co_await change_user(request, name, make, std::move(grants)));
  auto response = user_response(201, *made);
  response.headers.emplace_back("Location", fmt::format("/v1/users/{}", percent_encoded(name)));
  co_return response;
}

Answer get_user(Request& request) {
  const security::PolicyPtr policy = request.node().policies.current();
  const User* user = policy->find_user(request.text("user"));
  if (user == nullptr) co_return refuse(404, "not-found", fmt::format("there is no user '{}'", request.text("user")));
  co_return user_response(200, *user);
}

Answer change_user(Request& request) {
  const Json& body = *request.body;
  std::optional<std::vector<std::string>> roles;
  if (body.contains("roles")) {
    LEAT_CO_CHECK(request.authorize(Operation::alter, ResourceType::cluster, security::kClusterName));
    roles = roles_in(body);
  }
  const security::PolicyPtr policy = request.node().policies.current();
  const User* known = policy->find_user(request.text("user"));
  if (known == nullptr) co_return refuse(404, "not-found", fmt::format("there is no user '{}'", request.text("user")));
  LEAT_CO_CHECK(check_match(request, mark_of(*known)));
  LEAT_CO_TRY(const std::optional<KeptPassword> password, co_await password_in(request));
  bool is_another = false;
  const std::function<Status(User&)> change = [&](User& user) -> Status {
    LEAT_CHECK(check_known(request, user, is_another));
    if (password) password->give_to(user);
    if (roles) user.roles = *roles;
    return {};
  };
  const auto user = co_await change_existing(request, std::string(request.text("user")), change);
  if (is_another) co_return precondition_failed();
  if (!user) co_return refuse(user.error());
  co_return user_response(200, *user);
}

Answer delete_user(Request& request) {
  const std::string name(request.text("user"));
  bool is_another = false;
  const UserChange remove = [&](std::optional<User> was) -> Result<std::optional<User>> {
    if (!was) return fail(Errc::not_found, fmt::format("there is no user '{}'", name));
    LEAT_CHECK(check_known(request, *was, is_another));
    return std::nullopt;
  };
  const auto removed = co_await change_user(request, name, remove);
  if (is_another) co_return precondition_failed();
  if (!removed) co_return refuse(removed.error());
  co_return empty_response();
}

Answer get_me(Request& request) {
  const security::PolicyPtr policy = request.node().policies.current();
  const security::Principal& who = request.principal;
  Json roles = Json::array();
  for (const std::string& role : policy->roles_of(who)) roles.push_back(security::role_of(role));
  for (const std::string& role : who.roles) roles.push_back(security::role_of(role));
  Json grants = Json::array();
  for (const security::Grant& grant : policy->grants()) {
    if (grant.concerns(who, policy->roles_of(who))) grants.push_back(json_of(grant));
  }
  Json body{{"principal", who.name}, {"roles", std::move(roles)}, {"grants", std::move(grants)}};
  if (who.expires != kNoTimestamp) body["expires"] = who.expires.value();
  co_return json_response(200, body);
}

}  // namespace leat::api
