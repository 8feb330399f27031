#include "protocol/resp/config_table.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "keyspace/encoding_limits.h"
#include "keyspace/numbers.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

using keyspace::EncodingLimits;

constexpr std::string_view kNotInteger = "argument couldn't be parsed into an integer";
constexpr std::string_view kNotMemory = "argument must be a memory value";

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string range_error(std::int64_t least, std::int64_t most) {
  return fmt::format("argument must be between {} and {} inclusive", least, most);
}

template <class T>
std::string set_number(std::string_view value, T& into, std::int64_t least, std::int64_t most) {
  const auto number = keyspace::parse_integer(value);
  if (!number) return std::string(kNotInteger);
  if (*number < least || *number > most) return range_error(least, most);
  into = static_cast<T>(*number);
  return {};
}

// "100mb", "1g", "4096": decimal units without the b, binary ones with it.
std::optional<std::uint64_t> parse_memory(std::string_view text) {
  static constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"gb", std::uint64_t{1} << 30},
      {"mb", std::uint64_t{1} << 20},
      {"kb", std::uint64_t{1} << 10},
      {"g", 1'000'000'000},
      {"m", 1'000'000},
      {"k", 1'000},
      {"b", 1},
      {"", 1},
  };
  const std::string small = lower(text);
  for (const auto& [suffix, factor] : kUnits) {
    if (!small.ends_with(suffix)) continue;
    const std::string_view digits = std::string_view(small).substr(0, small.size() - suffix.size());
    std::uint64_t number = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

std::string set_memory(std::string_view value, std::uint64_t& into) {
  const auto bytes = parse_memory(value);
  if (!bytes) return std::string(kNotMemory);
  into = *bytes;
  return {};
}

template <auto* limit, std::int64_t least = 0>
std::string get_limit(Executor& /*executor*/) {
  return std::to_string(*limit);
}
template <auto* limit, std::int64_t least = 0>
std::string set_limit(Executor& /*executor*/, std::string_view value) {
  return set_number(value, *limit, least, std::numeric_limits<std::int64_t>::max());
}

template <const char* text>
std::string fixed(Executor& /*executor*/) {
  return text;
}
constexpr char kYes[] = "yes";
constexpr char kNo[] = "no";
constexpr char kNone[] = "";
constexpr char kOne[] = "1";
constexpr char kResetChannels[] = "resetchannels";
constexpr char kPercentiles[] = "50 99 99.9";

std::string get_eviction(Executor& executor) { return std::string(to_string(executor.keyspace().policy())); }
std::string set_eviction(Executor& executor, std::string_view value) {
  const auto policy = keyspace::parse_eviction_policy(lower(value));
  if (!policy) {
    return "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, "
           "volatile-fifo, allkeys-lru, allkeys-lfu, allkeys-random, allkeys-fifo, noeviction";
  }
  executor.keyspace().set_policy(*policy);
  return {};
}

std::string get_memory_max(Executor& executor) { return std::to_string(executor.settings().memory_max); }
std::string set_memory_max(Executor& executor, std::string_view value) {
  std::string error = set_memory(value, executor.settings().memory_max);
  if (error.empty() && executor.settings().memory_max > 0) executor.make_room();
  return error;
}

std::string get_samples(Executor& executor) { return std::to_string(executor.evictor().samples()); }
std::string set_samples(Executor& executor, std::string_view value) {
  std::size_t samples = 0;
  std::string error = set_number(value, samples, 1, 64);
  if (error.empty()) executor.evictor().set_samples(samples);
  return error;
}

std::string get_lfu_factor(Executor& executor) { return std::to_string(executor.keyspace().lfu().log_factor); }
std::string set_lfu_factor(Executor& executor, std::string_view value) {
  return set_number(value, executor.keyspace().lfu().log_factor, 0, std::numeric_limits<std::int32_t>::max());
}
std::string get_lfu_decay(Executor& executor) { return std::to_string(executor.keyspace().lfu().decay_minutes); }
std::string set_lfu_decay(Executor& executor, std::string_view value) {
  return set_number(value, executor.keyspace().lfu().decay_minutes, 0, std::numeric_limits<std::int32_t>::max());
}

std::string get_events(Executor& executor) { return format_event_classes(executor.settings().event_classes); }
std::string set_events(Executor& executor, std::string_view value) {
  const auto classes = parse_event_classes(value);
  if (!classes) return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
  executor.settings().event_classes = *classes;
  executor.apply_settings();
  return {};
}

std::string get_output_limits(Executor& executor) { return format_output_limits(executor.settings().output_limits); }
std::string set_output_limits(Executor& executor, std::string_view value) {
  const auto limits = parse_output_limits(value, executor.settings().output_limits);
  if (!limits) return limits.error().message;
  executor.settings().output_limits = *limits;
  return {};
}

std::string get_slow_subscriber(Executor& executor) {
  return executor.settings().slow_subscriber == SlowSubscriber::drop ? "drop" : "disconnect";
}
std::string set_slow_subscriber(Executor& executor, std::string_view value) {
  if (value != "drop" && value != "disconnect") return "argument must be one of the following: disconnect, drop";
  executor.settings().slow_subscriber = value == "drop" ? SlowSubscriber::drop : SlowSubscriber::disconnect;
  return {};
}

std::string get_tracking_max(Executor& executor) { return std::to_string(executor.settings().tracking_keys_max); }
std::string set_tracking_max(Executor& executor, std::string_view value) {
  return set_number(value, executor.settings().tracking_keys_max, 0, std::numeric_limits<std::int64_t>::max());
}

std::string get_connections_max(Executor& executor) { return std::to_string(executor.settings().connections_max); }
std::string set_connections_max(Executor& executor, std::string_view value) {
  return set_number(value, executor.settings().connections_max, 1, std::numeric_limits<std::int32_t>::max());
}

std::string get_timeout(Executor& executor) { return std::to_string(executor.settings().idle_seconds_max); }
std::string set_timeout(Executor& executor, std::string_view value) {
  std::string error =
      set_number(value, executor.settings().idle_seconds_max, 0, std::numeric_limits<std::int32_t>::max());
  if (error.empty()) executor.apply_settings();
  return error;
}

std::string get_bulk_max(Executor& executor) { return std::to_string(executor.settings().limits.bulk_size_max); }
std::string set_bulk_max(Executor& executor, std::string_view value) {
  std::uint64_t bytes = 0;
  std::string error = set_memory(value, bytes);
  if (!error.empty()) return error;
  if (bytes < std::uint64_t{1} << 20) return range_error(1 << 20, std::numeric_limits<std::int64_t>::max());
  executor.settings().limits.bulk_size_max = bytes;
  return {};
}

std::string get_password(Executor& executor) { return executor.settings().password; }
std::string set_password(Executor& executor, std::string_view value) {
  executor.settings().password = value;
  executor.users().set_default_password(value);
  executor.identities().default_user_changed();
  return {};
}

std::string get_busy_threshold(Executor& executor) {
  return std::to_string(executor.settings().busy_reply_threshold.count());
}
std::string set_busy_threshold(Executor& executor, std::string_view value) {
  std::int64_t millis = 0;
  std::string error = set_number(value, millis, 0, std::numeric_limits<std::int64_t>::max());
  // What is far beyond any script's end is kept where sums of times have room.
  if (error.empty()) executor.settings().busy_reply_threshold = Milliseconds(std::min(millis, std::int64_t{1} << 42));
  return error;
}

std::string get_slower_than(Executor& executor) { return std::to_string(executor.times().slower_than); }
std::string set_slower_than(Executor& executor, std::string_view value) {
  return set_number(value, executor.times().slower_than, -1, std::numeric_limits<std::int64_t>::max());
}
std::string get_slow_max(Executor& executor) { return std::to_string(executor.times().slow_max()); }
std::string set_slow_max(Executor& executor, std::string_view value) {
  std::size_t most = 0;
  std::string error = set_number(value, most, 0, std::numeric_limits<std::int64_t>::max());
  if (error.empty()) executor.times().set_slow_max(most);
  return error;
}
std::string get_monitored_from(Executor& executor) { return std::to_string(executor.times().monitored_from); }
std::string set_monitored_from(Executor& executor, std::string_view value) {
  return set_number(value, executor.times().monitored_from, 0, std::numeric_limits<std::int64_t>::max());
}
std::string get_tracks_latencies(Executor& executor) { return executor.times().tracks_latencies ? kYes : kNo; }
std::string set_tracks_latencies(Executor& executor, std::string_view value) {
  if (lower(value) != kYes && lower(value) != kNo) return "argument must be 'yes' or 'no'";
  executor.times().tracks_latencies = lower(value) == kYes;
  return {};
}
std::string get_acl_log_max(Executor& executor) { return std::to_string(executor.acl_log().size_max()); }
std::string set_acl_log_max(Executor& executor, std::string_view value) {
  std::size_t most = 0;
  std::string error = set_number(value, most, 0, std::numeric_limits<std::int64_t>::max());
  if (error.empty()) executor.acl_log().set_size_max(most);
  return error;
}

std::string get_databases(Executor& executor) { return std::to_string(executor.settings().databases); }
std::string get_append_only(Executor& executor) { return executor.durability(0) == Durability::none ? kNo : kYes; }
std::string get_append_fsync(Executor& executor) {
  return executor.durability(0) == Durability::commit ? "always" : "everysec";
}

using L = EncodingLimits;
constexpr ConfigParameter kParameters[] = {
    {"acl-pubsub-default", {}, fixed<kResetChannels>, nullptr},
    {"aclfile", {}, fixed<kNone>, nullptr},
    {"acllog-max-len", {}, get_acl_log_max, set_acl_log_max},
    {"latency-monitor-threshold", {}, get_monitored_from, set_monitored_from},
    {"latency-tracking", {}, get_tracks_latencies, set_tracks_latencies},
    {"latency-tracking-info-percentiles", {}, fixed<kPercentiles>, nullptr},
    {"slowlog-log-slower-than", {}, get_slower_than, set_slower_than},
    {"slowlog-max-len", {}, get_slow_max, set_slow_max},
    {"activerehashing", {}, fixed<kYes>, nullptr},
    {"appendfsync", {}, get_append_fsync, nullptr},
    {"appendonly", {}, get_append_only, nullptr},
    {"busy-reply-threshold", "lua-time-limit", get_busy_threshold, set_busy_threshold},
    {"client-output-buffer-limit", {}, get_output_limits, set_output_limits},
    {"client-slow-subscriber", {}, get_slow_subscriber, set_slow_subscriber},
    {"cluster-enabled", {}, fixed<kNo>, nullptr},
    {"databases", {}, get_databases, nullptr},
    {"hash-max-listpack-entries", "hash-max-ziplist-entries", get_limit<&L::hash_max_listpack_entries>,
     set_limit<&L::hash_max_listpack_entries>},
    {"hash-max-listpack-value", "hash-max-ziplist-value", get_limit<&L::hash_max_listpack_value>,
     set_limit<&L::hash_max_listpack_value>},
    {"hll-sparse-max-bytes", {}, get_limit<&L::hll_sparse_max_bytes>, set_limit<&L::hll_sparse_max_bytes>},
    {"io-threads", {}, fixed<kOne>, nullptr},
    {"lfu-decay-time", {}, get_lfu_decay, set_lfu_decay},
    {"lfu-log-factor", {}, get_lfu_factor, set_lfu_factor},
    {"list-compress-depth", {}, get_limit<&L::list_compress_depth>, set_limit<&L::list_compress_depth>},
    {"list-max-listpack-size", "list-max-ziplist-size",
     get_limit<&L::list_max_listpack_size, std::numeric_limits<std::int32_t>::min()>,
     set_limit<&L::list_max_listpack_size, std::numeric_limits<std::int32_t>::min()>},
    {"maxclients", {}, get_connections_max, set_connections_max},
    {"maxmemory", {}, get_memory_max, set_memory_max},
    {"maxmemory-policy", {}, get_eviction, set_eviction},
    {"maxmemory-samples", {}, get_samples, set_samples},
    {"notify-keyspace-events", {}, get_events, set_events},
    {"proto-max-bulk-len", {}, get_bulk_max, set_bulk_max},
    {"requirepass", {}, get_password, set_password},
    {"save", {}, fixed<kNone>, nullptr},
    {"set-max-intset-entries", {}, get_limit<&L::set_max_intset_entries>, set_limit<&L::set_max_intset_entries>},
    {"stream-node-max-bytes", {}, get_limit<&L::stream_node_max_bytes>, set_limit<&L::stream_node_max_bytes>},
    {"stream-node-max-entries", {}, get_limit<&L::stream_node_max_entries>, set_limit<&L::stream_node_max_entries>},
    {"timeout", {}, get_timeout, set_timeout},
    {"tracking-table-max-keys", {}, get_tracking_max, set_tracking_max},
    {"zset-max-listpack-entries", "zset-max-ziplist-entries", get_limit<&L::zset_max_listpack_entries>,
     set_limit<&L::zset_max_listpack_entries>},
    {"zset-max-listpack-value", "zset-max-ziplist-value", get_limit<&L::zset_max_listpack_value>,
     set_limit<&L::zset_max_listpack_value>},
};

}  // namespace

std::span<const ConfigParameter> config_parameters() { return kParameters; }

const ConfigParameter* find_config_parameter(std::string_view name) {
  const std::string wanted = lower(name);
  for (const ConfigParameter& parameter : kParameters) {
    if (parameter.name == wanted || (!parameter.alias.empty() && parameter.alias == wanted)) return &parameter;
  }
  return nullptr;
}

}  // namespace leat::resp
