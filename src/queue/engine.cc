#include "queue/engine.h"

#include <algorithm>

namespace leat::queue {
namespace {

constexpr std::size_t kTickMax = 10'000;       // leases and messages looked at before others run
constexpr std::int64_t kWallCheckMs = 30'000;  // the wall clock may jump: it is looked at so often

Offset end_of(const DeliveredEvent& event) { return event.first + static_cast<std::int64_t>(event.count); }
Offset end_of(const DoneEvent& event) { return event.first + static_cast<std::int64_t>(event.count); }

// Makes `event` part of `last` when it goes on where that ends.
bool merge(Event& last, const Event& event) {
  if (auto* delivered = std::get_if<DeliveredEvent>(&last)) {
    const auto* next = std::get_if<DeliveredEvent>(&event);
    if (next == nullptr || end_of(*delivered) != next->first || delivered->delivery != next->delivery ||
        delivered->expires != next->expires || delivered->lane != next->lane)
      return false;
    delivered->count += next->count;
    return true;
  }
  if (auto* done = std::get_if<DoneEvent>(&last)) {
    const auto* next = std::get_if<DoneEvent>(&event);
    if (next == nullptr || end_of(*done) != next->first || done->reason != next->reason) return false;
    done->count += next->count;
    return true;
  }
  return false;
}

// A number that follows from its arguments alone, spread evenly (splitmix64).
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

}  // namespace

Engine::Engine(const QueueSettings& settings, Offset start, std::optional<IndexMark> mark, const EngineLimits& limits)
    : settings_(settings),
      limits_(limits),
      floor_(start),
      read_to_(start),
      mark_(mark),
      lanes_(lane_options(settings, limits), [this](Offset offset) { return is_known(offset); }),
      delays_(limits.delayed_in_memory) {
  if (!mark_) return;
  lanes_.expect_cold();
  delays_.expect_cold();
}

LaneOptions Engine::lane_options(const QueueSettings& settings, const EngineLimits& limits) {
  LaneOptions options;
  options.fifo = settings.order == Order::fifo;
  options.ageing = settings.priorities ? settings.ageing : Milliseconds(0);
  options.lane_in_flight_max = settings.group_in_flight_max;
  options.lane_rate_max = settings.group_rate_max;
  options.runs_max = limits.runs_in_memory;
  options.lane_runs_max = limits.lane_runs_in_memory;
  options.lanes_max = limits.lanes_in_memory;
  options.refill_entries = limits.refill_entries;
  options.cold_entries = limits.cold_entries;
  return options;
}

void Engine::configure(const QueueSettings& settings, Time now) {
  advance(now);
  // What lane a message is in follows from these: what was read ahead is sorted anew.
  const bool regroups = settings.priorities != settings_.priorities || settings.fair != settings_.fair;
  settings_ = settings;
  lanes_.configure(lane_options(settings, limits_), now_);
  if (regroups) forget_read_ahead(floor_);
}

void Engine::advance(Time now) { now_ = {now.mono, std::max({now_.wall, time_, now.wall})}; }

// ---- Events ---------------------------------------------------------------------------------------------------------

void Engine::record(Event event) {
  apply(event, now_.wall);
  if (events_.empty() || !merge(events_.back(), event)) events_.push_back(std::move(event));
}

void Engine::apply(const Event& event, Timestamp time) {
  time_ = std::max(time_, time);
  std::visit([&](const auto& known) { apply_event(known, time); }, event);
}

void Engine::apply_event(const DeliveredEvent& event, Timestamp time) {
  for (Offset offset = event.first; offset < end_of(event); ++offset) {
    Delivered& message = delivered_[offset];
    if (message.deliveries == 0) {
      message.first_delivered = time;
      message.lane = &lanes_.lane(event.lane);
      lanes_.pin(*message.lane);  // it stays while the message is here
    }
    message.deliveries = event.delivery;
    message.expires = event.expires;
    message.ready = Timestamp(0);
  }
}

void Engine::apply_event(const DoneEvent& event, Timestamp) { mark_done(event.first, end_of(event)); }

void Engine::apply_event(const ReleasedEvent& event, Timestamp) {
  const auto found = delivered_.find(event.offset);
  if (found == delivered_.end()) return;
  found->second.ready = event.ready;
  if (!event.reason.empty()) reasons_[event.offset] = event.reason;
}

void Engine::apply_event(const RewoundEvent& event, Timestamp) {
  ++rewinds_;
  std::erase_if(delivered_, [&](const auto& entry) {
    if (entry.first < event.to) return false;
    detach(entry.first, entry.second);
    return true;
  });
  done_.remove(event.to, Offset(INT64_MAX));
  if (event.to < floor_) floor_ = event.to;
}

void Engine::apply_event(const GroupedEvent&, Timestamp) { grouped_ = true; }

// Their entries in delivered_ go too.
void Engine::mark_done(Offset first, Offset end) {
  if (static_cast<std::uint64_t>(end - first) <= delivered_.size()) {
    for (Offset offset = first; offset < end; ++offset) {
      const auto found = delivered_.find(offset);
      if (found == delivered_.end()) continue;
      detach(offset, found->second);
      delivered_.erase(found);
    }
  } else {
    std::erase_if(delivered_, [&](const auto& entry) {
      if (entry.first < first || entry.first >= end) return false;
      detach(entry.first, entry.second);
      return true;
    });
  }
  if (end <= floor_) return;
  if (first <= floor_) {
    done_.remove(floor_, end);
    floor_ = end;
  } else {
    done_.add(first, end);
  }
  settle_floor();
}

// Moves the floor over what is done already, in steps that double and then halve.
void Engine::settle_floor() {
  if (done_.empty() || !done_.contains(floor_)) return;
  const Offset before = floor_;
  const auto all_done = [this](std::int64_t step) {
    return done_.count(floor_, floor_ + step) == static_cast<std::uint64_t>(step);
  };
  std::int64_t step = 1;
  for (; all_done(step); step *= 2) floor_ = floor_ + step;
  for (; step > 0; step /= 2) {
    if (all_done(step)) floor_ = floor_ + step;
  }
  done_.remove(before, floor_);
}

bool Engine::is_known(Offset offset) const {
  return offset < floor_ || delivered_.contains(offset) || done_.contains(offset);
}

// Takes the message out of everything that refers to it, but delivered_.
void Engine::detach(Offset offset, const Delivered& message) {
  Lane& lane = *message.lane;
  if (!loading_) {
    switch (message.state) {
      case State::ready: lane.retries.erase(offset); break;
      case State::leased:
        leases_.erase({message.lease_end, offset});
        --lane.in_flight;
        break;
      case State::waiting:
        waiting_.erase({message.ready, offset});
        --lane.waiting;
        break;
      case State::dead:
        --lane.waiting;
        --dead_count_;
        break;
    }
  }
  reasons_.erase(offset);
  lanes_.unpin(lane);
  lanes_.update(lane, now_);
}

// ---- Rebuilding -----------------------------------------------------------------------------------------------------

Status Engine::restore(const JournalledState& state) {
  for (auto& [offset, message] : delivered_) lanes_.unpin(*message.lane);
  delivered_.clear();
  reasons_.clear();
  floor_ = state.floor;
  rewinds_ = state.rewinds;
  grouped_ = state.grouped;
  time_ = std::max(time_, state.time);
  LEAT_CHECK(done_.decode(state.done));
  for (const DeliveredState& stored : state.delivered) {
    Delivered& message = delivered_[stored.offset];
    message.deliveries = stored.deliveries;
    message.first_delivered = stored.first_delivered;
    message.ready = stored.ready;
    message.expires = stored.expires;
    message.lane = &lanes_.lane(stored.lane);
    lanes_.pin(*message.lane);
    if (!stored.reason.empty()) reasons_[stored.offset] = stored.reason;
  }
  return {};
}

void Engine::load(const Event& event, Timestamp time) { apply(event, time); }

void Engine::finish_loading(Offset log_start, Offset end, Time now) {
  loading_ = false;
  advance(now);
  read_to_ = floor_;
  catch_up_to_ = end;
  if (mark_ && mark_->rewinds == rewinds_) {
    read_to_ = std::max(floor_, mark_->covered);
  } else {
    forget_read_ahead(floor_);
  }
  std::vector<Offset> offsets;
  for (const auto& [offset, message] : delivered_) offsets.push_back(offset);
  std::ranges::sort(offsets);
  for (const Offset offset : offsets) {
    Delivered& message = delivered_.at(offset);
    // As if its lease had just ended, but for the backoff.
    message.state = State::leased;
    message.lease_end = now_.mono;
    leases_.insert({message.lease_end, offset});
    ++message.lane->in_flight;
    if (message.ready > now_.wall) {
      end_lease(offset, Milliseconds(message.ready - now_.wall), {});
    } else {
      end_lease(offset, Milliseconds(0), {});
    }
  }
  log_starts_at(log_start, now_);
  allow_loads();
}

// ---- Reading ahead --------------------------------------------------------------------------------------------------

bool Engine::reads_to_the_end() const {
  return settings_.order == Order::unordered && (settings_.priorities || (grouped_ && settings_.fair));
}

std::optional<Offset> Engine::wants_messages() const {
  const bool catches_up = read_to_ < catch_up_to_ && mark_;
  if (!catches_up && !reads_to_the_end() && lanes_.servable() >= limits_.read_ahead) return std::nullopt;
  return std::max(read_to_, floor_);
}

void Engine::read_ahead(std::span<const MessageFacts> messages, Offset end, Time now) {
  advance(now);
  const auto skip_absent = [&](Offset to) {
    const Offset from = std::max(read_to_, floor_);
    if (from < to && !is_done(from, to))
      record(DoneEvent{from, static_cast<std::uint64_t>(to - from), DoneReason::absent});
  };
  for (const MessageFacts& facts : messages) {
    if (facts.offset < read_to_) continue;
    skip_absent(facts.offset);
    read_to_ = facts.offset + 1;
    if (!is_known(facts.offset)) add_message(facts);
  }
  skip_absent(end);
  read_to_ = std::max(read_to_, end);
  lanes_.end_chunk();
  allow_loads();
}

// Once all that was in the log at the start is known.
void Engine::allow_loads() {
  if (std::max(read_to_, floor_) < catch_up_to_) return;
  lanes_.allow_loads();
  delays_.allow_loads();
}

void Engine::add_message(const MessageFacts& facts) {
  const bool fifo = settings_.order == Order::fifo;
  LaneKey key;
  if (!fifo && settings_.priorities) key.priority = facts.priority;
  if (fifo || (settings_.fair && facts.has_group)) key.group = std::string(facts.group.substr(0, kLaneGroupMax));
  if (!fifo && facts.has_group) expect_groups();
  Timestamp due = facts.due;
  if (due == kNoTimestamp && settings_.delay.count() > 0) due = facts.sent + settings_.delay.count();
  if (due <= now_.wall) due = kNoTimestamp;
  if (!fifo && due != kNoTimestamp) {
    delays_.add({due, facts.offset, std::move(key), facts.sent, facts.expires});
    return;
  }
  lanes_.add(key, Run{facts.offset, 1, facts.sent, due, facts.expires}, now_);
}

void Engine::expect_groups() {
  if (grouped_ || settings_.order == Order::fifo) return;
  record(GroupedEvent{});
}

void Engine::log_starts_at(Offset start, Time now) {
  advance(now);
  if (start <= floor_) return;
  record(DoneEvent{floor_, static_cast<std::uint64_t>(start - floor_), DoneReason::expired});
  if (read_to_ < floor_) read_to_ = floor_;
  lanes_.forget_below(floor_, now_);
  allow_loads();
}

void Engine::forget_read_ahead(Offset from) {
  mark_.reset();
  lanes_.drop_untouched(now_);
  delays_.clear();
  read_to_ = std::max(from, floor_);
}

// ---- Consumers ------------------------------------------------------------------------------------------------------

bool Engine::is_full() const {
  return settings_.in_flight_max > 0 && static_cast<std::int64_t>(leases_.size()) >= settings_.in_flight_max;
}

// Whether one more may be handed out.
bool Engine::may_deliver() {
  if (is_full()) return false;
  if (rate_.allows(settings_.rate_max, now_.mono)) return true;
  rate_wake_ = rate_.next(settings_.rate_max, now_.mono);
  return false;
}

bool Engine::has_ready(Time now) {
  advance(now);
  return lanes_.has_servable(has_many_delivered()) && may_deliver();
}

std::vector<Engine::Leased> Engine::receive(std::size_t count_max, Duration lease_time, Time now) {
  tick(now);
  std::vector<Leased> out;
  const MonoTime until = now_.mono + lease_time;
  while (out.size() < count_max && may_deliver()) {
    Lane* lane = lanes_.next(has_many_delivered(), now_);
    if (lane == nullptr) break;
    lanes_.pin(*lane);
    std::uint32_t taken = 0;
    const std::size_t wanted = settings_.order == Order::fifo ? count_max - out.size() : 1;
    while (taken < wanted && may_deliver() && lanes_.may_take(*lane, now_)) {
      const auto picked = lanes_.pick(*lane, has_many_delivered(), now_);
      if (!picked) break;
      if (!picked->is_retry && is_known(picked->offset)) continue;
      const Timestamp expires = picked->is_retry ? delivered_.at(picked->offset).expires : picked->expires;
      if (expires != kNoTimestamp && expires <= now_.wall) {
        finish(picked->offset, DoneReason::expired);
        continue;
      }
      lease(picked->offset, *picked, *lane, until);
      const Delivered& message = delivered_.at(picked->offset);
      out.push_back({picked->offset, message.deliveries, message.first_delivered});
      rate_.take(settings_.rate_max);
      lanes_.took(*lane);
      ++taken;
    }
    lanes_.unpin(*lane);
    lanes_.served(*lane, now_);
  }
  return out;
}

void Engine::lease(Offset offset, const Lanes::Picked& picked, Lane& lane, MonoTime until) {
  DeliveredEvent event{offset, 1, 1, lane.key, picked.expires};
  if (picked.is_retry) {
    const Delivered& before = delivered_.at(offset);
    event.delivery = before.deliveries + 1;
    event.expires = before.expires;
  }
  record(std::move(event));
  Delivered& message = delivered_.at(offset);
  message.state = State::leased;
  message.lease_end = until;
  leases_.emplace_hint(leases_.end(), until, offset);
  ++lane.in_flight;
}

Result<Engine::DeliveredMap::iterator> Engine::find(const Receipt& receipt, bool leased_only) {
  const auto found = delivered_.find(receipt.offset);
  if (found == delivered_.end() || receipt.rewinds != rewinds_ || receipt.delivery == 0 ||
      receipt.delivery > found->second.deliveries)
    return fail(Errc::not_found, "the message is not there any more");
  if (receipt.delivery < found->second.deliveries)
    return fail(Errc::stale_epoch, "the message was delivered again since");
  if (found->second.state == State::leased) return found;
  if (settings_.order == Order::fifo) return fail(Errc::stale_epoch, "the lease has run out");
  if (leased_only) return fail(Errc::invalid_argument, "the message is not in flight");
  return found;
}

Status Engine::acknowledge(const Receipt& receipt, Time now) {
  advance(now);
  LEAT_CHECK(find(receipt, false));
  finish(receipt.offset, DoneReason::acknowledged);
  return {};
}

void Engine::finish(Offset offset, DoneReason reason) { record(DoneEvent{offset, 1, reason}); }

Status Engine::extend(const Receipt& receipt, Duration lease_time, Time now) {
  advance(now);
  LEAT_TRY(const auto found, find(receipt, true));
  leases_.erase({found->second.lease_end, receipt.offset});
  found->second.lease_end = now_.mono + lease_time;
  leases_.insert({found->second.lease_end, receipt.offset});
  return {};
}

Status Engine::release(const Receipt& receipt, std::optional<Milliseconds> delay, std::string_view reason, Time now) {
  advance(now);
  LEAT_CHECK(find(receipt, true));
  end_lease(receipt.offset, delay, reason);
  return {};
}

void Engine::discard(Offset offset, DoneReason reason, Time now) {
  advance(now);
  if (offset < floor_ || done_.contains(offset)) return;
  finish(offset, reason);
}

Milliseconds Engine::backoff(Offset offset, std::uint32_t deliveries) const {
  const std::int64_t base = settings_.backoff_base.count();
  switch (settings_.backoff) {
    case Backoff::none: return Milliseconds(0);
    case Backoff::fixed: return settings_.backoff_base;
    case Backoff::exponential: break;
  }
  const std::uint32_t doublings = std::min(deliveries - 1, 40U);
  const std::int64_t most = settings_.backoff_max.count();
  const std::int64_t whole = base > (most >> doublings) ? most : base << doublings;
  // Between half of it and all of it, so that what failed together does not come back together.
  const std::uint64_t spread = mix(static_cast<std::uint64_t>(offset.value()) * 64 + deliveries);
  return Milliseconds(whole / 2 + static_cast<std::int64_t>(spread % static_cast<std::uint64_t>(whole / 2 + 1)));
}

void Engine::end_lease(Offset offset, std::optional<Milliseconds> delay, std::string_view reason) {
  Delivered& message = delivered_.at(offset);
  leases_.erase({message.lease_end, offset});
  Lane& lane = *message.lane;
  --lane.in_flight;
  const bool is_dead = settings_.deliveries_max > 0 && !settings_.dead_letter_queue.empty() &&
                       message.deliveries >= static_cast<std::uint32_t>(settings_.deliveries_max);
  const Milliseconds pause = is_dead ? Milliseconds(0) : delay.value_or(backoff(offset, message.deliveries));
  const Timestamp ready = pause.count() > 0 ? now_.wall + pause.count() : Timestamp(0);
  if (message.ready != ready || !reason.empty()) record(ReleasedEvent{offset, ready, std::string(reason)});
  if (is_dead) {
    message.state = State::dead;
    ++lane.waiting;
    ++dead_count_;
    dead_.insert(offset);
  } else if (ready > now_.wall) {
    message.state = State::waiting;
    waiting_.insert({ready, offset});
    ++lane.waiting;
  } else {
    message.state = State::ready;
    lane.retries.insert(offset);
  }
  lanes_.update(lane, now_);
}

void Engine::make_ready(Offset offset, Delivered& message) {
  waiting_.erase({message.ready, offset});
  --message.lane->waiting;
  message.state = State::ready;
  message.lane->retries.insert(offset);
  lanes_.update(*message.lane, now_);
}

// ---- All messages at once -------------------------------------------------------------------------------------------

void Engine::purge(Offset to, Time now) {
  advance(now);
  if (to <= floor_) return;
  record(DoneEvent{floor_, static_cast<std::uint64_t>(to - floor_), DoneReason::purged});
  forget_read_ahead(to);
}

void Engine::rewind(Offset to, Time now) {
  advance(now);
  record(RewoundEvent{to});
  forget_read_ahead(floor_);
}

// ---- Dead letters ---------------------------------------------------------------------------------------------------

std::vector<Engine::DeadLetter> Engine::take_dead_letters() {
  std::vector<DeadLetter> out;
  for (const Offset offset : std::exchange(dead_, {})) {
    const auto found = delivered_.find(offset);
    if (found == delivered_.end() || found->second.state != State::dead) continue;
    const auto reason = reasons_.find(offset);
    out.push_back({offset, found->second.deliveries, reason == reasons_.end() ? std::string() : reason->second});
  }
  return out;
}

void Engine::moved(Offset offset, Time now) {
  advance(now);
  const auto found = delivered_.find(offset);
  if (found != delivered_.end() && found->second.state == State::dead) finish(offset, DoneReason::dead);
}

void Engine::not_moved(Offset offset) {
  const auto found = delivered_.find(offset);
  if (found != delivered_.end() && found->second.state == State::dead) dead_.insert(offset);
}

// ---- Time -----------------------------------------------------------------------------------------------------------

void Engine::tick(Time now) {
  advance(now);
  for (std::size_t n = 0; n < kTickMax && !leases_.empty() && leases_.begin()->first <= now_.mono; ++n)
    end_lease(leases_.begin()->second, std::nullopt, {});
  for (std::size_t n = 0; n < kTickMax && !waiting_.empty() && waiting_.begin()->first <= now_.wall; ++n) {
    const Offset offset = waiting_.begin()->second;
    make_ready(offset, delivered_.at(offset));
  }
  move_due();
  lanes_.tick(now_);
  if (rate_wake_ && *rate_wake_ <= now_.mono) rate_wake_.reset();
}

void Engine::move_due() {
  for (std::size_t n = 0; n < kTickMax && lanes_.has_room_for_due(); ++n) {
    auto due = delays_.take_due(now_.wall);
    if (!due) return;
    const DelayEntry& entry = due->entry;
    lanes_.add_due(entry.lane, Run{entry.offset, 1, entry.sent, kNoTimestamp, entry.expires}, std::move(due->index_key),
                   now_);
  }
}

std::optional<MonoTime> Engine::next_deadline(Time now) const {
  std::optional<MonoTime> next;
  const auto sooner = [&next](MonoTime at) {
    if (!next || at < *next) next = at;
  };
  const Timestamp wall = std::max({now_.wall, time_, now.wall});
  const auto sooner_wall = [&](Timestamp at) {
    const std::int64_t left = at <= wall ? 0 : std::min(at - now.wall, kWallCheckMs);
    sooner(now.mono + Milliseconds(left));
  };
  if (!leases_.empty()) sooner(leases_.begin()->first);
  if (!waiting_.empty()) sooner_wall(waiting_.begin()->first);
  if (const auto due = delays_.next_due(); due && lanes_.has_room_for_due()) sooner_wall(*due);
  if (const auto due = lanes_.next_due()) sooner_wall(*due);
  if (const auto at = lanes_.next_rated()) sooner(*at);
  if (rate_wake_) sooner(*rate_wake_);
  return next;
}

// ---- The index ------------------------------------------------------------------------------------------------------

IndexWork Engine::take_index_work() {
  IndexWork work;
  lanes_.collect_work(work, next_load_);
  delays_.collect_work(work, next_load_);
  const Offset covered = mark_ ? mark_->covered : Offset(0);
  if (has_much_to_read() && read_to_ - std::max(covered, floor_) > static_cast<std::int64_t>(limits_.save_after))
    save_to(work);
  return work;
}

// Whether reading from the floor again would take long.
bool Engine::has_much_to_read() const { return read_to_ - floor_ > static_cast<std::int64_t>(limits_.save_after); }

void Engine::save_to(IndexWork& work) {
  lanes_.save_all(work);
  delays_.save_all(work);
  mark_ = IndexMark{read_to_, rewinds_};
  work.puts.push_back({std::string(kMarkKey), encode_mark(*mark_)});
  work.sync = true;
}

IndexWork Engine::save_index() {
  IndexWork work = take_index_work();
  work.loads.clear();
  const bool is_cheap = read_to_ - floor_ < static_cast<std::int64_t>(limits_.save_after / 10);
  if (!is_cheap || mark_) save_to(work);
  return work;
}

void Engine::lose_index(Time now) {
  advance(now);
  forget_read_ahead(floor_);
}

void Engine::index_loaded(const IndexLoaded& loaded, Time now) {
  advance(now);
  const bool known = lanes_.loaded(loaded, now_) || delays_.loaded(loaded);
  if (!known) return;
  if (lanes_.is_broken() || delays_.is_broken()) return forget_read_ahead(floor_);
  move_due();
}

// ---- What it knows --------------------------------------------------------------------------------------------------

JournalledState Engine::snapshot() const {
  JournalledState state;
  state.floor = floor_;
  state.rewinds = rewinds_;
  state.grouped = grouped_;
  state.time = time_;
  state.done = done_.encode();
  for (const auto& [offset, message] : delivered_) {
    DeliveredState stored{offset,        message.deliveries, message.first_delivered,
                          message.ready, message.lane->key,  message.expires};
    if (const auto reason = reasons_.find(offset); reason != reasons_.end()) stored.reason = reason->second;
    state.delivered.push_back(std::move(stored));
  }
  std::ranges::sort(state.delivered, {}, &DeliveredState::offset);
  return state;
}

EngineStats Engine::stats(Offset end) const {
  EngineStats stats;
  stats.in_flight = leases_.size();
  stats.delayed = delays_.size() + waiting_.size();
  stats.dead_waiting = dead_count_;
  if (end > floor_) stats.not_done = static_cast<std::uint64_t>(end - floor_) - done_.count(floor_, end);
  return stats;
}

bool Engine::is_done(Offset first, Offset end) const {
  first = std::max(first, floor_);
  return first >= end || done_.count(first, end) == static_cast<std::uint64_t>(end - first);
}

std::uint32_t Engine::deliveries_of(Offset offset) const {
  const auto found = delivered_.find(offset);
  return found == delivered_.end() ? 0 : found->second.deliveries;
}

bool Engine::is_leased(Offset offset) const {
  const auto found = delivered_.find(offset);
  return found != delivered_.end() && found->second.state == State::leased;
}

}  // namespace leat::queue
