#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "queue/queues.h"
#include "runtime/sync.h"

namespace leat::queue {

// Messages of one queue pushed to one consumer, as many as it has credit for: for protocols whose clients do not ask for
// each message. What it does with them (acknowledge, change leases) goes through the queues. Belongs to their shard.
class Push {
 public:
  using Take = std::function<void(Delivery)>;

  // `take` gets each message and does not wait. `lease`: nullopt: the queue's. `queues` outlives it.
  Push(Queues& queues, std::string queue, std::optional<Milliseconds> lease, Take take);
  Push(const Push&) = delete;
  Push& operator=(const Push&) = delete;

  // Lets so many more messages come; each that comes takes one.
  void grant(std::size_t messages);
  [[nodiscard]] std::size_t credit() const { return credit_; }
  // Takes back what is left of it, and returns it. Messages that are coming in just now still come.
  [[nodiscard]] std::size_t withdraw() { return std::exchange(credit_, 0); }

  // Pushes until stop(). Errors: not_found (the queue is gone), cancelled (the server stops). Whatever else is wrong passes:
  // it tries again.
  runtime::Task<Status> run();
  // Ends run(). Messages that are coming in just now still come.
  void stop();

 private:
  Queues& queues_;
  std::string queue_;
  std::optional<Milliseconds> lease_;
  Take take_;
  std::size_t credit_ = 0;
  std::shared_ptr<bool> stopped_ = std::make_shared<bool>(false);
  runtime::Notifier wake_;  // credit, or stop()
};

}  // namespace leat::queue
