#include "tests/log/power_loss.h"

#include "runtime/sim_random.h"
#include "tests/log/node.h"

namespace leat::log::testing {
namespace {

using runtime::sim::Random;
using runtime::sim::SimDisk;

constexpr std::uint64_t kRoomy = std::uint64_t{1} << 40;

// What a partition must hold, as those who use it know it.
struct Truth {
  struct Entry {
    std::string key;
    std::optional<std::string> value;
    LeaderEpoch epoch;
  };
  std::map<std::int64_t, Entry> appended;  // by offset
  std::int64_t end = 0;                    // of what was appended
  std::int64_t promised = 0;               // what lies below must survive
  std::int64_t start_promised = 0;         // the log does not start below it again
  std::int64_t start_asked = 0;            // nor above it, unless retention frees segments
  std::set<std::int64_t> free_asked;       // offsets in segments that were to be freed: they may be gone
  std::set<std::int64_t> free_promised;    // these are gone for good
  std::int64_t unique = 0;

  // The first offset from `offset` on that nobody wanted to free.
  [[nodiscard]] std::int64_t next_kept(std::int64_t offset) const {
    while (free_asked.contains(offset)) ++offset;
    return offset;
  }
};

// The power goes, or the process is killed, and the next one finds what it left.
class PowerLoss {
 public:
  explicit PowerLoss(const PowerLossOptions& options) : options_(options), random_(options.seed) {}
  PowerLossReport run();

 private:
  void draw_configuration();
  void configure(Node& node);
  void run_machine(bool last);
  Task<> live(Machine& machine, bool last);
  Task<bool> verify(Machine& machine, std::size_t n);
  Task<> work(Machine& machine);
  Task<> produce(Node& node, std::size_t n, const bool& stopping);
  Task<> consume_some(Node& node, std::size_t n, const bool& stopping);
  Task<> disturb(Machine& machine, const bool& stopping);
  Task<> disturb_partition(Machine& machine, std::size_t n);
  Task<> free_some(std::shared_ptr<Partition> log, std::size_t n);
  [[nodiscard]] Bytes next_batch(std::size_t n, std::vector<Truth::Entry>& entries, LeaderEpoch epoch);
  void compare(std::size_t n, const std::vector<Stored>& found, std::int64_t from, std::int64_t end);
  void compare_compacted(std::size_t n, const std::vector<Stored>& found, std::int64_t from, std::int64_t end);
  bool same(std::size_t n, const Stored& found);
  void wrong(std::string what);
  [[nodiscard]] bool chance(double p) { return random_.chance(p); }
  [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(high - low + 1)));
  }

  PowerLossOptions options_;
  Random random_;
  StoreOptions store_options_;
  std::vector<LogConfig> configs_;
  std::vector<Truth> truths_;
  runtime::sim::SimFaults faults_;
  bool flushes_may_fail_ = false;
  bool disk_may_be_full_ = false;
  SimDisk disk_;
  LeaderEpoch epoch_{-1};
  bool created_ = false;
  PowerLossReport report_;
};

void PowerLoss::wrong(std::string what) {
  if (report_.wrong) return;
  report_.wrong =
      fmt::format("{}\n  reproduce: LEAT_SEED={} test_log --gtest_filter=PowerLoss.LosesNothingThatWasAcknowledged",
                  what, options_.seed);
}

