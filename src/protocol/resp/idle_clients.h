#pragma once

#include "runtime/timers.h"

namespace leat::resp {

class Executor;

// Ends the connections of clients that have sent nothing for as long as the setting `timeout` says, and that wait for nothing.
class IdleClients final : public runtime::Timer {
 public:
  explicit IdleClients(Executor& executor) : executor_(executor) {}

  // To be called when the setting has changed.
  void schedule();

 private:
  void fire() override;

  Executor& executor_;
};

}  // namespace leat::resp
