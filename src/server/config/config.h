#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/logging.h"
#include "base/result.h"
#include "base/types.h"

// What the operator may set, read once at the start from flags, environment, one TOML file and defaults, in that order of
// precedence, and handed to each module as a plain struct. The initial values below are the defaults; names, units, limits
// and help are in the table in table.cc, from which flags, variables, help and docs/configuration.md follow.
namespace leat::server {

enum class FlushPolicy : std::uint8_t { commit, interval, os };
enum class LogOutput : std::uint8_t { automatic, text, json };
enum class ListenerProtocol : std::uint8_t { kafka, http, sqs, resp };

std::string_view to_string(ListenerProtocol protocol);
// As `listen` has it: "kafka", or "kafka+tls".
[[nodiscard]] std::string protocol_name(ListenerProtocol protocol, bool is_tls);

// A protocol on a port.
struct ListenerConfig {
  ListenerProtocol protocol = ListenerProtocol::kafka;
  std::string host;                   // an address or a host name, IPv6 without brackets
  std::uint16_t port = 0;             // 0: the system chooses
  std::string advertised_host;        // what clients are told to connect to
  std::uint16_t advertised_port = 0;  // 0: the port that was bound
  bool is_tls = false;

  friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

struct NodeConfig {
  std::int32_t id = 0;
};

struct FlushConfig {
  FlushPolicy policy = FlushPolicy::commit;
  Milliseconds max{10};
  Milliseconds interval{1000};
};

struct KafkaConfig {
  bool auto_create_topics = true;
  std::int32_t num_partitions = 1;
  std::int64_t request_max_bytes = 100LL << 20;
  std::int32_t max_connections = 10'000;
  Milliseconds connection_idle{600'000};
};

struct FetchConfig {
  std::int64_t max_bytes = 55LL << 20;
  std::int32_t session_slots = 1000;
};

struct GroupConfig {
  Milliseconds min_session_timeout{6000};
  Milliseconds max_session_timeout{1'800'000};
  // Kafka waits 3 s for a group's first members so that a fleet that starts together rebalances once. Members that come
  // later cost one cheap rebalance; a person who starts a consumer waits for this every time. 100 ms serves both.
  Milliseconds initial_rebalance_delay{100};
  std::int32_t max_size = 10'000;
};

struct OffsetsConfig {
  std::int32_t partitions = 16;
  Milliseconds retention{10'080LL * 60'000};
  std::int32_t metadata_max_bytes = 4096;
};

struct ProducerConfig {
  Milliseconds id_expiration{86'400'000};
};

// What topics start from; each topic may set its own (docs/configuration.md names Kafka's words for them).
struct LogDefaults {
  std::int64_t segment_bytes = 1LL << 30;
  Milliseconds segment_age{168LL * 3'600'000};
  std::int64_t index_interval_bytes = 4096;
  std::string cleanup_policy = "delete";
  std::int64_t retention_bytes = -1;
  Milliseconds retention{168LL * 3'600'000};
  Milliseconds delete_retention{86'400'000};
  Milliseconds min_compaction_lag{0};
  Milliseconds max_compaction_lag{INT64_MAX};
  double min_cleanable_dirty_ratio = 0.5;
  std::int64_t message_max_bytes = 1'048'588;
  std::string message_timestamp_type = "CreateTime";
  Milliseconds message_timestamp_before_max{INT64_MAX};
  Milliseconds message_timestamp_after_max{3'600'000};
  std::string compression_type = "producer";
  // The server's own upkeep of its partitions.
  Milliseconds maintenance_interval{10'000};
  Milliseconds checkpoint_interval{60'000};
  std::int32_t max_open_files = 4000;  // of all shards together
  std::int64_t decompressed_max_bytes = 64LL << 20;
};

struct MemoryConfig {
  std::int64_t requests_bytes = 0;  // 0 in the sources: chosen by load_config
};

struct HttpConfig {
  std::int32_t max_connections = 20'000;
  std::int32_t max_requests_per_user = 1000;
  std::int64_t max_body_bytes = 8LL << 20;
  std::vector<std::string> cors_origins;
  Milliseconds connection_idle{60'000};
  Milliseconds request_timeout{10'000};
};

struct SecurityConfig {
  std::vector<std::string> super_users;
};

struct AuditConfig {
  bool enabled = true;
  std::int64_t file_max_bytes = 64LL << 20;
  std::int32_t files_max = 10;
};

struct JwtConfig {
  std::string jwks;  // a file's path, or a URL; empty: no tokens but leat's own
  std::string issuer;
  std::string audience;
  std::string user_claim = "sub";
  std::string roles_claim;
  Milliseconds clock_skew{60'000};
};

struct SqsConfig {
  std::vector<std::string> access_keys;  // "ID=SECRET"
  std::string region = "us-east-1";
  std::int32_t max_connections = 20'000;
  Milliseconds connection_idle{120'000};
};

struct RespConfig {
  std::string password;
  std::int32_t databases = 16;
  std::string durability = "interval";
  std::vector<std::string> durability_of;  // "DATABASE=POLICY"
  std::int64_t max_memory_bytes = 0;       // 0 in the sources: no limit
  std::string eviction = "noeviction";
  std::int32_t max_connections = 10'000;
};

struct TlsConfig {
  std::string certificate;  // paths of PEM files; needed by listeners with +tls
  std::string key;
  std::string client_ca;
  bool require_client_certificate = false;
};

struct StopConfig {
  Milliseconds grace{10'000};
};

struct LoggingConfig {
  LogLevel level = LogLevel::info;
  LogOutput format = LogOutput::automatic;
};

struct ServerConfig {
  // As written by the operator; `listeners` is what follows from the two.
  std::vector<std::string> listen{"kafka=127.0.0.1:9092", "sqs=127.0.0.1:9324", "resp=127.0.0.1:6379",
                                  "http=127.0.0.1:8080"};
  std::vector<std::string> advertise;
  std::vector<ListenerConfig> listeners;

  std::string data_dir = "leat-data";
  bool insecure = false;
  std::int32_t shards = 0;  // 0 in the sources: one a core, chosen by load_config
  std::int32_t io_threads = 4;

  NodeConfig node;
  FlushConfig flush;
  KafkaConfig kafka;
  FetchConfig fetch;
  GroupConfig group;
  OffsetsConfig offsets;
  ProducerConfig producer;
  LogDefaults log;
  MemoryConfig memory;
  SecurityConfig security;
  AuditConfig audit;
  JwtConfig jwt;
  SqsConfig sqs;
  RespConfig resp;
  HttpConfig http;
  TlsConfig tls;
  StopConfig stop;
  LoggingConfig logging;

  // Where each key that is not at its default was set, by key name: "--flush", "LEAT_FLUSH_POLICY", "leat.toml:3".
  std::map<std::string, std::string, std::less<>> sources;
};

// The world that load_config sees.
struct ConfigInput {
  std::vector<std::string> args;                                 // without the program's and the command's name
  std::vector<std::pair<std::string, std::string>> environment;  // every variable; those that start with LEAT_ matter
  std::function<Result<std::string>(const std::string& path)> read_file;
  std::int32_t cores = 1;
  std::int64_t memory_bytes = 0;  // of the machine; 0: unknown
};

// The process's environment and machine.
[[nodiscard]] ConfigInput process_input(std::span<const std::string> args);

// Errors: invalid_config (an unknown key, with the nearest known one; a value it cannot take; listeners that may not be
// opened), or why the file could not be read. Messages say what to do next.
[[nodiscard]] Result<ServerConfig> load_config(const ConfigInput& input);

// The options part of `leat serve --help`.
[[nodiscard]] std::string config_help();
// A TOML file of the effective values, each with where it came from in a comment: `leat config check`.
[[nodiscard]] std::string render_config(const ServerConfig& config);
// The table of docs/configuration.md.
[[nodiscard]] std::string config_markdown();

// Sets the process's log: text on a terminal and JSON elsewhere, unless `format` says which.
void apply_logging(const LoggingConfig& config);

}  // namespace leat::server
