#include "catalog/topic_config.h"

#include <charconv>
#include <cmath>

namespace leat::catalog {

// A value that was read as its key's type; the one that fits is set.
struct ConfigValue {
  std::int64_t number = 0;
  double real = 0;
  bool flag = false;
  std::string text;
  std::vector<std::string> list;

  [[nodiscard]] bool lists(std::string_view item) const { return std::ranges::find(list, item) != list.end(); }
};

namespace {

using log::LogConfig;

constexpr double kInt32Max = 2147483647.0;
constexpr double kInt64Max = 9223372036854775807.0;
constexpr std::string_view kLongMax = "9223372036854775807";

constexpr std::string_view kCleanupPolicies[] = {"compact", "delete"};
constexpr std::string_view kCompressionTypes[] = {"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"};
constexpr std::string_view kFlushPolicies[] = {"commit", "interval", "os"};
constexpr std::string_view kOnlyFalse[] = {"false"};
constexpr std::string_view kTimestampTypes[] = {"CreateTime", "LogAppendTime"};

std::optional<log::Codec> codec_of(std::string_view compression_type) {
  if (compression_type == "uncompressed") return log::Codec::none;
  if (compression_type == "zstd") return log::Codec::zstd;
  if (compression_type == "lz4") return log::Codec::lz4;
  if (compression_type == "snappy") return log::Codec::snappy;
  if (compression_type == "gzip") return log::Codec::gzip;
  return std::nullopt;  // producer
}

log::FlushPolicy flush_policy_of(std::string_view text) {
  if (text == "interval") return log::FlushPolicy::interval;
  if (text == "os") return log::FlushPolicy::os;
  return log::FlushPolicy::commit;
}

constexpr TopicConfigKey kKeys[] = {
    {.name = "cleanup.policy",
     .type = ConfigType::list,
     .default_value = "delete",
     .server_name = "log.cleanup.policy",
     .documentation =
         "What happens to old segments: 'delete' drops them by time and size, 'compact' keeps the last record "
         "of each key, both do both. To keep everything, set retention.ms and retention.bytes to -1.",
     .choices = kCleanupPolicies,
     .apply =
         [](LogConfig& config, const ConfigValue& value) {
           config.compact = value.lists("compact");
           config.delete_old = value.lists("delete");
         }},
    {.name = "compression.type",
     .type = ConfigType::string,
     .default_value = "producer",
     .server_name = "compression.type",
     .documentation = "The codec batches are stored in; 'producer' keeps the one they were sent in.",
     .choices = kCompressionTypes,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.codec = codec_of(value.text); }},
    {.name = "delete.retention.ms",
     .type = ConfigType::long_integer,
     .default_value = "86400000",
     .server_name = "log.cleaner.delete.retention.ms",
     .documentation = "How long the tombstones of a compacted topic stay readable.",
     .min = 0,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.delete_retention_ms = value.number; }},
    {.name = "file.delete.delay.ms",
     .type = ConfigType::long_integer,
     .default_value = "60000",
     .server_name = "log.segment.delete.delay.ms",
     .documentation = "No effect: a file goes when nobody reads it any more.",
     .min = 0,
     .max = kInt64Max},
    {.name = "flush.messages",
     .type = ConfigType::long_integer,
     .default_value = kLongMax,
     .server_name = "log.flush.interval.messages",
     .documentation = "No effect: leat.flush says when records are flushed.",
     .min = 1,
     .max = kInt64Max},
    {.name = "flush.ms",
     .type = ConfigType::long_integer,
     .default_value = kLongMax,
     .server_name = "log.flush.interval.ms",
     .documentation = "No effect: leat.flush says when records are flushed.",
     .min = 0,
     .max = kInt64Max},
    {.name = "index.interval.bytes",
     .type = ConfigType::integer,
     .default_value = "4096",
     .server_name = "log.index.interval.bytes",
     .documentation = "How many bytes of a segment lie between two entries of its offset index.",
     .min = 0,
     .max = kInt32Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.index_interval_bytes = value.number; }},
    {.name = "leat.fence",
     .type = ConfigType::boolean,
     .default_value = "false",
     .server_name = "leat.fence",
     .documentation =
         "Whether a record with the header leat-fence, LOCK:TOKEN, is refused when a newer token is known.",
     .apply = [](LogConfig& config, const ConfigValue& value) { config.fence = value.flag; }},
    {.name = "leat.flush",
     .type = ConfigType::string,
     .default_value = "commit",
     .server_name = "leat.flush",
     .documentation =
         "When records are flushed to the disk: 'commit' before readers see them and acks=all is answered, "
         "'interval' regularly, 'os' when the operating system does.",
     .choices = kFlushPolicies,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.flush = flush_policy_of(value.text); }},
    {.name = "max.compaction.lag.ms",
     .type = ConfigType::long_integer,
     .default_value = kLongMax,
     .server_name = "log.cleaner.max.compaction.lag.ms",
     .documentation = "The longest time a record may stay uncompacted.",
     .min = 1,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.max_compaction_lag_ms = value.number; }},
    {.name = "max.message.bytes",
     .type = ConfigType::integer,
     .default_value = "1048588",
     .server_name = "message.max.bytes",
     .documentation = "The largest batch that is accepted, as sent.",
     .min = 0,
     .max = kInt32Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.batch_size_max = value.number; }},
    {.name = "message.downconversion.enable",
     .type = ConfigType::boolean,
     .default_value = "true",
     .server_name = "log.message.downconversion.enable",
     .documentation = "No effect: formats older than v2 are not served."},
    {.name = "message.timestamp.after.max.ms",
     .type = ConfigType::long_integer,
     .default_value = "3600000",
     .server_name = "log.message.timestamp.after.max.ms",
     .documentation = "How far ahead of the server's clock the timestamp of a record may be (CreateTime only).",
     .min = 0,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.timestamp_after_max_ms = value.number; }},
    {.name = "message.timestamp.before.max.ms",
     .type = ConfigType::long_integer,
     .default_value = kLongMax,
     .server_name = "log.message.timestamp.before.max.ms",
     .documentation = "How far behind the server's clock the timestamp of a record may be (CreateTime only).",
     .min = 0,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.timestamp_before_max_ms = value.number; }},
    {.name = "message.timestamp.difference.max.ms",
     .type = ConfigType::long_integer,
     .default_value = kLongMax,
     .server_name = "log.message.timestamp.difference.max.ms",
     .documentation = "No effect: message.timestamp.before.max.ms and message.timestamp.after.max.ms took its place.",
     .min = 0,
     .max = kInt64Max},
    {.name = "message.timestamp.type",
     .type = ConfigType::string,
     .default_value = "CreateTime",
     .server_name = "log.message.timestamp.type",
     .documentation = "Whose timestamp a record has: its producer's, or that of its append.",
     .choices = kTimestampTypes,
     .apply =
         [](LogConfig& config, const ConfigValue& value) {
           config.timestamp_type =
               value.text == "LogAppendTime" ? log::TimestampType::append_time : log::TimestampType::create_time;
         }},
    {.name = "min.cleanable.dirty.ratio",
     .type = ConfigType::real,
     .default_value = "0.5",
     .server_name = "log.cleaner.min.cleanable.ratio",
     .documentation = "The uncompacted share of a log from which it is compacted.",
     .min = 0,
     .max = 1,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.min_cleanable_dirty_ratio = value.real; }},
    {.name = "min.compaction.lag.ms",
     .type = ConfigType::long_integer,
     .default_value = "0",
     .server_name = "log.cleaner.min.compaction.lag.ms",
     .documentation = "How long a record stays uncompacted at least.",
     .min = 0,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.min_compaction_lag_ms = value.number; }},
    {.name = "min.insync.replicas",
     .type = ConfigType::integer,
     .default_value = "1",
     .server_name = "min.insync.replicas",
     .documentation = "No effect on one node: the replicas that must have a record before acks=all is answered.",
     .min = 1,
     .max = kInt32Max},
    {.name = "preallocate",
     .type = ConfigType::boolean,
     .default_value = "false",
     .server_name = "log.preallocate",
     .documentation = "No effect: leat chooses by itself."},
    {.name = "remote.storage.enable",
     .type = ConfigType::string,
     .default_value = "false",
     .server_name = "remote.log.storage.system.enable",
     .documentation = "No effect: there is no tiered storage, and only 'false' is taken.",
     .choices = kOnlyFalse},
    {.name = "retention.bytes",
     .type = ConfigType::long_integer,
     .default_value = "-1",
     .server_name = "log.retention.bytes",
     .documentation = "The size of a partition above which its oldest segments are dropped; -1: no limit.",
     .min = -1,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.retention_bytes = value.number; }},
    {.name = "retention.ms",
     .type = ConfigType::long_integer,
     .default_value = "604800000",
     .server_name = "log.retention.ms",
     .documentation = "The age from which a partition's oldest segments are dropped; -1: no limit.",
     .min = -1,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.retention_ms = value.number; }},
    {.name = "segment.bytes",
     .type = ConfigType::integer,
     .default_value = "1073741824",
     .server_name = "log.segment.bytes",
     .documentation = "The size at which a segment is sealed and the next begun.",
     .min = 1048576,
     .max = kInt32Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.segment_bytes = value.number; }},
    {.name = "segment.index.bytes",
     .type = ConfigType::integer,
     .default_value = "10485760",
     .server_name = "log.index.size.max.bytes",
     .documentation = "No effect: indexes have the size they need.",
     .min = 4,
     .max = kInt32Max},
    {.name = "segment.jitter.ms",
     .type = ConfigType::long_integer,
     .default_value = "0",
     .server_name = "log.roll.jitter.ms",
     .documentation = "No effect: flushes of many files are one.",
     .min = 0,
     .max = kInt64Max},
    {.name = "segment.ms",
     .type = ConfigType::long_integer,
     .default_value = "604800000",
     .server_name = "log.roll.ms",
     .documentation = "The age at which a segment is sealed and the next begun.",
     .min = 1,
     .max = kInt64Max,
     .apply = [](LogConfig& config, const ConfigValue& value) { config.segment_ms = value.number; }},
    {.name = "unclean.leader.election.enable",
     .type = ConfigType::boolean,
     .default_value = "false",
     .server_name = "unclean.leader.election.enable",
     .documentation = "No effect: a replica that may lack acknowledged records never leads."},
};
static_assert(std::ranges::is_sorted(kKeys, {}, &TopicConfigKey::name));

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = trim(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

std::unexpected<Error> refuse(const TopicConfigKey& key, std::string_view value, std::string_view wanted) {
  constexpr std::size_t kShownMax = 100;
  return fail(Errc::invalid_config, fmt::format("{} is {}, not '{}'", key.name, wanted, value.substr(0, kShownMax)));
}

bool is_choice(const TopicConfigKey& key, std::string_view value) {
  return key.choices.empty() || std::ranges::find(key.choices, value) != key.choices.end();
}

Result<ConfigValue> read_number(const TopicConfigKey& key, std::string_view text) {
  ConfigValue value;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value.number);
  const auto number = static_cast<double>(value.number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < key.min || number > key.max) {
    return refuse(key, text,
                  key.type == ConfigType::integer
                      ? fmt::format("an integer from {} to {}", key.min, std::int64_t{INT32_MAX})
                      : fmt::format("an integer from {} to {}", key.min, INT64_MAX));
  }
  return value;
}

