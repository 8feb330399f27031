#include <stdexcept>

#include "runtime/sim_core.h"

namespace leat::runtime::sim {

void Timeline::run_due() {
  while (!events_.empty() && events_.top().time <= now) {
    const std::function<void()> happen = std::move(events_.top().happen);
    events_.pop();
    happen();
  }
}

std::optional<MonoTime> Timeline::next() const {
  if (events_.empty()) return std::nullopt;
  return events_.top().time;
}

void SimPool::push(Work& work) {
  const DurationRange& delay = options_.blocking_delay;
  timeline_.deliver(timeline_.now + timeline_.random.between(delay.min, delay.max), [this, &work] {
    queue_.push_back(&work);
    run_next();
  });
}

void SimPool::run_next() {
  if (free_ == 0 || queue_.empty()) return;
  Work* work = queue_.front();
  queue_.pop_front();
  --free_;
  running_ = true;
  waited_ = {};
  last_arrival_ = {};
  work->run(work);
  running_ = false;
  timeline_.at(timeline_.now + waited_, [this] {
    ++free_;
    run_next();
  });
}

SimShard::SimShard(ShardId id, Timeline& timeline, SimPool& pool, const SimOptions& options, std::uint64_t seed,
                   std::unique_ptr<Network> network)
    : Shard(id), timeline_(timeline), pool_(pool), options_(options), random_(seed), network_(std::move(network)) {}

Timestamp SimShard::wall_now() const {
  const auto since_start = std::chrono::duration_cast<Milliseconds>(now().time_since_epoch() + wall_offset);
  return Timestamp(since_start.count());
}

void SimShard::send(Work& work) {
  if (is_current(*this)) {
    ready_.emplace_back(&work);
    return;
  }
  MonoTime arrival = timeline_.now + timeline_.random.between(options_.send_delay.min, options_.send_delay.max);
  if (pool_.running()) {
    arrival = pool_.order(arrival + pool_.waited());
  } else {
    Shard* sender = set_current(nullptr);  // nullptr: a thread that is no shard's
    set_current(sender);
    MonoTime& last = last_arrival_[sender];
    arrival = last = std::max(last, arrival);
  }
  timeline_.deliver(arrival, [this, &work] { ready_.emplace_back(&work); });
}

bool SimShard::timer_due() const {
  const auto deadline = const_cast<SimShard*>(this)->timers().next_deadline();
  return deadline && *deadline <= timeline_.now;
}

std::uint64_t SimShard::run_one() {
  if (timer_due() && (ready_.empty() || timeline_.random.chance(0.5))) {
    enter([this] { timers().fire_due(timeline_.now); });
    return 1;
  }
  const Ready next = ready_.front();
  ready_.pop_front();
  enter([&next] {
    if (const auto* work = std::get_if<Work*>(&next)) {
      (*work)->run(*work);
    } else {
      std::get<std::coroutine_handle<>>(next).resume();
    }
  });
  return 2 + next.index();
}

void SimShard::enter(const std::function<void()>& f) {
  Shard* before = set_current(this);
  f();
  set_current(before);
}

class SimWorld::Impl {
 public:
  Impl(std::uint64_t seed, const SimOptions& given)
      : options(given),
        timeline(seed),
        network(timeline, options.network_delay, options.socket_window),
        pool(timeline, options) {
    for (std::uint32_t i = 0; i < std::max(options.shards, 1U); ++i) {
      shards.push_back(std::make_unique<SimShard>(ShardId(i), timeline, pool, options, timeline.random.next(),
                                                  network.make_network()));
    }
  }

  bool step() {
    ++steps;
    timeline.now += options.step_cost;
    timeline.run_due();
    std::vector<SimShard*> runnable;
    for (const auto& shard : shards) {
      if (shard->runnable()) runnable.push_back(shard.get());
    }
    if (runnable.empty()) {
      const auto next = next_time();
      if (!next) return false;
      timeline.now = std::max(timeline.now, *next);
      note(0);
      return true;
    }
    SimShard& chosen = *runnable[timeline.random.below(runnable.size())];
    note(chosen.run_one() << 32 | chosen.id().value());
    return true;
  }

