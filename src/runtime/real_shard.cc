#include "runtime/real_shard.h"

#include <pthread.h>
#include <sys/random.h>

#include <csignal>

#include "runtime/file.h"
#include "runtime/real.h"

namespace leat::runtime {
namespace {

// How much of each kind one turn of a busy loop does before it looks at the others.
constexpr std::size_t kCoroutinesPerTurn = 256;
constexpr std::size_t kEventsPerTurn = 64;

void name_thread(const std::string& name) { (void)::pthread_setname_np(::pthread_self(), name.c_str()); }

}  // namespace

IoPool::IoPool(std::uint32_t threads) {
  for (std::uint32_t i = 0; i < std::max(threads, 1U); ++i) {
    threads_.emplace_back([this, i] {
      name_thread(fmt::format("io-{}", i));
      run();
    });
  }
}

IoPool::~IoPool() { stop(); }

void IoPool::push(Work& work) {
  work.next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    (tail_ != nullptr ? tail_->next : head_) = &work;
    tail_ = &work;
  }
  pushed_.notify_one();
}

void IoPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  pushed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void IoPool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    pushed_.wait(lock, [this] { return head_ != nullptr || stopping_; });
    if (head_ == nullptr) return;
    Work* work = head_;
    head_ = work->next;
    if (head_ == nullptr) tail_ = nullptr;
    lock.unlock();
    work->run(work);
    lock.lock();
  }
}

void Inbox::push(Work& work) {
  Work* head = head_.load(std::memory_order_relaxed);
  do {
    work.next = head;
  } while (!head_.compare_exchange_weak(head, &work));
}

