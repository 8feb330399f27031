#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/network.h"
#include "runtime/real_poller.h"
#include "runtime/real_signals.h"
#include "runtime/shard.h"

// Inside the real home only: seen by real_*.cc.
namespace leat::runtime {

// The threads that may block, and the one queue that feeds them from every shard.
class IoPool {
 public:
  explicit IoPool(std::uint32_t threads);
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;
  ~IoPool();

  void push(Work& work);
  // Runs what is queued and ends the threads.
  void stop();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable pushed_;
  Work* head_ = nullptr;
  Work* tail_ = nullptr;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Work sent by other threads, first come first served by sender. Push from any thread, take from one.
class Inbox {
 public:
  void push(Work& work);
  // All that is there, oldest first, linked by `next`.
  [[nodiscard]] Work* take();
  [[nodiscard]] bool empty() const { return head_.load() == nullptr; }

 private:
  std::atomic<Work*> head_{nullptr};  // newest first
};

class RealShard final : public Shard {
 public:
  RealShard(ShardId id, IoPool& pool);
  ~RealShard() override;

  MonoTime now() const override { return std::chrono::steady_clock::now(); }
  Timestamp wall_now() const override;
  std::uint64_t random() override;
  void send(Work& work) override;
  void send_blocking(Work& work) override { pool_.push(work); }
  void resume_later(std::coroutine_handle<> coroutine) override { ready_.push_back(coroutine); }
  FileSystem& files() override;
  Network& network() override { return *network_; }

  // Runs the loop on this thread until stop().
  void run();
  // Makes run() return after its current turn. From this shard.
  void stop() { stopping_ = true; }
  // Makes the shard the current one of this thread until it ends, without running its loop.
  void enter() { set_current(this); }
  void leave() { set_current(nullptr); }

  [[nodiscard]] Poller& poller() { return poller_; }
  // Memory for what is done with before the shard does anything else.
  MutableBytes scratch(std::size_t size);
  // Calls on_signal(number) on this shard for each such signal of the process. On one shard only, before run().
  void watch_signal(int number, std::function<void(int)> on_signal);

 private:
  void run_inbox();
  void run_ready();
  bool may_sleep();
  // For how long nothing but new events can be done, seen at `now`.
  std::optional<Duration> idle_time(MonoTime now);

  IoPool& pool_;
  Poller poller_;
  Inbox inbox_;
  std::atomic<bool> sleeping_{false};
  bool stopping_ = false;
  std::deque<std::coroutine_handle<>> ready_;
  std::array<std::uint64_t, 64> random_words_;
  std::size_t random_left_ = 0;
  Bytes scratch_;
  std::optional<Signals> signals_;
  std::unique_ptr<Network> network_;
};

std::unique_ptr<Network> make_real_network(RealShard& shard);

}  // namespace leat::runtime
