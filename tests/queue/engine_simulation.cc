#include "tests/queue/engine_simulation.h"

#include <algorithm>

namespace leat::queue::testing {
namespace {

constexpr std::size_t kPieceSize = 64;

}  // namespace

EngineSimulation::EngineSimulation(std::uint64_t seed, Planted planted)
    : random_(seed * 0x9E3779B97F4A7C15ULL + 1), seed_(seed), planted_(planted), model_({}, {}) {
  choose_settings();
  choose_limits();
  choose_messages();
  model_ = EngineModel(settings_, limits_);
}

// ---- What is simulated ----------------------------------------------------------------------------------------------

void EngineSimulation::choose_settings() {
  QueueSettings& settings = settings_;
  if (chance(35)) settings.order = Order::fifo;
  const bool fifo = settings.order == Order::fifo;
  settings.fair = chance(70);
  settings.priorities = !fifo && chance(40);
  if (settings.priorities && chance(40)) settings.ageing = Milliseconds(1 + below(2'000));
  if (chance(25)) settings.delay = Milliseconds(1 + below(300));
  if (chance(50)) {
    settings.deliveries_max = static_cast<std::int32_t>(1 + below(4));
    settings.dead_letter_queue = "dead";
  }
  settings.backoff = static_cast<Backoff>(below(3));
  settings.backoff_base = Milliseconds(1 + below(200));
  settings.backoff_max = Milliseconds(settings.backoff_base.count() * static_cast<std::int64_t>(1 + below(20)));
  if (chance(30)) settings.in_flight_max = static_cast<std::int64_t>(1 + below(12));
  if (chance(25)) settings.group_in_flight_max = static_cast<std::int64_t>(1 + below(4));
  if (chance(15)) settings.rate_max = 0.5 + static_cast<double>(below(200));
  if (chance(15)) settings.group_rate_max = 0.5 + static_cast<double>(below(50));
}

void EngineSimulation::choose_limits() {
  if (chance(20)) return;  // the default ones
  limits_.read_ahead = 4 + below(12);
  limits_.delivered_max = chance(50) ? 1'000 : 10 + below(60);
  limits_.delayed_in_memory = 4 + below(12);
  limits_.runs_in_memory = 8 + below(24);
  limits_.lane_runs_in_memory = 4 + below(6);
  limits_.lanes_in_memory = 1 + below(6);
  limits_.save_after = 10 + below(80);
  limits_.refill_entries = 1 + below(6);
  limits_.cold_entries = 1 + below(12);
}

void EngineSimulation::choose_messages() {
  const std::uint64_t kind = below(4);
  groups_ = kind == 0 ? 0 : kind == 1 ? 1 + below(3) : 2 + below(60);
  skewed_ = kind == 3;
  if (chance(40)) due_percent_ = static_cast<unsigned>(below(100));
  if (chance(30)) expires_percent_ = static_cast<unsigned>(below(50));
  if (chance(60)) priority_percent_ = static_cast<unsigned>(below(100));
  if (chance(40)) gap_percent_ = static_cast<unsigned>(below(30));
  delay_max_ = chance(50) ? 200 : 5'000;
  slow_journal_ = chance(40);
  restless_ = chance(10);
  fast_index_ = chance(40);
  messages_max_ = 20 + below(chance(20) ? 600 : 200);
}

Message EngineSimulation::make_message() {
  Message message;
  message.sent = Timestamp(wall_);
  if (groups_ > 0 && chance(95)) {
    message.has_group = true;
    message.group = fmt::format("g{}", skewed_ && chance(80) ? 0 : below(groups_));
  }
  if (chance(priority_percent_)) message.priority = static_cast<std::uint8_t>(below(10));
  if (chance(due_percent_))
    message.due = Timestamp(wall_ + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(delay_max_))));
  if (chance(expires_percent_)) message.expires = Timestamp(wall_ + static_cast<std::int64_t>(below(6'000)));
  return message;
}

// ---- The host -------------------------------------------------------------------------------------------------------

// What the engine has decided goes to the journal; `answers` wait until it is durable.
void EngineSimulation::turn(std::vector<Receipt> answers) {
  model_.note_expired(*engine_);
  Turn turn;
  turn.number = ++turns_;
  turn.time = engine_->time();
  const std::vector<Event> events = engine_->take_events();
  if (!events.empty()) {
    turn.has_events = true;
    turn.records.push_back(encode_events(events));
    auto decoded = decode_journal_value(turn.records.back());
    const auto* read = decoded ? std::get_if<std::vector<Event>>(&*decoded) : nullptr;
    require(read != nullptr && *read == events, "events are read as they were written");
  }
  turn.changes = model_.take_changes();
  turn.rewinds = model_.rewinds();
  turn.answers = std::move(answers);
  turn.erases = engine_->take_index_erases();
  if (planted_ == Planted::answers_at_once) held_.insert(held_.end(), turn.answers.begin(), turn.answers.end());
  if (planted_ == Planted::answers_at_once) model_.made_durable(turn.changes, turn.rewinds);
  if (planted_ == Planted::erases_at_once) {
    for (std::string& key : turn.erases) {
      operations_.push_back({IndexOperation::Kind::erase, {std::move(key), {}}});
      apply(index_, operations_.back());
    }
    turn.erases.clear();
  }
  pending_.push_back(std::move(turn));
}

void EngineSimulation::make_durable(std::size_t turns) {
  for (; turns > 0 && !pending_.empty(); --turns) {
    Turn turn = std::move(pending_.front());
    pending_.pop_front();
    if (turn.has_events) journal_time_ = std::max(journal_time_, turn.time);
    for (Bytes& record : turn.records) journal_.emplace_back(turn.time, std::move(record));
    if (planted_ != Planted::answers_at_once) {
      model_.made_durable(turn.changes, turn.rewinds);
      held_.insert(held_.end(), turn.answers.begin(), turn.answers.end());
    }
    std::ranges::move(turn.erases, std::back_inserter(erasable_));
  }
  erase_used_up();
}

// After the work that was taken before.
void EngineSimulation::erase_used_up() {
  if (!works_.empty()) return;
  for (std::string& key : std::exchange(erasable_, {})) {
    ++reached_.erases;
    operations_.push_back({IndexOperation::Kind::erase, {std::move(key), {}}});
    apply(index_, operations_.back());
  }
}

void EngineSimulation::read_ahead(std::size_t records_max) {
  const auto from = engine_->wants_messages();
  if (!from || *from >= model_.log_end()) return;
  require(*from >= model_.log_start(), "it asks for what the log has lost");
  std::vector<MessageFacts> facts;
  Offset end = model_.log_end();
  const auto& messages = model_.messages();
  for (auto at = messages.lower_bound(std::max(*from, model_.log_start())); at != messages.end(); ++at) {
    const Message& message = at->second;
    if (facts.size() == records_max) {
      end = chance(50) ? at->first : facts.back().offset + 1;
      break;
    }
    facts.push_back(
        {at->first, message.sent, message.group, message.has_group, message.priority, message.due, message.expires});
  }
  advance();
  engine_->read_ahead(facts, end, now());
  turn();
}

void EngineSimulation::take_index_work() {
  if (!works_.empty()) return;  // one at a time
  IndexWork work = engine_->take_index_work();
  if (!work.empty()) works_.push_back({std::move(work), turns_});
}

// In order; what marks the index as complete waits until the turns before it are durable.
void EngineSimulation::do_index_work() {
  while (!works_.empty()) {
    const Work& next = works_.front();
    const bool waits = next.work.sync && planted_ != Planted::marks_at_once;
    if (waits && !pending_.empty() && pending_.front().number <= next.after) return;
    execute(next.work);
    const bool is_marked = next.work.sync;
    works_.pop_front();
    if (is_marked && !calm_ && chance(15)) return crash();
  }
  erase_used_up();
}

void EngineSimulation::execute(const IndexWork& work) {
  if (work.clear && planted_ != Planted::no_clear) {
    operations_.push_back({IndexOperation::Kind::clear, {}});
    apply(index_, operations_.back());
    if (planted_ != Planted::erases_survive_clear) {
      erasable_.clear();
      for (Turn& turn : pending_) turn.erases.clear();
    }
  }
  for (const IndexEntry& entry : work.puts) {
    reached_.spills += entry.key == kMarkKey ? 0 : 1;
    reached_.marks += entry.key == kMarkKey ? 1 : 0;
    if (planted_ == Planted::lost_put && entry.key != kMarkKey && chance(2)) continue;
    operations_.push_back({IndexOperation::Kind::put, entry});
    apply(index_, operations_.back());
  }
  for (const IndexLoad& load : work.loads) {
    ++reached_.loads;
    IndexLoaded loaded{load.id, {}, false};
    for (auto at = index_.lower_bound(load.from); at != index_.end() && at->first < load.to; ++at) {
      loaded.has_more = loaded.entries.size() == load.count_max;
      if (loaded.has_more) break;
      loaded.entries.push_back({at->first, at->second});
    }
    loads_.push_back(std::move(loaded));
  }
}

void EngineSimulation::answer_load(std::size_t which) {
  const IndexLoaded loaded = std::move(loads_[which]);
  loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(which));
  advance();
  engine_->index_loaded(loaded, now());
  turn();
}

void EngineSimulation::apply(Index& index, const IndexOperation& operation) const {
  switch (operation.kind) {
    case IndexOperation::Kind::clear: index.clear(); break;
    case IndexOperation::Kind::put: index[operation.entry.key] = operation.entry.value; break;
    case IndexOperation::Kind::erase: index.erase(operation.entry.key); break;
  }
}

void EngineSimulation::flush_index(std::size_t operations) {
  for (; operations > 0 && !operations_.empty(); --operations) {
    apply(stable_, operations_.front());
    operations_.pop_front();
  }
}

// Until the host has nothing left to do at this time.
void EngineSimulation::settle() {
  for (int round = 0; round < 20'000 && !is_broken(); ++round) {
    const std::uint64_t before = turns_;
    tick();
    const auto from = engine_->wants_messages();
    const bool reads = from && *from < model_.log_end();
    if (reads) read_ahead(1 + below(64));
    take_index_work();
    if (!works_.empty()) make_durable(pending_.size());
    do_index_work();
    const bool loads = !loads_.empty();
    while (!loads_.empty()) answer_load(below(loads_.size()));
    if (!reads && !loads && works_.empty() && turns_ == before + 1) {
      take_index_work();
      if (works_.empty() || works_.front().work.empty()) return;
      works_.push_back({});
    }
  }
  require(false, "the host's work has an end");
}

// ---- Crashes --------------------------------------------------------------------------------------------------------

void EngineSimulation::snapshot() {
  Turn turn;
  turn.number = ++turns_;
  turn.time = engine_->time();
  turn.has_events = false;
  turn.records = encode_snapshot(engine_->snapshot(), kPieceSize);
  turn.rewinds = model_.rewinds();
  turn.changes = model_.take_changes();
  pending_.push_back(std::move(turn));
}

void EngineSimulation::crash() {
  ++reached_.crashes;
  const std::uint64_t kept = below(100);  // of what the journal had not made durable
  const std::size_t durable = kept < 30 ? pending_.size() : kept < 50 ? 0 : below(pending_.size() + 1);
  reached_.lost_batches += pending_.size() - durable;
  make_durable(durable);
  // A snapshot of which only a part is there counts for nothing.
  if (!pending_.empty() && pending_.front().records.size() > 1 && chance(50)) {
    auto& records = pending_.front().records;
    records.resize(below(records.size()));
    for (Bytes& record : records) journal_.emplace_back(pending_.front().time, std::move(record));
  }
  pending_.clear();
  if (chance(10)) {
    stable_.clear();
  } else {
    flush_index(fast_index_ || chance(30) ? operations_.size() : below(operations_.size() + 1));
  }
  operations_.clear();
  index_ = stable_;
  if (chance(50)) wall_ += static_cast<std::int64_t>(below(2'000)) - 1'000;
  mono_ += std::chrono::seconds(below(3));
  std::optional<IndexMark> mark;
  if (const auto found = index_.find(std::string(kMarkKey)); found != index_.end()) {
    ++reached_.index_kept;
    if (auto decoded = decode_mark(found->second)) mark = *decoded;
  }
  start(mark);
}

// An orderly stop.
void EngineSimulation::stop() {
  make_durable(pending_.size());
  do_index_work();
  execute(engine_->save_index());
  flush_index(operations_.size());
  crash();
}

// Rebuilds the engine from the journal.
void EngineSimulation::start(std::optional<IndexMark> mark) {
  works_.clear();
  erasable_.clear();
  loads_.clear();
  letters_.clear();
  engine_ = std::make_unique<Engine>(settings_, Offset(0), mark, limits_);
  Bytes joined;
  std::uint64_t pieces = 0;
  std::optional<std::size_t> begin;
  std::optional<std::size_t> complete;
  for (std::size_t i = 0; i < journal_.size() && !is_broken(); ++i) {
    const auto decoded = decode_journal_value(journal_[i].second);
    require(decoded.has_value(), "the journal can be read");
    if (!decoded) return;
    if (const auto* events = std::get_if<std::vector<Event>>(&*decoded)) {
      for (const Event& event : *events) engine_->load(event, journal_[i].first);
      continue;
    }
    const auto& piece = std::get<SnapshotPiece>(*decoded);
    if (piece.number == 0) {
      joined = Bytes();
      pieces = 0;
      begin = i;
    }
    if (piece.number != pieces++) continue;
    joined.append(piece.bytes);
    if (!piece.is_last) continue;
    const auto state = decode_snapshot(joined);
    require(state && engine_->restore(*state), "a snapshot can be read");
    complete = begin;
  }
  if (complete && chance(50))
    journal_.erase(journal_.begin(), journal_.begin() + static_cast<std::ptrdiff_t>(*complete));
  model_.crashed(journal_time_);
  advance();
  engine_->finish_loading(model_.log_start(), model_.log_end(), now());
  model_.restarted();
  turn();
  model_.check_states(*engine_);
}

}  // namespace leat::queue::testing
