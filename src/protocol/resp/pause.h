#pragma once

#include <vector>

#include "protocol/resp/client.h"

namespace leat::resp {

// Whether a command may change something, be it only what others hear or how a value is kept.
[[nodiscard]] bool may_write(const Command& command);

// CLIENT PAUSE: for a while, commands of all clients wait, or those that write. A client whose command waits executes
// nothing behind it.
class Pause {
 public:
  enum class What : std::uint8_t { nothing, writes, everything };

  explicit Pause(Executor& executor) : executor_(executor), timer_(*this) {}

  // One that is stricter, or lasts longer, than the one in force takes that from it.
  void begin(What what, MonoTime until);
  void end();
  [[nodiscard]] bool is_active() const { return what_ != What::nothing; }

  // Whether a command must wait.
  [[nodiscard]] bool covers(const Client& client, const Command& command) const;
  // Keeps it until the end of the pause.
  void hold(Client& client, const Command& command, Arguments arguments);
  void forget(Client& client);

 private:
  class Timer final : public runtime::Timer {
   public:
    explicit Timer(Pause& pause) : pause_(pause) {}

   private:
    void fire() override { pause_.release(); }
    Pause& pause_;
  };
  void release();

  Executor& executor_;
  What what_ = What::nothing;
  MonoTime until_{};
  std::vector<Client*> held_;
  Timer timer_;
};

}  // namespace leat::resp
