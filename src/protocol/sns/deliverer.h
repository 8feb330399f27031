#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log_limiter.h"
#include "base/metrics.h"
#include "protocol/aws/options.h"
#include "protocol/http/outgoing_client.h"
#include "protocol/sns/outlet.h"
#include "protocol/sns/signing_keys.h"
#include "queue/queues.h"
#include "runtime/sync.h"

namespace leat::sns {

struct Notification;

// What became of deliveries, counted on one shard.
struct DeliveryStats {
  Counter delivered;
  Counter filtered;  // the subscription does not want them
  Counter failed;    // attempts that did not succeed
  Counter dead;      // given up: sent to the dead-letter queue
  Counter dropped;   // given up, and there is no dead-letter queue
};

struct DelivererOptions {
  std::size_t number = 0;  // of the shard
  std::size_t shards = 1;
  Duration request_timeout = std::chrono::seconds(15);
  std::size_t bodies_size_max = std::size_t{64} << 20;  // of what is made and in flight for HTTP endpoints
};

// Takes the messages of subscriptions to their endpoints: receives them from the subscription's queue, sends or posts them,
// acknowledges them. Delivers each at least once; in order within a group from FIFO topics. Each subscription has its own
// worker, on one shard of all, so that a slow endpoint holds up nobody else. Belongs to its shard.
class Deliverer {
 public:
  // All outlive it. `queues` are the shard's.
  Deliverer(const aws::Options& aws, queue::Queues& queues, http::OutgoingClient& client, SigningKeys& keys,
            const DelivererOptions& options);
  Deliverer(const Deliverer&) = delete;
  Deliverer& operator=(const Deliverer&) = delete;

  void start();
  // Begins no more deliveries. Before the queues end their waits.
  void begin_stop();
  // Returns when nothing is under way. After the queues' waits and the client's requests have ended.
  runtime::Task<> stop();

  [[nodiscard]] const DeliveryStats& stats() const { return stats_; }
  [[nodiscard]] std::size_t workers() const { return workers_.size(); }

 private:
  // Of one subscription.
  struct Worker {
    std::string name;  // the queue's
    std::shared_ptr<bool> gone = std::make_shared<bool>(false);
    std::shared_ptr<const Outlet> outlet;
    std::size_t posting = 0;
    // Grows while the endpoint takes what it gets: those that never answer must not fill the client.
    std::size_t posts_max = 1;
    runtime::Notifier posted;
    std::uint32_t confirmations = 0;  // asked for
    bool asks_no_more = false;
    runtime::TaskScope tasks;
  };
  using WorkerPtr = std::shared_ptr<Worker>;
  using OutletPtr = std::shared_ptr<const Outlet>;
  // Why a delivery failed; nullopt: it did not.
  struct Failure {
    std::string reason;
    bool is_permanent = false;
    bool is_own = false;  // it says nothing of the endpoint: as if there had been no attempt
  };
  using Outcome = std::optional<Failure>;

  runtime::Task<> follow();
  runtime::Task<> work(WorkerPtr worker);
  void begin_work(const std::string& name);
  // False: the subscription is gone.
  bool refresh(Worker& worker);
  runtime::Task<> ask_for_confirmation(WorkerPtr worker);
  runtime::Task<Outcome> post_confirmation(OutletPtr outlet);
  runtime::Task<> pause(Duration duration);
  // Returns when the subscription is another or gone, or after that time.
  runtime::Task<> pause_while_same(OutletPtr outlet, Duration duration);

  runtime::Task<> forward_some(WorkerPtr worker);
  runtime::Task<> post_some(WorkerPtr worker);
  runtime::Task<> post_one(WorkerPtr worker, OutletPtr outlet, queue::Delivery delivery);
  runtime::Task<std::vector<Outcome>> send_to(std::string queue, OutletPtr outlet,
                                              const std::vector<const queue::Delivery*>& deliveries);
  runtime::Task<Outcome> post_notification(OutletPtr outlet, const queue::Delivery& delivery);
  // The notification as JSON with its signature. Error: why there is no key.
  runtime::Task<Result<std::string>> sign(const Outlet& outlet, const Notification& notification);
  runtime::Task<Outcome> post(OutletPtr outlet, http::OutgoingRequest request);
  [[nodiscard]] bool wants(const Outlet& outlet, const queue::Delivery& delivery) const;
  runtime::Task<> give_up(OutletPtr outlet, const queue::Delivery& delivery, Failure failure);
  runtime::Task<> retry_later(OutletPtr outlet, queue::Receipt receipt, Milliseconds delay, std::string reason);
  runtime::Task<> settle_failure(OutletPtr outlet, const queue::Delivery& delivery, Failure failure);

  const aws::Options& aws_;
  queue::Queues& queues_;
  http::OutgoingClient& client_;
  SigningKeys& keys_;
  DelivererOptions options_;
  std::map<std::string, WorkerPtr, std::less<>> workers_;
  runtime::Budget bodies_;
  DeliveryStats stats_;
  LogLimiter log_limiter_;
  runtime::Notifier stop_wake_;
  runtime::TaskScope tasks_;
  bool stopping_ = false;
};

}  // namespace leat::sns
