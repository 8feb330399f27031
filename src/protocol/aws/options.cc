#include "protocol/aws/options.h"

namespace leat::aws {

bool allows(const Options& options, const security::Principal& principal, security::Operation operation,
            security::ResourceType type, std::string_view name) {
  return options.policies == nullptr || options.policies->allows(principal, operation, {type, name});
}

Outcome<> authorize(const Options& options, const security::Principal& principal, security::Operation operation,
                    security::ResourceType type, std::string_view name) {
  if (options.policies == nullptr || options.policies->admits("sqs", principal, operation, {type, name})) return {};
  return refuse(ErrorCode::access_denied, fmt::format("Access to the resource {} is denied.", name));
}

}  // namespace leat::aws