Result<ConfigValue> read_real(const TopicConfigKey& key, std::string_view text) {
  ConfigValue value;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value.real);
  // Written so that a NaN is refused too.
  const bool inside = value.real >= key.min && value.real <= key.max;
  if (parsed.ec != std::errc{} || parsed.ptr != end || !inside) {
    return refuse(key, text, fmt::format("a number from {} to {}", key.min, key.max));
  }
  return value;
}

Result<ConfigValue> read_flag(const TopicConfigKey& key, std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower != "true" && lower != "false") return refuse(key, text, "true or false");
  ConfigValue value;
  value.flag = lower == "true";
  return value;
}

Result<ConfigValue> read_list(const TopicConfigKey& key, std::string_view text) {
  ConfigValue value;
  value.list = split_list(text);
  const std::set<std::string> distinct(value.list.begin(), value.list.end());
  const bool known = std::ranges::all_of(value.list, [&](const std::string& item) { return is_choice(key, item); });
  if (value.list.empty() || distinct.size() != value.list.size() || !known) {
    return refuse(key, text, fmt::format("a list of one or more of {}", fmt::join(key.choices, ", ")));
  }
  return value;
}

Result<ConfigValue> read_value(const TopicConfigKey& key, std::string_view raw) {
  const std::string_view text = trim(raw);
  switch (key.type) {
    case ConfigType::boolean: return read_flag(key, text);
    case ConfigType::integer:
    case ConfigType::long_integer: return read_number(key, text);
    case ConfigType::real: return read_real(key, text);
    case ConfigType::list: return read_list(key, text);
    case ConfigType::string: break;
  }
  if (!is_choice(key, text)) return refuse(key, text, fmt::format("one of {}", fmt::join(key.choices, ", ")));
  ConfigValue value;
  value.text = text;
  return value;
}

