#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "observe/registry.h"
#include "protocol/http/router.h"
#include "security/login.h"

namespace leat::http {

// Why the server does not serve (yet, any more), a sentence each; empty when it does. Called on the listener's shard.
using NotReady = std::function<std::vector<std::string>()>;

// The endpoints that tell operators and their tools how the server is:
//   GET /          what is here
//   GET /healthz   200: the process answers
//   GET /readyz    200: it serves its protocols; 503: it does not, with the reasons
//   GET /metrics   everything in `metrics`, in Prometheus' text format
// All but the last answer everyone, since probes have no identity; the last one wants a user who may describe the cluster, by
// basic authentication, once there are users. `metrics` and `logins`, of the listener's shard, outlive the router.
[[nodiscard]] Router admin_routes(NotReady not_ready, const observe::MetricsRegistry& metrics,
                                  std::shared_ptr<const security::Authorizer> authorizer, security::Logins& logins);

}  // namespace leat::http
