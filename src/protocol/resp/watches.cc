#include "protocol/resp/watches.h"

#include <algorithm>

namespace leat::resp {

void Watches::watch(Client& client, std::uint32_t database, std::string_view key) {
  KeyName name{database, std::string(key)};
  if (std::ranges::find(client.watched, name) != client.watched.end()) return;
  keys_[name].push_back(&client);
  client.watched.push_back(std::move(name));
}

void Watches::unwatch_all(Client& client) {
  for (const KeyName& name : client.watched) {
    const auto found = keys_.find(name);
    std::erase(found->second, &client);
    if (found->second.empty()) keys_.erase(found);
  }
  client.watched.clear();
}

void Watches::touch(std::uint32_t database, std::string_view key) {
  if (keys_.empty()) return;
  const auto found = keys_.find({database, std::string(key)});
  if (found != keys_.end()) mark(found->second);
}

void Watches::mark(const std::vector<Client*>& clients) {
  for (Client* client : clients) client->transaction.dirty = true;
}

}  // namespace leat::resp
