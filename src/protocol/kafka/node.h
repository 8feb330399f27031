#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log_limiter.h"
#include "base/metrics.h"
#include "base/types.h"
#include "protocol/kafka/api_registry.h"
#include "runtime/sync.h"
#include "security/login.h"
#include "security/policy_service.h"
#include "security/quota_account.h"
#include "stream/group_shard.h"
#include "stream/stream_shard.h"
#include "stream/topic_service.h"

namespace leat::kafka {

// What the operator chose for Kafka's protocol.
struct KafkaOptions {
  bool auto_create_topics = true;
  std::int32_t default_partitions = 1;
  std::size_t request_size_max = std::size_t{100} << 20;
  std::size_t memory_for_requests = std::size_t{64} << 20;  // of one shard, for requests that are being read or served
  std::size_t connections_max = 10'000;                     // of the node
  Milliseconds connection_idle{600'000};
  std::uint64_t fetch_bytes_max = std::uint64_t{55} << 20;
  std::size_t fetch_sessions_max = 1000;  // of one shard
  std::int32_t offsets_partitions = 16;
};

// One listener: where its clients are told to connect.
struct Endpoint {
  std::string host;
  std::int32_t port = 0;
  std::size_t listener = 0;  // its number in KafkaNode::listeners
};

// One listener's traffic on one shard; written there, read by any.
struct ListenerStats {
  Counter bytes_in;
  Counter bytes_out;
  Counter malformed_requests;
  Counter refused_connections;
  Counter stuck_connections;  // ended because they held memory that others waited for
  Counter accepted_connections;
  Gauge connections;
};

// One shard's counters of this protocol; written there, read by the metrics page.
struct KafkaStats {
  static constexpr std::size_t kApis = 128;  // by API key
  struct Api {
    Counter requests;
    Histogram latency;  // from the whole request read to the reply handed to the socket
  };
  std::array<Api, kApis> apis;
  std::map<std::pair<ApiKey, ErrorCode>, Counter> errors;  // codes in replies; only for this shard to read
  std::deque<ListenerStats> listeners;                     // as in KafkaNode
  Gauge connections;                                       // of all listeners

  void count_error(ApiKey api, ErrorCode code) {
    if (code != ErrorCode::kNone) errors[{api, code}].add();
  }
};

// What all connections of this node share. Immutable while the server runs.
struct KafkaNode {
  std::string cluster_id;  // as clients see it: the UUID in base64
  NodeId node;
  KafkaOptions options;
  const stream::Streams& streams;
  std::vector<stream::GroupShard*> groups;  // of each shard, in the order of `streams`
  stream::TopicService& topics;             // lives on topics_shard
  runtime::Shard& topics_shard;
  std::shared_ptr<const security::Authorizer> authorizer;
  const security::Policies& policies;
  security::PolicyService& users;  // lives on topics_shard
  std::string data_folder;
  stream::CheckFences check_fences;             // empty: no token is known
  std::vector<std::string> listeners{"kafka"};  // their names in metrics
};

// One shard's part of the protocol server.
struct KafkaShard {
  static constexpr std::size_t kFetchPositionsMax = 500'000;

  KafkaShard(const KafkaNode& of, stream::StreamShard& shard)
      : node(of), streams(shard), memory(of.options.memory_for_requests) {
    for (std::size_t i = 0; i < of.listeners.size(); ++i) stats.listeners.emplace_back();
  }

  const KafkaNode& node;
  stream::StreamShard& streams;
  runtime::Budget memory;
  runtime::Budget fetch_positions{
      kFetchPositionsMax};       // partitions that fetches and their sessions name; 200 bytes each
  std::size_t reply_memory = 0;  // of replies that are not written yet; above memory's limit less is read
  KafkaStats stats;
  security::Logins logins{"kafka", node.policies};
  security::QuotaLedger quotas{"kafka", node.policies};
  LogLimiter bad_input;
  std::size_t fetch_sessions = 0;
  std::int32_t next_fetch_session = 1;
  // Producer ids that are still to be given out: [next, end).
  std::int64_t next_producer_id = 0;
  std::int64_t producer_ids_end = 0;

  [[nodiscard]] const catalog::TopicsSnapshot& topics() const { return *streams.topics(); }
};

[[nodiscard]] std::string cluster_id_text(const Uuid& cluster);

}  // namespace leat::kafka
