#pragma once

#include "protocol/sns/api.h"
#include "protocol/sns/deliverer.h"

namespace leat::sns {

// Amazon SNS on one shard: what answers its requests, and the deliveries to subscriptions. Used and stopped on that shard.
class SnsShard {
 public:
  // `queues` are that shard's; they, and `client` and `keys`, which all shards share, outlive it.
  SnsShard(aws::Options options, queue::Queues& queues, http::OutgoingClient& client, SigningKeys& keys,
           const DelivererOptions& deliverer)
      : options_(std::move(options)),
        deliverer_(options_, queues, client, keys, deliverer),
        api_(options_, queues, keys, deliverer_) {}

  [[nodiscard]] SnsApi& api() { return api_; }
  [[nodiscard]] const SnsApi& api() const { return api_; }
  [[nodiscard]] Deliverer& deliverer() { return deliverer_; }

 private:
  aws::Options options_;
  Deliverer deliverer_;
  SnsApi api_;
};

}  // namespace leat::sns
