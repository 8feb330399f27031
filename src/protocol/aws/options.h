#pragma once

#include <memory>
#include <string>

#include "base/types.h"
#include "protocol/aws/errors.h"
#include "protocol/http/session.h"
#include "security/authorize.h"
#include "security/sigv4.h"

namespace leat::aws {

// What all services on a port have in common.
struct Options {
  std::string region = "us-east-1";      // in ARNs, when the request's signature names none
  std::string account = "000000000000";  // in ARNs and queue URLs
  security::AccessKeys access_keys;      // none: any credentials are taken
  Milliseconds clock_skew_max{15 * 60'000};
  http::Options http = {
      .limits = {.head_size_max = std::size_t{32} << 10, .body_size_max = std::size_t{8} << 20},
      .idle_timeout = std::chrono::seconds(120),
      .request_timeout = std::chrono::seconds(30),
      .connections_max = 20'000,
      .bodies_size_max = std::size_t{64} << 20,
      .name = "sqs",
  };
  std::shared_ptr<const security::Authorizer> authorizer = security::allow_all();
};

// Whether the sender may do that to the leat topic; nobody in particular when it is empty. Error: access_denied.
[[nodiscard]] Outcome<> authorize(const Options& options, std::string_view sender, security::Operation operation,
                                  std::string_view topic);

}  // namespace leat::aws
