#include "server/wiring.h"

#include <charconv>

namespace leat::server {
namespace {

std::string_view flush_name(FlushPolicy policy) {
  switch (policy) {
    case FlushPolicy::commit: return "commit";
    case FlushPolicy::interval: return "interval";
    case FlushPolicy::os: return "os";
  }
  return "commit";
}

// A shard must be able to take some of the largest batches that topics have by default, however many shards there are.
constexpr std::size_t kShardRequestsBytesMin = std::size_t{16} << 20;
// Where a client goes on in many partitions is in a header.
constexpr std::size_t kHttpHeadSizeMax = std::size_t{32} << 10;

std::size_t share_of(std::int64_t whole, std::int32_t shards) {
  return static_cast<std::size_t>(std::max<std::int64_t>(whole / std::max(shards, 1), 1));
}

}  // namespace

stream::StreamOptions stream_options(const ServerConfig& config, runtime::SpaceReserve& reserve,
                                     std::atomic<bool>& compacting) {
  stream::StreamOptions options;
  options.store.folder = config.data_dir;
  options.store.reserve = &reserve;
  options.store.compacting = &compacting;
  options.store.flush_max = config.flush.max;
  options.store.flush_interval = config.flush.interval;
  options.store.maintenance_interval = config.log.maintenance_interval;
  options.store.open_files_max = std::max<std::size_t>(share_of(config.log.max_open_files, config.shards), 16);
  options.store.decompressed_size_max = static_cast<std::size_t>(config.log.decompressed_max_bytes);
  options.producers.expiration = config.producer.id_expiration;
  return options;
}

stream::GroupConfig group_config(const ServerConfig& config) {
  stream::GroupConfig group;
  group.session_timeout_min = config.group.min_session_timeout;
  group.session_timeout_max = config.group.max_session_timeout;
  group.initial_rebalance_delay = config.group.initial_rebalance_delay;
  group.group_size_max = static_cast<std::size_t>(config.group.max_size);
  group.offset_metadata_size_max = static_cast<std::size_t>(config.offsets.metadata_max_bytes);
  group.offsets_retention = config.offsets.retention;
  return group;
}

kafka::KafkaOptions kafka_options(const ServerConfig& config) {
  kafka::KafkaOptions options;
  options.auto_create_topics = config.kafka.auto_create_topics;
  options.default_partitions = config.kafka.num_partitions;
  options.request_size_max = static_cast<std::size_t>(config.kafka.request_max_bytes);
  options.memory_for_requests = std::max(share_of(config.memory.requests_bytes, config.shards), kShardRequestsBytesMin);
  options.connections_max = static_cast<std::size_t>(config.kafka.max_connections);
  options.connection_idle = config.kafka.connection_idle;
  options.fetch_bytes_max = static_cast<std::uint64_t>(config.fetch.max_bytes);
  options.fetch_sessions_max = share_of(config.fetch.session_slots, config.shards);
  options.offsets_partitions = config.offsets.partitions;
  return options;
}

catalog::ServerDefaults server_defaults(const ServerConfig& config) {
  const LogDefaults& log = config.log;
  const auto number = [](auto value) { return fmt::format("{}", value); };
  catalog::ServerDefaults defaults;
  defaults.topic = {
      {"cleanup.policy", log.cleanup_policy},
      {"compression.type", log.compression_type},
      {"delete.retention.ms", number(log.delete_retention.count())},
      {"index.interval.bytes", number(log.index_interval_bytes)},
      {"leat.flush", std::string(flush_name(config.flush.policy))},
      {"max.compaction.lag.ms", number(log.max_compaction_lag.count())},
      {"max.message.bytes", number(log.message_max_bytes)},
      {"message.timestamp.after.max.ms", number(log.message_timestamp_after_max.count())},
      {"message.timestamp.before.max.ms", number(log.message_timestamp_before_max.count())},
      {"message.timestamp.type", log.message_timestamp_type},
      {"min.cleanable.dirty.ratio", number(log.min_cleanable_dirty_ratio)},
      {"min.compaction.lag.ms", number(log.min_compaction_lag.count())},
      {"retention.bytes", number(log.retention_bytes)},
      {"retention.ms", number(log.retention.count())},
      {"segment.bytes", number(log.segment_bytes)},
      {"segment.ms", number(log.segment_age.count())},
  };
  // What is as leat's own default is is not the operator's choice: clients are told so.
  std::erase_if(defaults.topic, [](const auto& entry) {
    return catalog::find_topic_config(entry.first)->default_value == entry.second;
  });
  return defaults;
}

http::Options http_options(const ServerConfig& config) {
  http::Options options;
  options.idle_timeout = config.http.connection_idle;
  options.request_timeout = config.http.request_timeout;
  options.connections_max = static_cast<std::size_t>(config.http.max_connections);
  options.limits.head_size_max = kHttpHeadSizeMax;
  options.limits.body_size_max = static_cast<std::size_t>(config.http.max_body_bytes);
  options.bodies_size_max = std::max(share_of(config.memory.requests_bytes, config.shards), kShardRequestsBytesMin);
  return options;
}

api::ApiOptions api_options(const ServerConfig& config) {
  api::ApiOptions options;
  options.cors_origins = config.http.cors_origins;
  options.requests_per_user_max = share_of(config.http.max_requests_per_user, config.shards);
  options.default_partitions = config.kafka.num_partitions;
  options.offsets_partitions = config.offsets.partitions;
  return options;
}

sqs::SqsOptions sqs_options(const ServerConfig& config, std::shared_ptr<const security::Policies> policies) {
  sqs::SqsOptions options;
  options.policies = std::move(policies);
  options.access_keys = security::parse_access_keys(config.sqs.access_keys).value();  // load_config checked them
  options.region = config.sqs.region;
  options.http.idle_timeout = config.sqs.connection_idle;
  options.http.connections_max = static_cast<std::size_t>(config.sqs.max_connections);
  options.http.bodies_size_max =
      std::max(share_of(config.memory.requests_bytes, config.shards), kShardRequestsBytesMin);
  return options;
}

// load_config checked it.
resp::Durability parse_durability(std::string_view text) {
  if (text == "none") return resp::Durability::none;
  return text == "commit" ? resp::Durability::commit : resp::Durability::interval;
}

resp::Settings resp_settings(const ServerConfig& config) {
  resp::Settings settings;
  settings.durability.assign(static_cast<std::size_t>(config.resp.databases), parse_durability(config.resp.durability));
  for (const std::string_view text : config.resp.durability_of) {
    const auto equals = text.find('=');
    std::size_t database = 0;
    std::from_chars(text.data(), text.data() + equals, database);
    settings.durability[database] = parse_durability(text.substr(equals + 1));
  }
  settings.databases = static_cast<std::uint32_t>(config.resp.databases);
  settings.memory_max = static_cast<std::uint64_t>(config.resp.max_memory_bytes);
  settings.eviction = keyspace::parse_eviction_policy(config.resp.eviction).value();  // load_config checked it
  settings.connections_max = static_cast<std::size_t>(config.resp.max_connections);
  settings.password = config.resp.password;
  return settings;
}

std::unexpected<Error> explain_listen(const ListenerConfig& listener, const Error& error) {
  const std::string_view hint = error.code == Errc::exists
                                    ? ": another program listens there; stop it or choose another port"
                                    : ": check the address";
  return fail(error.code, fmt::format("cannot listen for {0} on {1}:{2}: {3}{4} (--listen {0}=HOST:PORT)",
                                      protocol_name(listener.protocol, listener.is_tls), listener.host, listener.port,
                                      error.message, hint));
}

}  // namespace leat::server
