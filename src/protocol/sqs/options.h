#pragma once

#include <map>
#include <mutex>

#include "base/types.h"
#include "protocol/aws/options.h"

namespace leat::sqs {

struct SqsOptions : aws::Options {
  std::int32_t partitions = 1;  // of the topic of a new queue
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
