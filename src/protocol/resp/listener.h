#pragma once

#include "protocol/resp/client.h"
#include "pubsub/hub.h"

namespace leat::resp {

// A client's subscriptions. Messages go to its output.
class Listener final : public pubsub::Subscriber {
 public:
  Listener(pubsub::Hub& hub, Client& client) : Subscriber(hub), client_(client) {}
  void deliver(const pubsub::Message& message) override;

 private:
  Client& client_;
};

}  // namespace leat::resp
