// Random operations on a partition, compared with a list of records in memory, with restarts and kills in between.
#include <gtest/gtest.h>

#include "runtime/sim_random.h"
#include "tests/log/node.h"

namespace leat::log::testing {
namespace {

class ModelRun {
 public:
  explicit ModelRun(std::uint64_t seed) : machine_(seed), random_(seed) {
    LogConfig& config = machine_.config();
    config.segment_bytes = between(300, 6000);
    config.index_interval_bytes = between(50, 800);
    config.retention_ms = -1;
    const std::int64_t policy = between(0, 2);
    config.flush = policy == 0 ? FlushPolicy::commit : policy == 1 ? FlushPolicy::interval : FlushPolicy::os;
    machine_.node.options.open_files_max = static_cast<std::size_t>(between(1, 10));
    machine_.faults().cached_chance = random_.chance(0.5) ? 0.9 : 0.3;
    model_.epochs.emplace_back(0, 0);
  }

  // The first difference, or nothing.
  std::string run(int steps) {
    machine_.world.run([&]() -> Task<> { return work(steps); });
    return wrong_;
  }
  [[nodiscard]] std::uint64_t freed_segments() const { return freed_segments_; }

 private:
  struct Record {
    std::string key;
    std::int64_t time = 0;
    std::int64_t batch = 0;  // the base offset of its batch
    bool freed = false;
  };
  struct Model {
    std::vector<Record> records;  // by offset
    std::int64_t start = 0;
    std::vector<std::pair<std::int32_t, std::int64_t>> epochs;  // of restarts, with the log's end then
  };

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  Partition& log() { return machine_.log(); }
  [[nodiscard]] std::int64_t end() const { return static_cast<std::int64_t>(model_.records.size()); }
  void require(bool condition, const std::string& what) {
    if (!condition && wrong_.empty()) wrong_ = what;
  }
  void check(const Status& status, const std::string& what) {
    require(status.has_value(), status ? "" : what + ": " + status.error().message);
  }

  Task<> work(int steps) {
    check(co_await machine_.node.start(), "start");
    for (int step = 0; step < steps && wrong_.empty(); ++step) {
      co_await one_step();
      if (wrong_.empty()) check_state();
    }
    if (!wrong_.empty())
      wrong_ += fmt::format(" (log [{}, {}), model [{}, {}))", log().log_start(), log().log_end(), model_.start, end());
    check(co_await machine_.node.stop(), "stop");
  }

  void check_state() {
    require(log().log_start().value() == model_.start, "the log's start");
    require(log().log_end().value() == end(), "the log's end");
    require(model_.start == next_kept(model_.start), "the log's start is not a freed offset");
    if (end() > model_.start) {
      const std::int64_t offset = between(model_.start, end() - 1);
      require(log().epoch_at(Offset(offset)).value() == epoch_of(offset),
              fmt::format("the epoch at offset {}", offset));
    }
  }

  // The first offset from `offset` on that was not freed.
  [[nodiscard]] std::int64_t next_kept(std::int64_t offset) const {
    while (offset < end() && model_.records[static_cast<std::size_t>(offset)].freed) ++offset;
    return offset;
  }

  [[nodiscard]] std::int32_t epoch_of(std::int64_t offset) const {
    std::int32_t epoch = 0;
    for (const auto& [e, start] : model_.epochs)
      if (start <= offset) epoch = e;
    return epoch;
  }

  Task<> one_step() {
    switch (random_.below(18)) {
      case 0: check(log().roll(machine_.world.wall_now()), "roll"); break;
      case 1: co_await delete_records(); break;
      case 2: co_await find_time(); break;
      case 3: check(co_await log().flush(), "flush"); break;
      case 4:
        if (random_.chance(0.3)) co_await restart();
        break;
      case 5:
        if (random_.chance(0.1)) co_await truncate();
        break;
      case 6: check(machine_.node.save_checkpoint(), "checkpoint"); break;
      case 7: co_await visit(); break;
      case 8:
      case 9:
      case 10: co_await read(); break;
      case 11:
      case 12: co_await free_segments(); break;
      default: append_some();
    }
  }

  void append_some() {
    for (std::int64_t batches = between(1, 4); batches > 0; --batches) {
      std::vector<TestRecord> records;
      const std::int64_t base = end();
      for (std::int64_t i = between(1, 4); i > 0; --i) {
        const std::int64_t time = 1000 + end() * 3 + between(-40, 40);
        records.push_back({Timestamp(time),
                           fmt::format("{}#{}", end(), random_.next() % 1000),
                           std::string(static_cast<std::size_t>(between(0, random_.chance(0.05) ? 5000 : 120)), 'x'),
                           {}});
        model_.records.push_back({*records.back().key, time, base});
      }
      const auto appended = append(log(), build(records, random_.chance(0.1) ? Codec::gzip : Codec::none));
      require(appended.has_value() && appended->base == Offset(base), "append");
    }
  }

  Task<> read() {
    check(co_await log().flush(), "flush");
    const std::int64_t from = between(model_.start, end());
    const auto found = random_.chance(0.7)
                           ? co_await consume(log(), Offset(from), static_cast<std::uint64_t>(between(1, 5000)))
                           : co_await copy_all(log(), Offset(from), random_.chance(0.5));
    require(found.has_value(), found ? "" : "read: " + found.error().message);
    if (!found) co_return;
    std::int64_t next = next_kept(from);
    for (const Stored& stored : *found) {
      require(stored.offset.value() == next, fmt::format("offset {}, due is {}", stored.offset, next));
      if (!wrong_.empty()) co_return;
      const Record& record = model_.records[static_cast<std::size_t>(next)];
      require(stored.record.key == record.key && stored.record.timestamp.value() == record.time &&
                  stored.epoch.value() == epoch_of(next),
              fmt::format("the record at offset {}", next));
      next = next_kept(next + 1);
    }
    require(next == end(), fmt::format("what was read from {} ends at {}", from, next));
  }

