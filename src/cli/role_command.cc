// `leat role`: names that grants are made to, and that users have.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/subcommand.h"
#include "cli/options.h"
#include "cli/output.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

struct RoleOptions {
  std::string api;
  std::string user;
  std::string role;
  bool json = false;
};

Result<int> list(const RoleOptions& options) {
  LEAT_TRY(const auto client, ApiClient::open(options.api));
  std::map<std::string, std::vector<std::string>> users_of;
  std::string after;
  do {
    LEAT_TRY(const Json page, client->get(fmt::format("/users?limit=1000&after={}", client->escaped(after))));
    for (const Json& user : page.at("items")) {
      for (const Json& role : user.at("roles")) users_of[role].push_back(user.at("name"));
    }
    after = page.value("next", "");
  } while (!after.empty());
  Table table({"ROLE", "USERS"});
  Json out = Json::array();
  for (const auto& [role, users] : users_of) {
    table.add({role, fmt::format("{}", fmt::join(users, ", "))});
    out.push_back({{"role", role}, {"users", users}});
  }
  if (options.json) {
    fmt::print("{}\n", out.dump(2));
  } else if (table.empty()) {
    fmt::print(stderr, "No user has a role.\n");
  } else {
    fmt::print("{}", table.render());
  }
  return 0;
}

// The user's roles with the one added, or without it.
Status change(const RoleOptions& options, bool gives) {
  LEAT_TRY(const auto client, ApiClient::open(options.api));
  const std::string path = fmt::format("/users/{}", client->escaped(options.user));
  LEAT_TRY(const Json user, client->get(path));
  auto roles = user.at("roles").get<std::vector<std::string>>();
  const auto had = std::erase(roles, options.role);
  if (!gives && had == 0)
    return fail(Errc::not_found, fmt::format("user '{}' has no role '{}'", options.user, options.role));
  if (gives) roles.push_back(options.role);
  LEAT_TRY([[maybe_unused]] const Json changed, client->send("PATCH", path, {{"roles", roles}}));
  return {};
}

Result<int> give(const RoleOptions& options) {
  LEAT_CHECK(change(options, true));
  fmt::print("'{0}' has role '{1}'; grant it something with `leat grant add role:{1} ...`\n", options.user,
             options.role);
  return 0;
}

Result<int> take(const RoleOptions& options) {
  LEAT_CHECK(change(options, false));
  fmt::print("'{}' has role '{}' no longer\n", options.user, options.role);
  return 0;
}

using Handler = Result<int> (*)(const RoleOptions&);

CLI::App* add(CLI::App& group, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<RoleOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(group, name, what, handler, options, chosen);
  add_api_option(*command, options->api);
  return command;
}

}  // namespace

void add_role_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<RoleOptions>();
  CLI::App* group = add_subcommand_group(root, "role", "Give roles to users, and take them away");
  add_json_option(*add(*group, "list", "List roles that users have", list, options, chosen), options->json);
  for (const auto& [name, what, handler] :
       {std::tuple{"give", "Give a role to a user", &give}, std::tuple{"take", "Take a role from a user", &take}}) {
    CLI::App* command = add(*group, name, what, handler, options, chosen);
    command->add_option("user", options->user, "The user")->required()->type_name("NAME");
    command->add_option("role", options->role, "The role")->required()->type_name("ROLE");
  }
}

}  // namespace leat::cli