void PowerLoss::draw_configuration() {
  store_options_.folder = "/data";
  store_options_.flush_max = Milliseconds(between(1, 10));
  store_options_.flush_interval = Milliseconds(between(5, 40));
  store_options_.maintenance_interval = Milliseconds(between(3, 60));
  store_options_.open_files_max = static_cast<std::size_t>(between(2, 20));
  store_options_.sync_all_above = static_cast<std::size_t>(chance(0.3) ? 1 : between(2, 8));
  store_options_.verify_crc_on_recovery = options_.planted != Planted::ignored_crc;
  faults_.sync_latency = {Duration{0}, std::chrono::microseconds(between(0, 3000))};
  faults_.cached_chance = chance(0.3) ? 0.2 : 0.9;
  faults_.ignore_file_sync = options_.planted == Planted::skipped_file_sync;
  faults_.ignore_directory_sync = options_.planted == Planted::skipped_folder_sync;
  flushes_may_fail_ = options_.planted == Planted::none && chance(0.15);
  disk_may_be_full_ = chance(0.15);
  const std::int64_t partitions = between(1, 4);
  for (std::int64_t n = 0; n < partitions; ++n) {
    LogConfig config;
    config.segment_bytes = chance(0.3) ? between(5000, 20'000) : between(300, 3000);
    config.index_interval_bytes = between(100, 1000);
    config.retention_ms = -1;
    if (chance(0.2)) config.retention_bytes = 3 * config.segment_bytes;
    if (chance(0.3)) {
      config.compact = true;
      config.min_cleanable_dirty_ratio = 0.1;
    }
    if (chance(0.25)) config.flush = chance(0.5) ? FlushPolicy::interval : FlushPolicy::os;
    configs_.push_back(config);
  }
  truths_.resize(configs_.size());
}

void PowerLoss::configure(Node& node) {
  node.options = store_options_;
  node.configs = configs_;
  node.epoch = epoch_;
}

PowerLossReport PowerLoss::run() {
  draw_configuration();
  for (int crash = 0; crash < options_.crashes && !report_.wrong; ++crash) run_machine(false);
  if (!report_.wrong) run_machine(true);
  return report_;
}

// One machine from power on to power off; the last one stays on and is checked at the end.
void PowerLoss::run_machine(bool last) {
  Machine machine(random_.next(), disk_);
  configure(machine.node);
  machine.faults() = faults_;
  if (last) {
    machine.faults().ignore_file_sync = false;
    machine.faults().ignore_directory_sync = false;
  } else if (created_) {
    machine.world.files().power_off_after(random_.below(chance(0.25) ? 12 : 150));
  }
  machine.world.run([&]() -> Task<> { return live(machine, last); });
  disk_ = machine.world.files().crash(random_.next());
  if (!last) ++report_.reached["power losses"];
}

// Processes on one machine, one after the other.
Task<> PowerLoss::live(Machine& machine, bool last) {
  Node& node = machine.node;
  for (int life = 0; life < 4 && !report_.wrong; ++life) {
    const Status started = co_await node.start();
    epoch_ = node.epoch;
    if (!started) {
      if (!machine.world.files().is_off()) wrong("the server does not start: " + started.error().message);
      if (node.store != nullptr) co_await node.kill();
      ++report_.reached["power losses during a start"];
      co_return;
    }
    if (!created_) machine.world.files().power_off_after(random_.below(250));
    created_ = true;
    if (machine.world.files().is_off()) ++report_.reached["power losses during a start"];
    for (std::size_t n = 0; n < configs_.size(); ++n) {
      if (!co_await verify(machine, n)) break;
    }
    report_.reached["cut tails"] += node.store->stats().cut_bytes.value() > 0 ? 1 : 0;
    if (!report_.wrong) co_await work(machine);
    for (const auto& log : node.logs) {
      const Segment& active = *log->segments().back();
      report_.reached["ends with room"] += active.room_end > active.size ? 1 : 0;
    }
    machine.faults().failing_syncs = 0;
    report_.reached["compacted segments"] += node.store->stats().compacted_segments.value();
    report_.reached["removed segments"] += node.store->stats().removed_segments.value();
    machine.faults().capacity = kRoomy;
    if (machine.world.files().is_off() || (last && life == 3)) break;
    std::vector<bool> whole;
    for (const auto& log : node.logs) whole.push_back(!log->offline());
    if (chance(0.5)) {
      ++report_.reached["kills"];
      co_await node.kill();
    } else if (const Status stopped = co_await node.stop(); !stopped) {
      // Either the power went, or the clean checkpoint could not be written: as good as a kill.
      ++report_.reached["failed stops"];
    } else {
      ++report_.reached["clean stops"];
      for (std::size_t n = 0; n < configs_.size(); ++n) {
        if (whole[n]) truths_[n].promised = truths_[n].end;
      }
    }
  }
  if (node.store != nullptr) co_await node.kill();
}

// Compares what a start found with what was promised, and takes it over. False when the power went.
Task<bool> PowerLoss::verify(Machine& machine, std::size_t n) {
  Partition& log = machine.log(n);
  Truth& truth = truths_[n];
  if (machine.world.files().is_off()) co_return false;
  if (log.offline()) {
    wrong(fmt::format("partition {} is offline after a restart: {}", n, log.offline()->message));
    co_return false;
  }
  std::int64_t start = log.log_start().value();
  auto found = co_await consume(log, Offset(start));
  while (start < log.log_start().value()) {  // retention was faster
    start = log.log_start().value();
    found = co_await consume(log, Offset(start));
  }
  if (machine.world.files().is_off()) co_return false;
  if (!found) {
    wrong(fmt::format("partition {} cannot be read: {}", n, found.error().message));
    co_return false;
  }
  const std::int64_t end = log.high_watermark().value();
  if (start < truth.start_promised)
    wrong(fmt::format("partition {} starts at {} again; {} was promised", n, start, truth.start_promised));
  if (start > truth.next_kept(truth.start_asked) && configs_[n].retention_bytes < 0)
    wrong(fmt::format("partition {} starts at {}; nobody asked for more than {}", n, start, truth.start_asked));
  if (end < truth.promised) wrong(fmt::format("partition {} ends at {}; {} was acknowledged", n, end, truth.promised));
  if (end > truth.end) wrong(fmt::format("partition {} ends at {}; only {} were appended", n, end, truth.end));
  compare(n, *found, start, end);
  for (const Stored& stored : *found) {
    if (truth.free_promised.contains(stored.offset.value()))
      wrong(fmt::format("partition {} has offset {} again, which was freed", n, stored.offset));
    if (!configs_[n].compact && log.epoch_at(stored.offset) != stored.epoch)
      wrong(fmt::format("partition {} takes offset {} for epoch {}; its batch has {}", n, stored.offset,
                        log.epoch_at(stored.offset), stored.epoch));
  }
  truth.appended.erase(truth.appended.lower_bound(end), truth.appended.end());
  truth.end = end;
  truth.promised = end;
  truth.start_asked = std::max(truth.start_asked, start);
  ++report_.reached["checked partitions"];
  report_.reached["checked records"] += found->size();
  co_return true;
}

bool PowerLoss::same(std::size_t n, const Stored& found) {
  const auto expected = truths_[n].appended.find(found.offset.value());
  if (expected == truths_[n].appended.end()) {
    wrong(fmt::format("partition {} has a record at offset {} that nobody appended", n, found.offset));
    return false;
  }
  const Truth::Entry& entry = expected->second;
  if (found.record.key == entry.key && found.record.value == entry.value && found.epoch == entry.epoch) return true;
  wrong(fmt::format("partition {} has {} of epoch {} at offset {}, where {} of epoch {} was appended", n,
                    found.record.key.value_or("-"), found.epoch, found.offset, entry.key, entry.epoch));
  return false;
}

// `found` is what lies in [from, end); freed offsets may be missing.
void PowerLoss::compare(std::size_t n, const std::vector<Stored>& found, std::int64_t from, std::int64_t end) {
  if (configs_[n].compact) {
    compare_compacted(n, found, from, end);
    return;
  }
  const std::set<std::int64_t>& free = truths_[n].free_asked;
  std::int64_t next = from;
  for (const Stored& stored : found) {
    while (next < stored.offset.value() && free.contains(next)) ++next;
    if (stored.offset.value() != next) {
      wrong(fmt::format("partition {} has offset {} where {} is due", n, stored.offset, next));
      return;
    }
    if (!same(n, stored)) return;
    ++next;
  }
  next = truths_[n].next_kept(next);
  if (next < end) wrong(fmt::format("partition {} misses its records from offset {} to {}", n, next, end));
}

// The last record of every key is there unless it was freed; older ones may be.
void PowerLoss::compare_compacted(std::size_t n, const std::vector<Stored>& found, std::int64_t from,
                                  std::int64_t end) {
  std::map<std::string, std::int64_t> latest;
  const auto& appended = truths_[n].appended;
  for (auto it = appended.lower_bound(from); it != appended.lower_bound(end); ++it) latest[it->second.key] = it->first;
  for (const Stored& stored : found) {
    if (!same(n, stored)) return;
    if (latest.at(*stored.record.key) == stored.offset.value()) latest.erase(*stored.record.key);
  }
  for (const auto& [key, offset] : latest) {
    if (truths_[n].free_asked.contains(offset)) continue;
    wrong(fmt::format("partition {} misses offset {}, the last one of key {}", n, offset, key));
    return;
  }
}

// Producers, consumers and disturbances for a while, or until the power goes.
Task<> PowerLoss::work(Machine& machine) {
  runtime::TaskScope scope;
  bool stopping = false;
  for (std::size_t n = 0; n < configs_.size(); ++n) {
    scope.spawn(produce(machine.node, n, stopping));
    if (chance(0.3)) scope.spawn(produce(machine.node, n, stopping));
    if (chance(0.5)) scope.spawn(consume_some(machine.node, n, stopping));
  }
  scope.spawn(disturb(machine, stopping));
  const MonoTime until = machine.world.now() + Milliseconds(between(1, 60));
  while (!machine.world.files().is_off() && !report_.wrong && machine.world.now() < until)
    co_await runtime::sleep_for(500us);
  stopping = true;
  co_await scope.join();
}

Bytes PowerLoss::next_batch(std::size_t n, std::vector<Truth::Entry>& entries, LeaderEpoch epoch) {
  Truth& truth = truths_[n];
  const std::int64_t count = chance(0.7) ? 1 : between(2, 5);
  std::vector<TestRecord> records;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t unique = truth.unique++;
    const auto size = static_cast<std::size_t>(chance(0.05) ? between(3000, 9000) : between(0, 150));
    const std::string key = configs_[n].compact ? fmt::format("k{}", random_.below(5)) : fmt::format("{}", unique);
    std::optional<std::string> value =
        fmt::format("{}:", unique) + std::string(size, static_cast<char>('a' + unique % 26));
    if (configs_[n].compact && chance(0.1)) value.reset();
    records.push_back({Timestamp(1'700'000'000'000 + unique), key, value, {}});
    entries.push_back({key, std::move(value), epoch});
  }
  return build(records, chance(0.1) ? Codec::lz4 : Codec::none);
}

