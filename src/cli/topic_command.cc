#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/options.h"
#include "cli/output.h"
#include "protocol/kafka/messages/create_partitions.h"
#include "protocol/kafka/messages/create_topics.h"
#include "protocol/kafka/messages/delete_topics.h"
#include "protocol/kafka/messages/describe_configs.h"
#include "protocol/kafka/messages/describe_log_dirs.h"
#include "protocol/kafka/messages/incremental_alter_configs.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;
using Json = nlohmann::ordered_json;
using Sizes = std::map<std::pair<std::string, std::int32_t>, std::int64_t>;

constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kSetTopicConfig = 1;  // DescribeConfigs: the value was set for this topic
constexpr std::int8_t kSet = 0;             // IncrementalAlterConfigs operations
constexpr std::int8_t kRemove = 1;

struct TopicOptions {
  std::string server;
  std::vector<std::string> names;
  std::int32_t partitions = -1;
  std::vector<std::string> configs;
  std::vector<std::string> unset;
  bool json = false;
  bool all = false;
  bool names_only = false;
  bool if_not_exists = false;
};

template <class Response, class Request>
Result<Response> ask(Client& client, const Request& request) {
  LEAT_TRY(Connection * connection, client.any());
  LEAT_TRY(auto reply, connection->call<Response>(request, Client::kTimeout));
  return std::move(reply.message);
}

Result<int> create(const TopicOptions& options) {
  std::vector<std::pair<std::string, std::string>> configs;
  for (const std::string& text : options.configs) {
    LEAT_TRY(auto pair, split_pair("--config", text));
    configs.push_back(std::move(pair));
  }
  LEAT_TRY(const auto client, Client::connect(options.server));
  kafka::CreateTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
  for (const std::string& name : options.names) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = options.partitions;
    topic.replication_factor = -1;
    for (const auto& [key, value] : configs) topic.configs.push_back({.name = key, .value = value});
  }
  LEAT_TRY(const auto answer, ask<kafka::CreateTopicsResponse>(*client, request));
  for (const auto& topic : answer.topics) {
    if (topic.error_code == ErrorCode::kTopicAlreadyExists && options.if_not_exists) continue;
    if (topic.error_code != ErrorCode::kNone)
      return fail(
          server_error(fmt::format("cannot create topic '{}'", topic.name), topic.error_code, topic.error_message));
    if (options.json) {
      fmt::print(
          "{}\n",
          Json{{"name", topic.name}, {"id", topic.topic_id.to_string()}, {"partitions", topic.num_partitions}}.dump());
    } else {
      fmt::print("created '{}' with {} partition{}\n", topic.name, topic.num_partitions,
                 topic.num_partitions == 1 ? "" : "s");
    }
  }
  return 0;
}

// Bytes on disk of every partition, of all brokers.
Result<Sizes> partition_sizes(Client& client) {
  kafka::DescribeLogDirsRequest request;
  request.topics = std::nullopt;
  Sizes sizes;
  for (const auto& [id, address] : client.brokers()) {
    LEAT_TRY(Connection * connection, client.broker(id));
    LEAT_TRY(const auto reply, connection->call<kafka::DescribeLogDirsResponse>(request, Client::kTimeout));
    if (reply.message.error_code != ErrorCode::kNone)
      return fail(server_error("cannot read sizes", reply.message.error_code));
    for (const auto& folder : reply.message.results)
      for (const auto& topic : folder.topics)
        for (const auto& p : topic.partitions)
          if (!p.is_future_key) sizes[{topic.name, p.partition_index}] = p.partition_size;
  }
  return sizes;
}

std::int64_t topic_size(const Sizes& sizes, const TopicPartitions& topic) {
  std::int64_t size = 0;
  for (const auto& p : topic.partitions)
    if (const auto found = sizes.find({topic.name, p.index}); found != sizes.end()) size += found->second;
  return size;
}

Result<int> list(const TopicOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(auto topics, client->topics(std::nullopt));
  if (!options.all) std::erase_if(topics, [](const TopicPartitions& topic) { return topic.internal; });
  if (options.names_only) {
    for (const TopicPartitions& topic : topics) fmt::print("{}\n", topic.name);
    return 0;
  }
  LEAT_TRY(const Sizes sizes, partition_sizes(*client));
  if (options.json) {
    Json list = Json::array();
    for (const TopicPartitions& topic : topics)
      list.push_back({{"name", topic.name},
                      {"id", topic.id.to_string()},
                      {"partitions", topic.partitions.size()},
                      {"internal", topic.internal},
                      {"bytes", topic_size(sizes, topic)}});
    fmt::print("{}\n", list.dump(2));
    return 0;
  }
  if (topics.empty()) {
    fmt::print(stderr, "There are no topics yet. Create one with `leat topic create NAME`.\n");
    return 0;
  }
  Table table({"TOPIC", ">PARTITIONS", ">SIZE"});
  for (const TopicPartitions& topic : topics)
    table.add({topic.name, std::to_string(topic.partitions.size()), human_bytes(topic_size(sizes, topic))});
  fmt::print("{}", table.render());
  return 0;
}

