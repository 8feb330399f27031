// `leat token` and `leat access-key`: what proves that a program is a user.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/subcommand.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

struct CredentialOptions {
  std::string api;
  std::string user;
  std::string id;
  std::string note;
  std::string lifetime;
  bool json = false;
};

// One of the two kinds.
struct Kind {
  const char* command;
  const char* path;  // behind the user's
  const char* name;
};
constexpr Kind kToken{"token", "tokens", "token"};
constexpr Kind kAccessKey{"access-key", "access-keys", "access key"};

std::string path_of(const ApiClient& client, const Kind& kind, const std::string& user) {
  return fmt::format("/users/{}/{}", client.escaped(user), kind.path);
}

Result<int> list(const Kind& kind, const CredentialOptions& options) {
  LEAT_TRY(const auto client, ApiClient::open(options.api));
  // A user has no more than one page of them.
  LEAT_TRY(const Json listed, client->get(path_of(*client, kind, options.user) + "?limit=1000"));
  const Json& items = listed.at("items");
  if (options.json) {
    fmt::print("{}\n", items.dump(2));
    return 0;
  }
  Table table({"ID", "CREATED", "EXPIRES", "NOTE"});
  for (const Json& item : items) {
    table.add({item.at("id"), format_time(item.at("created").get<std::int64_t>()),
               item.contains("expires") ? format_time(item.at("expires").get<std::int64_t>()) : "never",
               item.at("note")});
  }
  if (table.empty()) {
    fmt::print(stderr, "User '{}' has no {}.\n", options.user, kind.name);
  } else {
    fmt::print("{}", table.render());
  }
  return 0;
}

Result<int> create(const Kind& kind, const CredentialOptions& options) {
  Json body = Json::object();
  if (!options.note.empty()) body["note"] = options.note;
  if (!options.lifetime.empty()) {
    LEAT_TRY(const Milliseconds lifetime, parse_span("--expires-in", options.lifetime));
    body["lifetime_ms"] = lifetime.count();
  }
  LEAT_TRY(const auto client, ApiClient::open(options.api));
  LEAT_TRY(const Json made, client->send("POST", path_of(*client, kind, options.user), body));
  if (options.json) {
    fmt::print("{}\n", made.dump(2));
  } else if (made.contains("token")) {
    fmt::print("{}\n", made.at("token").get<std::string>());
    fmt::print(stderr, "It is not shown again. Revoke it with `leat token revoke {} {}`.\n", options.user,
               made.at("id").get<std::string>());
  } else {
    fmt::print("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={}\n", made.at("id").get<std::string>(),
               made.at("secret").get<std::string>());
    fmt::print(stderr, "The secret is not shown again. Revoke the key with `leat access-key revoke {} {}`.\n",
               options.user, made.at("id").get<std::string>());
  }
  return 0;
}

Result<int> revoke(const Kind& kind, const CredentialOptions& options) {
  LEAT_TRY(const auto client, ApiClient::open(options.api));
  LEAT_CHECK(client->remove(fmt::format("{}/{}", path_of(*client, kind, options.user), client->escaped(options.id))));
  fmt::print("revoked {} '{}' of '{}'\n", kind.name, options.id, options.user);
  return 0;
}

using Handler = Result<int> (*)(const Kind&, const CredentialOptions&);

CLI::App* add(CLI::App& group, const Kind& kind, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<CredentialOptions>& options, Invocation& chosen) {
  const auto action = [&kind, options, handler] { return handler(kind, *options); };
  CLI::App* command = add_subcommand(group, name, what, action, chosen);
  add_api_option(*command, options->api);
  command->add_option("user", options->user, "The user")->required()->type_name("NAME");
  return command;
}

void add_commands(CLI::App& root, const Kind& kind, const std::string& what, Invocation& chosen) {
  auto options = std::make_shared<CredentialOptions>();
  CLI::App* group = add_subcommand_group(root, kind.command, what);
  CLI::App* command = add(*group, kind, "list", fmt::format("List a user's {}s", kind.name), list, options, chosen);
  add_json_option(*command, options->json);
  command = add(*group, kind, "create", fmt::format("Make a {}, and print it", kind.name), create, options, chosen);
  command->add_option("--note", options->note, "What it is for")->type_name("TEXT");
  if (&kind == &kToken)
    command->add_option("--expires-in", options->lifetime, "How long it counts, as in 90d or 12h")->type_name("TIME");
  add_json_option(*command, options->json);
  command = add(*group, kind, "revoke", fmt::format("Revoke a {}", kind.name), revoke, options, chosen);
  command->add_option("id", options->id, "Its id")->required()->type_name("ID");
}

}  // namespace

void add_token_command(CLI::App& root, Invocation& chosen) {
  add_commands(root, kToken, "Make, list and revoke bearer tokens of users, for HTTP and Kafka's OAUTHBEARER", chosen);
}

void add_access_key_command(CLI::App& root, Invocation& chosen) {
  add_commands(root, kAccessKey, "Make, list and revoke access keys of users, for Amazon's SDKs", chosen);
}

}  // namespace leat::cli
