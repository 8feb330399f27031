#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdio>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/options.h"
#include "cli/output.h"
#include "protocol/kafka/messages/alter_client_quotas.h"
#include "protocol/kafka/messages/describe_client_quotas.h"
#include "security/quota.h"
#include "server/config/suggest.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;
using security::QuotaEntity;
using security::QuotaKey;
using security::QuotaPart;
using Json = nlohmann::ordered_json;

struct QuotaOptions {
  std::string server;
  std::string entity;
  std::vector<std::string> limits;
  bool json = false;
};

// As they are written on the command line.
constexpr std::pair<std::string_view, QuotaPart> kKinds[] = {
    {"user", QuotaPart::user}, {"client", QuotaPart::client_id}, {"ip", QuotaPart::ip}};
constexpr std::string_view kEvery = "*";

std::unexpected<Error> no_entity(const std::string& text) {
  return fail(Errc::invalid_argument,
              fmt::format("'{}' is nobody who can have a quota: write user:NAME, client:ID, user:NAME,client:ID or "
                          "ip:ADDRESS; * in place of a name is for all without a quota by name",
                          text));
}

// Where the next part begins, or the text's end. A name may have commas.
std::size_t next_part(const std::string& text, std::size_t from) {
  std::size_t end = text.size();
  for (const auto& [kind, part] : kKinds) end = std::min(end, text.find(fmt::format(",{}:", kind), from));
  return end;
}

// user:NAME, client:ID, ip:ADDRESS, several with commas; * is the default.
Result<QuotaEntity> parse_entity(const std::string& text) {
  QuotaEntity entity;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = next_part(text, at);
    const std::string word = text.substr(at, end - at);
    const std::size_t colon = word.find(':');
    const auto kind = std::ranges::find(kKinds, std::string_view(word).substr(0, colon),
                                        [](const auto& known) { return known.first; });
    if (kind == std::end(kKinds) || colon == std::string::npos || colon + 1 == word.size()) return no_entity(text);
    std::optional<std::string> name = word.substr(colon + 1);
    if (*name == kEvery) name.reset();
    if (!entity.emplace(kind->second, std::move(name)).second) return no_entity(text);
    at = end + 1;
  }
  return entity;
}

std::string_view kind_of(std::string_view part) {
  for (const auto& [kind, known] : kKinds)
    if (to_string(known) == part) return kind;
  return part;
}

// The name of a quota that can be set, as it is.
Result<std::string> parse_key(const std::string& text) {
  std::vector<std::string> known;
  for (std::size_t i = 0; i < security::kQuotaKeys; ++i) known.emplace_back(to_string(static_cast<QuotaKey>(i)));
  if (std::ranges::find(known, text) != known.end()) return text;
  return fail(Errc::invalid_argument, fmt::format("'{}' is no quota{}; there are {}", text,
                                                  server::suggestion(text, known), fmt::join(known, ", ")));
}

// One change: KEY=NUMBER, or KEY to remove it.
struct Change {
  std::string key;
  std::optional<double> value;
};

Result<Change> parse_limit(const std::string& text) {
  const std::size_t equals = text.find('=');
  LEAT_TRY(std::string key, parse_key(text.substr(0, equals)));
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto read =
      equals == std::string::npos ? std::from_chars_result{} : std::from_chars(text.data() + equals + 1, end, value);
  if (equals == std::string::npos || read.ec != std::errc() || read.ptr != end)
    return fail(Errc::invalid_argument, fmt::format("'{}' is no limit: write {}=NUMBER", text, key));
  return Change{std::move(key), value};
}

Status alter(Client& client, const QuotaEntity& entity, const std::vector<Change>& changes) {
  kafka::AlterClientQuotasRequest request;
  auto& entry = request.entries.emplace_back();
  for (const auto& [part, name] : entity)
    entry.entity.push_back({to_string(part), name ? std::optional<std::string_view>(*name) : std::nullopt});
  for (const Change& change : changes) entry.ops.push_back({change.key, change.value.value_or(0), !change.value});
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(const auto reply, connection->call<kafka::AlterClientQuotasResponse>(request, Client::kTimeout));
  for (const auto& result : reply.message.entries) {
    if (result.error_code != ErrorCode::kNone)
      return fail(server_error("cannot change the quota", result.error_code, result.error_message));
  }
  return {};
}

// What is there, of one entity or of all.
Result<kafka::DescribeClientQuotasResponse> describe(Client& client, const std::optional<QuotaEntity>& of) {
  constexpr std::int8_t kExact = 0;
  constexpr std::int8_t kDefault = 1;
  kafka::DescribeClientQuotasRequest request;
  request.strict = of.has_value();
  for (const auto& [part, name] : of.value_or(QuotaEntity())) {
    request.components.push_back({to_string(part), name ? kExact : kDefault, std::nullopt});
    if (name) request.components.back().match = of->at(part);
  }
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(auto reply, connection->call<kafka::DescribeClientQuotasResponse>(request, Client::kTimeout));
  if (reply.message.error_code == ErrorCode::kNone) return std::move(reply.message);
  return fail(server_error("cannot list quotas", reply.message.error_code, reply.message.error_message));
}

