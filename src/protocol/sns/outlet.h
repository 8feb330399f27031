#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocol/sns/delivery_policy.h"
#include "protocol/sns/filter_policy.h"
#include "protocol/sns/signer.h"
#include "queue/queues.h"

namespace leat::sns {

// Which policy a subscription's deliveries follow: its own, its topic's, or SNS's. `topic` may be nullptr.
[[nodiscard]] DeliveryPolicy policy_of(const queue::Queue& subscription, const queue::Queue* topic);

// A queue's name in the RedrivePolicy of a subscription; empty: it has none.
[[nodiscard]] std::string dead_letters_of(std::string_view redrive_policy);

// A subscription with its attributes read: where its messages go, and which of them.
struct Outlet {
  queue::QueuePtr subscription;
  queue::QueuePtr topic;  // nullptr when it is gone
  std::string protocol;   // "sqs", "http" or "https"
  std::string target;     // a queue's name, or a URL
  bool is_raw = false;
  std::optional<FilterPolicy> filter;
  DeliveryPolicy policy;
  std::string dead_letters;  // a queue's name; empty: none
  SignatureVersion signature = SignatureVersion::sha1;
  std::string topic_arn;
  std::string arn;
  std::string base;  // of URLs
  std::string unsubscribe_url;

  [[nodiscard]] bool is_http() const { return protocol != "sqs"; }
};
// Attributes were checked when they were set: what cannot be read all the same is as if it were not set.
[[nodiscard]] Outlet read_outlet(queue::QueuePtr subscription, queue::QueuePtr topic, std::string_view account);

}  // namespace leat::sns
