#include "protocol/resp/blocking.h"

#include <algorithm>

#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

// The end of a wait waits itself while a unit is suspended.
constexpr Milliseconds kRetry{10};

}  // namespace

void Blocking::block(Client& client, std::unique_ptr<Blocked> blocked, std::optional<MonoTime> deadline) {
  client.blocked = std::move(blocked);
  for (const KeyName& name : client.blocked->keys) {
    std::deque<Client*>& waiting = keys_[name].clients;
    // A key that was named twice.
    if (!waiting.empty() && waiting.back() == &client) continue;
    waiting.push_back(&client);
  }
  if (deadline) executor_.shard().timers().arm(client.block_timer_, *deadline);
  executor_.stats().blocked_clients.add(1);
}

void Blocking::forget(Client& client) {
  for (const KeyName& name : client.blocked->keys) {
    const auto found = keys_.find(name);
    if (found == keys_.end()) continue;
    std::deque<Client*>& waiting = found->second.clients;
    if (const auto at = std::ranges::find(waiting, &client); at != waiting.end()) waiting.erase(at);
    if (waiting.empty()) keys_.erase(found);
  }
  client.block_timer_.cancel();
  const std::unique_ptr<Blocked> blocked = std::move(client.blocked);
  if (!blocked->keys.empty() && is_strict(blocked->keys.front())) {
    std::vector<std::string_view> locks;
    for (const KeyName& name : blocked->keys) locks.push_back(name.key);
    executor_.locks().stop_waiting(client, locks);
  }
  executor_.stats().blocked_clients.add(-1);
}

void Blocking::unblock(Client& client) {
  forget(client);
  client.active_at = executor_.shard().wall_now().value();
  executor_.has_output(client);
  client.connection().resume(client);
}

void Blocking::time_out(Client& client) {
  if (executor_.is_suspended()) {
    executor_.shard().timers().arm(client.block_timer_, executor_.shard().now() + kRetry);
    return;
  }
  executor_.begin_batch();
  executor_.begin_unit();
  executor_.retry(client, client.blocked->command, true);
  unblock(client);
  executor_.end_unit();
}

void Blocking::mark_ready(Keys::value_type& key) {
  if (std::exchange(key.second.ready, true)) return;
  ready_.push_back(key.first);
}

void Blocking::database_changed(std::uint32_t database) {
  for (auto at = keys_.lower_bound(KeyView(database, {})); at != keys_.end() && at->first.database == database; ++at) {
    mark_ready(*at);
  }
}

void Blocking::serve() {
  if (serving_) return;
  serving_ = true;
  while (!ready_.empty()) {
    for (const KeyName& name : std::exchange(ready_, {})) {
      serve_key(name);
    }
  }
  serving_ = false;
}

// In the order of their coming, as long as the key is there; when it is not, only those who want to know. Who is served
// leaves the queue. Who moves an element makes the key that it goes to ready in its turn.
void Blocking::serve_key(const KeyName& name) {
  if (const auto found = keys_.find(name); found != keys_.end()) found->second.ready = false;
  for (std::size_t next = 0;;) {
    const auto found = keys_.find(name);
    if (found == keys_.end() || next >= found->second.clients.size()) return;
    Client& client = *found->second.clients[next];
    if (!client.blocked->wants_absence && executor_.keyspace().database(name.database).peek(name.key) == nullptr) {
      ++next;
      continue;
    }
    if (client.closing) {
      ++next;
      continue;
    }
    executor_.begin_unit();
    const bool served = executor_.retry(client, client.blocked->command, false, name.key);
    if (served) unblock(client);
    executor_.end_unit();
    if (served) continue;
    if (is_strict(name)) return;
    ++next;
  }
}

}  // namespace leat::resp
