#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log/config.h"

// A topic's configuration: which keys there are, what they take, and what they mean to the log. Declared once, in
// topic_config.cc, with Kafka's names, types, defaults (those of Kafka 4) and limits.
namespace leat::catalog {

// Keys and values as people write them.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

// The numbers are those of Kafka's DescribeConfigs response.
enum class ConfigType : std::int8_t { boolean = 1, string = 2, integer = 3, long_integer = 5, real = 6, list = 7 };
enum class ConfigSource : std::int8_t { topic = 1, server = 4, builtin = 5 };

struct ConfigValue;

struct TopicConfigKey {
  std::string_view name;
  ConfigType type;
  std::string_view default_value;
  std::string_view server_name;  // what Kafka calls the server-wide default
  std::string_view documentation;
  double min = 0;  // of a number, inclusive
  double max = 0;
  std::span<const std::string_view> choices;                                  // of a string or list; empty: any
  void (*apply)(log::LogConfig& config, const ConfigValue& value) = nullptr;  // nullptr: stored and reported, no effect
};

// Every key, in name order.
[[nodiscard]] std::span<const TopicConfigKey> topic_config_keys();
// nullptr when leat does not know it.
[[nodiscard]] const TopicConfigKey* find_topic_config(std::string_view name);

// What the server's configuration sets for topics that do not say otherwise, by the topics' keys.
struct ServerDefaults {
  ConfigMap topic;
};

// Error of all below: invalid_config, naming the key and what it takes.

[[nodiscard]] Status validate_topic_config(std::string_view name, std::string_view value);
// Every key by itself, and those that depend on each other.
[[nodiscard]] Status validate_topic_config(const ServerDefaults& defaults, const ConfigMap& overrides);

// The log's settings of a topic: its own, else the server's, else the built-in ones.
[[nodiscard]] Result<log::LogConfig> resolve_topic_config(const ServerDefaults& defaults, const ConfigMap& overrides);

// The value in force of one key that exists.
[[nodiscard]] std::string effective_topic_config(const TopicConfigKey& key, const ServerDefaults& defaults,
                                                 const ConfigMap& overrides);

// The numbers are those of Kafka's IncrementalAlterConfigs request.
enum class ConfigOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
struct ConfigChange {
  std::string name;
  ConfigOperation operation = ConfigOperation::set;
  std::string value;  // of remove: ignored
};

// `overrides` after the changes, validated as a whole. Append and subtract are for lists, and start from the value in
// force. A key is changed at most once.
[[nodiscard]] Result<ConfigMap> apply_config_changes(const ServerDefaults& defaults, ConfigMap overrides,
                                                     std::span<const ConfigChange> changes);

struct ConfigSynonym {
  std::string name;
  std::string value;
  ConfigSource source;
};
struct DescribedConfig {
  const TopicConfigKey* key;
  std::string value;
  ConfigSource source;
  std::vector<ConfigSynonym> synonyms;  // what would hold without the ones before it; the first is in force
};
// Every key with its value in force, in name order: what DescribeConfigs answers.
[[nodiscard]] std::vector<DescribedConfig> describe_topic_config(const ServerDefaults& defaults,
                                                                 const ConfigMap& overrides);

}  // namespace leat::catalog