  Task<> visit() {
    const std::int64_t from = between(model_.start, end());
    std::vector<std::int64_t> found;
    check(co_await log().visit_headers(Offset(from),
                                       [&](const BatchHeader& header) { found.push_back(header.base_offset.value()); }),
          "visit");
    std::vector<std::int64_t> expected;
    for (std::int64_t offset = from; offset < end(); ++offset) {
      const auto& [key, time, batch, freed] = model_.records[static_cast<std::size_t>(offset)];
      if (freed) continue;
      if (expected.empty() || expected.back() != batch) expected.push_back(batch);
    }
    require(found == expected, fmt::format("the batches from offset {}", from));
  }

  Task<> find_time() {
    check(co_await log().flush(), "flush");
    const std::int64_t time = 1000 + between(-50, end() * 3 + 50);
    std::optional<std::int64_t> expected;
    std::optional<std::int64_t> largest;
    for (std::int64_t offset = model_.start; offset < end(); ++offset) {
      if (model_.records[static_cast<std::size_t>(offset)].freed) continue;
      const std::int64_t at = model_.records[static_cast<std::size_t>(offset)].time;
      if (!expected && at >= time) expected = offset;
      if (!largest || at > model_.records[static_cast<std::size_t>(*largest)].time) largest = offset;
    }
    const auto found = co_await log().find_time(Timestamp(time));
    require(found && found->has_value() == expected.has_value() && (!expected || (*found)->offset.value() == *expected),
            fmt::format("the first record at time {}", time));
    const auto found_largest = co_await log().find_max_time();
    require(found_largest && found_largest->has_value() == largest.has_value() &&
                (!largest || (*found_largest)->offset.value() == *largest),
            "the record with the largest timestamp");
  }

  Task<> delete_records() {
    const std::int64_t before = random_.chance(0.1)
                                    ? log().high_watermark().value()
                                    : std::min(model_.start + between(0, 15), log().high_watermark().value());
    check(co_await log().delete_records(Offset(before)), "delete");
    model_.start = next_kept(std::max(model_.start, before));
  }

  Task<> free_segments() {
    if (random_.chance(0.7)) check(co_await log().flush(), "flush");
    std::vector<std::pair<Offset, Offset>> ranges;
    for (std::int64_t count = between(1, 3); count > 0; --count) {
      const std::int64_t from = between(model_.start, end());
      ranges.emplace_back(from, std::min(end(), from + between(0, 60)));
    }
    std::vector<std::pair<Offset, Offset>> expected;
    for (const auto& segment : log().segments()) {
      const Offset base = std::max(segment->base, log().log_start());
      const bool within = std::ranges::any_of(
          ranges, [&](const auto& range) { return range.first <= base && segment->end <= range.second; });
      if (within && segment->seal_durable && segment->end <= log().high_watermark())
        expected.emplace_back(segment->base, segment->end);
    }
    check(co_await log().free_segments(ranges), "free");
    for (const auto& [from, to] : expected) {
      ++freed_segments_;
      for (std::int64_t offset = from.value(); offset < to.value(); ++offset)
        model_.records[static_cast<std::size_t>(offset)].freed = true;
    }
    model_.start = next_kept(model_.start);
  }

  Task<> truncate() {
    // A checkpoint that does not vouch for this partition comes first, as truncate() demands.
    check(log::save_checkpoint(*machine_.node.files, machine_.node.options.folder, {}), "checkpoint");
    std::int64_t to = std::max(model_.start, end() - between(0, 40));
    check(co_await log().truncate(Offset(to)), "truncate");
    if (to < end()) to = model_.records[static_cast<std::size_t>(to)].batch;
    if (to < end() && model_.records[static_cast<std::size_t>(to)].freed) {
      while (model_.records[static_cast<std::size_t>(to - 1)].freed) --to;
    }
    model_.records.resize(static_cast<std::size_t>(to));
    model_.start = std::min(model_.start, to);
    for (auto& [epoch, start] : model_.epochs) start = std::min(start, to);
  }

  Task<> restart() {
    if (random_.chance(0.5)) {
      check(co_await machine_.node.stop(), "stop");
    } else {
      co_await machine_.node.kill();  // the page cache survives, so everything is there again
    }
    check(co_await machine_.node.start(), "start");
    require(!log().offline(), log().offline() ? log().offline()->message : "");
    model_.epochs.emplace_back(machine_.node.epoch.value(), end());
  }

  std::uint64_t freed_segments_ = 0;
  Machine machine_;
  runtime::sim::Random random_;
  Model model_;
  std::string wrong_;
};

TEST(Model, RandomOperationsGiveWhatAListOfRecordsGives) {
  std::uint64_t freed = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ModelRun model(seed);
    ASSERT_EQ(model.run(400), "") << "seed " << seed;
    freed += model.freed_segments();
  }
  EXPECT_GT(freed, 500U) << "segments that were freed within the log";
}

}  // namespace
}  // namespace leat::log::testing