Result<const TopicConfigKey*> need_key(std::string_view name) {
  if (const TopicConfigKey* key = find_topic_config(name); key != nullptr) return key;
  constexpr std::size_t kShownMax = 100;
  return fail(Errc::invalid_config, fmt::format("topics have no setting '{}'", name.substr(0, kShownMax)));
}

}  // namespace

std::span<const TopicConfigKey> topic_config_keys() { return kKeys; }

const TopicConfigKey* find_topic_config(std::string_view name) {
  const auto found = std::ranges::lower_bound(kKeys, name, {}, &TopicConfigKey::name);
  return found != std::end(kKeys) && found->name == name ? &*found : nullptr;
}

Status validate_topic_config(std::string_view name, std::string_view value) {
  LEAT_TRY(const TopicConfigKey* key, need_key(name));
  LEAT_CHECK(read_value(*key, value));
  return {};
}

Status validate_topic_config(const ServerDefaults& defaults, const ConfigMap& overrides) {
  LEAT_CHECK(resolve_topic_config(defaults, overrides));
  return {};
}

std::string effective_topic_config(const TopicConfigKey& key, const ServerDefaults& defaults,
                                   const ConfigMap& overrides) {
  if (const auto own = overrides.find(key.name); own != overrides.end()) return own->second;
  if (const auto server = defaults.topic.find(key.name); server != defaults.topic.end()) return server->second;
  return std::string(key.default_value);
}

