#include "protocol/resp/pause.h"

#include <algorithm>

#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"

namespace leat::resp {

bool may_write(const Command& command) {
  static constexpr std::string_view kOthers[] = {"publish", "spublish", "pfcount", "eval", "evalsha", "fcall"};
  return command.is(kWrite | kMayReplicate) || std::ranges::find(kOthers, command.name) != std::end(kOthers);
}

void Pause::begin(What what, MonoTime until) {
  what_ = std::max(what_, what);
  until_ = std::max(until_, until);
  timer_.cancel();
  executor_.shard().timers().arm(timer_, until_);
}

// Those who wait go on outside of the command that ends the pause.
void Pause::end() {
  what_ = What::nothing;
  until_ = {};
  timer_.cancel();
  if (!held_.empty()) executor_.shard().timers().arm(timer_, executor_.shard().now());
}

bool Pause::covers(const Client& client, const Command& command) const {
  if (what_ == What::everything) return true;
  if (command.name != "exec" || !client.transaction.active) return may_write(command);
  return std::ranges::any_of(client.transaction.queue,
                             [](const StoredCommand& queued) { return may_write(queued.command()); });
}

void Pause::hold(Client& client, const Command& command, Arguments arguments) {
  client.with_extras().held = std::make_unique<StoredCommand>(command, arguments);
  client.held = true;
  held_.push_back(&client);
  executor_.stats().blocked_clients.add(1);
}

void Pause::forget(Client& client) {
  if (!std::exchange(client.held, false)) return;
  client.extras->held.reset();
  executor_.stats().blocked_clients.add(-1);
  std::erase(held_, &client);
}

void Pause::release() {
  what_ = What::nothing;
  until_ = {};
  executor_.begin_batch();
  // One of the commands may begin another pause.
  for (Client* client : std::exchange(held_, {})) {
    client->held = false;
    executor_.stats().blocked_clients.add(-1);
    if (client->closing) continue;
    const std::unique_ptr<StoredCommand> command = std::move(client->extras->held);
    executor_.execute(*client, command->arguments());
    if (!client->is_blocked()) client->connection().resume(*client);
  }
}

}  // namespace leat::resp
