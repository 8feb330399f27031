#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

// Who may do what. Every handler asks before it acts.
namespace leat::security {

// The kinds of access, as Kafka's ACLs have them.
enum class Operation : std::uint8_t {
  read,
  write,
  create,
  remove,
  alter,
  describe,
  cluster_action,
  describe_configs,
  alter_configs,
  idempotent_write,
  all,  // in grants only
};
[[nodiscard]] std::string_view to_string(Operation operation);

// Kafka's, and behind them those that are leat's own.
enum class ResourceType : std::uint8_t { cluster, topic, group, transactional_id, queue, key, lock, channel };
[[nodiscard]] std::string_view to_string(ResourceType type);

// Names are borrowed for the length of the question.
struct Resource {
  ResourceType type = ResourceType::cluster;
  std::string_view name;  // of the cluster: kClusterName
};
inline constexpr std::string_view kClusterName = "kafka-cluster";

// Who asks, and from where.
struct Principal {
  std::string name;                     // "User:NAME"
  std::string host;                     // the address of the connection, without its port
  std::vector<std::string> roles = {};  // "Role:NAME", of who issued the token; besides those that the user has here
  std::string token = {};               // the id of leat's token that proved it; empty: something else did
  Timestamp expires = kNoTimestamp;     // when what proved it does; kNoTimestamp: never
  static Principal anonymous(std::string host = {}) { return {"User:ANONYMOUS", std::move(host)}; }
};

enum class Decision : std::uint8_t { allowed, denied };

// One object answers on every shard. Never waits.
class Authorizer {
 public:
  Authorizer() = default;
  Authorizer(const Authorizer&) = delete;
  Authorizer& operator=(const Authorizer&) = delete;
  virtual ~Authorizer() = default;

  [[nodiscard]] virtual Decision authorize(const Principal& principal, Operation operation,
                                           const Resource& resource) const = 0;
  [[nodiscard]] bool allows(const Principal& principal, Operation operation, const Resource& resource) const {
    return authorize(principal, operation, resource) == Decision::allowed;
  }
  // Whether there may be a resource of this type with which the principal may do this.
  [[nodiscard]] virtual Decision authorize_any(const Principal& principal, Operation operation,
                                               ResourceType type) const = 0;
  // Whether the principal may do this with every resource whose name begins so, whatever there is.
  [[nodiscard]] virtual Decision authorize_prefix(const Principal& principal, Operation operation, ResourceType type,
                                                  std::string_view prefix) const = 0;
};

// Allows everything to everyone.
[[nodiscard]] std::shared_ptr<const Authorizer> allow_all();

}  // namespace leat::security