Work* Inbox::take() {
  if (head_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  Work* newest = head_.exchange(nullptr);
  Work* oldest = nullptr;
  while (newest != nullptr) {
    Work* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

RealShard::RealShard(ShardId id, IoPool& pool)
    : Shard(id), pool_(pool), poller_(*this), network_(make_real_network(*this)) {}

RealShard::~RealShard() = default;

Timestamp RealShard::wall_now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return Timestamp(std::chrono::duration_cast<Milliseconds>(since_epoch).count());
}

std::uint64_t RealShard::random() {
  if (random_left_ == 0) {
    std::size_t filled = 0;
    while (filled < sizeof random_words_) {
      const ssize_t count =
          ::getrandom(reinterpret_cast<char*>(random_words_.data()) + filled, sizeof random_words_ - filled, 0);
      if (count < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "getrandom");
      if (count > 0) filled += static_cast<std::size_t>(count);
    }
    random_left_ = random_words_.size();
  }
  return random_words_[--random_left_];
}

void RealShard::send(Work& work) {
  inbox_.push(work);
  // The push and the loop's announcement that it will sleep are both sequentially consistent: either the loop sees the
  // work before it sleeps, or this sees that it sleeps.
  if (sleeping_.load() && sleeping_.exchange(false)) poller_.wake();
}

FileSystem& RealShard::files() { return real_files(); }

MutableBytes RealShard::scratch(std::size_t size) {
  if (scratch_.size() < size) scratch_ = Bytes::uninitialized(size);
  return scratch_.mutable_view().first(size);
}

void RealShard::run() {
  enter();
  while (true) {
    run_inbox();
    run_ready();
    if (signals_) signals_->deliver();
    MonoTime now{};
    if (timers().next_deadline()) timers().fire_due(now = this->now());
    if (stopping_) break;
    std::size_t events = 0;
    if (ready_.empty() && may_sleep()) {
      events = poller_.poll(idle_time(now));
      sleeping_.store(false, std::memory_order_relaxed);
    } else {
      events = poller_.poll(Duration(0));
    }
    // All that has happened by now, so that what is done at the end of a turn is done once for all of it.
    for (std::size_t more = events; more > 0 && events < kEventsPerTurn; events += more)
      more = poller_.poll(Duration(0));
  }
  leave();
}

void RealShard::run_inbox() {
  for (Work* work = inbox_.take(); work != nullptr;) {
    Work* next = work->next;  // the sender may free the work once it runs
    work->run(work);
    work = next;
  }
}

void RealShard::run_ready() {
  for (std::size_t i = 0; i < kCoroutinesPerTurn && !ready_.empty(); ++i) {
    const std::coroutine_handle<> coroutine = ready_.front();
    ready_.pop_front();
    coroutine.resume();
  }
}

// Announces sleep; false when work came in meanwhile.
bool RealShard::may_sleep() {
  sleeping_.store(true);
  if (inbox_.empty()) return true;
  sleeping_.store(false);
  return false;
}

std::optional<Duration> RealShard::idle_time(MonoTime now) {
  const std::optional<MonoTime> next = timers().next_deadline();
  if (!next) return std::nullopt;
  return std::max(*next - now, Duration(0));
}

void RealShard::watch_signal(int number, std::function<void(int)> on_signal) {
  if (!signals_) signals_.emplace(poller_);
  signals_->watch(number, std::move(on_signal));
}

namespace {

class Runtime final : public RealRuntime {
 public:
  explicit Runtime(const RealRuntimeOptions& options) : pool_(options.io_threads) {
    // A peer that went away is an error of the write, also where sendfile(2) takes no flags.
    std::signal(SIGPIPE, SIG_IGN);
    for (std::uint32_t i = 0; i < std::max(options.shards, 1U); ++i) {
      shards_.push_back(std::make_unique<RealShard>(ShardId(i), pool_));
    }
  }

  std::vector<Shard*> shards() override {
    std::vector<Shard*> all;
    all.reserve(shards_.size());
    for (const auto& shard : shards_) all.push_back(shard.get());
    return all;
  }

  void on_stop_signal(std::function<void(int)> on_signal) override {
    for (const int number : {SIGTERM, SIGINT}) shards_.front()->watch_signal(number, on_signal);
  }

  void on_reload_signal(std::function<void()> on_signal) override {
    shards_.front()->watch_signal(SIGHUP, [on_signal = std::move(on_signal)](int) { on_signal(); });
  }

  void run(std::function<Task<>()> main) override {
    std::vector<std::thread> threads;
    // The main thread keeps its name, which is the process's.
    for (std::size_t i = 1; i < shards_.size(); ++i) {
      threads.emplace_back([shard = shards_[i].get()] {
        name_thread(fmt::format("shard-{}", shard->id()));
        shard->run();
      });
    }
    std::exception_ptr failure;
    Task<> supervised = supervise(main, failure, *shards_.front());
    Start start(supervised);
    shards_.front()->send(start);
    shards_.front()->run();

    std::deque<Stop> stops;
    for (std::size_t i = 1; i < shards_.size(); ++i) shards_[i]->send(stops.emplace_back(*shards_[i]));
    for (std::thread& thread : threads) thread.join();
    pool_.stop();
    if (failure) std::rethrow_exception(failure);
  }

 private:
  struct Stop : Work {
    explicit Stop(RealShard& target) : shard(target) {
      run = [](Work* self) { static_cast<Stop*>(self)->shard.stop(); };
    }
    RealShard& shard;
  };

  // Starts a task on the shard it is sent to.
  struct Start : Work {
    explicit Start(Task<>& main) : task(main) {
      run = [](Work* self) { static_cast<Start*>(self)->task.await_suspend(std::noop_coroutine()).resume(); };
    }
    Task<>& task;
  };

  static Task<> supervise(std::function<Task<>()>& main, std::exception_ptr& failure, RealShard& shard) {
    try {
      co_await main();
    } catch (...) {
      failure = std::current_exception();
    }
    shard.stop();
  }

  IoPool pool_;
  std::vector<std::unique_ptr<RealShard>> shards_;
};

}  // namespace

std::unique_ptr<RealRuntime> RealRuntime::create(const RealRuntimeOptions& options) {
  return std::make_unique<Runtime>(options);
}

}  // namespace leat::runtime
