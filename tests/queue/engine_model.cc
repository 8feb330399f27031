#include "tests/queue/engine_model.h"

#include <algorithm>
#include <set>

namespace leat::queue::testing {

void EngineModel::require(bool holds, const std::string& rule) {
  if (!holds && !broken_) broken_ = rule;
}

void EngineModel::append(Message message, std::int64_t gap_before) {
  log_end_ = log_end_ + gap_before;
  messages_.emplace(log_end_, std::move(message));
  ++log_end_;
}

void EngineModel::advance(Time now) {
  mono_ = now.mono;
  time_ = std::max(time_, now.wall);
  latest_time_ = std::max(latest_time_, time_);
}

void EngineModel::configure(const QueueSettings& settings) {
  regrouped_ |= settings.priorities != settings_.priorities || settings.fair != settings_.fair;
  if (settings.rate_max != settings_.rate_max) {
    rate_since_ = mono_;
    rate_count_ = 0;
  }
  settings_ = settings;
}

std::string EngineModel::lane(const Message& message) const {
  std::string key(1, static_cast<char>('0' + (settings_.priorities ? message.priority : 0)));
  if (is_fifo() || (settings_.fair && message.has_group)) key += message.group;
  return key;
}

Timestamp EngineModel::due(const Message& message) const {
  if (message.due != kNoTimestamp) return message.due;
  return settings_.delay.count() > 0 ? message.sent + settings_.delay.count() : Timestamp(0);
}

bool EngineModel::is_expired(const Message& message) const {
  return message.expires != kNoTimestamp && message.expires <= time_;
}

bool EngineModel::is_open(Offset offset, const State& state) const { return offset >= log_start_ && !state.done; }

// Whether nothing holds the message up but its group and the queue's limits.
bool EngineModel::is_free(Offset offset, const Message& message) const {
  const auto found = states_.find(offset);
  if (found == states_.end()) return offset >= log_start_ && !is_expired(message) && due(message) <= time_;
  const State& state = found->second;
  return is_open(offset, state) && !state.leased && !state.dead && !is_expired(message) && due(message) <= time_ &&
         state.ready_max <= time_;
}

std::int64_t EngineModel::leased_of(const std::string& key) const {
  std::int64_t count = 0;
  for (const auto& [offset, state] : states_)
    if (state.leased && !state.done && lane(messages_.at(offset)) == key) ++count;
  return count;
}

// ---- What the engine answered ---------------------------------------------------------------------------------------

void EngineModel::ticked() {
  for (auto& [offset, state] : states_)
    if (state.leased && !state.done && state.lease_end <= mono_) end_lease(offset, std::nullopt, {});
}

void EngineModel::received(const std::vector<Engine::Leased>& out, std::size_t count_max, Duration lease) {
  ticked();
  const auto before = std::ranges::count_if(states_, [](const auto& entry) { return entry.second.leased; });
  if (is_fifo()) check_fifo(out);
  check_limits(out, count_max, before);
  check_rates(out.size());
  for (const Engine::Leased& leased : out) {
    check_delivery(leased);
    if (broken_) return;
    State& state = states_[leased.offset];
    if (state.deliveries++ == 0) state.first_delivered = time_;
    require(state.first_delivered == leased.first_delivered, "the time of the first delivery stays");
    state.leased = true;
    state.lease_end = mono_ + lease;
    state.ready_min = state.ready_max = Timestamp(0);
    note(leased.offset);
  }
}

void EngineModel::check_delivery(const Engine::Leased& leased) {
  const std::string name = fmt::format("message {}: ", leased.offset);
  const auto found = messages_.find(leased.offset);
  require(found != messages_.end(), name + "there is none");
  if (broken_) return;
  const State& state = states_[leased.offset];
  require(leased.offset >= log_start_, name + "is below the log's start");
  require(!state.done, name + "is delivered after it was done");
  require(!state.leased, name + "is delivered to two");
  require(!state.dead, name + "is delivered though it is a dead letter");
  require(!is_expired(found->second), name + "is delivered though it has expired");
  require(due(found->second) <= latest_time_, name + "is delivered before it is due");
  require(state.ready_min <= time_, name + "is delivered before its retry is due");
  require(leased.delivery == state.deliveries + 1,
          name + fmt::format("delivery {} follows {}", leased.delivery, state.deliveries));
}

// Of each group the first open messages are delivered, if nothing of it is in anyone's hands.
void EngineModel::check_fifo(const std::vector<Engine::Leased>& out) {
  std::map<std::string, std::vector<Offset>> groups;
  for (const Engine::Leased& leased : out) {
    if (!messages_.contains(leased.offset)) return;
    groups[lane(messages_.at(leased.offset))].push_back(leased.offset);
  }
  for (const auto& [group, offsets] : groups) {
    auto next = offsets.begin();
    for (const auto& [offset, message] : messages_) {
      if (lane(message) != group || !is_open(offset, states_[offset])) continue;
      const State& state = states_[offset];
      require(!state.leased && !state.dead && state.ready_min <= time_,
              fmt::format("message {} is delivered while {} of its group is not done", offsets.front(), offset));
      if (next == offsets.end() || is_expired(message)) continue;
      require(*next == offset, fmt::format("message {} is delivered before {} of its group", *next, offset));
      ++next;
    }
  }
}

void EngineModel::check_limits(const std::vector<Engine::Leased>& out, std::size_t count_max, std::int64_t before) {
  require(out.size() <= count_max, "more than was asked for");
  const auto size = static_cast<std::int64_t>(out.size());
  if (settings_.in_flight_max > 0)
    require(size == 0 || before + size <= settings_.in_flight_max, "more in flight than may be");
  if (settings_.group_in_flight_max == 0 || regrouped_) return;
  std::map<std::string, std::int64_t> lanes;
  for (const Engine::Leased& leased : out)
    if (messages_.contains(leased.offset)) ++lanes[lane(messages_.at(leased.offset))];
  for (const auto& [key, count] : lanes)
    require(leased_of(key) + count <= settings_.group_in_flight_max, "more of a group in flight than may be: " + key);
}

void EngineModel::check_rates(std::size_t delivered) {
  if (settings_.rate_max <= 0) return;
  rate_count_ += static_cast<std::int64_t>(delivered);
  const double passed = std::chrono::duration<double>(mono_ - rate_since_).count();
  const double most = std::max(settings_.rate_max, 1.0) + settings_.rate_max * passed + 1e-3;
  require(static_cast<double>(rate_count_) <= most, "more deliveries than the rate allows");
}

void EngineModel::check_choice(const std::vector<Engine::Leased>& out) const {
  if (broken_ || is_fifo() || settings_.group_in_flight_max > 0 || settings_.group_rate_max > 0 || regrouped_) return;
  std::set<Offset> rest;
  for (const Offset offset : all_deliverable()) rest.insert(offset);
  std::set<std::string> lanes;  // that have something
  for (const Offset offset : rest) lanes.insert(lane(messages_.at(offset)));
  std::set<std::string> served;
  for (const Engine::Leased& leased : out) {
    if (!messages_.contains(leased.offset)) return;
    const Message& message = messages_.at(leased.offset);
    if (settings_.priorities && settings_.ageing.count() == 0) {
      for (const Offset offset : rest)
        if (messages_.at(offset).priority > message.priority && !broken_)
          broken_ = fmt::format("message {} is delivered before {} of a higher priority", leased.offset, offset);
    }
    rest.erase(leased.offset);
    served.insert(lane(message));
  }
  if (!settings_.priorities && settings_.fair && served.size() < std::min(out.size(), lanes.size()) && !broken_)
    broken_ = fmt::format("{} messages are of {} of {} groups", out.size(), served.size(), lanes.size());
}

std::optional<Errc> EngineModel::expected(const Receipt& receipt, bool leased_only) const {
  const auto found = states_.find(receipt.offset);
  if (found == states_.end() || found->second.done || found->second.deliveries == 0) return Errc::not_found;
  const State& state = found->second;
  if (receipt.rewinds != rewinds_ || receipt.delivery == 0 || receipt.delivery > state.deliveries)
    return Errc::not_found;
  if (receipt.delivery < state.deliveries) return Errc::stale_epoch;
  if (state.leased) return std::nullopt;
  if (is_fifo()) return Errc::stale_epoch;
  return leased_only ? std::optional(Errc::invalid_argument) : std::nullopt;
}

void EngineModel::finish(Offset offset) {
  State& state = states_[offset];
  state = State();
  state.done = true;
  note(offset);
}

void EngineModel::released(Offset offset, std::optional<Milliseconds> delay, const std::string& reason) {
  end_lease(offset, delay, reason);
}

void EngineModel::end_lease(Offset offset, std::optional<Milliseconds> delay, const std::string& reason) {
  State& state = states_[offset];
  state.leased = false;
  if (!reason.empty()) state.reason = reason;
  if (settings_.deliveries_max > 0 && state.deliveries >= static_cast<std::uint32_t>(settings_.deliveries_max)) {
    state.dead = true;
    state.announced = false;
  } else {
    std::int64_t most = 0;
    if (settings_.backoff == Backoff::fixed) most = settings_.backoff_base.count();
    if (settings_.backoff == Backoff::exponential) {
      most = settings_.backoff_base.count();
      for (std::uint32_t i = 1; i < state.deliveries; ++i) most = std::min(most * 2, settings_.backoff_max.count());
      most = std::min(most, settings_.backoff_max.count());
    }
    std::int64_t least = settings_.backoff == Backoff::exponential ? most / 2 : most;
    if (delay) least = most = delay->count();
    state.ready_min = least > 0 ? time_ + least : Timestamp(0);
    state.ready_max = most > 0 ? time_ + most : Timestamp(0);
  }
  note(offset);
}

void EngineModel::purged(Offset to) {
  for (const auto& [offset, message] : messages_)
    if (offset < to && !states_[offset].done) finish(offset);
}

void EngineModel::rewound(Offset to) {
  ++rewinds_;
  for (const auto& [offset, message] : messages_) {
    if (offset < to) continue;
    states_[offset] = State();
    note(offset);
  }
}

void EngineModel::log_starts_at(Offset start) {
  log_start_ = std::max(log_start_, start);
  purged(start);
}

void EngineModel::dead_letters(const std::vector<Engine::DeadLetter>& letters) {
  for (const auto& letter : letters) {
    State& state = states_[letter.offset];
    require(state.dead && !state.done, fmt::format("message {} is no dead letter", letter.offset));
    require(!state.announced, fmt::format("message {} is a dead letter twice", letter.offset));
    require(letter.deliveries == state.deliveries, fmt::format("dead letter {}: its deliveries", letter.offset));
    require(letter.reason == state.reason, fmt::format("dead letter {}: its reason", letter.offset));
    state.announced = true;
  }
  for (const auto& [offset, state] : states_)
    require(!state.dead || state.done || state.announced,
            fmt::format("message {} is not named as dead letter", offset));
}

void EngineModel::moved(Offset offset) {
  if (states_[offset].dead && !states_[offset].done) finish(offset);
}

void EngineModel::not_moved(Offset offset) {
  if (states_[offset].dead) states_[offset].announced = false;
}

void EngineModel::note_expired(const Engine& engine) {
  for (const auto& [offset, message] : messages_) {
    if (!is_expired(message)) continue;
    const State& state = states_[offset];
    if (state.deliveries > 0 && !state.done && !state.leased && !state.dead && engine.is_done(offset, offset + 1))
      finish(offset);
  }
}

// ---- The journal ----------------------------------------------------------------------------------------------------

void EngineModel::made_durable(const std::vector<Change>& changes, std::uint32_t rewinds) {
  for (const Change& change : changes) durable_[change.offset] = change.state;
  durable_rewinds_ = rewinds;
}

void EngineModel::crashed(Timestamp time) {
  states_ = durable_;
  rewinds_ = durable_rewinds_;
  changes_.clear();
  time_ = time;
}

void EngineModel::restarted() {
  rate_since_ = mono_;
  rate_count_ = 0;
  for (auto& [offset, state] : states_) {
    if (offset < log_start_ && !state.done) finish(offset);
    state.leased = state.dead = state.announced = false;
    if (state.done || state.deliveries == 0) continue;
    if (settings_.deliveries_max > 0 && state.deliveries >= static_cast<std::uint32_t>(settings_.deliveries_max))
      state.dead = true;
    if (state.dead) state.ready_min = state.ready_max = Timestamp(0);
    if (state.dead) note(offset);
  }
}

// ---- What is so -----------------------------------------------------------------------------------------------------

void EngineModel::check_states(const Engine& engine) {
  std::uint64_t leased = 0;
  std::uint64_t dead = 0;
  std::uint64_t open = 0;
  for (const auto& [offset, message] : messages_) {
    if (offset < log_start_) continue;
    const State& state = states_[offset];
    const bool is_done = engine.is_done(offset, offset + 1);
    require(!state.done || is_done, fmt::format("message {} was done and is not any more", offset));
    require(state.done || !is_done || is_expired(message), fmt::format("message {} is done, nobody knows why", offset));
    if (is_done) continue;
    require(engine.deliveries_of(offset) == state.deliveries,
            fmt::format("message {} was delivered {} times, not {}", offset, state.deliveries,
                        engine.deliveries_of(offset)));
    require(engine.is_leased(offset) == state.leased, fmt::format("message {}: whether it is leased", offset));
    ++open;
    leased += state.leased ? 1 : 0;
    dead += state.dead ? 1 : 0;
  }
  const EngineStats stats = engine.stats(log_end_);
  require(stats.in_flight == leased, fmt::format("{} are in flight, not {}", leased, stats.in_flight));
  require(stats.dead_waiting == dead, fmt::format("{} are dead, not {}", dead, stats.dead_waiting));
  require(stats.not_done >= open, fmt::format("{} are not done, not {}", open, stats.not_done));
  require(engine.rewinds() == rewinds_, "rewinds are counted");
}

std::vector<Offset> EngineModel::all_deliverable() const {
  std::vector<Offset> out;
  std::set<std::string> blocked;
  if (is_fifo()) {
    // A group's first open message decides for the group; one in someone's hands blocks it wherever it stands.
    for (const auto& [offset, state] : states_)
      if (is_open(offset, state) && (state.leased || state.dead || state.ready_max > time_))
        blocked.insert(lane(messages_.at(offset)));
  }
  for (const auto& [offset, message] : messages_) {
    if (is_fifo() && blocked.contains(lane(message))) continue;
    if (is_free(offset, message)) {
      out.push_back(offset);
    } else if (is_fifo() && due(message) > time_) {
      const auto found = states_.find(offset);
      if (found == states_.end() || is_open(offset, found->second)) blocked.insert(lane(message));
    }
  }
  return out;
}

std::optional<Offset> EngineModel::deliverable() const {
  const auto leased = std::ranges::count_if(states_, [](const auto& entry) { return entry.second.leased; });
  if (settings_.in_flight_max > 0 && leased >= settings_.in_flight_max) return std::nullopt;
  if (settings_.rate_max > 0 || settings_.group_rate_max > 0) return std::nullopt;
  if (settings_.group_in_flight_max > 0 && regrouped_) return std::nullopt;
  const bool is_full = delivered() >= limits_.delivered_max;
  for (const Offset offset : all_deliverable()) {
    const auto found = states_.find(offset);
    if (is_full && (found == states_.end() || found->second.deliveries == 0)) continue;
    if (settings_.group_in_flight_max > 0 && leased_of(lane(messages_.at(offset))) >= settings_.group_in_flight_max)
      continue;
    return offset;
  }
  return std::nullopt;
}

std::optional<Offset> EngineModel::unfinished() const {
  for (const auto& [offset, message] : messages_) {
    if (offset < log_start_ || is_expired(message)) continue;
    const auto found = states_.find(offset);
    if (found == states_.end() || !found->second.done) return offset;
  }
  return std::nullopt;
}

std::size_t EngineModel::delivered() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      states_, [](const auto& entry) { return !entry.second.done && entry.second.deliveries > 0; }));
}

}  // namespace leat::queue::testing
