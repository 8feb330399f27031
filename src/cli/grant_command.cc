#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/grants.h"
#include "cli/options.h"
#include "cli/output.h"
#include "protocol/kafka/messages/create_acls.h"
#include "protocol/kafka/messages/delete_acls.h"
#include "protocol/kafka/messages/describe_acls.h"
#include "server/config/suggest.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;
using Json = nlohmann::ordered_json;

struct Word {
  std::string_view text;
  std::int8_t code;
};
// As Kafka's protocol numbers them.
constexpr Word kOperations[] = {{"all", 2},
                                {"read", 3},
                                {"write", 4},
                                {"create", 5},
                                {"delete", 6},
                                {"alter", 7},
                                {"describe", 8},
                                {"cluster-action", 9},
                                {"describe-configs", 10},
                                {"alter-configs", 11},
                                {"idempotent-write", 12}};
constexpr Word kTypes[] = {{"topic", 2},  {"group", 3}, {"cluster", 4}, {"transactional-id", 5},
                           {"queue", 64}, {"key", 65},  {"lock", 66},   {"channel", 67}};
constexpr std::int8_t kAny = 1;
constexpr std::int8_t kEveryType = 127;  // Kafka's and leat's own
constexpr std::int8_t kLiteral = 3;
constexpr std::int8_t kPrefixed = 4;
constexpr std::int8_t kDeny = 2;
constexpr std::int8_t kAllow = 3;
constexpr std::string_view kCluster = "kafka-cluster";
constexpr std::string_view kUser = "User:";
constexpr std::string_view kRole = "Role:";
constexpr std::string_view kShownRole = "role:";

struct GrantOptions {
  std::string server;
  std::string user;
  std::string operations;
  std::vector<std::string> resources;
  std::string host = "*";
  bool deny = false;
  bool json = false;
};

// "ada", "*", "role:ops" as grants have them, and the other way round.
std::string principal_of(std::string_view name) {
  if (name.starts_with(kShownRole)) return fmt::format("{}{}", kRole, name.substr(kShownRole.size()));
  return fmt::format("{}{}", kUser, name);
}
std::string shown_principal(std::string_view principal) {
  if (principal.starts_with(kRole)) return fmt::format("{}{}", kShownRole, principal.substr(kRole.size()));
  return std::string(principal.starts_with(kUser) ? principal.substr(kUser.size()) : principal);
}

// What is granted on.
struct Where {
  std::int8_t type = 0;
  std::int8_t pattern = kLiteral;
  std::string name;
};

std::string_view text_of(std::span<const Word> words, std::int8_t code) {
  for (const Word& word : words)
    if (word.code == code) return word.text;
  return "?";
}

Result<std::int8_t> code_of(std::span<const Word> words, const std::string& text, std::string_view what) {
  std::vector<std::string> known;
  for (const Word& word : words) {
    if (word.text == text) return word.code;
    known.emplace_back(word.text);
  }
  return fail(Errc::invalid_argument, fmt::format("'{}' is no {}{}; there are {}", text, what,
                                                  server::suggestion(text, known), fmt::join(known, ", ")));
}

// topic:NAME, topic:PREFIX*, topic:*, cluster.
Result<Where> parse_resource(const std::string& text) {
  const auto colon = text.find(':');
  LEAT_TRY(const std::int8_t type, code_of(kTypes, text.substr(0, colon), "kind of resource"));
  const bool is_cluster = text_of(kTypes, type) == "cluster";
  if (is_cluster && colon == std::string::npos) return Where{type, kLiteral, std::string(kCluster)};
  if (is_cluster || colon == std::string::npos || colon + 1 == text.size()) {
    return fail(Errc::invalid_argument,
                fmt::format("'{}' is no resource: write topic:NAME, topic:PREFIX*, topic:*, "
                            "group:..., queue:..., key:..., lock:..., channel:..., transactional-id:... or cluster",
                            text));
  }
  std::string name = text.substr(colon + 1);
  if (name == "*" || !name.ends_with('*')) return Where{type, kLiteral, std::move(name)};
  name.pop_back();
  return Where{type, kPrefixed, std::move(name)};
}

std::string show_resource(std::int8_t type, std::int8_t pattern, const std::string& name) {
  const auto kind = text_of(kTypes, type);
  if (kind == "cluster") return std::string(kind);
  return fmt::format("{}:{}{}", kind, name, pattern == kPrefixed ? "*" : "");
}

Result<std::vector<std::int8_t>> parse_operations(const std::string& text) {
  std::vector<std::int8_t> codes;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    LEAT_TRY(const std::int8_t code, code_of(kOperations, text.substr(at, comma - at), "operation"));
    codes.push_back(code);
    at = comma + 1;
  }
  return codes;
}

// One operation on one resource.
struct Chosen {
  std::int8_t operation = 0;
  Where where;
};
Result<std::vector<Chosen>> chosen_of(const GrantOptions& options) {
  std::vector<Chosen> chosen;
  LEAT_TRY(const auto operations, parse_operations(options.operations));
  for (const std::string& text : options.resources) {
    LEAT_TRY(const Where where, parse_resource(text));
    for (const std::int8_t operation : operations) chosen.push_back({operation, where});
  }
  return chosen;
}

Status create(Client& client, const kafka::CreateAclsRequest& request) {
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(const auto reply, connection->call<kafka::CreateAclsResponse>(request, Client::kTimeout));
  for (const auto& result : reply.message.results) {
    if (result.error_code != ErrorCode::kNone)
      return fail(server_error("cannot grant it", result.error_code, result.error_message));
  }
  return {};
}

