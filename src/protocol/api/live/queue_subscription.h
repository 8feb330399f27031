#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "queue/push.h"

namespace leat::api {

// A queue whose messages are pushed to one client, so many at a time as it has not settled. Belongs to one shard.
class QueueSubscription {
 public:
  // Gets each message, and does not wait.
  using Take = std::function<void(QueueSubscription& from, queue::Delivery delivery)>;

  QueueSubscription(queue::Queues& queues, std::string queue, std::size_t prefetch, std::optional<Milliseconds> lease,
                    Take take)
      : queues_(queues),
        name_(std::move(queue)),
        push_(queues, name_, lease, [this, take = std::move(take)](queue::Delivery delivery) {
          unsettled_.insert(delivery.receipt);
          take(*this, std::move(delivery));
        }) {
    push_.grant(prefetch);
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  // Pushes until stop(). See queue::Push::run().
  runtime::Task<Status> run() { return push_.run(); }
  void stop() { push_.stop(); }
  // The client is done with it, one way or the other: another message may come.
  void settled(const queue::Receipt& receipt) {
    if (unsettled_.erase(receipt) > 0) is_held_ ? void(++held_) : push_.grant(1);
  }
  // Nothing new comes until go_on(): the client does not take what it has.
  void hold() {
    held_ += push_.withdraw();
    is_held_ = true;
  }
  void go_on() {
    is_held_ = false;
    if (held_ > 0) push_.grant(std::exchange(held_, 0));
  }
  // What the client has not settled goes to others at once. When run() has returned.
  runtime::Task<> give_back();

 private:
  queue::Queues& queues_;
  std::string name_;
  queue::Push push_;
  std::set<queue::Receipt> unsettled_;
  bool is_held_ = false;
  std::size_t held_ = 0;  // messages that it may get when it goes on
};

}  // namespace leat::api
