#pragma once

#include <map>
#include <vector>

#include "protocol/resp/client.h"

namespace leat::resp {

// Who watches which keys for a transaction (https://redis.io/commands/watch/).
class Watches {
 public:
  void watch(Client& client, std::uint32_t database, std::string_view key);
  void unwatch_all(Client& client);
  // The key changed: transactions that depend on it will not run.
  void touch(std::uint32_t database, std::string_view key);
  // As for every watched key of the database that `was_there` holds for; for FLUSHDB and SWAPDB.
  template <class F>
  void touch_if(std::uint32_t database, F was_there) {
    for (const auto& [name, clients] : keys_) {
      if (name.database == database && was_there(name.key)) mark(clients);
    }
  }
  [[nodiscard]] bool empty() const { return keys_.empty(); }

 private:
  static void mark(const std::vector<Client*>& clients);
  std::map<KeyName, std::vector<Client*>> keys_;
};

}  // namespace leat::resp