std::string show_entity(const kafka::DescribeClientQuotasResponse::EntryData& entry) {
  std::vector<std::string> parts;
  for (const auto& [type, name] : entry.entity)
    parts.push_back(fmt::format("{}:{}", kind_of(type), name.value_or(std::string(kEvery))));
  return fmt::format("{}", fmt::join(parts, ","));
}

Result<int> list(const QuotaOptions& options) {
  std::optional<QuotaEntity> of;
  if (!options.entity.empty()) {
    LEAT_TRY(of, parse_entity(options.entity));
  }
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto quotas, describe(*client, of));
  Json out = Json::array();
  Table table({"OF", "QUOTA", "LIMIT"});
  for (const auto& entry : quotas.entries.value_or(std::vector<kafka::DescribeClientQuotasResponse::EntryData>())) {
    Json limits = Json::object();
    for (const auto& [key, value] : entry.values) {
      table.add({show_entity(entry), key, fmt::format("{:.15g}", value)});
      limits[key] = value;
    }
    out.push_back({{"of", show_entity(entry)}, {"limits", std::move(limits)}});
  }
  if (options.json) {
    fmt::print("{}\n", out.dump(2));
  } else if (table.empty()) {
    fmt::print(stderr, "There are no quotas.\n");
  } else {
    fmt::print("{}", table.render());
  }
  return 0;
}

Result<int> set(const QuotaOptions& options) {
  LEAT_TRY(const QuotaEntity entity, parse_entity(options.entity));
  std::vector<Change> changes;
  for (const std::string& text : options.limits) {
    LEAT_TRY(Change change, parse_limit(text));
    changes.push_back(std::move(change));
  }
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_CHECK(alter(*client, entity, changes));
  fmt::print("set for {}: {}\n", options.entity, fmt::join(options.limits, ", "));
  return 0;
}

Result<int> remove(const QuotaOptions& options) {
  LEAT_TRY(const QuotaEntity entity, parse_entity(options.entity));
  std::set<std::string> keys;
  for (const std::string& text : options.limits) {
    LEAT_TRY(std::string key, parse_key(text));
    keys.insert(std::move(key));
  }
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto quotas, describe(*client, entity));
  std::vector<Change> changes;
  for (const auto& entry : quotas.entries.value_or(std::vector<kafka::DescribeClientQuotasResponse::EntryData>())) {
    for (const auto& [key, value] : entry.values)
      if (keys.empty() || keys.contains(key)) changes.push_back({key, std::nullopt});
  }
  if (changes.empty())
    return fail(Errc::not_found, fmt::format("there is no such quota of {}; see `leat quota list`", options.entity));
  LEAT_CHECK(alter(*client, entity, changes));
  std::vector<std::string> removed;
  for (const Change& change : changes) removed.push_back(change.key);
  fmt::print("removed of {}: {}\n", options.entity, fmt::join(removed, ", "));
  return 0;
}

using Handler = Result<int> (*)(const QuotaOptions&);

CLI::App* add(CLI::App& group, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<QuotaOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(group, name, what, handler, options, chosen);
  add_server_option(*command, options->server);
  return command;
}

CLI::Option* add_entity(CLI::App& command, QuotaOptions& options) {
  return command
      .add_option("of", options.entity,
                  "user:NAME, client:ID, user:NAME,client:ID or ip:ADDRESS; *: all without a quota by name")
      ->type_name("WHO");
}

}  // namespace

void add_quota_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<QuotaOptions>();
  CLI::App* group = add_subcommand_group(root, "quota", "Say how much users, clients and addresses may use");

  CLI::App* command = add(*group, "list", "List quotas, of one or of all", list, options, chosen);
  add_entity(*command, *options);
  add_json_option(*command, options->json);

  command = add(*group, "set", "Set or change quotas", set, options, chosen);
  add_entity(*command, *options)->required();
  command
      ->add_option("limits", options->limits,
                   "producer_byte_rate, consumer_byte_rate, request_rate, controller_mutation_rate, "
                   "connection_limit, connection_creation_rate: each with =NUMBER; rates are of a second")
      ->required()
      ->type_name("QUOTA=NUMBER");

  command = add(*group, "remove", "Remove quotas; all, unless some are named", remove, options, chosen);
  add_entity(*command, *options)->required();
  command->add_option("quotas", options->limits, "Only these")->type_name("QUOTA");
}

}  // namespace leat::cli
