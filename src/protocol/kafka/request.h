#pragma once

#include <set>
#include <string>
#include <string_view>

#include "protocol/kafka/error_code.h"
#include "protocol/kafka/node.h"
#include "protocol/kafka/sasl.h"
#include "runtime/sync.h"
#include "runtime/task.h"
#include "security/authorize.h"

namespace leat::kafka {

class FetchSession;

// Lets requests of one connection through a narrow place in the order in which they came.
class Turnstile {
 public:
  // Called when a request starts, in order.
  [[nodiscard]] std::uint64_t take_ticket() { return next_++; }
  // Returns when every earlier ticket has passed.
  runtime::Task<> wait(std::uint64_t ticket) {
    while (serving_ != ticket) co_await moved_.wait();
  }
  // The holder of the current ticket has passed.
  void pass() {
    ++serving_;
    moved_.notify_all();
  }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t serving_ = 0;
  runtime::Notifier moved_;
};

// What the requests of one connection share. Lives on the connection's shard, longer than any of its requests.
struct Connection {
  Connection(KafkaShard& of, Endpoint through, std::string from)
      : shard(of), endpoint(std::move(through)), peer(std::move(from)) {}

  KafkaShard& shard;
  Endpoint endpoint;  // of the listener it came through
  std::string peer;   // "address:port"
  security::Principal principal = security::Principal::anonymous(security::host_of(peer));
  bool authenticated = false;
  bool is_certified = false;           // by its certificate: SASL may name another
  std::shared_ptr<SaslExchange> sasl;  // the last one; nullptr: the client did not ask
  Turnstile produce_order;
  std::shared_ptr<FetchSession> fetch_session;
  security::QuotaAccount quotas{shard.quotas, security::host_of(peer)};
  MonoTime not_before{};                    // nothing more is read until then
  bool closing = false;                     // no reply can be sent any more, or the server stops: waits end early
  std::set<runtime::Notifier*> long_polls;  // to be told when `closing` turns true
};

// One request being served. Handlers take it by reference: it outlives them.
struct Request {
  explicit Request(Connection& of) : connection(of) {}

  Connection& connection;
  ApiKey api{};
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::string_view client_id;
  Duration throttle{0};  // how long the client has to wait for its quotas, as the reply tells it

  // Has the client wait (KIP-219): the reply goes out at once, and nothing more is read of the connection until then.
  void hold(Duration wait) {
    if (wait <= Duration{0}) return;
    throttle = std::max(throttle, wait);
    connection.not_before = std::max(connection.not_before, shard().streams.shard().now() + wait);
  }
  [[nodiscard]] KafkaShard& shard() const { return connection.shard; }
  [[nodiscard]] const KafkaNode& node() const { return connection.shard.node; }
  [[nodiscard]] const catalog::TopicsSnapshot& topics() const { return connection.shard.topics(); }
  // What the client asks for: a refusal is audited.
  [[nodiscard]] bool allows(security::Operation operation, security::ResourceType type, std::string_view name) const {
    if (sees(operation, type, name)) return true;
    node().policies.audit().refused("kafka", connection.principal, operation, {type, name});
    return false;
  }
  // What the client changed of users, grants or quotas.
  void audit_change(std::string_view what, std::string_view name, std::string_view how) const {
    node().policies.audit().changed("kafka", connection.principal, what, name, how);
  }
  // What it did not ask for by name: lists leave it out.
  [[nodiscard]] bool sees(security::Operation operation, security::ResourceType type, std::string_view name) const {
    return node().authorizer->allows(connection.principal, operation, {type, name});
  }
  [[nodiscard]] bool sees_cluster(security::Operation operation) const {
    return sees(operation, security::ResourceType::cluster, security::kClusterName);
  }
  [[nodiscard]] bool allows_topic(security::Operation operation, std::string_view name) const {
    return allows(operation, security::ResourceType::topic, name);
  }
  [[nodiscard]] bool allows_cluster(security::Operation operation) const {
    return allows(operation, security::ResourceType::cluster, security::kClusterName);
  }
  // Whether there may be some resource of this type that it is allowed for.
  [[nodiscard]] bool allows_any(security::Operation operation, security::ResourceType type) const {
    return node().authorizer->authorize_any(connection.principal, operation, type) == security::Decision::allowed;
  }
  // Counts a code that goes into the reply, and returns it.
  ErrorCode count(ErrorCode code) const {
    connection.shard.stats.count_error(api, code);
    return code;
  }
};

// A topic by the name or the id that a request's version carries; nullptr when there is none.
[[nodiscard]] inline const catalog::Topic* find_topic(const Request& request, std::string_view name, const Uuid& id) {
  return id.is_zero() ? request.topics().find(name) : request.topics().find(id);
}
// The code for a topic that find_topic() did not find.
[[nodiscard]] inline ErrorCode unknown_topic(const Uuid& id) {
  return id.is_zero() ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kUnknownTopicId;
}

// The code for a client that takes another leader epoch for the current one (KIP-320); -1: it does not say.
[[nodiscard]] inline ErrorCode check_epoch(const log::Partition& log, std::int32_t current) {
  if (current < 0 || LeaderEpoch(current) == log.leader_epoch()) return ErrorCode::kNone;
  return LeaderEpoch(current) < log.leader_epoch() ? ErrorCode::kFencedLeaderEpoch : ErrorCode::kUnknownLeaderEpoch;
}

}  // namespace leat::kafka
