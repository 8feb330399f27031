#pragma once

#include <memory>
#include <string>

#include "base/types.h"
#include "protocol/aws/errors.h"
#include "protocol/http/session.h"
#include "security/policies.h"
#include "security/sigv4.h"

namespace leat::aws {

// What all services on a port have in common.
struct Options {
  std::string region = "us-east-1";      // in ARNs, when the request's signature names none
  std::string account = "000000000000";  // in ARNs and queue URLs
  security::AccessKeys access_keys;      // besides those of users; each is a user of its own
  // Who else may sign, and what they may do. nullptr: everyone everything, with the keys above, or any if there are none.
  std::shared_ptr<const security::Policies> policies;
  Milliseconds clock_skew_max{15 * 60'000};
  http::Options http = {
      .limits = {.head_size_max = std::size_t{32} << 10, .body_size_max = std::size_t{8} << 20},
      .idle_timeout = std::chrono::seconds(120),
      .request_timeout = std::chrono::seconds(30),
      .connections_max = 20'000,
      .bodies_size_max = std::size_t{64} << 20,
      .name = "sqs",
  };
};

// Whether the principal may do that.
[[nodiscard]] bool allows(const Options& options, const security::Principal& principal, security::Operation operation,
                          security::ResourceType type, std::string_view name);
// The same, as an answer. Error: access_denied.
[[nodiscard]] Outcome<> authorize(const Options& options, const security::Principal& principal,
                                  security::Operation operation, security::ResourceType type, std::string_view name);

}  // namespace leat::aws