Task<> PowerLoss::produce(Node& node, std::size_t n, const bool& stopping) {
  const std::shared_ptr<Partition> log = node.logs[n];
  Truth& truth = truths_[n];
  while (!stopping && !report_.wrong) {
    Offset end;
    for (std::int64_t pipelined = chance(0.6) ? 1 : between(1, 6); pipelined > 0; --pipelined) {
      std::vector<Truth::Entry> entries;
      const Bytes batch = next_batch(n, entries, log->leader_epoch());
      const auto appended = append(*log, batch);
      if (!appended && appended.error().code == Errc::disk_full) break;
      if (!appended) co_return;
      if (appended->base.value() != truth.end)
        wrong(fmt::format("partition {} appended at {} where {} is due", n, appended->base, truth.end));
      for (Truth::Entry& entry : entries) truth.appended[truth.end++] = std::move(entry);
      end = appended->end;
    }
    if (options_.planted == Planted::early_acknowledgement) truth.promised = std::max(truth.promised, end.value());
    if (configs_[n].flush == FlushPolicy::commit && chance(0.8)) {
      const auto deadline = chance(0.1) ? runtime::Shard::current().now() + 1ms : MonoTime::max();
      const Status committed = co_await log->wait_committed(end, deadline);
      if (committed) {
        truth.promised = std::max(truth.promised, end.value());
        ++report_.reached["acknowledged appends"];
      } else if (committed.error().code != Errc::timed_out) {
        co_return;
      }
    } else {
      co_await runtime::sleep_for(std::chrono::microseconds(between(10, 3000)));
    }
  }
}

