#include "protocol/resp/idle_clients.h"

#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

constexpr Milliseconds kPeriod{1000};

bool waits(const Client& client) {
  return client.is_blocked() || client.suspended || client.subscriptions() > 0 ||
         (client.extras != nullptr && client.extras->monitors);
}

}  // namespace

void IdleClients::schedule() {
  cancel();
  if (executor_.settings().idle_seconds_max > 0)
    executor_.shard().timers().arm(*this, executor_.shard().now() + kPeriod);
}

void IdleClients::fire() {
  const std::int64_t since =
      executor_.shard().wall_now().value() - std::int64_t{executor_.settings().idle_seconds_max} * 1000;
  for (const auto& [id, client] : executor_.clients()) {
    if (!client->closing && client->active_at < since && !waits(*client)) executor_.end(*client);
  }
  schedule();
}

}  // namespace leat::resp
