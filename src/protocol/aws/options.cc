#include "protocol/aws/options.h"

namespace leat::aws {

Outcome<> authorize(const Options& options, std::string_view sender, security::Operation operation,
                    std::string_view topic) {
  const auto principal =
      sender.empty() ? security::Principal::anonymous() : security::Principal{fmt::format("User:{}", sender)};
  if (options.authorizer->allows(principal, operation, {security::ResourceType::topic, topic})) return {};
  return refuse(ErrorCode::access_denied, fmt::format("Access to the resource {} is denied.", topic));
}

}  // namespace leat::aws
