#pragma once

#include <coroutine>
#include <cstdint>

#include "base/types.h"
#include "runtime/timers.h"

namespace leat::runtime {

class FileSystem;
class Network;

// A unit of work for another shard or for the I/O pool. Intrusive, so that handing it over allocates nothing; it belongs
// to the sender, who keeps it alive until `run` has been called.
struct Work {
  Work* next = nullptr;
  void (*run)(Work* self) = nullptr;
};

// One core's thread, its event loop and everything it owns. Real and simulated shards (runtime/real, runtime/sim) look
// the same from above. Unless it says otherwise, a member is called on the shard's own thread.
class Shard {
 public:
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  virtual ~Shard() = default;

  // The shard whose thread this is. Calling it from another thread is a defect.
  static Shard& current();
  static bool is_current(const Shard& shard);

  [[nodiscard]] ShardId id() const { return id_; }

  [[nodiscard]] virtual MonoTime now() const = 0;
  [[nodiscard]] virtual Timestamp wall_now() const = 0;
  // 64 random bits: unpredictable in a real shard, from the seed in a simulated one.
  [[nodiscard]] virtual std::uint64_t random() = 0;

  // Runs `work` on this shard's thread after what is already waiting there. From any thread. Work sent by one thread runs
  // in the order it was sent; many sends before the shard looks cost one wake-up.
  virtual void send(Work& work) = 0;

  // Runs `work` on the I/O pool, where it may block. From this shard; `work` then usually sends itself back.
  virtual void send_blocking(Work& work) = 0;

  // Resumes `coroutine` from the loop after what is already ready: never deeper in the caller's stack.
  virtual void resume_later(std::coroutine_handle<> coroutine) = 0;

  [[nodiscard]] TimerQueue& timers() { return timers_; }
  // Files and sockets of this shard's world. Files may be used from any thread; sockets only here.
  [[nodiscard]] virtual FileSystem& files() = 0;
  [[nodiscard]] virtual Network& network() = 0;

 protected:
  explicit Shard(ShardId id) : id_(id) {}
  // Makes `shard` the current one of this thread (nullptr: none). Returns the one it was.
  static Shard* set_current(Shard* shard);

 private:
  ShardId id_;
  TimerQueue timers_;
};

}  // namespace leat::runtime
