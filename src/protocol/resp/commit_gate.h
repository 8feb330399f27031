#pragma once

#include <deque>
#include <string>

#include "base/types.h"
#include "keyspace/journal.h"
#include "protocol/resp/client.h"
#include "protocol/resp/locks.h"
#include "runtime/sync.h"

namespace leat::resp {

// Holds replies back until what they tell of is as durable as was promised. Replies of one client stay in order.
class CommitGate {
 public:
  CommitGate(keyspace::Journal& journal, Locks& locks) : journal_(journal), locks_(locks) {}

  void start() { tasks_.spawn(follow()); }
  // Nothing that is held goes out any more.
  runtime::Task<> stop();

  // What is in `client.out` goes out once the journal is committed up to `end`, and that of locks up to `locks_end`, and
  // behind all that is held of the client.
  void hold(Client& client, Offset end, Offset locks_end);
  // The client is gone.
  void drop(Client& client);

 private:
  struct Held {
    Offset end;
    Offset locks_end;
    Client* client;  // nullptr: gone
    std::string bytes;
  };
  runtime::Task<> follow();
  [[nodiscard]] bool may_go(const Held& held) const;
  runtime::Task<Status> committed(Offset end, Offset locks_end);
  void release(Held held);

  keyspace::Journal& journal_;
  Locks& locks_;
  std::deque<Held> held_;  // the ends never fall
  runtime::Notifier wake_;
  runtime::TaskScope tasks_;
  bool stopping_ = false;
};

}  // namespace leat::resp