struct Config {
  std::string name;
  std::string value;
  bool is_set = false;  // for this topic
};

Result<std::vector<Config>> topic_configs(Client& client, const std::string& name) {
  kafka::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopicResource;
  resource.resource_name = name;
  resource.configuration_keys = std::nullopt;
  LEAT_TRY(const auto answer, ask<kafka::DescribeConfigsResponse>(client, request));
  std::vector<Config> configs;
  for (const auto& result : answer.results) {
    if (result.error_code != ErrorCode::kNone)
      return fail(
          server_error(fmt::format("cannot read the settings of '{}'", name), result.error_code, result.error_message));
    for (const auto& config : result.configs)
      configs.push_back({config.name, config.value.value_or(""), config.config_source == kSetTopicConfig});
  }
  std::ranges::sort(configs, {}, &Config::name);
  return configs;
}

struct PartitionRow {
  TopicPartitions::Partition partition;
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::int64_t bytes = -1;
};

Json describe_json(const TopicPartitions& topic, const std::vector<PartitionRow>& rows,
                   const std::vector<Config>& configs) {
  Json object{{"name", topic.name}, {"id", topic.id.to_string()}, {"internal", topic.internal}};
  Json& partitions = object["partitions"] = Json::array();
  for (const PartitionRow& row : rows)
    partitions.push_back({{"partition", row.partition.index},
                          {"leader", row.partition.leader},
                          {"leader_epoch", row.partition.leader_epoch},
                          {"replicas", row.partition.replicas},
                          {"isr", row.partition.isr},
                          {"start", row.start},
                          {"end", row.end},
                          {"bytes", row.bytes}});
  Json& settings = object["configs"] = Json::object();
  for (const Config& config : configs) settings[config.name] = {{"value", config.value}, {"set", config.is_set}};
  return object;
}

void print_description(const TopicOptions& options, const TopicPartitions& topic, const std::vector<PartitionRow>& rows,
                       const std::vector<Config>& configs) {
  fmt::print("topic {}\nid    {}\n\n", topic.name, topic.id.to_string());
  Table table({">PARTITION", ">LEADER", ">EPOCH", ">START", ">END", ">OFFSETS", ">SIZE"});
  for (const PartitionRow& row : rows)
    table.add({std::to_string(row.partition.index), std::to_string(row.partition.leader),
               std::to_string(row.partition.leader_epoch), std::to_string(row.start), std::to_string(row.end),
               human_count(row.end - row.start), human_bytes(row.bytes)});
  fmt::print("{}\n", table.render());
  Table settings({"SETTING", "VALUE", "SET"});
  for (const Config& config : configs)
    if (config.is_set || options.all) settings.add({config.name, config.value, config.is_set ? "topic" : ""});
  if (settings.empty()) {
    fmt::print("All settings have their defaults; --all shows them.\n");
  } else {
    fmt::print("{}", settings.render());
  }
}

Result<int> describe(const TopicOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  Json list = Json::array();
  for (const std::string& name : options.names) {
    LEAT_TRY(const auto topic, client->topic(name));
    LEAT_TRY(const Sizes sizes, partition_sizes(*client));
    std::vector<std::int32_t> indexes;
    for (const auto& p : topic.partitions) indexes.push_back(p.index);
    LEAT_TRY(const auto starts, client->offsets(topic, indexes, kEarliest));
    LEAT_TRY(const auto ends, client->offsets(topic, indexes, kLatest));
    std::vector<PartitionRow> rows;
    for (const auto& p : topic.partitions) {
      const auto size = sizes.find({topic.name, p.index});
      rows.push_back({p, starts.at(p.index), ends.at(p.index), size == sizes.end() ? -1 : size->second});
    }
    LEAT_TRY(const auto configs, topic_configs(*client, name));
    if (options.json) {
      list.push_back(describe_json(topic, rows, configs));
    } else {
      if (name != options.names.front()) fmt::print("\n");
      print_description(options, topic, rows, configs);
    }
  }
  if (options.json) fmt::print("{}\n", list.dump(2));
  return 0;
}

