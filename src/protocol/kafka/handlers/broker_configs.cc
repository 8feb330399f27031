#include "protocol/kafka/handlers/broker_configs.h"

namespace leat::kafka {
namespace {

using catalog::ConfigSource;
using catalog::ConfigType;

// Values as Kafka writes them.
std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }

class Settings {
 public:
  // One that the operator may have changed from its default.
  template <class T>
  void add(std::string name, ConfigType type, const T& value, const T& initial, std::string documentation) {
    std::vector<catalog::ConfigSynonym> synonyms;
    if (value != initial) synonyms.push_back({name, text_of(value), ConfigSource::server});
    synonyms.push_back({name, text_of(initial), ConfigSource::builtin});
    all_.push_back({std::move(name), text_of(value), type, std::move(synonyms), std::move(documentation)});
  }
  // One that has no default.
  void add_fixed(std::string name, ConfigType type, std::string value, std::string documentation) {
    std::vector<catalog::ConfigSynonym> synonyms{{name, value, ConfigSource::server}};
    all_.push_back({std::move(name), std::move(value), type, std::move(synonyms), std::move(documentation)});
  }
  void add(catalog::DescribedConfig topic_default) {
    all_.push_back({std::string(topic_default.key->server_name), std::move(topic_default.value),
                    topic_default.key->type, std::move(topic_default.synonyms),
                    std::string(topic_default.key->documentation)});
  }
  std::vector<BrokerConfig> sorted() {
    std::ranges::sort(all_, {}, &BrokerConfig::name);
    return std::move(all_);
  }

 private:
  std::vector<BrokerConfig> all_;
};

std::string advertised(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("PLAINTEXT://[{}]:{}", endpoint.host, endpoint.port)
                 : fmt::format("PLAINTEXT://{}:{}", endpoint.host, endpoint.port);
}

void add_identity(Settings& settings, const Request& request) {
  const std::string node = std::to_string(request.node().node.value());
  settings.add_fixed("advertised.listeners", ConfigType::string, advertised(request.connection.endpoint),
                     "Where clients of this listener are told to connect.");
  settings.add_fixed("broker.id", ConfigType::integer, node, "This node's id.");
  settings.add_fixed("node.id", ConfigType::integer, node, "This node's id.");
  settings.add_fixed("log.dir", ConfigType::string, request.node().data_folder, "The data folder.");
  settings.add_fixed("log.dirs", ConfigType::string, request.node().data_folder, "The data folder.");
}

void add_options(Settings& settings, const KafkaOptions& options) {
  const KafkaOptions initial;
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  const auto ms = [](Milliseconds value) { return static_cast<std::int64_t>(value.count()); };
  settings.add("auto.create.topics.enable", ConfigType::boolean, options.auto_create_topics, initial.auto_create_topics,
               "Whether a topic that does not exist is created when it is asked for.");
  settings.add("num.partitions", ConfigType::integer, number(options.default_partitions),
               number(initial.default_partitions), "The partitions of a topic whose creator does not say.");
  settings.add("socket.request.max.bytes", ConfigType::integer, number(options.request_size_max),
               number(initial.request_size_max), "The largest request that is read.");
  settings.add("max.connections", ConfigType::integer, number(options.connections_max), number(initial.connections_max),
               "The most connections that are served at once.");
  settings.add("connections.max.idle.ms", ConfigType::long_integer, ms(options.connection_idle),
               ms(initial.connection_idle), "How long a connection may be silent before it is closed.");
  settings.add("fetch.max.bytes", ConfigType::integer, number(options.fetch_bytes_max), number(initial.fetch_bytes_max),
               "The most bytes of records in one fetch response.");
  settings.add("offsets.topic.num.partitions", ConfigType::integer, number(options.offsets_partitions),
               number(initial.offsets_partitions), "The partitions of __consumer_offsets.");
}

// What is the same on every leat of one node, which clients look for all the same.
void add_constants(Settings& settings) {
  settings.add("default.replication.factor", ConfigType::integer, std::int64_t{1}, std::int64_t{1},
               "The replicas of a partition: there is one node.");
  settings.add("offsets.topic.replication.factor", ConfigType::integer, std::int64_t{1}, std::int64_t{1},
               "The replicas of __consumer_offsets: there is one node.");
  settings.add("delete.topic.enable", ConfigType::boolean, true, true, "Topics can be deleted.");
}

}  // namespace

std::vector<BrokerConfig> broker_configs(const Request& request) {
  Settings settings;
  add_identity(settings, request);
  add_options(settings, request.node().options);
  add_constants(settings);
  for (auto& topic_default : catalog::describe_topic_config(request.node().topics.defaults(), {}))
    settings.add(std::move(topic_default));
  return settings.sorted();
}

}  // namespace leat::kafka
