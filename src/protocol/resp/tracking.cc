#include "protocol/resp/tracking.h"

#include <algorithm>

#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

constexpr std::string_view kRedirectChannel = "__redis__:invalidate";

TrackingState* state_of(const Client& client) {
  return client.extras == nullptr ? nullptr : client.extras->tracking.get();
}

// A message for one key.
std::string array_of(std::string_view key) {
  std::string text;
  Reply reply(text, Protocol::resp2);
  reply.array(1);
  reply.bulk(key);
  return text;
}

std::string null_for(const Client& client) {
  std::string text;
  Reply(text, client.protocol).null();
  return text;
}

}  // namespace

Tracking::~Tracking() {
  table_.clear([](Key* key) { delete key; });
}

void Tracking::start(Client& client, const TrackingState& state) {
  std::unique_ptr<TrackingState>& own = client.with_extras().tracking;
  if (own == nullptr) {
    ++clients_;
    own = std::make_unique<TrackingState>();
  }
  std::set<std::string> prefixes = std::move(own->prefixes);
  *own = state;
  if (own->broadcasts && state.prefixes.empty()) own->prefixes.insert("");
  own->prefixes.merge(prefixes);
  for (const std::string& prefix : own->prefixes) {
    const auto [at, is_new] = prefixes_.try_emplace(prefix);
    if (is_new) ++prefix_sizes_[prefix.size()];
    at->second.clients.insert(&client);
  }
}

void Tracking::stop(Client& client) {
  if (state_of(client) == nullptr) return;
  const std::unique_ptr<TrackingState> state = std::move(client.extras->tracking);
  for (const std::string& prefix : state->prefixes) {
    const auto found = prefixes_.find(prefix);
    found->second.clients.erase(&client);
    if (!found->second.clients.empty()) continue;
    changed_prefixes_.erase(found->first);
    const auto sizes = prefix_sizes_.find(prefix.size());
    if (--sizes->second == 0) prefix_sizes_.erase(sizes);
    prefixes_.erase(found);
  }
  std::erase_if(pending_, [&](const Pending& pending) { return pending.client == &client; });
  --clients_;
}

void Tracking::remember(Client& client, const Command& command, Arguments arguments) {
  const TrackingState& state = *state_of(client);
  if (state.broadcasts || (state.opts_in && !state.caching) || (state.opts_out && state.caching)) return;
  positions_.clear();
  if (!find_keys(command, arguments, positions_)) return;
  for (const KeyPosition& position : positions_) {
    const std::string_view name = arguments[position.index];
    const std::uint64_t hash = keyspace::hash_of(name);
    Key* key = table_.find(name, hash);
    if (key == nullptr) {
      key = new Key(name);
      table_.insert(*key, hash);
    }
    const auto at = std::ranges::lower_bound(key->clients, client.id());
    if (at != key->clients.end() && *at == client.id()) continue;
    key->clients.insert(at, client.id());
    ++items_;
  }
  limit_keys();
}

void Tracking::limit_keys() {
  const std::size_t limit = executor_.settings().tracking_keys_max;
  while (limit != 0 && table_.size() > limit) {
    Key* key = table_.random(executor_.keyspace().random());
    table_.remove(*key);
    tell_readers(*key);
    forget_key(key);
  }
}

void Tracking::forget_key(Key* key) {
  items_ -= key->clients.size();
  delete key;
}

void Tracking::invalidate(std::string_view key, const Client* by) {
  if (!prefixes_.empty()) gather(key, by);
  Key* known = table_.remove(key);
  if (known == nullptr) return;
  tell_readers(*known);
  forget_key(known);
}

void Tracking::gather(std::string_view key, const Client* by) {
  for (const auto& [size, count] : prefix_sizes_) {
    if (size > key.size()) break;
    const auto found = prefixes_.find(key.substr(0, size));
    if (found == prefixes_.end()) continue;
    const auto [changed, is_new] = found->second.changed.try_emplace(std::string(key), by);
    if (!is_new && changed->second != by) changed->second = nullptr;
    changed_prefixes_.insert(found->first);
    executor_.schedule_turn_end();
  }
}

// Clients that are gone, or track no longer, are still in the lists.
void Tracking::tell_readers(const Key& key) {
  const std::string name(key.name);
  for (const std::uint64_t id : key.clients) {
    Client* client = executor_.find_client(id);
    const TrackingState* state = client == nullptr ? nullptr : state_of(*client);
    if (state == nullptr || state->broadcasts) continue;
    if (state->skips_own && client == executor_.current()) continue;
    tell(*client, &name);
  }
}

void Tracking::tell(Client& client, const std::string* key) {
  if (&client != executor_.current()) return send(client, key == nullptr ? null_for(client) : array_of(*key));
  pending_.push_back({&client, key == nullptr ? std::nullopt : std::optional(*key)});
}

void Tracking::send_all_pending() {
  for (const Pending& pending : std::exchange(pending_, {})) {
    send(*pending.client, pending.key ? array_of(*pending.key) : null_for(*pending.client));
  }
}

void Tracking::flushed() {
  if (clients_ == 0 && table_.empty()) return;
  for (const auto& [id, client] : executor_.clients()) {
    if (!client->closing && state_of(*client) != nullptr) tell(*client, nullptr);
  }
  table_.clear([](Key* key) { delete key; });
  items_ = 0;
}

void Tracking::broadcast() {
  for (const std::string_view name : std::exchange(changed_prefixes_, {})) {
    const auto found = prefixes_.find(name);
    if (found == prefixes_.end()) continue;
    const auto changed = std::exchange(found->second.changed, {});
    const auto message = [&](const Client* without) {
      std::string text;
      Reply reply(text, Protocol::resp2);
      std::size_t count = 0;
      for (const auto& [key, by] : changed) {
        if (without != nullptr && by == without) continue;
        reply.bulk(key);
        ++count;
      }
      if (count > 0) reply.end_array(0, count);
      return text;
    };
    const std::string for_most = message(nullptr);
    for (Client* client : found->second.clients) {
      const std::string text = state_of(*client)->skips_own ? message(client) : for_most;
      if (!text.empty()) send(*client, text);
    }
  }
}

void Tracking::send(Client& client, std::string_view keys) {
  TrackingState* state = state_of(client);
  if (state == nullptr) return;
  Client* target = state->redirect == 0 ? &client : executor_.find_client(state->redirect);
  std::string text;
  if (target == nullptr) {
    state->redirect_is_broken = true;
    if (client.protocol != Protocol::resp3) return;
    Reply reply(text, Protocol::resp3);
    reply.push(2);
    reply.bulk("tracking-redir-broken");
    reply.integer(static_cast<std::int64_t>(state->redirect));
    return executor_.outputs().push(client, text);
  }
  Reply reply(text, target->protocol);
  if (target->protocol == Protocol::resp3) {
    reply.push(2);
    reply.bulk("invalidate");
  } else if (state->redirect != 0 && target->subscriptions() > 0) {
    reply.array(3);
    reply.bulk("message");
    reply.bulk(kRedirectChannel);
  } else {
    return;
  }
  text += keys;
  executor_.outputs().push(*target, text);
}

}  // namespace leat::resp
