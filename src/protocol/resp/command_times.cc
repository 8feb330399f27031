#include "protocol/resp/command_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>

#include "protocol/resp/acl/command_ids.h"
#include "protocol/resp/client.h"
#include "protocol/resp/monitor.h"

namespace leat::resp {
namespace {

constexpr std::size_t kSlowWords = 32;
constexpr std::size_t kSlowWordSize = 128;
constexpr std::size_t kSamples = 160;
constexpr std::int64_t kSampleMilliseconds = 1000;

std::vector<std::string> shortened(Arguments arguments) {
  const bool is_cut = arguments.size() > kSlowWords;
  std::vector<std::string> words;
  for (const std::string_view word : arguments.first(is_cut ? kSlowWords - 1 : arguments.size())) {
    words.emplace_back(word.substr(0, kSlowWordSize));
    if (word.size() > kSlowWordSize) words.back() += fmt::format("... ({} more bytes)", word.size() - kSlowWordSize);
  }
  if (is_cut) words.push_back(fmt::format("... ({} more arguments)", arguments.size() - kSlowWords + 1));
  return words;
}

}  // namespace

std::size_t LatencyHistogram::bucket(std::uint64_t value) {
  value = std::min(value, kMax);
  if (value < (std::uint64_t{1} << kFineBits)) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kFineBits;
  return (static_cast<std::size_t>(shift + 1) << kFineBits) + ((value >> shift) & ((1U << kFineBits) - 1));
}

std::uint64_t LatencyHistogram::limit(std::size_t bucket) {
  constexpr std::uint64_t kFine = std::uint64_t{1} << kFineBits;
  if (bucket < kFine) return bucket;
  const std::size_t shift = (bucket >> kFineBits) - 1;
  return ((kFine + (bucket & (kFine - 1)) + 1) << shift) - 1;
}

std::uint64_t LatencyHistogram::total() const {
  std::uint64_t total = 0;
  for (const std::uint32_t count : counts_) total += count;
  return total;
}

std::uint64_t LatencyHistogram::percentile(double percent) const {
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(total()) * percent / 100 + 0.5);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen > 0 && seen >= wanted) return limit(i);
  }
  return kMax;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> LatencyHistogram::by_microseconds() const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> result;
  std::uint64_t seen = 0;
  std::uint64_t told = 0;
  std::uint64_t edge = 1;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    while (limit(i) > edge * 1000) {
      if (seen > told) result.emplace_back(edge, told = seen);
      edge *= 2;
    }
    seen += counts_[i];
  }
  if (seen > told) result.emplace_back(edge, seen);
  return result;
}

CommandStats& CommandTimes::stats_of(const Command& command) {
  const auto address = reinterpret_cast<std::uintptr_t>(&command);
  for (std::size_t at = (address / sizeof(void*)) * 0x9E3779B97F4A7C15 >> 40;; ++at) {
    Slot& slot = slots_[at % kSlots];
    if (slot.command == nullptr) slot.command = &command;
    if (slot.command == &command) return slot.stats;
  }
}

void CommandTimes::ran(const Client& client, const Command& command, Arguments arguments, MonoTime began, MonoTime now,
                       std::int64_t ended_at) {
  last_ = now;
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now - began).count();
  CommandStats& stats = stats_of(command);
  ++stats.calls;
  stats.nanoseconds += static_cast<std::uint64_t>(nanoseconds);
  if (client.is_blocked()) return;
  if (tracks_latencies) {
    if (stats.latencies == nullptr) stats.latencies = std::make_unique<LatencyHistogram>();
    stats.latencies->add(static_cast<std::uint64_t>(nanoseconds));
  }
  const std::int64_t microseconds = nanoseconds / 1000;
  if (slower_than >= 0 && microseconds >= slower_than) [[unlikely]]
    add_slow(client, command, arguments, microseconds, ended_at);
  if (monitored_from > 0 && microseconds / 1000 >= monitored_from) [[unlikely]]
    add_event(command.is(kFast) ? "fast-command" : "command", static_cast<std::uint32_t>(microseconds / 1000),
              ended_at);
}

void CommandTimes::sample(std::uint64_t commands, std::uint64_t memory) {
  memory_peak_ = std::max(memory_peak_, memory);
  const auto since = std::chrono::duration_cast<Milliseconds>(last_ - sampled_).count();
  if (since < kSampleMilliseconds) return;
  rate_ = (commands - sampled_commands_) * 1000 / static_cast<std::uint64_t>(since);
  sampled_ = last_;
  sampled_commands_ = commands;
}

void CommandTimes::count_error(std::string_view reply) {
  reply.remove_prefix(1);
  ++errors_[std::string(reply.substr(0, reply.find_first_of(" \r")))];
}

void CommandTimes::failed(const Command* command, std::string_view reply) {
  if (command != nullptr) ++stats_of(*command).failed;
  count_error(reply);
}

void CommandTimes::rejected(const Command* command, std::string_view reply) {
  if (command != nullptr) ++stats_of(*command).rejected;
  count_error(reply);
}

void CommandTimes::reset() {
  for (Slot& slot : slots_) slot = Slot{};
  errors_.clear();
}

std::map<std::string, const CommandStats*> CommandTimes::commands() const {
  std::map<std::string, const CommandStats*> found;
  for (const Slot& slot : slots_) {
    if (slot.command == nullptr) continue;
    if (const auto id = ruled_command_id(*slot.command)) found.emplace(ruled_commands()[*id].name, &slot.stats);
  }
  return found;
}

void CommandTimes::add_slow(const Client& client, const Command& command, Arguments arguments,
                            std::int64_t microseconds, std::int64_t time) {
  if (command.is(kSkipSlowlog)) return;
  slow_.push_front({.id = next_slow_id_++,
                    .time = time,
                    .microseconds = microseconds,
                    .words = shortened(redacted(command, arguments)),
                    .peer = client.peer,
                    .client_name = client.name});
  set_slow_max(slow_max_);
}

void CommandTimes::set_slow_max(std::size_t most) {
  slow_max_ = most;
  if (slow_.size() > most) slow_.resize(most);
}

// Of one second, the longest is kept.
void CommandTimes::add_event(std::string_view name, std::uint32_t milliseconds, std::int64_t time) {
  LatencyEvent& event = events_[std::string(name)];
  event.most = std::max(event.most, milliseconds);
  if (!event.samples.empty() && event.samples.back().time == time) {
    LatencyEvent::Sample& last = event.samples.back();
    last.milliseconds = std::max(last.milliseconds, milliseconds);
    return;
  }
  event.samples.push_back({time, milliseconds});
  if (event.samples.size() > kSamples) event.samples.pop_front();
}

}  // namespace leat::resp
