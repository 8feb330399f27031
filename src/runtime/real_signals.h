#pragma once

#include <functional>
#include <map>

#include "runtime/real_poller.h"

// Inside the real home only: seen by real_*.cc.
namespace leat::runtime {

// Signals of the process as events of one shard's loop. One at a time in a process; what it watches has its default effect again
// when it ends.
class Signals {
 public:
  explicit Signals(Poller& poller);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // Before the loop runs.
  void watch(int number, std::function<void(int)> on_signal);
  // Calls on_signal for those that came since the last call. Each that comes ends the poller's wait.
  void deliver();

 private:
  std::map<int, std::function<void(int)>> watched_;
};

}  // namespace leat::runtime
