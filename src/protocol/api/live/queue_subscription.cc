#include "protocol/api/live/queue_subscription.h"

namespace leat::api {

runtime::Task<> QueueSubscription::give_back() {
  const queue::QueuePtr queue = queues_.find(name_);
  if (queue == nullptr || unsettled_.empty()) co_return;
  std::vector<queue::LeaseChange> changes;
  for (const queue::Receipt& receipt : unsettled_) changes.push_back({receipt, Milliseconds(0), {}});
  unsettled_.clear();
  (void)co_await queues_.set_lease(queue, changes);
}

}  // namespace leat::api