Result<int> add(const GrantOptions& options) {
  LEAT_TRY(const auto chosen, chosen_of(options));
  const std::string principal = principal_of(options.user);
  const std::int8_t permission = options.deny ? kDeny : kAllow;
  kafka::CreateAclsRequest request;
  for (const auto& [operation, where] : chosen)
    request.creations.push_back(
        {where.type, where.name, where.pattern, principal, options.host, operation, permission});
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_CHECK(create(*client, request));
  fmt::print("{} '{}': {} on {}\n", options.deny ? "denied to" : "granted to", options.user, options.operations,
             fmt::join(options.resources, ", "));
  return 0;
}

Result<int> remove(const GrantOptions& options) {
  LEAT_TRY(const auto chosen, chosen_of(options));
  const std::string principal = principal_of(options.user);
  const std::int8_t permission = options.deny ? kDeny : kAllow;
  kafka::DeleteAclsRequest request;
  for (const auto& [operation, where] : chosen)
    request.filters.push_back({where.type, where.name, where.pattern, principal, options.host, operation, permission});
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(Connection * connection, client->any());
  LEAT_TRY(const auto reply, connection->call<kafka::DeleteAclsResponse>(request, Client::kTimeout));
  std::size_t removed = 0;
  for (const auto& result : reply.message.filter_results) {
    if (result.error_code != ErrorCode::kNone)
      return fail(server_error("cannot remove it", result.error_code, result.error_message));
    removed += result.matching_acls.size();
  }
  if (removed == 0)
    return fail(Errc::not_found, fmt::format("there is no such grant; see `leat grant list {}`", options.user));
  fmt::print("removed {} grants of '{}'\n", removed, options.user);
  return 0;
}

Result<int> list(const GrantOptions& options) {
  const std::string principal = principal_of(options.user);
  kafka::DescribeAclsRequest request;
  request.resource_type_filter = kEveryType;
  request.resource_name_filter = std::nullopt;
  request.pattern_type_filter = kAny;
  request.principal_filter = options.user.empty() ? std::nullopt : std::optional<std::string_view>(principal);
  request.host_filter = std::nullopt;
  request.operation = kAny;
  request.permission_type = kAny;
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(Connection * connection, client->any());
  LEAT_TRY(const auto reply, connection->call<kafka::DescribeAclsResponse>(request, Client::kTimeout));
  if (reply.message.error_code != ErrorCode::kNone)
    return fail(server_error("cannot list grants", reply.message.error_code, reply.message.error_message));
  Json out = Json::array();
  Table table({"USER", "PERMISSION", "OPERATION", "RESOURCE", "HOST"});
  for (const auto& resource : reply.message.resources) {
    const std::string shown = show_resource(resource.resource_type, resource.pattern_type, resource.resource_name);
    for (const auto& acl : resource.acls) {
      const std::string user = shown_principal(acl.principal);
      const std::string permission = acl.permission_type == kDeny ? "deny" : "allow";
      const std::string operation(text_of(kOperations, acl.operation));
      table.add({user, permission, operation, shown, acl.host});
      out.push_back({{"user", user},
                     {"permission", permission},
                     {"operation", operation},
                     {"resource", shown},
                     {"host", acl.host}});
    }
  }
  if (options.json) {
    fmt::print("{}\n", out.dump(2));
  } else if (table.empty()) {
    fmt::print(stderr, "Nothing is granted.\n");
  } else {
    fmt::print("{}", table.render());
  }
  return 0;
}

using Handler = Result<int> (*)(const GrantOptions&);

CLI::App* add(CLI::App& group, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<GrantOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(group, name, what, handler, options, chosen);
  add_server_option(*command, options->server);
  return command;
}

void add_grant_options(CLI::App& command, GrantOptions& options) {
  command.add_option("user", options.user, "The user; *: everyone; role:NAME: who has the role")
      ->required()
      ->type_name("NAME");
  command
      .add_option("operations", options.operations,
                  "all, read, write, create, delete, alter, describe, ...; several "
                  "with commas")
      ->required()
      ->type_name("OPERATIONS");
  command
      .add_option("resources", options.resources,
                  "topic:NAME, topic:PREFIX*, group:NAME, transactional-id:NAME, cluster")
      ->required()
      ->type_name("RESOURCE");
  command.add_option("--host", options.host, "Only from this address")->type_name("ADDRESS")->capture_default_str();
  command.add_flag("--deny", options.deny, "Deny it, whatever else allows it");
}

}  // namespace

Status grant_everything(Client& client, const std::string& user) {
  const std::string principal = fmt::format("{}{}", kUser, user);
  kafka::CreateAclsRequest request;
  for (const Word& type : kTypes) {
    request.creations.push_back({.resource_type = type.code,
                                 .resource_name = type.text == "cluster" ? kCluster : "*",
                                 .resource_pattern_type = kLiteral,
                                 .principal = principal,
                                 .host = "*",
                                 .operation = kOperations[0].code,
                                 .permission_type = kAllow});
  }
  return create(client, request);
}

void add_grant_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<GrantOptions>();
  CLI::App* group = add_subcommand_group(root, "grant", "Say what users and roles may do");
  group->alias("acl");

  CLI::App* command = add(*group, "list", "List what is granted, to one user or to all", list, options, chosen);
  command->add_option("user", options->user, "Only of this user")->type_name("NAME");
  add_json_option(*command, options->json);

  add_grant_options(*add(*group, "add", "Let a user do something, or deny it", add, options, chosen), *options);
  add_grant_options(*add(*group, "remove", "Take it back", remove, options, chosen), *options);
}

}  // namespace leat::cli