Task<> PowerLoss::consume_some(Node& node, std::size_t n, const bool& stopping) {
  const std::shared_ptr<Partition> log = node.logs[n];
  while (!stopping && !report_.wrong) {
    co_await runtime::sleep_for(std::chrono::microseconds(between(100, 5000)));
    if (log->offline()) co_return;
    const std::int64_t end = log->high_watermark().value();
    const std::int64_t from = between(log->log_start().value(), end);
    auto found = co_await consume(*log, Offset(from), static_cast<std::uint64_t>(between(1, 4000)));
    if (!found && found.error().code == Errc::offset_out_of_range && from < log->log_start().value()) continue;
    if (!found && (log->offline() || found.error().code == Errc::cancelled)) co_return;
    if (!found) {
      wrong(fmt::format("partition {} cannot be read from {}: {}", n, from, found.error().message));
      co_return;
    }
    // Records that were committed while it read are there, too.
    std::erase_if(*found, [&](const Stored& stored) { return stored.offset.value() >= end; });
    // What a read begins with may be below a start that moved meanwhile, and compaction may run between two reads.
    if (!configs_[n].compact && log->log_start().value() <= from) compare(n, *found, from, end);
    for (const Stored& stored : *found) {
      if (!same(n, stored)) co_return;
    }
    report_.reached["records read"] += found->size();
  }
}

