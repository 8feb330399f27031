#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/grants.h"
#include "cli/login.h"
#include "cli/options.h"
#include "cli/output.h"
#include "protocol/kafka/messages/alter_user_scram_credentials.h"
#include "protocol/kafka/messages/describe_user_scram_credentials.h"
#include "security/base64.h"
#include "security/random.h"
#include "security/scram.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;
using security::ScramMechanism;
using Json = nlohmann::ordered_json;

// As Kafka's protocol numbers them.
constexpr std::pair<ScramMechanism, std::int8_t> kMechanisms[] = {{ScramMechanism::sha256, std::int8_t{1}},
                                                                  {ScramMechanism::sha512, std::int8_t{2}}};
constexpr std::size_t kGeneratedBytes = 18;

struct UserOptions {
  std::string server;
  std::string name;
  std::string password_file;
  bool generate = false;
  bool admin = false;
  bool json = false;
};

std::string_view name_of(std::int8_t mechanism) {
  for (const auto& [known, number] : kMechanisms)
    if (number == mechanism) return to_string(known);
  return "?";
}

Result<kafka::DescribeUserScramCredentialsResponse> describe(Client& client, const std::optional<std::string>& name) {
  kafka::DescribeUserScramCredentialsRequest request;
  if (name) request.users.emplace().push_back({*name});
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(auto reply, connection->call<kafka::DescribeUserScramCredentialsResponse>(request, Client::kTimeout));
  if (reply.message.error_code == ErrorCode::kNone) return std::move(reply.message);
  return fail(server_error("cannot list users", reply.message.error_code, reply.message.error_message));
}

Status alter(Client& client, const kafka::AlterUserScramCredentialsRequest& request, const std::string& attempt) {
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(const auto reply, connection->call<kafka::AlterUserScramCredentialsResponse>(request, Client::kTimeout));
  for (const auto& result : reply.message.results) {
    if (result.error_code != ErrorCode::kNone)
      return fail(server_error(attempt, result.error_code, result.error_message));
  }
  return {};
}

Status set_password(Client& client, const std::string& name, const std::string& password) {
  kafka::AlterUserScramCredentialsRequest request;
  // The request has views of these.
  std::vector<std::pair<std::string, std::string>> salted;
  for (const auto& [mechanism, number] : kMechanisms) {
    std::string salt = security::random_bytes(security::kScramSaltBytes);
    std::string key = security::scram_salted_password(mechanism, password, salt, security::kScramIterationsMin);
    salted.emplace_back(std::move(salt), std::move(key));
  }
  for (std::size_t i = 0; i < salted.size(); ++i) {
    request.upsertions.push_back({.name = name,
                                  .mechanism = kMechanisms[i].second,
                                  .iterations = security::kScramIterationsMin,
                                  .salt = as_bytes(salted[i].first),
                                  .salted_password = as_bytes(salted[i].second)});
  }
  return alter(client, request, fmt::format("cannot set the password of '{}'", name));
}

Result<std::string> new_password(const UserOptions& options) {
  if (options.generate) return security::base64(security::random_bytes(kGeneratedBytes));
  LEAT_TRY(std::string password, read_password(fmt::format("the new user {}", options.name), options.password_file,
                                               "LEAT_NEW_PASSWORD", true));
  if (password.empty() || password.contains('\0'))
    return fail(Errc::invalid_argument, "a password has at least one byte, and none that is zero");
  return password;
}

Result<int> list(const UserOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto users, describe(*client, std::nullopt));
  Json out = Json::array();
  Table table({"USER", "MECHANISMS"});
  for (const auto& user : users.results) {
    std::vector<std::string> mechanisms;
    for (const auto& info : user.credential_infos) mechanisms.emplace_back(name_of(info.mechanism));
    table.add({user.user, fmt::format("{}", fmt::join(mechanisms, ", "))});
    out.push_back({{"user", user.user}, {"mechanisms", mechanisms}});
  }
  if (options.json) {
    fmt::print("{}\n", out.dump(2));
  } else if (table.empty()) {
    fmt::print(stderr,
               "There are no users: everything is allowed to everyone. Add the first with "
               "`leat user add NAME --admin`.\n");
  } else {
    fmt::print("{}", table.render());
  }
  return 0;
}

