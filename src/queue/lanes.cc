#include "queue/lanes.h"

#include <algorithm>

namespace leat::queue {
namespace {

constexpr std::size_t kHeadMax = 64;  // used-up places at the front of a lane before they are closed up
constexpr std::size_t kIdleFactor = 64;

bool is_due(const Run& run, Time now) { return run.due == kNoTimestamp || run.due <= now.wall; }

// Whether `next` stands right behind `run` and differs in nothing that matters.
bool continues(const Run& run, const Run& next) {
  return run.first + run.count == next.first && run.due == next.due && run.expires == next.expires &&
         run.count < UINT32_MAX - next.count;
}

void append_run(std::vector<Run>& runs, const Run& run) {
  if (!runs.empty() && continues(runs.back(), run)) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

}  // namespace

bool RateLimit::allows(double rate, MonoTime now) {
  if (rate <= 0) return true;
  if (!started_) {
    started_ = true;
    tokens_ = std::max(rate, 1.0);
  } else {
    const double passed = std::chrono::duration<double>(now - filled_).count();
    tokens_ = std::min(std::max(rate, 1.0), tokens_ + passed * rate);
  }
  filled_ = now;
  return tokens_ >= 1;
}

void RateLimit::take(double rate) {
  if (rate > 0) tokens_ -= 1;
}

MonoTime RateLimit::next(double rate, MonoTime now) const {
  const std::chrono::duration<double> missing((1 - tokens_) / rate);
  return now + std::chrono::duration_cast<Duration>(missing) + std::chrono::microseconds(1);
}

void Lanes::configure(const LaneOptions& options, Time now) {
  options_ = options;
  for (Lane* lane : all()) update(*lane, now);
}

// In the order of their creation.
std::vector<Lane*> Lanes::all() const {
  std::vector<Lane*> out;
  for (const auto& [key, lane] : lanes_) out.push_back(lane.get());
  std::ranges::sort(out, InOrder());
  return out;
}

std::string Lanes::map_key(const LaneKey& key) {
  std::string text(1, static_cast<char>(key.priority));
  text.append(key.group);
  return text;
}

Lane* Lanes::find(const LaneKey& key) {
  if (latest_ != nullptr && latest_->key == key) return latest_;
  const auto found = lanes_.find(map_key(key));
  if (found == lanes_.end()) return nullptr;
  return latest_ = found->second.get();
}

Lane& Lanes::create(const LaneKey& key) {
  auto lane = std::make_unique<Lane>();
  lane->key = key;
  lane->spilled_ = maybe_cold_;
  lane->serial_ = ++created_;
  return *(latest_ = lanes_.emplace(map_key(key), std::move(lane)).first->second.get());
}

Lane& Lanes::lane(const LaneKey& key) {
  Lane* known = find(key);
  return known != nullptr ? *known : create(key);
}

void Lanes::drop_untouched(Time now) {
  puts_.clear();
  chunk_.clear();
  erases_.clear();
  loads_.clear();
  clear_ = true;
  broken_ = hold_loads_ = maybe_cold_ = cold_loading_ = cold_put_since_load_ = cold_found_ = false;
  cold_cursor_ = kLanesFrom;
  runs_ = 0;
  to_refill_.clear();
  for (Lane* lane : all()) {
    dequeue(*lane);
    wake_by_due(*lane, kNoTimestamp);
    lane->runs_.clear();
    lane->head_ = 0;
    lane->untouched_ = 0;
    lane->spilled_ = lane->loading_ = lane->put_since_load_ = false;
    lane->load_from_ = lane->loaded_to_ = Offset(0);
    count_retries(*lane);
    update(*lane, now);
  }
}

// ---- Reading ahead --------------------------------------------------------------------------------------------------

void Lanes::add(const LaneKey& key, const Run& run, Time now) {
  Lane* lane = find(key);
  if (lane == nullptr) {
    if (maybe_cold_ || lanes_.size() - held_ >= options_.lanes_max) {
      maybe_cold_ = cold_put_since_load_ = true;
      spill(key, run);
      return;
    }
    lane = &create(key);
  }
  if (!lane->spilled_ && lane->has_runs() && !lane->runs_.back().entry && !lane->runs_.back().delayed &&
      continues(lane->runs_.back().run, run)) {
    extend(*lane, run.count);
    if (!lane->queued_) update(*lane, now);
    return;
  }
  if (!lane->spilled_ && lane->runs_.size() - lane->head_ < options_.lane_runs_max && runs_ < options_.runs_max) {
    append(*lane, run, std::nullopt, false);
    update(*lane, now);
    return;
  }
  if (!lane->spilled_) {
    lane->spilled_ = true;
    lane->load_from_ = run.first;
  }
  lane->put_since_load_ = true;
  spill(key, run);
  if (can_refill(*lane)) to_refill_.insert(lane);
}

void Lanes::spill(const LaneKey& key, const Run& run) {
  Spill& spilled = chunk_[map_key(key)];
  if (spilled.runs.empty()) spilled.key = key;
  append_run(spilled.runs, run);
}

void Lanes::end_chunk() {
  for (const auto& [key, spilled] : chunk_)
    puts_.push_back({lane_entry_key(spilled.key, spilled.runs.front().first), encode_runs(spilled.runs)});
  chunk_.clear();
}

void Lanes::add_due(const LaneKey& key, const Run& run, std::optional<std::string> entry, Time now) {
  Lane& target = lane(key);
  append(target, run, std::move(entry), true);
  update(target, now);
}

void Lanes::append(Lane& lane, const Run& run, std::optional<std::string> entry, bool delayed) {
  const bool indexed = entry.has_value();
  lane.runs_.push_back({run, std::move(entry), delayed, indexed});
  ++runs_;
  lane.untouched_ += run.count;
  if (lane.queued_) servable_ += run.count;
}

void Lanes::extend(Lane& lane, std::uint32_t count) {
  lane.runs_.back().run.count += count;
  lane.untouched_ += count;
  if (lane.queued_) servable_ += count;
}

// ---- Which lane is next ---------------------------------------------------------------------------------------------

bool Lanes::is_servable(Lane& lane, Time now) {
  if (options_.fifo && (lane.in_flight > 0 || lane.waiting > 0)) return false;
  if (is_at_limit(lane)) return false;
  if (lane.retries.empty()) {
    while (lane.has_runs() && !is_due(lane.front().run, now) && is_known_(lane.front().run.first))
      drop_from_front(lane, 1);
    if (!lane.has_runs()) return false;
    if (!is_due(lane.front().run, now)) {
      wake_by_due(lane, lane.front().run.due);
      return false;
    }
  }
  if (!lane.rate_.allows(options_.lane_rate_max, now.mono)) {
    wake_by_rate(lane, lane.rate_.next(options_.lane_rate_max, now.mono));
    return false;
  }
  return true;
}

bool Lanes::is_at_limit(const Lane& lane) const {
  const auto most = options_.lane_in_flight_max;
  return most > 0 && static_cast<std::int64_t>(lane.in_flight) >= most;
}

bool Lanes::may_take(Lane& lane, Time now) const {
  return !is_at_limit(lane) && lane.rate_.allows(options_.lane_rate_max, now.mono);
}

void Lanes::update(Lane& lane, Time now) {
  const bool servable = is_servable(lane, now);
  if (servable && !lane.queued_) {
    enqueue(lane);
    lane.ready_since_ = now.wall;
  }
  if (!servable && lane.queued_) dequeue(lane);
  count_retries(lane);
  if (can_refill(lane)) to_refill_.insert(&lane);
  if (lane.pins_ > 0 || lane.in_flight > 0 || lane.waiting > 0 || !lane.retries.empty() || lane.has_runs() ||
      lane.spilled_ || lane.loading_)
    return;
  wake_by_due(lane, kNoTimestamp);
  if (lane.wakes_at_) rated_.erase({*lane.wakes_at_, &lane});
  to_refill_.erase(&lane);
  if (latest_ == &lane) latest_ = nullptr;
  lanes_.erase(map_key(lane.key));
}

bool Lanes::can_refill(const Lane& lane) const {
  return lane.spilled_ && !lane.loading_ && lane.runs_.size() - lane.head_ < options_.lane_runs_max / 4;
}

void Lanes::count_retries(Lane& lane) {
  const bool counts = lane.queued_ && !lane.retries.empty();
  if (counts == lane.retries_counted_) return;
  lane.retries_counted_ = counts;
  retrying_ += counts ? 1 : -1;
}

// While nothing can be served more is kept, as what is kept may be blocked for long.
bool Lanes::has_room(std::size_t used, std::size_t most) const {
  return used < most || (!has_servable() && used < most * kIdleFactor);
}

void Lanes::enqueue(Lane& lane) {
  auto& ring = rings_[lane.key.priority];
  lane.queued_ = ring.insert(ring.end(), &lane);
  servable_ += lane.untouched_;
}

void Lanes::dequeue(Lane& lane) {
  if (!lane.queued_) return;
  rings_[lane.key.priority].erase(*lane.queued_);
  lane.queued_.reset();
  servable_ -= lane.untouched_;
}

void Lanes::wake_by_due(Lane& lane, Timestamp due) {
  if (lane.wakes_due_ == due) return;
  if (lane.wakes_due_ != kNoTimestamp) due_.erase({lane.wakes_due_, &lane});
  lane.wakes_due_ = due;
  if (due != kNoTimestamp) due_.insert({due, &lane});
}

void Lanes::wake_by_rate(Lane& lane, MonoTime at) {
  if (lane.wakes_at_) rated_.erase({*lane.wakes_at_, &lane});
  lane.wakes_at_ = at;
  rated_.insert({at, &lane});
}

void Lanes::tick(Time now) {
  while (!due_.empty() && due_.begin()->first <= now.wall) {
    Lane& lane = *due_.begin()->second;
    wake_by_due(lane, kNoTimestamp);
    update(lane, now);
  }
  while (!rated_.empty() && rated_.begin()->first <= now.mono) {
    Lane& lane = *rated_.begin()->second;
    rated_.erase(rated_.begin());
    lane.wakes_at_.reset();
    update(lane, now);
  }
}

std::optional<Timestamp> Lanes::next_due() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

std::optional<MonoTime> Lanes::next_rated() const {
  if (rated_.empty()) return std::nullopt;
  return rated_.begin()->first;
}

bool Lanes::has_servable(bool retries_only) const {
  if (retries_only) return retrying_ > 0;
  return std::ranges::any_of(rings_, [](const auto& ring) { return !ring.empty(); });
}

Lane* Lanes::next(bool retries_only, Time now) {
  if (retries_only && retrying_ == 0) return nullptr;
  Lane* best = nullptr;
  std::int64_t best_score = -1;
  for (int priority = kPriorities - 1; priority >= 0; --priority) {
    auto& ring = rings_[static_cast<std::size_t>(priority)];
    const auto fits = [&](const Lane* lane) { return !retries_only || !lane->retries.empty(); };
    const auto found = std::ranges::find_if(ring, fits);
    if (found == ring.end()) continue;
    ring.splice(ring.end(), ring, ring.begin(), found);  // those that are passed over lose their turn
    Lane* lane = ring.front();
    if (options_.ageing.count() <= 0) return lane;
    // A retry waits since its lane was served, as others of the lane may have gone before it.
    std::int64_t waited = lane->retries.empty() ? 0 : now.wall - lane->ready_since_;
    if (lane->has_runs()) waited = std::max(waited, now.wall - lane->front().run.sent);
    const std::int64_t score = priority + std::max<std::int64_t>(waited, 0) / options_.ageing.count();
    if (score > best_score) {
      best = lane;
      best_score = score;
    }
  }
  return best;
}

std::optional<Lanes::Picked> Lanes::pick(Lane& lane, bool retries_only, Time now) {
  const bool has_fresh = !retries_only && lane.has_runs() && is_due(lane.front().run, now);
  if (!lane.retries.empty() && (options_.fifo || !has_fresh || lane.retry_turn_)) {
    lane.retry_turn_ = false;
    const Offset offset = *lane.retries.begin();
    lane.retries.erase(lane.retries.begin());
    return Picked{offset, true};
  }
  if (!has_fresh) return std::nullopt;
  lane.retry_turn_ = true;
  const Run& run = lane.front().run;
  const Picked picked{run.first, false, run.sent, run.expires};
  drop_from_front(lane, 1);
  return picked;
}

void Lanes::drop_from_front(Lane& lane, std::uint32_t count) {
  Run& run = lane.front().run;
  run.first = run.first + count;
  run.count -= count;
  lane.untouched_ -= count;
  if (lane.queued_) servable_ -= count;
  if (run.count == 0) pop_front(lane);
}

void Lanes::forget_below(Offset floor, Time now) {
  for (Lane* lane : all()) {
    while (lane->has_runs() && lane->front().run.first < floor) {
      const Run& run = lane->front().run;
      drop_from_front(*lane, static_cast<std::uint32_t>(std::min<std::int64_t>(floor - run.first, run.count)));
    }
    update(*lane, now);
  }
}

void Lanes::pop_front(Lane& lane) {
  if (auto& entry = lane.front().entry) erases_.push_back(std::move(*entry));
  --runs_;
  if (++lane.head_ == lane.runs_.size()) {
    lane.runs_.clear();
    lane.head_ = 0;
  } else if (lane.head_ > kHeadMax && lane.head_ * 2 > lane.runs_.size()) {
    lane.runs_.erase(lane.runs_.begin(), lane.runs_.begin() + static_cast<std::ptrdiff_t>(lane.head_));
    lane.head_ = 0;
  }
}

void Lanes::served(Lane& lane, Time now) {
  if (lane.queued_) {
    auto& ring = rings_[lane.key.priority];
    ring.splice(ring.end(), ring, *lane.queued_);
  }
  lane.ready_since_ = now.wall;
  update(lane, now);
}

// ---- The index ------------------------------------------------------------------------------------------------------

void Lanes::collect_work(IndexWork& work, std::uint64_t& next_load) {
  if (std::exchange(clear_, false)) {
    work.clear = true;
    work.puts.clear();
    work.loads.clear();
  }
  for (IndexEntry& entry : puts_) work.puts.push_back(std::move(entry));
  puts_.clear();
  if (hold_loads_) return;
  for (Lane* lane : std::exchange(to_refill_, {})) {
    if (!can_refill(*lane)) continue;
    lane->loading_ = true;
    lane->put_since_load_ = false;
    const std::uint64_t id = ++next_load;
    loads_.emplace(id, map_key(lane->key));
    work.loads.push_back(
        {id, lane_entry_key(lane->key, lane->load_from_), prefix_end(lane_prefix(lane->key)), options_.refill_entries});
  }
  if (wants_cold()) {
    cold_loading_ = true;
    if (cold_cursor_ == kLanesFrom) cold_put_since_load_ = false;
    const std::uint64_t id = ++next_load;
    loads_.emplace(id, std::string());
    work.loads.push_back({id, cold_cursor_, std::string(kLanesEnd), options_.cold_entries});
  }
}

bool Lanes::loaded(const IndexLoaded& loaded, Time now) {
  const auto found = loads_.find(loaded.id);
  if (found == loads_.end()) return false;
  const std::string key = std::move(found->second);
  loads_.erase(found);
  if (key.empty()) {
    loaded_cold(loaded, now);
    return true;
  }
  Lane& lane = *lanes_.at(key);
  lane.loading_ = false;
  for (const IndexEntry& entry : loaded.entries) {
    auto decoded = decode_lane_entry(entry.key, entry.value);
    broken_ |= !decoded;
    if (decoded) load_entry(lane, entry.key, std::move(*decoded));
  }
  if (!loaded.has_more && !lane.put_since_load_) lane.spilled_ = false;
  update(lane, now);
  return true;
}

// Entries of one lane may overlap after a crash. On FIFO queues each has every message of its range: what lies below the
// last one's end is known. On others a message may come twice; the engine passes over what it has delivered.
void Lanes::load_entry(Lane& lane, const std::string& key, LaneEntry entry) {
  const std::size_t before = lane.runs_.size();
  lane.load_from_ = std::max(lane.load_from_, entry.runs.front().first + 1);
  for (Run& run : entry.runs) {
    const Offset end = run.first + run.count;
    if (options_.fifo) {
      if (end <= lane.loaded_to_) continue;
      if (run.first < lane.loaded_to_) {
        run.count = static_cast<std::uint32_t>(end - lane.loaded_to_);
        run.first = lane.loaded_to_;
      }
      lane.loaded_to_ = end;
    }
    append(lane, run, std::nullopt, false);
    lane.runs_.back().indexed = true;
  }
  if (lane.runs_.size() == before) {
    erases_.push_back(key);
  } else {
    lane.runs_.back().entry = key;
  }
}

// A piece of a pass over all lanes of the index: those that are not in memory come in.
void Lanes::loaded_cold(const IndexLoaded& loaded, Time now) {
  cold_loading_ = false;
  std::vector<Lane*> created;
  std::string last_prefix;
  for (const IndexEntry& entry : loaded.entries) {
    auto decoded = decode_lane_entry(entry.key, entry.value);
    broken_ |= !decoded;
    if (!decoded) return;
    last_prefix = lane_prefix(decoded->lane);
    Lane* lane = find(decoded->lane);
    if (lane != nullptr && std::ranges::find(created, lane) == created.end()) continue;
    if (lane == nullptr) created.push_back(lane = &create(decoded->lane));
    load_entry(*lane, entry.key, std::move(*decoded));
  }
  cold_found_ |= !created.empty();
  for (Lane* lane : created) {
    const bool is_cut = loaded.has_more && lane_prefix(lane->key) == last_prefix;
    lane->spilled_ = is_cut || cold_put_since_load_;
    lane->put_since_load_ = lane->spilled_;
    update(*lane, now);
  }
  if (loaded.has_more) {
    cold_cursor_ = prefix_end(last_prefix);
    return;
  }
  maybe_cold_ = cold_found_ || cold_put_since_load_;
  cold_found_ = false;
  cold_cursor_ = kLanesFrom;
}

void Lanes::save_all(IndexWork& work) {
  for (Lane* lane : all()) {
    std::vector<Run> runs;
    Lane::Held* last = nullptr;
    const auto flush = [&] {
      if (runs.empty()) return;
      last->entry = lane_entry_key(lane->key, runs.front().first);
      work.puts.push_back({*last->entry, encode_runs(runs)});
      runs.clear();
    };
    for (std::size_t i = lane->head_; i < lane->runs_.size(); ++i) {
      Lane::Held& held = lane->runs_[i];
      const bool follows = runs.empty() || runs.back().first + runs.back().count <= held.run.first;
      if (!follows || held.indexed) flush();
      if (held.indexed) continue;
      append_run(runs, held.run);
      held.indexed = true;
      last = &held;
    }
    flush();
  }
}

}  // namespace leat::queue