Task<> PowerLoss::disturb(Machine& machine, const bool& stopping) {
  while (!stopping && !report_.wrong && !machine.world.files().is_off()) {
    co_await runtime::sleep_for(std::chrono::microseconds(between(100, 8000)));
    co_await disturb_partition(machine, random_.below(configs_.size()));
  }
}

Task<> PowerLoss::disturb_partition(Machine& machine, std::size_t n) {
  const std::shared_ptr<Partition> log = machine.node.logs[n];
  Truth& truth = truths_[n];
  switch (random_.below(7)) {
    case 6: co_await free_some(log, n); break;
    case 0:
      if (log->roll(machine.world.wall_now())) ++report_.reached["rolls"];
      break;
    case 1: {
      const std::int64_t before = between(log->log_start().value(), log->high_watermark().value());
      truth.start_asked = std::max(truth.start_asked, before);
      if (co_await log->delete_records(Offset(before))) {
        truth.start_promised = std::max(truth.start_promised, before);
        truth.promised = std::max(truth.promised, before);
        ++report_.reached["deletions"];
      }
      break;
    }
    case 2: {
      const std::int64_t end = log->log_end().value();
      if (co_await log->flush()) truth.promised = std::max(truth.promised, end);
      break;
    }
    case 3:
      if (flushes_may_fail_ && chance(0.3)) {
        machine.faults().failing_syncs = 1;
        ++report_.reached["failing syncs"];
      } else if (disk_may_be_full_) {
        const std::uint64_t used = machine.faults().capacity - machine.world.files().free_space("/").value_or(0);
        machine.faults().capacity = used + random_.below(300);
        ++report_.reached["full disks"];
        co_await runtime::sleep_for(std::chrono::microseconds(between(100, 10'000)));
        machine.faults().capacity = kRoomy;
      }
      break;
    default:
      if (machine.node.save_checkpoint()) ++report_.reached["checkpoints"];
  }
}

// Frees what segments there are in a random range, anywhere in the log.
Task<> PowerLoss::free_some(std::shared_ptr<Partition> log, std::size_t n) {
  Truth& truth = truths_[n];
  const Offset from(between(log->log_start().value(), log->log_end().value()));
  const Offset to(between(from.value(), log->log_end().value()));
  std::set<std::int64_t> offsets;
  for (const auto& segment : log->segments()) {
    if (std::max(segment->base, log->log_start()) < from || segment->end > to) continue;
    if (!segment->seal_durable || segment->end > log->high_watermark()) continue;
    for (Offset offset = segment->base; offset < segment->end; ++offset) offsets.insert(offset.value());
    ++report_.reached["freed segments"];
  }
  truth.free_asked.insert(offsets.begin(), offsets.end());
  if (!co_await log->free_segments({{from, to}})) co_return;
  truth.free_promised.insert(offsets.begin(), offsets.end());
  // Retention may have raised it since, not durably yet.
  if (configs_[n].retention_bytes < 0) truth.start_promised = std::max(truth.start_promised, log->log_start().value());
  if (!offsets.empty()) truth.promised = std::max(truth.promised, *offsets.rbegin() + 1);
}

}  // namespace

PowerLossReport run_power_losses(const PowerLossOptions& options) { return PowerLoss(options).run(); }

}  // namespace leat::log::testing
