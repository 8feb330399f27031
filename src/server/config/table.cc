#include "server/config/table.h"

namespace leat::server {
namespace {

constexpr double kAny = 9.3e18;  // above every 64-bit integer
constexpr double kDaysMax = 36'500.0 * 24 * 3'600'000;

template <class T>
auto at(T ServerConfig::* member) {
  return [member](ServerConfig& config) -> ConfigField { return &(config.*member); };
}
template <class S, class T>
auto at(S ServerConfig::* section, T S::* member) {
  return [section, member](ServerConfig& config) -> ConfigField { return &(config.*section.*member); };
}

using C = ServerConfig;

std::vector<ConfigKey> make_keys() {
  return {
      {"listen", "", at(&C::listen), "PROTOCOL=HOST:PORT", 0, 0,
       "What to listen on: kafka, sqs, resp or http, with +tls behind it to be encrypted, an address and a port (0: "
       "any free "
       "one). Repeatable; what is given replaces the default list."},
      {"advertise", "", at(&C::advertise), "PROTOCOL=HOST:PORT", 0, 0,
       "The address that clients are told to connect to, where it differs from the one listened on. Repeatable, in the "
       "order of the listeners of that protocol."},
      {"data_dir", "--data", at(&C::data_dir), "DIR", 0, 0, "The folder that holds everything that is stored."},
      {"insecure", "", at(&C::insecure), "true|false", 0, 0,
       "Allow listening on addresses that other machines can reach although no authentication is configured."},
      {"shards", "", at(&C::shards), "N", 0, 1024,
       "Threads that serve, each with its own share of everything; 0: one a core."},
      {"io_threads", "", at(&C::io_threads), "N", 1, 256,
       "Threads for flushes and for reads that have to wait for the disk."},

      {"node.id", "", at(&C::node, &NodeConfig::id), "N", 0, 2147483647, "This node's number, as clients see it."},

      {"flush.policy", "--flush", at(&C::flush, &FlushConfig::policy), "commit|interval|os", 0, 0,
       "When a record counts as committed: once it is flushed to the disk (commit), or at once, with a flush every "
       "flush.interval_ms (interval) or when the operating system likes (os)."},
      {"flush.max_ms", "", at(&C::flush, &FlushConfig::max), "MS", 0, 60'000,
       "With commit: a record that no producer waits for is flushed within this time."},
      {"flush.interval_ms", "", at(&C::flush, &FlushConfig::interval), "MS", 1, 3'600'000,
       "With interval: the time between flushes, and the most that a power loss takes."},

      {"kafka.auto_create_topics", "", at(&C::kafka, &KafkaConfig::auto_create_topics), "true|false", 0, 0,
       "Create a topic when a client asks for one that does not exist."},
      {"kafka.num_partitions", "", at(&C::kafka, &KafkaConfig::num_partitions), "N", 1, 10'000,
       "Partitions of a topic that is created without a number of them."},
      {"kafka.request_max_bytes", "", at(&C::kafka, &KafkaConfig::request_max_bytes), "BYTES", 1024, 2147483647,
       "The largest request; one above a quarter of memory.requests_bytes is refused too."},
      {"kafka.max_connections", "", at(&C::kafka, &KafkaConfig::max_connections), "N", 1, 10'000'000,
       "Connections at a time; more are closed at once."},
      {"kafka.connection_idle_ms", "", at(&C::kafka, &KafkaConfig::connection_idle), "MS", 1000, kDaysMax,
       "A connection without a request for this long is closed."},

      {"fetch.max_bytes", "", at(&C::fetch, &FetchConfig::max_bytes), "BYTES", 1024, 2147483647,
       "The largest answer to a fetch, whatever the client asks for."},
      {"fetch.session_slots", "", at(&C::fetch, &FetchConfig::session_slots), "N", 0, 1'000'000,
       "Incremental fetch sessions remembered at a time; clients beyond them send full fetches."},

      {"group.min_session_timeout_ms", "", at(&C::group, &GroupConfig::min_session_timeout), "MS", 1, kDaysMax,
       "The shortest session timeout that a member of a consumer group may ask for."},
      {"group.max_session_timeout_ms", "", at(&C::group, &GroupConfig::max_session_timeout), "MS", 1, kDaysMax,
       "The longest session timeout that a member of a consumer group may ask for."},
      {"group.initial_rebalance_delay_ms", "", at(&C::group, &GroupConfig::initial_rebalance_delay), "MS", 0, 600'000,
       "How long an empty consumer group waits for more members after the first one."},
      {"group.max_size", "", at(&C::group, &GroupConfig::max_size), "N", 1, 2147483647,
       "Members that a consumer group may have."},

      {"offsets.partitions", "", at(&C::offsets, &OffsetsConfig::partitions), "N", 1, 1000,
       "Partitions of the internal topic of committed offsets; fixed when the data folder is made."},
      {"offsets.retention_minutes", "", at(&C::offsets, &OffsetsConfig::retention), "MINUTES", 1, 52'560'000,
       "Committed offsets are kept this long after their group became empty."},
      {"offsets.metadata_max_bytes", "", at(&C::offsets, &OffsetsConfig::metadata_max_bytes), "BYTES", 0, 1'048'576,
       "The longest text that a client may store with a committed offset."},

      {"producer.id_expiration_ms", "", at(&C::producer, &ProducerConfig::id_expiration), "MS", 1000, kDaysMax,
       "An idempotent producer that is silent for this long is forgotten."},

      {"log.segment_bytes", "", at(&C::log, &LogDefaults::segment_bytes), "BYTES", 1'048'576, 2147483647,
       "A segment is closed and a new one begun at this size (topics: segment.bytes)."},
      {"log.segment_ms", "", at(&C::log, &LogDefaults::segment_age), "MS", 1, kAny,
       "A segment is closed and a new one begun at this age (topics: segment.ms)."},
      {"log.index_interval_bytes", "", at(&C::log, &LogDefaults::index_interval_bytes), "BYTES", 0, 2147483647,
       "Bytes between two entries of an index (topics: index.interval.bytes)."},
      {"log.cleanup_policy", "", at(&C::log, &LogDefaults::cleanup_policy),
       "delete|compact|delete,compact|compact,delete", 0, 0,
       "What happens to old records: removed, or reduced to the last of each key (topics: cleanup.policy)."},
      {"log.retention_bytes", "", at(&C::log, &LogDefaults::retention_bytes), "BYTES", -1, kAny,
       "The oldest segments of a larger partition are removed; -1: no limit (topics: retention.bytes)."},
      {"log.retention_ms", "", at(&C::log, &LogDefaults::retention), "MS", -1, kAny,
       "Older segments are removed; -1: no limit (topics: retention.ms)."},
      {"log.delete_retention_ms", "", at(&C::log, &LogDefaults::delete_retention), "MS", 0, kAny,
       "How long a compacted topic keeps the mark that a key was deleted (topics: delete.retention.ms)."},
      {"log.min_compaction_lag_ms", "", at(&C::log, &LogDefaults::min_compaction_lag), "MS", 0, kAny,
       "Younger records are not compacted (topics: min.compaction.lag.ms)."},
      {"log.max_compaction_lag_ms", "", at(&C::log, &LogDefaults::max_compaction_lag), "MS", 1, kAny,
       "Older records are compacted even when little can be gained (topics: max.compaction.lag.ms)."},
      {"log.min_cleanable_dirty_ratio", "", at(&C::log, &LogDefaults::min_cleanable_dirty_ratio), "RATIO", 0, 1,
       "The share of uncompacted bytes from which a partition is compacted (topics: min.cleanable.dirty.ratio)."},
      {"log.message_max_bytes", "", at(&C::log, &LogDefaults::message_max_bytes), "BYTES", 0, 2147483647,
       "The largest batch of records, compressed as it is (topics: max.message.bytes)."},
      {"log.message_timestamp_type", "", at(&C::log, &LogDefaults::message_timestamp_type), "CreateTime|LogAppendTime",
       0, 0,
       "Whether records keep their producer's time or get the time of their append (topics: message.timestamp.type)."},
      {"log.message_timestamp_before_max_ms", "", at(&C::log, &LogDefaults::message_timestamp_before_max), "MS", 0,
       kAny, "A record dated further in the past is refused (topics: message.timestamp.before.max.ms)."},
      {"log.message_timestamp_after_max_ms", "", at(&C::log, &LogDefaults::message_timestamp_after_max), "MS", 0, kAny,
       "A record dated further in the future is refused (topics: message.timestamp.after.max.ms)."},
      {"log.compression_type", "", at(&C::log, &LogDefaults::compression_type),
       "producer|uncompressed|gzip|snappy|lz4|zstd", 0, 0,
       "How batches are stored; producer: as they came (topics: compression.type)."},
      {"log.maintenance_interval_ms", "", at(&C::log, &LogDefaults::maintenance_interval), "MS", 100, 3'600'000,
       "The time between two looks at retention, segment ages and compaction."},
      {"log.checkpoint_interval_ms", "", at(&C::log, &LogDefaults::checkpoint_interval), "MS", 1000, 3'600'000,
       "The time between two checkpoints; after a crash the log is verified from the last one."},
      {"log.max_open_files", "", at(&C::log, &LogDefaults::max_open_files), "N", 64, 10'000'000,
       "Segment and index files kept open at most."},
      {"log.decompressed_max_bytes", "", at(&C::log, &LogDefaults::decompressed_max_bytes), "BYTES", 1'048'576,
       2147483647, "A batch that decompresses to more is refused."},

      {"memory.requests_bytes", "", at(&C::memory, &MemoryConfig::requests_bytes), "BYTES", 0, kAny,
       "Memory for requests in flight; above it, reading from clients pauses. 0: an eighth of the machine's, at most "
       "512MiB."},

      {"security.super_users", "", at(&C::security, &SecurityConfig::super_users), "NAME", 0, 0,
       "Users who may do everything, whatever is granted. Repeatable."},

      {"audit.enabled", "", at(&C::audit, &AuditConfig::enabled), "", 0, 0,
       "Write who came in, who was refused what, and who changed users and grants, to audit/audit.log in the data "
       "folder."},
      {"audit.file_max_bytes", "", at(&C::audit, &AuditConfig::file_max_bytes), "BYTES", 4096, 1LL << 40,
       "A file of the audit log that would get larger is renamed, and another begun."},
      {"audit.files_max", "", at(&C::audit, &AuditConfig::files_max), "N", 1, 10'000,
       "Older files of the audit log that are kept."},

      {"jwt.jwks", "", at(&C::jwt, &JwtConfig::jwks), "LOCATION", 0, 0,
       "The keys (a JWK set, RFC 7517) that tokens of jwt.issuer are verified with: a file, or a URL of http or https. "
       "Read again as it changes."},
      {"jwt.issuer", "", at(&C::jwt, &JwtConfig::issuer), "TEXT", 0, 0,
       "Who issues tokens: what their iss is, to the letter."},
      {"jwt.audience", "", at(&C::jwt, &JwtConfig::audience), "TEXT", 0, 0,
       "Whom tokens are for: what their aud has. Without it, tokens that were issued for other services count too."},
      {"jwt.user_claim", "", at(&C::jwt, &JwtConfig::user_claim), "NAME", 0, 0,
       "The claim that names the user; a.b is b in a."},
      {"jwt.roles_claim", "", at(&C::jwt, &JwtConfig::roles_claim), "NAME", 0, 0,
       "The claim that has the user's roles: a list, or a text with blanks between them. Without it tokens bring "
       "none."},
      {"jwt.clock_skew_ms", "", at(&C::jwt, &JwtConfig::clock_skew), "MS", 0, 3'600'000,
       "How far the issuer's clock may be from this one."},

      {"sqs.access_keys", "", at(&C::sqs, &SqsConfig::access_keys), "ID=SECRET", 0, 0,
       "Access keys for Amazon SQS and SNS besides those of users; each is a user of its own, named as its id. With "
       "any, or with users, every request must be signed.",
       true},
      {"sqs.region", "", at(&C::sqs, &SqsConfig::region), "NAME", 0, 0,
       "The region in ARNs of queues, where a request names none."},
      {"sqs.max_connections", "", at(&C::sqs, &SqsConfig::max_connections), "N", 1, 10'000'000,
       "SQS connections at a time; more are closed at once."},
      {"sqs.connection_idle_ms", "", at(&C::sqs, &SqsConfig::connection_idle), "MS", 100, kDaysMax,
       "An SQS connection without a request for this long is closed."},

      {"resp.password", "", at(&C::resp, &RespConfig::password), "TEXT", 0, 0,
       "The password of Redis's default user, which AUTH and HELLO must give. Without one, and without users of leat, "
       "whoever reaches the port may do everything.",
       true},
      {"resp.databases", "", at(&C::resp, &RespConfig::databases), "N", 1, 10'000,
       "Numbered databases that SELECT can choose."},
      {"resp.durability", "", at(&C::resp, &RespConfig::durability), "none|interval|commit", 0, 0,
       "What is promised of changes in databases: none (they are gone after a restart), interval (they survive the end "
       "of the process; a power loss may take what came since the last flush) or commit (on the disk before the "
       "reply)."},
      {"resp.durability_of", "", at(&C::resp, &RespConfig::durability_of), "DATABASE=POLICY", 0, 0,
       "The same for one database, as in 1=none. Repeatable."},
      {"resp.max_memory_bytes", "", at(&C::resp, &RespConfig::max_memory_bytes), "BYTES", 0, kAny,
       "Memory for the keyspace and its clients' buffers; what happens above it, resp.eviction says. 0: no limit."},
      {"resp.eviction", "", at(&C::resp, &RespConfig::eviction),
       "noeviction|allkeys-lru|allkeys-lfu|allkeys-random|allkeys-fifo|volatile-lru|volatile-lfu|volatile-random|"
       "volatile-ttl|volatile-fifo",
       0, 0,
       "Which keys go when memory is short, of all keys or of those that expire: the longest unused (lru), the least "
       "used "
       "(lfu), any, the oldest (fifo), or the next to expire. With noeviction none go, and writes fail."},
      {"resp.max_connections", "", at(&C::resp, &RespConfig::max_connections), "N", 1, 10'000'000,
       "Connections of Redis clients at a time; more are told so and closed."},

      {"http.max_connections", "", at(&C::http, &HttpConfig::max_connections), "N", 1, 1'000'000,
       "HTTP connections at a time, WebSockets and event streams among them; more are closed at once."},
      {"http.max_requests_per_user", "", at(&C::http, &HttpConfig::max_requests_per_user), "N", 1, 1'000'000,
       "HTTP requests of one user at a time, each shard answering its part of them; more get 429."},
      {"http.max_body_bytes", "", at(&C::http, &HttpConfig::max_body_bytes), "BYTES", 1024, 1LL << 30,
       "The largest body of an HTTP request, streams of lines aside."},
      {"http.cors_origins", "", at(&C::http, &HttpConfig::cors_origins), "ORIGIN", 0, 0,
       "Origins, such as https://app.example, whose pages may use the HTTP API from browsers; * is all. Repeatable."},
      {"http.connection_idle_ms", "", at(&C::http, &HttpConfig::connection_idle), "MS", 100, kDaysMax,
       "An HTTP connection without a request for this long is closed."},
      {"http.request_timeout_ms", "", at(&C::http, &HttpConfig::request_timeout), "MS", 100, 3'600'000,
       "An HTTP request must arrive, and its answer be taken, within this time each."},

      {"tls.certificate", "", at(&C::tls, &TlsConfig::certificate), "FILE", 0, 0,
       "The certificate of listeners with +tls, as in kafka+tls=0.0.0.0:9093: a PEM file, the certificate first and "
       "then "
       "those that vouch for it. It is read again when it changes, and on SIGHUP."},
      {"tls.key", "", at(&C::tls, &TlsConfig::key), "FILE", 0, 0,
       "The certificate's private key: a PEM file that others must not be able to read."},
      {"tls.client_ca", "", at(&C::tls, &TlsConfig::client_ca), "FILE", 0, 0,
       "Certificates of those that vouch for clients, a PEM file. A client that shows a certificate of theirs is the "
       "user "
       "whom its common name names."},
      {"tls.require_client_certificate", "", at(&C::tls, &TlsConfig::require_client_certificate), "", 0, 0,
       "Clients that show no certificate have no connection to a listener with +tls."},

      {"stop.grace_ms", "", at(&C::stop, &StopConfig::grace), "MS", 0, 3'600'000,
       "How long a stop waits for requests in flight before their connections are closed."},

      {"logging.level", "--log-level", at(&C::logging, &LoggingConfig::level), "debug|info|warning|error", 0, 0,
       "The least important lines that are written."},
      {"logging.format", "--log-format", at(&C::logging, &LoggingConfig::format), "auto|text|json", 0, 0,
       "How lines look; auto: text on a terminal, JSON elsewhere."},
  };
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

ConfigUnit unit_of(const ConfigKey& key) {
  if (key.shape == "BYTES") return ConfigUnit::bytes;
  if (key.shape == "MS") return ConfigUnit::milliseconds;
  if (key.shape == "MINUTES") return ConfigUnit::minutes;
  return ConfigUnit::none;
}

std::string flag_of(const ConfigKey& key) {
  std::string flag = "--";
  flag += key.name;
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string variable_of(const ConfigKey& key) {
  std::string variable = "LEAT_";
  for (const char c : key.name)
    variable += c == '.' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  return variable;
}

}  // namespace leat::server