Result<int> add(const UserOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto there, describe(*client, options.name));
  if (!there.results.empty() && there.results.front().error_code == ErrorCode::kNone)
    return fail(Errc::exists,
                fmt::format("there is a user '{}' already; `leat user password` changes the password", options.name));
  LEAT_TRY(const std::string password, new_password(options));
  // First, for the server must be left with somebody who may administer it.
  if (options.admin) LEAT_CHECK(grant_everything(*client, options.name));
  if (const Status made = set_password(*client, options.name, password); !made) {
    return fail(
        made.error().code,
        made.error().message + (options.admin ? "; what was granted to it stays: `leat grant list` shows it" : ""));
  }
  fmt::print("added user '{}'{}\n", options.name, options.admin ? ", who may do everything" : "");
  if (options.generate) fmt::print("password: {}\n", password);
  if (!options.admin) fmt::print(stderr, "Grant what it needs with `leat grant add {} ...`.\n", options.name);
  return 0;
}

Result<int> change_password(const UserOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto there, describe(*client, options.name));
  if (there.results.empty() || there.results.front().error_code != ErrorCode::kNone)
    return fail(Errc::not_found, fmt::format("there is no user '{}'; see `leat user list`", options.name));
  LEAT_TRY(const std::string password, new_password(options));
  LEAT_CHECK(set_password(*client, options.name, password));
  fmt::print("changed the password of '{}'\n", options.name);
  if (options.generate) fmt::print("password: {}\n", password);
  return 0;
}

Result<int> remove(const UserOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto there, describe(*client, options.name));
  kafka::AlterUserScramCredentialsRequest request;
  for (const auto& user : there.results) {
    for (const auto& info : user.credential_infos) request.deletions.push_back({options.name, info.mechanism});
  }
  if (request.deletions.empty())
    return fail(Errc::not_found, fmt::format("there is no user '{}'; see `leat user list`", options.name));
  LEAT_CHECK(alter(*client, request, fmt::format("cannot remove user '{}'", options.name)));
  fmt::print("removed user '{}'; its grants stay, see `leat grant list {}`\n", options.name, options.name);
  return 0;
}

using Handler = Result<int> (*)(const UserOptions&);

CLI::App* add(CLI::App& group, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<UserOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(group, name, what, handler, options, chosen);
  add_server_option(*command, options->server);
  return command;
}

void add_password_options(CLI::App& command, UserOptions& options) {
  command.add_option("user", options.name, "The user")->required()->type_name("NAME");
  CLI::Option* file =
      command
          .add_option(
              "--password-file", options.password_file,
              "The new password, on this file's first line (-: standard input); else LEAT_NEW_PASSWORD, else it "
              "is asked for")
          ->type_name("FILE");
  command.add_flag("--generate", options.generate, "Make up a password, and print it")->excludes(file);
}

}  // namespace

void add_user_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<UserOptions>();
  CLI::App* group = add_subcommand_group(root, "user", "Add, list and remove users, and change their passwords");

  CLI::App* command = add(*group, "list", "List users", list, options, chosen);
  add_json_option(*command, options->json);

  command =
      add(*group, "add", "Add a user; from the first one on, only what is granted is allowed", add, options, chosen);
  add_password_options(*command, *options);
  command->add_flag("--admin", options->admin, "Grant everything to it; needed for the first user");

  command = add(*group, "password", "Change a user's password", change_password, options, chosen);
  add_password_options(*command, *options);

  command = add(*group, "remove", "Remove a user", remove, options, chosen);
  command->add_option("user", options->name, "The user")->required()->type_name("NAME");
}

}  // namespace leat::cli
