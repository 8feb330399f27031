#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/types.h"
#include "protocol/http/session.h"
#include "security/authorize.h"
#include "security/sigv4.h"

namespace leat::sqs {

struct SqsOptions {
  std::string region = "us-east-1";      // in ARNs, when the request's signature names none
  std::string account = "000000000000";  // in queue URLs and ARNs
  std::int32_t partitions = 1;           // of the topic of a new queue
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

// When each queue was purged last: SQS takes one purge a minute. The one thing that the shards of SQS share; a purge is rare
// and costly, so a lock does no harm. It is forgotten at a restart, which only lets one purge more through.
class PurgeTimes {
 public:
  // Whether it may be purged now; if so, it counts as purged.
  [[nodiscard]] bool admit(const Uuid& queue, Timestamp now);
  // The purge that was admitted failed.
  void forget(const Uuid& queue);

 private:
  std::mutex mutex_;
  std::map<Uuid, Timestamp> last_;
};

}  // namespace leat::sqs