Result<LogConfig> resolve_topic_config(const ServerDefaults& defaults, const ConfigMap& overrides) {
  for (const ConfigMap* map : {&defaults.topic, &overrides}) {
    for (const auto& [name, value] : *map) LEAT_CHECK(validate_topic_config(name, value));
  }
  LogConfig config;
  for (const TopicConfigKey& key : kKeys) {
    LEAT_TRY(const ConfigValue value, read_value(key, effective_topic_config(key, defaults, overrides)));
    if (key.apply != nullptr) key.apply(config, value);
  }
  if (config.min_compaction_lag_ms > config.max_compaction_lag_ms) {
    return fail(Errc::invalid_config, fmt::format("min.compaction.lag.ms ({}) is above max.compaction.lag.ms ({})",
                                                  config.min_compaction_lag_ms, config.max_compaction_lag_ms));
  }
  return config;
}

Result<ConfigMap> apply_config_changes(const ServerDefaults& defaults, ConfigMap overrides,
                                       std::span<const ConfigChange> changes) {
  std::set<std::string_view> seen;
  for (const ConfigChange& change : changes) {
    LEAT_TRY(const TopicConfigKey* key, need_key(change.name));
    if (!seen.insert(change.name).second) {
      return fail(Errc::invalid_config, fmt::format("{} is changed twice in one request", change.name));
    }
    if (change.operation == ConfigOperation::remove) {
      overrides.erase(change.name);
      continue;
    }
    if (change.operation == ConfigOperation::set) {
      overrides[change.name] = trim(change.value);
      continue;
    }
    if (key->type != ConfigType::list) {
      return fail(Errc::invalid_config, fmt::format("{} is not a list, to which one can append or from which one can "
                                                    "subtract",
                                                    change.name));
    }
    std::vector<std::string> items = split_list(effective_topic_config(*key, defaults, overrides));
    for (const std::string& item : split_list(change.value)) {
      std::erase(items, item);
      if (change.operation == ConfigOperation::append) items.push_back(item);
    }
    overrides[change.name] = fmt::format("{}", fmt::join(items, ","));
  }
  LEAT_CHECK(validate_topic_config(defaults, overrides));
  return overrides;
}

std::vector<DescribedConfig> describe_topic_config(const ServerDefaults& defaults, const ConfigMap& overrides) {
  std::vector<DescribedConfig> described;
  for (const TopicConfigKey& key : kKeys) {
    std::vector<ConfigSynonym> synonyms;
    if (const auto own = overrides.find(key.name); own != overrides.end()) {
      synonyms.push_back({std::string(key.name), own->second, ConfigSource::topic});
    }
    if (const auto server = defaults.topic.find(key.name); server != defaults.topic.end()) {
      synonyms.push_back({std::string(key.server_name), server->second, ConfigSource::server});
    }
    synonyms.push_back({std::string(key.server_name), std::string(key.default_value), ConfigSource::builtin});
    described.push_back({&key, synonyms.front().value, synonyms.front().source, std::move(synonyms)});
  }
  return described;
}

}  // namespace leat::catalog
