#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "protocol/resp/command.h"
#include "protocol/resp/parser.h"

namespace leat::resp {

class Client;

// How often commands took how long: the error of a value is below two percent.
class LatencyHistogram {
 public:
  void add(std::uint64_t nanoseconds) { ++counts_[bucket(nanoseconds)]; }
  // In nanoseconds, of `percent` of all that were added. Not for an empty one.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  // How many took at most 1, 2, 4 ... microseconds, where that number grows.
  [[nodiscard]] std::vector<std::pair<std::uint64_t, std::uint64_t>> by_microseconds() const;
  [[nodiscard]] std::uint64_t total() const;

 private:
  static constexpr unsigned kFineBits = 6;
  static constexpr std::uint64_t kMax = (std::uint64_t{1} << 36) - 1;
  static constexpr std::size_t kBuckets = (36 - kFineBits + 1) << kFineBits;
  static std::size_t bucket(std::uint64_t value);
  // The largest value of a bucket.
  static std::uint64_t limit(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> counts_{};
};

struct CommandStats {
  std::uint64_t calls = 0;
  std::uint64_t nanoseconds = 0;
  std::uint64_t rejected = 0;
  std::uint64_t failed = 0;
  std::unique_ptr<LatencyHistogram> latencies;  // nullptr: none
};

struct SlowCommand {
  std::uint64_t id;
  std::int64_t time;  // seconds since the epoch
  std::int64_t microseconds;
  std::vector<std::string> words;
  std::string peer;
  std::string client_name;
};

// A kind of latency that LATENCY tells of.
struct LatencyEvent {
  struct Sample {
    std::int64_t time;  // seconds since the epoch
    std::uint32_t milliseconds;
  };
  std::deque<Sample> samples;  // the oldest first
  std::uint32_t most = 0;
};

// What commands cost, of one executor: counts, times, slow ones, errors.
//
// The clock is read once per command: the end of one is the beginning of the next.
class CommandTimes {
 public:
  // Nothing is measured between batches.
  void begin_batch(MonoTime now) { last_ = now; }
  [[nodiscard]] MonoTime last() const { return last_; }
  // To be called now and then, with counts as they are: what follows from them is kept.
  void sample(std::uint64_t commands, std::uint64_t memory);
  [[nodiscard]] std::uint64_t commands_per_second() const { return rate_; }
  [[nodiscard]] std::uint64_t memory_peak() const { return memory_peak_; }
  // A command that began at `began` ended. `ended_at` is in seconds since the epoch.
  void ran(const Client& client, const Command& command, Arguments arguments, MonoTime began, MonoTime now,
           std::int64_t ended_at);
  // Its reply, or that of a command which was not run, was an error: "-CODE ...".
  void failed(const Command* command, std::string_view reply);
  void rejected(const Command* command, std::string_view reply);
  void reset();

  // By full names, of those that were used.
  [[nodiscard]] std::map<std::string, const CommandStats*> commands() const;
  [[nodiscard]] const std::map<std::string, std::uint64_t, std::less<>>& errors() const { return errors_; }
  [[nodiscard]] const std::deque<SlowCommand>& slow() const { return slow_; }
  void forget_slow() { slow_.clear(); }
  void set_slow_max(std::size_t most);
  [[nodiscard]] std::size_t slow_max() const { return slow_max_; }
  [[nodiscard]] std::map<std::string, LatencyEvent, std::less<>>& events() { return events_; }

  std::int64_t slower_than = 10'000;  // microseconds that make a command slow; negative: none is
  std::int64_t monitored_from = 0;    // milliseconds that make an event; 0: none
  bool tracks_latencies = true;

 private:
  struct Slot {
    const Command* command = nullptr;
    CommandStats stats;
  };
  static constexpr std::size_t kSlots = 2048;

  CommandStats& stats_of(const Command& command);
  void count_error(std::string_view reply);
  void add_slow(const Client& client, const Command& command, Arguments arguments, std::int64_t microseconds,
                std::int64_t time);
  void add_event(std::string_view name, std::uint32_t milliseconds, std::int64_t time);

  MonoTime last_{};
  MonoTime sampled_{};
  std::uint64_t sampled_commands_ = 0;
  std::uint64_t rate_ = 0;
  std::uint64_t memory_peak_ = 0;
  std::vector<Slot> slots_{kSlots};
  std::map<std::string, std::uint64_t, std::less<>> errors_;
  std::deque<SlowCommand> slow_;  // the latest first
  std::size_t slow_max_ = 128;
  std::uint64_t next_slow_id_ = 0;
  std::map<std::string, LatencyEvent, std::less<>> events_;
};

}  // namespace leat::resp
