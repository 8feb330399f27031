#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <variant>
#include <vector>

#include "runtime/network.h"
#include "runtime/shard.h"
#include "runtime/sim.h"

// Inside the simulated home only: what its parts know of each other.
namespace leat::runtime::sim {

// Virtual time and what will happen in it.
class Timeline {
 public:
  explicit Timeline(std::uint64_t seed) : random(seed) {}

  void at(MonoTime time, std::function<void()> happen) { events_.push({time, sequence_++, std::move(happen)}); }
  // The same for what brings work somewhere.
  void deliver(MonoTime time, std::function<void()> arrive) {
    ++undelivered;
    at(time, [this, arrive = std::move(arrive)] {
      --undelivered;
      arrive();
    });
  }
  // Lets everything that is due happen.
  void run_due();
  [[nodiscard]] std::optional<MonoTime> next() const;

  Random random;
  MonoTime now{std::chrono::hours(1)};
  std::size_t undelivered = 0;  // work on its way

 private:
  struct Event {
    MonoTime time;
    std::uint64_t sequence;                // events of the same time happen in the order they were planned
    mutable std::function<void()> happen;  // moved out of the queue
    bool operator<(const Event& other) const { return std::tie(other.time, other.sequence) < std::tie(time, sequence); }
  };
  std::priority_queue<Event> events_;
  std::uint64_t sequence_ = 0;
};

// The connections of all shards of a world.
class SimNetwork {
 public:
  SimNetwork(Timeline& timeline, DurationRange delay, std::size_t window);
  ~SimNetwork();
  // One shard's way to it.
  [[nodiscard]] std::unique_ptr<Network> make_network();
  [[nodiscard]] std::size_t connections() const;
  void cut(std::size_t connection);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

// The threads that may block: work starts after a while, runs in no time, and keeps its thread for as long as it waited.
class SimPool {
 public:
  SimPool(Timeline& timeline, const SimOptions& options)
      : timeline_(timeline), options_(options), free_(options.io_threads) {}

  void push(Work& work);
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] bool busy() const { return !queue_.empty(); }
  // How long the work that runs now has waited.
  [[nodiscard]] Duration waited() const { return waited_; }
  void wait(Duration duration) { waited_ += duration; }
  // The earliest time for what the running work sends next: it keeps its own order.
  MonoTime order(MonoTime arrival) { return last_arrival_ = std::max(last_arrival_, arrival); }

 private:
  void run_next();

  Timeline& timeline_;
  const SimOptions& options_;
  std::uint32_t free_;
  std::deque<Work*> queue_;
  bool running_ = false;
  Duration waited_{};
  MonoTime last_arrival_{};
};

class SimShard final : public Shard {
 public:
  SimShard(ShardId id, Timeline& timeline, SimPool& pool, const SimOptions& options, std::uint64_t seed,
           std::unique_ptr<Network> network);

  MonoTime now() const override { return timeline_.now; }
  Timestamp wall_now() const override;
  std::uint64_t random() override { return random_.next(); }
  void send(Work& work) override;
  void send_blocking(Work& work) override { pool_.push(work); }
  void resume_later(std::coroutine_handle<> coroutine) override { ready_.emplace_back(coroutine); }
  FileSystem& files() override { return *files_; }
  Network& network() override { return *network_; }

  [[nodiscard]] bool runnable() const { return !ready_.empty() || timer_due(); }
  [[nodiscard]] bool waiting() { return !ready_.empty() || timers().next_deadline().has_value(); }
  // Does one of the things that are ready. Returns which kind, for the trace.
  std::uint64_t run_one();
  // Calls f with this shard as the current one.
  void enter(const std::function<void()>& f);

  FileSystem* files_ = nullptr;
  Duration wall_offset{};  // of the wall clock from the monotonic one

 private:
  using Ready = std::variant<Work*, std::coroutine_handle<>>;
  [[nodiscard]] bool timer_due() const;

  Timeline& timeline_;
  SimPool& pool_;
  const SimOptions& options_;
  Random random_;
  std::unique_ptr<Network> network_;
  std::deque<Ready> ready_;
  std::map<Shard*, MonoTime> last_arrival_;  // by sender; nullptr: outside of every shard
};

}  // namespace leat::runtime::sim
