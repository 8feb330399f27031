#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log_limiter.h"
#include "base/types.h"
#include "protocol/api/document.h"
#include "protocol/api/idempotency.h"
#include "protocol/api/problem.h"
#include "protocol/api/stats.h"
#include "protocol/http/session.h"
#include "protocol/resp/server.h"
#include "pubsub/topic_tails.h"
#include "queue/queue_shard.h"
#include "security/login.h"
#include "security/credential_memory.h"
#include "security/policies.h"
#include "security/policy_service.h"
#include "security/quota_gate.h"
#include "stream/append.h"
#include "stream/groups.h"
#include "stream/topic_service.h"

namespace leat::api {

class LiveShard;
class Request;

using Answer = runtime::Task<Outcome<http::HttpResponse>>;

// What the operator chose for the HTTP API.
struct ApiOptions {
  std::vector<std::string> cors_origins;     // pages of which may call it from browsers; "*": all
  std::size_t requests_per_user_max = 1000;  // that are being answered on one shard
  std::int32_t default_partitions = 1;       // of topics that are made without a number of them
  std::int32_t offsets_partitions = 16;
};

// What all connections of this node share. Immutable while the server runs.
struct ApiNode {
  std::string cluster_id;
  NodeId node;
  ApiOptions options;
  MonoTime started;
  const stream::Streams& streams;
  std::vector<stream::GroupShard*> groups;  // of each shard, in the order of `streams`
  stream::TopicService& topics;             // lives on `home`
  runtime::Shard& home;
  const security::Policies& policies;
  security::PolicyService& users;  // lives on `home`
  stream::CheckFences check_fences;
  resp::Server& keyspace;
  std::vector<class ApiShard*> shards;  // in the order of `streams`
};

// One shard's part of the API. Everything here runs on that shard.
class ApiShard {
 public:
  ApiShard(const ApiNode& node, stream::StreamShard& streams, queue::QueueShard& queues);
  ~ApiShard();
  ApiShard(const ApiShard&) = delete;
  ApiShard& operator=(const ApiShard&) = delete;

  // Answers a request whose path begins with /v1.
  [[nodiscard]] runtime::Task<http::HttpResponse> answer(const http::HttpRequest& request);
  // Whether the body of such a request is handed on as it comes.
  [[nodiscard]] bool streams_body(const http::HttpRequest& head) const;
  // Once every shard has its own.
  void start();
  // Ends what connections are handed over for, and what waits. Returns when no request is under way, or at `deadline`; from here
  // on all are refused.
  runtime::Task<> stop(MonoTime deadline);

  const ApiNode& node;
  stream::StreamShard& streams;
  queue::QueueShard& queues;
  Document document;
  security::Logins logins;
  security::CredentialMemory credentials;
  security::QuotaLedger quotas;
  security::QuotaGate quota_gate;
  IdempotencyStore idempotency;
  ApiStats stats;
  LogLimiter bad_input;
  runtime::Budget hashing{1};        // new passwords that are hashed: the threads that do it flush logs too
  runtime::Budget reads{kReadsMax};  // bytes of records and of answers that show them, until they are sent
  std::unique_ptr<LiveShard> live;

  static constexpr std::size_t kReadsMax = std::size_t{64} << 20;

  // Whoever waits is to come to an end.
  [[nodiscard]] bool is_stopping() const { return is_stopping_; }
  [[nodiscard]] runtime::Shard& shard() const { return streams.shard(); }
  [[nodiscard]] const catalog::TopicsSnapshot& topics() const { return *streams.topics(); }
  [[nodiscard]] std::size_t next_turn() { return turn_++; }

 private:
  class Admission;

  Answer handle(Request& request, const std::vector<std::string_view>& segments);
  http::HttpResponse refused(const Problem& problem, const http::HttpRequest& request);

  std::map<std::string, std::size_t> in_flight_;  // requests, by principal
  std::size_t turn_ = 0;
  bool is_stopping_ = false;
  runtime::Notifier request_done_;
};

}  // namespace leat::api