  // When the next event or timer is due.
  std::optional<MonoTime> next_time() {
    std::optional<MonoTime> next = timeline.next();
    for (const auto& shard : shards) {
      const auto deadline = shard->timers().next_deadline();
      if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    return next;
  }

  bool runnable() const {
    return std::ranges::any_of(shards, [](const auto& shard) { return shard->runnable(); });
  }

  // Whether somebody may still come to run: then the world cannot be taken apart.
  bool abandoned() const {
    return (root && !done) || timeline.undelivered > 0 || pool.busy() ||
           std::ranges::any_of(shards, [](const auto& shard) { return shard->waiting(); });
  }

  void note(std::uint64_t what) {
    trace = (trace ^ what) * 0x100000001B3ULL;
    trace = (trace ^ static_cast<std::uint64_t>(timeline.now.time_since_epoch().count())) * 0x100000001B3ULL;
  }

  static Task<> supervise(Impl& world) {
    try {
      co_await world.main();
    } catch (...) {
      world.failure = std::current_exception();
    }
    world.done = true;
  }

  SimOptions options;
  Timeline timeline;
  SimNetwork network;
  SimPool pool;
  std::vector<std::unique_ptr<SimShard>> shards;
  std::function<Task<>()> main;
  std::optional<Task<>> root;
  bool done = false;
  std::exception_ptr failure;
  std::uint64_t steps = 0;
  std::uint64_t trace = 0xCBF29CE484222325ULL;
};

SimWorld::SimWorld(std::uint64_t seed, const SimOptions& options)
    : impl_(std::make_unique<Impl>(seed, options)),
      files_(std::make_unique<SimFileSystem>(impl_->timeline.random.next(), options.disk)) {
  for (const auto& shard : impl_->shards) shard->files_ = files_.get();
  set_wall_clock(options.wall_start);
  files_->on_wait([impl = impl_.get()](Duration duration) {
    if (impl->pool.running()) {
      impl->pool.wait(duration);
    } else {
      impl->timeline.now += duration;  // a shard that waits for the disk stops its world
    }
  });
}

SimWorld::~SimWorld() {
  if (!impl_->abandoned()) return;
  // Coroutines still wait, and timers and sockets in their frames point here: kept, as the frames are.
  static std::vector<std::unique_ptr<Impl>>& kept = *new std::vector<std::unique_ptr<Impl>>;
  kept.push_back(std::move(impl_));
}

std::vector<Shard*> SimWorld::shards() {
  std::vector<Shard*> all;
  for (const auto& shard : impl_->shards) all.push_back(shard.get());
  return all;
}

SimFileSystem& SimWorld::files() { return *files_; }

void SimWorld::start(std::function<Task<>()> main) {
  impl_->main = std::move(main);
  impl_->done = false;
  impl_->failure = nullptr;
  impl_->root.emplace(Impl::supervise(*impl_));
  impl_->shards.front()->resume_later(impl_->root->await_suspend(std::noop_coroutine()));
}

bool SimWorld::finished() const {
  if (impl_->done && impl_->failure) std::rethrow_exception(std::exchange(impl_->failure, nullptr));
  return impl_->done;
}

void SimWorld::run(std::function<Task<>()> main) {
  start(std::move(main));
  while (!finished()) {
    if (!step()) throw std::logic_error("every task of the simulated world waits and nothing will wake one");
    if (impl_->steps > impl_->options.steps_max) throw std::logic_error("the simulated world took too many steps");
  }
}

bool SimWorld::step() { return impl_->step(); }

void SimWorld::run_until_idle() {
  while (impl_->runnable() || impl_->timeline.next()) step();
}

void SimWorld::run_for(Duration duration) {
  const MonoTime end = impl_->timeline.now + duration;
  while (impl_->timeline.now < end) {
    const auto next = impl_->next_time();
    if (!impl_->runnable() && (!next || *next > end)) break;
    step();
  }
  impl_->timeline.now = std::max(impl_->timeline.now, end);
}

void SimWorld::on_shard(std::size_t shard, const std::function<void()>& f) { impl_->shards.at(shard)->enter(f); }

MonoTime SimWorld::now() const { return impl_->timeline.now; }
Timestamp SimWorld::wall_now() const { return impl_->shards.front()->wall_now(); }

void SimWorld::set_wall_clock(Timestamp now) {
  const Duration offset = Milliseconds(now.value()) - impl_->timeline.now.time_since_epoch();
  for (const auto& shard : impl_->shards) shard->wall_offset = offset;
}

std::size_t SimWorld::connections() const { return impl_->network.connections(); }
void SimWorld::cut(std::size_t connection) { impl_->network.cut(connection); }
std::uint64_t SimWorld::steps() const { return impl_->steps; }
std::uint64_t SimWorld::trace() const { return impl_->trace; }

}  // namespace leat::runtime::sim
