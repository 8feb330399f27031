#include "security/authorize.h"

namespace leat::security {
namespace {

class AllowAll final : public Authorizer {
 public:
  Decision authorize(const Principal&, Operation, const Resource&) const override { return Decision::allowed; }
  Decision authorize_any(const Principal&, Operation, ResourceType) const override { return Decision::allowed; }
  Decision authorize_prefix(const Principal&, Operation, ResourceType, std::string_view) const override {
    return Decision::allowed;
  }
};

}  // namespace

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::read: return "read";
    case Operation::write: return "write";
    case Operation::create: return "create";
    case Operation::remove: return "delete";
    case Operation::alter: return "alter";
    case Operation::describe: return "describe";
    case Operation::cluster_action: return "cluster action";
    case Operation::describe_configs: return "describe configs";
    case Operation::alter_configs: return "alter configs";
    case Operation::idempotent_write: return "idempotent write";
    case Operation::all: return "all";
  }
  return "unknown";
}

std::string_view to_string(ResourceType type) {
  switch (type) {
    case ResourceType::cluster: return "cluster";
    case ResourceType::topic: return "topic";
    case ResourceType::group: return "group";
    case ResourceType::transactional_id: return "transactional id";
    case ResourceType::queue: return "queue";
    case ResourceType::key: return "key";
    case ResourceType::lock: return "lock";
    case ResourceType::channel: return "channel";
  }
  return "unknown";
}

std::shared_ptr<const Authorizer> allow_all() { return std::make_shared<AllowAll>(); }

}  // namespace leat::security
