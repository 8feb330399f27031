#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

// Who may do what. Every handler asks before it acts; today the answer is always yes.
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
};
[[nodiscard]] std::string_view to_string(Operation operation);

enum class ResourceType : std::uint8_t { cluster, topic, group, transactional_id };
[[nodiscard]] std::string_view to_string(ResourceType type);

// Names are borrowed for the length of the question.
struct Resource {
  ResourceType type = ResourceType::cluster;
  std::string_view name;  // of the cluster: kClusterName
};
inline constexpr std::string_view kClusterName = "kafka-cluster";

struct Principal {
  std::string name;
  static Principal anonymous() { return {"User:ANONYMOUS"}; }
};

enum class Decision : std::uint8_t { allowed, denied };

// Immutable, so that one object answers on every shard. Never waits.
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
};

// Allows everything to everyone.
[[nodiscard]] std::shared_ptr<const Authorizer> allow_all();

}  // namespace leat::security
