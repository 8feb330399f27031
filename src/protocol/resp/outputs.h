#pragma once

#include <map>
#include <string_view>

#include "base/log_limiter.h"
#include "protocol/resp/client.h"
#include "protocol/resp/output_limits.h"

namespace leat::resp {

// What waits in memory for clients and from them: how much it is, and what becomes of clients that take too little of it.
class Outputs {
 public:
  explicit Outputs(Executor& executor) : executor_(executor), soft_timer_(*this) {}

  // Appends to the client's output what it did not ask for, in its protocol. Nothing happens to one that is ending.
  void push(Client& client, std::string_view text);
  // As push, for a message of a channel, which may be dropped.
  void push_message(Client& client, std::string_view text);

  // To be called when a client's buffers grew or shrank: what is sent, received, queued.
  void measure(Client& client);
  void forget(Client& client);
  // Ends the clients whose buffers are largest, until `bytes` are free or no large buffer is left. For a memory limit that
  // data alone cannot keep.
  void shed(std::uint64_t bytes);

  // Bytes of replies that any client may leave waiting before its commands wait too.
  static constexpr std::size_t kWaitingAlways = std::size_t{1} << 20;
  // The same as things are: at least kWaitingAlways. More is for clients that read no reply before they have written their last
  // command: they and the server would wait for each other for ever.
  [[nodiscard]] std::size_t waiting_max() const;

  // Bytes in the buffers of all clients.
  [[nodiscard]] std::uint64_t memory() const { return memory_; }
  // Bytes of replies that the client has not taken.
  [[nodiscard]] static std::size_t waiting(const Client& client);
  // Bytes in the client's buffers.
  [[nodiscard]] static std::size_t memory_of(const Client& client);

 private:
  class SoftTimer final : public runtime::Timer {
   public:
    explicit SoftTimer(Outputs& outputs) : outputs_(outputs) {}

   private:
    void fire() override { outputs_.check_soft(); }
    Outputs& outputs_;
  };

  [[nodiscard]] const OutputLimit& limit_of(const Client& client) const;
  void check(Client& client, std::size_t waiting);
  void check_soft();
  void arm_soft(MonoTime deadline);
  void count(Client& client, std::size_t memory);
  void end(Client& client, std::string_view why, std::uint64_t waiting);

  Executor& executor_;
  std::uint64_t memory_ = 0;
  std::map<Client*, MonoTime> above_soft_;  // since when
  SoftTimer soft_timer_;
  LogLimiter log_limiter_;
};

}  // namespace leat::resp
