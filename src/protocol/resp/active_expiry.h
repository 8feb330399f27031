#pragma once

#include "keyspace/expiry_heap.h"
#include "runtime/timers.h"

namespace leat::resp {

class Executor;

// Removes what has expired and nobody asks for: soon after its time, a little at a time, and with no work when nothing is due.
class ActiveExpiry final : public runtime::Timer {
 public:
  explicit ActiveExpiry(Executor& executor) : executor_(executor) {}

  // Something may expire earlier than was known. To be called at the end of each turn.
  void schedule();
  // While it is off, keys go when they are asked for.
  void set_enabled(bool enabled);
  [[nodiscard]] bool enabled() const { return enabled_; }

 private:
  void fire() override;
  // Removes what is due, within bounds. False: something due may be left.
  bool remove_due();

  Executor& executor_;
  bool enabled_ = true;
  keyspace::Millis armed_for_ = 0;
  MonoTime not_before_{};  // it rests until then
};

}  // namespace leat::resp
