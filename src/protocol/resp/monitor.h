#pragma once

#include <string>
#include <vector>

#include "protocol/resp/client.h"

namespace leat::resp {

// A command's words without secrets: passwords of AUTH, HELLO and MIGRATE become "(redacted)".
[[nodiscard]] std::vector<std::string_view> redacted(const Command& command, Arguments arguments);

// Clients that see what all clients do (https://redis.io/commands/monitor/).
class Monitors {
 public:
  explicit Monitors(Executor& executor) : executor_(executor) {}

  void add(Client& client);
  void remove(Client& client);
  [[nodiscard]] bool empty() const { return clients_.empty(); }

  // A command of `client` was run. Those of administrators are not shown.
  void tell(const Client& client, const Command& command, Arguments arguments, bool from_script);

 private:
  Executor& executor_;
  std::vector<Client*> clients_;
};

}  // namespace leat::resp
