#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/shard.h"
#include "runtime/sim_files.h"
#include "runtime/sim_random.h"
#include "runtime/task.h"

// The simulated home of the runtime: shards, I/O pool, files, network and clocks in one thread, where everything that
// chance decides follows from a seed.
namespace leat::runtime::sim {

struct SimOptions {
  std::uint32_t shards = 1;
  std::uint32_t io_threads = 4;
  // Virtual time. Each step costs a little, so that whoever is always ready cannot stop the clock.
  Duration step_cost = std::chrono::microseconds(1);
  DurationRange send_delay{Duration{0}, std::chrono::microseconds(50)};
  DurationRange blocking_delay{std::chrono::microseconds(10), std::chrono::microseconds(500)};
  DurationRange network_delay{std::chrono::microseconds(10), std::chrono::microseconds(300)};
  std::size_t socket_window = std::size_t{64} << 10;  // bytes on the way or unread, before a writer waits
  Timestamp wall_start{1'700'000'000'000};
  // A run that takes more steps is a defect: run() throws.
  std::uint64_t steps_max = 100'000'000;
  SimDisk disk;  // what is on the disk at start
};

// One simulated machine. Its world ends with it: sockets and files of it must be gone before, except those in coroutines
// that still wait. Those are never resumed and never destroyed: a machine that loses power runs nothing, destructors
// included. To end such a world without leaving frames behind, call files().power_off_after(), which makes every file
// operation fail, and let the coroutines end by themselves.
class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed, const SimOptions& options = {});
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;
  ~SimWorld();

  [[nodiscard]] std::vector<Shard*> shards();
  [[nodiscard]] SimFileSystem& files();

  // Runs a coroutine on shard 0 to its end. Throws what it throws, and std::logic_error when nothing can ever happen any
  // more or steps_max is reached. What else runs stays as it is then.
  void run(std::function<Task<>()> main);
  // The same in pieces: starts it; one of the calls below moves it on; finished() says whether it ended (and throws what
  // it threw). One at a time.
  void start(std::function<Task<>()> main);
  [[nodiscard]] bool finished() const;

  // Does the one next thing: something on one shard, or the clock jumps to what is due next. False when nothing is left.
  bool step();
  // Steps until nothing is ready or on its way; armed timers may remain.
  void run_until_idle();
  // Steps until that much virtual time has passed.
  void run_for(Duration duration);

  // Calls f on a shard's thread: for what needs Shard::current() outside a coroutine.
  void on_shard(std::size_t shard, const std::function<void()>& f);

  [[nodiscard]] MonoTime now() const;
  [[nodiscard]] Timestamp wall_now() const;
  // Wall clocks jump.
  void set_wall_clock(Timestamp now);

  // Connections that are open, and how to break one (0 is the oldest) so that both ends get io.
  [[nodiscard]] std::size_t connections() const;
  void cut(std::size_t connection);

  [[nodiscard]] std::uint64_t steps() const;
  // A digest of what happened when, and on which shard: equal for equal seeds and programs.
  [[nodiscard]] std::uint64_t trace() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<SimFileSystem> files_;
};

}  // namespace leat::runtime::sim
