#include <algorithm>

#include "tests/queue/engine_simulation.h"

// What happens in a simulation: consumers, producers, and what disturbs them.
namespace leat::queue::testing {
namespace {

constexpr int kSteps = 500;

template <class T>
std::optional<Errc> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

}  // namespace

std::optional<std::string> EngineSimulation::run() {
  start(std::nullopt);
  for (int i = 0; i < kSteps && !is_broken(); ++i) {
    step();
    ++reached_.steps;
    if (i % 16 == 0) model_.check_states(*engine_);
  }
  calm_ = true;
  if (!is_broken()) drain();
  return model_.broken();
}

void EngineSimulation::step() {
  const std::uint64_t what = below(1000);
  if (restless_ && chance(4)) return rewind();
  if (what < 150) return pass_time();
  if (what < 270) return produce();
  if (what < 400) return read_ahead(1 + below(chance(80) ? 6 : 200));
  if (what < 470) return take_index_work();
  if (what < 530) return do_index_work();
  if (what < 600) {
    if (!loads_.empty()) answer_load(below(loads_.size()));
    return;
  }
  if (what < 680) return make_durable(slow_journal_ && !chance(15) ? 0 : 1 + below(6));
  if (what < 700) return flush_index(below(operations_.size() + 1));
  if (what < 960) return consume_step(what - 700);
  disturb_step(what - 960);
}

void EngineSimulation::consume_step(std::uint64_t what) {
  if (what < 90) return receive(1 + below(10), false);
  if (what < 100) {
    settle();
    return receive(1 + below(10), true);
  }
  if (what < 170) return acknowledge();
  if (what < 190) return extend();
  if (what < 220) return release();
  if (what < 240) return tick();
  if (what < 250) return dead_letters();
  if (what < 258) return answer_dead_letter();
  discard();
}

void EngineSimulation::disturb_step(std::uint64_t what) {
  if (what < 10) return snapshot();
  if (what < 17) return crash();
  if (what < 20) return stop();
  if (what < 22) return purge();
  if (what < 26) return rewind();
  if (what < 31) return move_log_start();
  if (what < 36) return configure();
  if (what < 38) {
    engine_->expect_groups();
    return turn();
  }
  if (chance(10)) {
    index_.clear();
    operations_.push_back({IndexOperation::Kind::clear, {}});
    works_.clear();
    erasable_.clear();
    loads_.clear();
    for (Turn& pending : pending_) pending.erases.clear();
    advance();
    engine_->lose_index(now());
    turn();
  }
}

void EngineSimulation::produce() {
  for (std::uint64_t n = 1 + below(chance(10) ? 40 : 8); n > 0; --n) {
    if (model_.messages().size() >= messages_max_) return;
    model_.append(make_message(), chance(gap_percent_) ? static_cast<std::int64_t>(below(5)) : 0);
  }
}

// ---- Consumers ------------------------------------------------------------------------------------------------------

void EngineSimulation::receive(std::size_t count_max, bool settled) {
  if (is_broken()) return;
  advance();
  const Milliseconds lease(1 + static_cast<std::int64_t>(below(chance(70) ? 300 : 5'000)));
  const bool has_ready = engine_->has_ready(now());
  std::vector<Engine::Leased> out = engine_->receive(count_max, lease, now());
  model_.ticked();
  if (settled) {
    const auto deliverable = model_.deliverable();
    const Offset name = deliverable.value_or(Offset(-1));
    require(!deliverable || has_ready, fmt::format("message {} waits and has_ready() is false", name));
    // What it had ready may all have expired; then more is to come.
    for (int i = 0; i < 50 && deliverable && out.empty() && has_more_to_do(); ++i) {
      settle();
      out = engine_->receive(count_max, lease, now());
    }
    require(!deliverable || !out.empty(), fmt::format("message {} is not delivered", name));
    if (limits_.read_ahead == EngineLimits().read_ahead) model_.check_choice(out);
  }
  model_.received(out, count_max, lease);
  require(!out.empty() || !engine_->has_ready(now()), "has_ready() is true and receive() gives nothing");
  std::vector<Receipt> receipts;
  for (const Engine::Leased& leased : out) {
    ++reached_.deliveries;
    if (leased.delivery > 1) ++reached_.redeliveries;
    receipts.push_back({PartitionIndex(0), leased.offset, engine_->rewinds(), leased.delivery});
  }
  turn(std::move(receipts));
}

bool EngineSimulation::has_more_to_do() const {
  const auto next = engine_->next_deadline(now());
  const auto from = engine_->wants_messages();
  return engine_->is_loading() || (next && *next <= mono_) || (from && *from < model_.log_end());
}

std::optional<Receipt> EngineSimulation::choose_receipt() {
  if (chance(8)) {
    const auto offset =
        Offset(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(model_.log_end().value()) + 3)));
    return Receipt{PartitionIndex(0), offset, static_cast<std::uint32_t>(below(3)),
                   static_cast<std::uint32_t>(below(4))};
  }
  if (held_.empty()) return std::nullopt;
  if (chance(80)) return held_[held_.size() - 1 - below(std::min<std::size_t>(held_.size(), 12))];
  return held_[below(held_.size())];
}

void EngineSimulation::acknowledge() {
  for (std::uint64_t n = 1 + below(4); n > 0; --n) {
    const auto receipt = choose_receipt();
    if (!receipt) return;
    advance();
    const auto expected = model_.expected(*receipt, false);
    const auto found = code_of(engine_->acknowledge(*receipt, now()));
    require(found == expected, fmt::format("acknowledging {}", receipt->offset));
    if (!expected && !is_broken()) model_.acknowledged(receipt->offset);
  }
  turn();
}

void EngineSimulation::extend() {
  const auto receipt = choose_receipt();
  if (!receipt) return;
  advance();
  const Milliseconds lease(1 + static_cast<std::int64_t>(below(2'000)));
  const auto expected = model_.expected(*receipt, true);
  const auto found = code_of(engine_->extend(*receipt, lease, now()));
  require(found == expected, fmt::format("extending {}", receipt->offset));
  if (!expected && !is_broken()) model_.extended(receipt->offset, lease);
  turn();
}

void EngineSimulation::release() {
  const auto receipt = choose_receipt();
  if (!receipt) return;
  advance();
  std::optional<Milliseconds> delay;
  if (chance(60)) delay = Milliseconds(chance(50) ? 0 : below(1'000));
  const std::string reason = chance(50) ? fmt::format("failed at {}", wall_) : std::string();
  const auto expected = model_.expected(*receipt, true);
  const auto found = code_of(engine_->release(*receipt, delay, reason, now()));
  require(found == expected, fmt::format("releasing {}", receipt->offset));
  if (!expected && !is_broken()) model_.released(receipt->offset, delay, reason);
  turn();
}

void EngineSimulation::discard() {
  const auto at = model_.messages().lower_bound(
      Offset(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(model_.log_end().value()) + 1))));
  if (at == model_.messages().end() || at->first >= engine_->read_to() || at->first < model_.log_start()) return;
  if (model_.is_fifo() && engine_->deliveries_of(at->first) == 0) return;
  advance();
  engine_->discard(at->first, DoneReason::absent, now());
  model_.discarded(at->first);
  turn();
}

void EngineSimulation::dead_letters() {
  const auto letters = engine_->take_dead_letters();
  model_.dead_letters(letters);
  reached_.dead += letters.size();
  for (const auto& letter : letters) letters_.emplace_back(letter.offset, engine_->rewinds());
}

void EngineSimulation::answer_dead_letter() {
  if (letters_.empty()) return;
  const std::size_t which = below(letters_.size());
  const Offset offset = letters_[which].first;
  letters_.erase(letters_.begin() + static_cast<std::ptrdiff_t>(which));
  if (!calm_ && chance(30)) {
    engine_->not_moved(offset);
    model_.not_moved(offset);
  } else {
    advance();
    engine_->moved(offset, now());
    model_.moved(offset);
  }
  turn();
}

// ---- Time -----------------------------------------------------------------------------------------------------------

void EngineSimulation::tick() {
  advance();
  engine_->tick(now());
  model_.ticked();
  turn();
}

void EngineSimulation::pass_time() {
  if (chance(5)) {
    wall_ += static_cast<std::int64_t>(below(4'000)) - 2'000;
    return;
  }
  std::int64_t passed = static_cast<std::int64_t>(below(chance(90) ? 40 : 1'500));
  if (chance(30)) {
    if (const auto next = engine_->next_deadline(now()); next && *next > mono_)
      passed = std::chrono::ceil<Milliseconds>(*next - mono_).count();
    passed = std::min<std::int64_t>(passed, 5'000);
  }
  mono_ += Milliseconds(passed);
  wall_ += passed;
  if (chance(50)) tick();
}

// ---- What disturbs --------------------------------------------------------------------------------------------------

void EngineSimulation::purge() {
  ++reached_.purges;
  const Offset to =
      chance(50) ? model_.log_end()
                 : Offset(static_cast<std::int64_t>(below(static_cast<std::uint64_t>(model_.log_end().value()) + 1)));
  advance();
  engine_->purge(to, now());
  model_.purged(to);
  turn();
}

void EngineSimulation::rewind() {
  ++reached_.rewinds;
  const auto size = static_cast<std::uint64_t>(model_.log_end() - model_.log_start());
  const Offset to = model_.log_start() + static_cast<std::int64_t>(restless_ ? 0 : below(size + 1));
  advance();
  engine_->rewind(to, now());
  model_.rewound(to);
  turn();
}

void EngineSimulation::configure() {
  QueueSettings& settings = settings_;
  const bool fifo = settings.order == Order::fifo;
  switch (below(6)) {
    case 0: settings.fair = !settings.fair; break;
    case 1:
      if (!fifo) settings.priorities = !settings.priorities;
      break;
    case 2:
      settings.deliveries_max = static_cast<std::int32_t>(below(5));
      settings.dead_letter_queue = settings.deliveries_max > 0 ? "dead" : "";
      break;
    case 3: settings.in_flight_max = static_cast<std::int64_t>(below(10)); break;
    case 4: settings.group_in_flight_max = static_cast<std::int64_t>(below(5)); break;
    case 5: settings.backoff = static_cast<Backoff>(below(3)); break;
  }
  advance();
  engine_->configure(settings, now());
  model_.configure(settings);
  turn();
}

void EngineSimulation::move_log_start() {
  const auto size = static_cast<std::uint64_t>(model_.log_end() - model_.log_start());
  const Offset start = model_.log_start() + static_cast<std::int64_t>(below(std::min<std::uint64_t>(size, 30) + 1));
  advance();
  model_.log_starts_at(start);
  engine_->log_starts_at(start, now());
  turn();
}

// ---- The end --------------------------------------------------------------------------------------------------------

// Everything that is left is received and acknowledged.
void EngineSimulation::drain() {
  int idle = 0;
  while (!is_broken() && idle < 5'000) {
    settle();
    const std::uint64_t before = reached_.deliveries;
    receive(1 + below(10), true);
    make_durable(pending_.size());
    dead_letters();
    while (!letters_.empty()) answer_dead_letter();
    for (const Receipt& receipt : held_) {
      if (model_.expected(receipt, true)) continue;
      advance();
      require(engine_->acknowledge(receipt, now()).has_value(), "the last acknowledgements succeed");
      model_.acknowledged(receipt.offset);
    }
    held_.clear();
    turn();
    if (reached_.deliveries > before) {
      idle = 0;
      continue;
    }
    ++idle;
    const auto next = engine_->next_deadline(now());
    if (!next && idle > 100) break;
    if (!next) continue;
    const auto passed = std::max<std::int64_t>(std::chrono::ceil<Milliseconds>(*next - mono_).count(), 1);
    mono_ += Milliseconds(passed);
    wall_ += passed;
  }
  const auto left = model_.unfinished();
  require(!left, fmt::format("message {} was never done", left.value_or(Offset(-1))));
  settle();
  make_durable(pending_.size());
  model_.check_states(*engine_);
  require(engine_->floor() == model_.log_end(), "the floor reaches the end");
  require(engine_->delivered() == 0, "nothing is delivered and not done");
  const auto stats = engine_->stats(model_.log_end());
  require(stats.in_flight == 0 && stats.dead_waiting == 0, "nothing is in flight");
  for (const auto& [key, value] : index_) reached_.left_entries += key == kMarkKey ? 0 : 1;
}

}  // namespace leat::queue::testing
