#pragma once

#include <deque>
#include <random>
#include <set>

#include "tests/queue/engine_model.h"

namespace leat::queue::testing {

// What the host of the engine does wrong, to see that the simulation notices.
enum class Planted {
  nothing,
  erases_at_once,  // index entries are removed before what was journalled is durable
  marks_at_once,   // the index is marked as complete before what was journalled is durable
  erases_survive_clear,
  no_clear,         // the index is not cleared
  answers_at_once,  // answers are let out before they are durable
  lost_put,         // the index forgets an entry
};

// One queue, its log, journal, index, consumers and crashes, all from one seed. The engine is the real one; everything
// else is as its host does it, with the delays, orders and losses that a host can see.
class EngineSimulation {
 public:
  explicit EngineSimulation(std::uint64_t seed, Planted planted = Planted::nothing);
  // The first broken promise, or nothing.
  std::optional<std::string> run();
  struct Reached {
    std::uint64_t steps = 0, deliveries = 0, redeliveries = 0, crashes = 0, lost_batches = 0, index_kept = 0,
                  spills = 0, loads = 0, erases = 0, marks = 0, dead = 0, rewinds = 0, purges = 0, left_entries = 0;
  };
  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  // One turn: what it decided, and what becomes true with it.
  struct Turn {
    std::uint64_t number = 0;
    std::vector<Bytes> records;
    Timestamp time{0};
    bool has_events = false;
    std::vector<EngineModel::Change> changes;
    std::uint32_t rewinds = 0;
    std::vector<Receipt> answers;
    std::vector<std::string> erases;
  };
  struct Work {
    IndexWork work;
    std::uint64_t after = 0;  // the turn that has to be durable
  };
  struct IndexOperation {
    enum class Kind { clear, put, erase } kind = Kind::put;
    IndexEntry entry;
  };
  using Index = std::map<std::string, std::string>;

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(unsigned percent) { return below(100) < percent; }
  void require(bool holds, const std::string& rule) { model_.require(holds, rule); }
  [[nodiscard]] Time now() const { return {mono_, Timestamp(wall_)}; }
  [[nodiscard]] bool is_broken() const { return model_.broken().has_value(); }

  // setup
  void choose_settings();
  void choose_limits();
  void choose_messages();
  [[nodiscard]] Message make_message();

  // host
  void advance() { model_.advance(now()); }
  void turn(std::vector<Receipt> answers = {});
  void make_durable(std::size_t turns);
  void read_ahead(std::size_t records_max);
  void take_index_work();
  void do_index_work();
  void execute(const IndexWork& work);
  void erase_used_up();
  void answer_load(std::size_t which);
  void apply(Index& index, const IndexOperation& operation) const;
  void flush_index(std::size_t operations);
  void settle();

  // steps
  void step();
  void consume_step(std::uint64_t what);
  void disturb_step(std::uint64_t what);
  void produce();
  void receive(std::size_t count_max, bool settled);
  [[nodiscard]] bool has_more_to_do() const;
  [[nodiscard]] std::optional<Receipt> choose_receipt();
  void acknowledge();
  void extend();
  void release();
  void discard();
  void dead_letters();
  void answer_dead_letter();
  void tick();
  void pass_time();
  void purge();
  void rewind();
  void configure();
  void move_log_start();
  void snapshot();
  void crash();
  void stop();
  void start(std::optional<IndexMark> mark);
  void drain();

  std::mt19937_64 random_;
  std::uint64_t seed_;
  Planted planted_;
  Reached reached_;

  QueueSettings settings_;
  EngineLimits limits_;
  std::uint64_t groups_ = 0;
  bool skewed_ = false;
  unsigned due_percent_ = 0, expires_percent_ = 0, priority_percent_ = 0, gap_percent_ = 0;
  std::int64_t delay_max_ = 1;
  std::size_t messages_max_ = 0;
  bool slow_journal_ = false;
  bool fast_index_ = false;  // what is put there survives a crash that the journal does not
  bool restless_ = false;    // it is rewound all the time
  bool calm_ = false;        // no more chaos

  EngineModel model_;
  std::unique_ptr<Engine> engine_;
  MonoTime mono_{};
  std::int64_t wall_ = 1'000'000;

  std::uint64_t turns_ = 0;
  std::deque<Turn> pending_;
  std::vector<std::pair<Timestamp, Bytes>> journal_;
  Timestamp journal_time_{0};
  std::vector<Receipt> held_;
  std::vector<std::pair<Offset, std::uint32_t>> letters_;  // with the rewinds when it was taken

  std::deque<Work> works_;
  std::vector<std::string> erasable_;  // what they name is durably delivered or done
  std::vector<IndexLoaded> loads_;
  Index index_;
  Index stable_;  // what a power loss leaves
  std::deque<IndexOperation> operations_;
};

}  // namespace leat::queue::testing
