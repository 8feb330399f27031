#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"
#include "keyspace/journal.h"
#include "runtime/sync.h"

namespace leat::resp {

class Client;
class Executor;

// Clients that wait until their changes are on the disk, whatever the durability of their databases (WAITAOF). Waiting is what
// asks for a flush: it does not come by the interval.
class FlushWaits {
 public:
  FlushWaits(Executor& executor, keyspace::Journal& journal) : executor_(executor), journal_(journal) {}

  void start() { tasks_.spawn(follow()); }
  runtime::Task<> stop();

  // Whether all that the client changed is on the disk.
  [[nodiscard]] bool is_flushed(const Client& client) const;
  // Asks for it. When it is so, the client, which is blocked, gets the reply of WAITAOF (if `answers`; else it goes on waiting
  // for its time); should it never be so, an error.
  void wait(const Client& client, bool answers);
  // The client waits no longer.
  void forget(const Client& client);
  // What was added to the journal may have been appended.
  void turn_ended() {
    if (!waiting_.empty()) [[unlikely]]
      wake_.notify_all();
  }

 private:
  struct Waiting {
    std::uint64_t client;
    Offset end;
    bool answers;
  };
  runtime::Task<> follow();
  // Whether somebody waits for what is appended.
  [[nodiscard]] bool can_flush() const;
  void serve();
  void fail_all(const Error& error);

  Executor& executor_;
  keyspace::Journal& journal_;
  std::vector<Waiting> waiting_;
  bool stopping_ = false;
  runtime::Notifier wake_;
  runtime::TaskScope tasks_;
};

}  // namespace leat::resp