Status alter_configs(Client& client, const TopicOptions& options, const std::string& name) {
  std::vector<std::pair<std::string, std::string>> sets;
  for (const std::string& text : options.configs) {
    LEAT_TRY(auto pair, split_pair("--config", text));
    sets.push_back(std::move(pair));
  }
  kafka::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopicResource;
  resource.resource_name = name;
  for (const auto& [key, value] : sets)
    resource.configs.push_back({.name = key, .config_operation = kSet, .value = value});
  for (const std::string& key : options.unset)
    resource.configs.push_back({.name = key, .config_operation = kRemove, .value = std::nullopt});
  LEAT_TRY(const auto answer, ask<kafka::IncrementalAlterConfigsResponse>(client, request));
  for (const auto& result : answer.responses)
    if (result.error_code != ErrorCode::kNone)
      return fail(server_error(fmt::format("cannot alter '{}'", name), result.error_code, result.error_message));
  return {};
}

Status add_partitions(Client& client, const TopicOptions& options, const std::string& name) {
  kafka::CreatePartitionsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.count = options.partitions;
  topic.assignments = std::nullopt;
  LEAT_TRY(const auto answer, ask<kafka::CreatePartitionsResponse>(client, request));
  for (const auto& result : answer.results)
    if (result.error_code != ErrorCode::kNone)
      return fail(
          server_error(fmt::format("cannot add partitions to '{}'", name), result.error_code, result.error_message));
  return {};
}

Result<int> alter(const TopicOptions& options) {
  if (options.configs.empty() && options.unset.empty() && options.partitions < 0)
    return fail(Errc::invalid_argument, "nothing to alter: give --config NAME=VALUE, --unset NAME or --partitions N");
  LEAT_TRY(const auto client, Client::connect(options.server));
  for (const std::string& name : options.names) {
    if (!options.configs.empty() || !options.unset.empty()) LEAT_CHECK(alter_configs(*client, options, name));
    if (options.partitions >= 0) LEAT_CHECK(add_partitions(*client, options, name));
    fmt::print("altered '{}'\n", name);
  }
  return 0;
}

Result<int> remove(const TopicOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  kafka::DeleteTopicsRequest request;
  request.timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
  for (const std::string& name : options.names) request.topic_names.emplace_back(name);
  LEAT_TRY(const auto answer, ask<kafka::DeleteTopicsResponse>(*client, request));
  for (const auto& result : answer.responses) {
    const std::string name = result.name.value_or("");
    if (result.error_code != ErrorCode::kNone)
      return fail(server_error(fmt::format("cannot delete '{}'", name), result.error_code, result.error_message));
    fmt::print("deleted '{}'\n", name);
  }
  return 0;
}

using Handler = Result<int> (*)(const TopicOptions&);

CLI::App* add(CLI::App& topic, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<TopicOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(topic, name, what, handler, options, chosen);
  add_server_option(*command, options->server);
  return command;
}

void add_names(CLI::App& command, TopicOptions& options) {
  command.add_option("topics", options.names, "Topics")->required()->type_name("TOPIC");
}

}  // namespace

void add_topic_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<TopicOptions>();
  CLI::App* topic = add_subcommand_group(root, "topic", "Create, list, describe, alter and delete topics");

  CLI::App* command = add(*topic, "create", "Create topics", create, options, chosen);
  add_names(*command, *options);
  command->add_option("--partitions", options->partitions, "How many partitions; the server's default if not given")
      ->check(at_least(1))
      ->type_name("N");
  command->add_option("--config", options->configs, "A setting of the topic; repeatable")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  command->add_flag("--if-not-exists", options->if_not_exists, "Leave topics alone that are there already");
  add_json_option(*command, options->json);

  command = add(*topic, "list", "List topics", list, options, chosen);
  command->add_flag("--all", options->all, "The server's own topics too");
  command->add_flag("--names", options->names_only, "Names only, one a line");
  add_json_option(*command, options->json);

  command = add(*topic, "describe", "Show partitions, offsets, sizes and settings", describe, options, chosen);
  add_names(*command, *options);
  command->add_flag("--all", options->all, "Settings that have their defaults too");
  add_json_option(*command, options->json);

  command = add(*topic, "alter", "Change settings, add partitions", alter, options, chosen);
  add_names(*command, *options);
  command->add_option("--config", options->configs, "A setting to change; repeatable")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all();
  command->add_option("--unset", options->unset, "A setting to put back to its default; repeatable")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command->add_option("--partitions", options->partitions, "How many there shall be; only ever more")
      ->check(at_least(1))
      ->type_name("N");

  command = add(*topic, "delete", "Delete topics and all their records", remove, options, chosen);
  add_names(*command, *options);
}

}  // namespace leat::cli
