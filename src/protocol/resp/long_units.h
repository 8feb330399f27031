#pragma once

#include "protocol/resp/client.h"
#include "protocol/resp/scripting/fiber.h"
#include "runtime/shard.h"

namespace leat::resp {

class Executor;

// Executes units that may take long on a stack of their own. Such a unit may be suspended: it stops where it is, the shard does other
// work, and then it goes on. While it is suspended no other unit touches the keyspace: commands of other clients are refused but
// for those that may run meanwhile, its own client waits, and what timers do waits too.
class LongUnits {
 public:
  explicit LongUnits(Executor& executor);

  // Executes a client's command as a unit. On return it is done, or suspended: then `client.suspended`.
  void execute(Client& client, const Command& command, Arguments arguments, std::size_t reply_begin);
  // From inside the unit: lets the shard do other work. Elsewhere nothing happens.
  void suspend();
  [[nodiscard]] bool is_suspended() const { return fiber_.is_stopped(); }
  // Lets the one that is suspended go on to its end, at once; it must not take long any more.
  void finish();
  [[nodiscard]] bool is_finishing() const { return finishing_; }
  // The shard will come back to this, which must last until then.
  [[nodiscard]] bool is_scheduled() const { return continuation_.sent; }

 private:
  struct Continuation final : runtime::Work {
    LongUnits* units = nullptr;
    bool sent = false;
  };

  void resume();
  void keep_words();
  void settle(bool done);

  Executor& executor_;
  Fiber fiber_;
  // Of the unit under way.
  Client* client_ = nullptr;
  const Command* command_ = nullptr;
  std::vector<std::string_view> words_;
  std::string kept_;  // their bytes, while it is suspended
  std::size_t reply_begin_ = 0;
  bool finishing_ = false;
  Continuation continuation_;
};

}  // namespace leat::resp
