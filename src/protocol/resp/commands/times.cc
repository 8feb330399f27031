#include <algorithm>

#include "protocol/resp/acl/command_ids.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

void slowlog_help(Call& call) { reply_help(call); }

void slowlog_len(Call& call) { call.reply.integer(static_cast<std::int64_t>(call.executor.times().slow().size())); }

void slowlog_reset(Call& call) {
  call.executor.times().forget_slow();
  call.reply.ok();
}

void slowlog_get(Call& call) {
  const auto& slow = call.executor.times().slow();
  std::size_t count = 10;
  if (call.size() > 3) {
    return call.reply.error(
        fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try SLOWLOG HELP.", call[1]));
  }
  if (call.size() == 3) {
    constexpr std::string_view kRange = "ERR count should be greater than or equal to -1";
    const auto wanted = call.integer(2, kRange);
    if (!wanted) return;
    if (*wanted < -1) return call.reply.error(kRange);
    count = *wanted == -1 ? slow.size() : static_cast<std::size_t>(*wanted);
  }
  count = std::min(count, slow.size());
  call.reply.array(count);
  for (std::size_t i = 0; i < count; ++i) {
    const SlowCommand& entry = slow[i];
    call.reply.array(6);
    call.reply.integer(static_cast<std::int64_t>(entry.id));
    call.reply.integer(entry.time);
    call.reply.integer(entry.microseconds);
    call.reply.array(entry.words.size());
    for (const std::string& word : entry.words) call.reply.bulk(word);
    call.reply.bulk(entry.peer);
    call.reply.bulk(entry.client_name);
  }
}

void latency_help(Call& call) { reply_help(call); }

void latency_latest(Call& call) {
  const auto& events = call.executor.times().events();
  call.reply.array(events.size());
  for (const auto& [name, event] : events) {
    call.reply.array(4);
    call.reply.bulk(name);
    call.reply.integer(event.samples.back().time);
    call.reply.integer(event.samples.back().milliseconds);
    call.reply.integer(event.most);
  }
}

void latency_history(Call& call) {
  const auto& events = call.executor.times().events();
  const auto found = events.find(call[2]);
  if (found == events.end()) return call.reply.array(0);
  call.reply.array(found->second.samples.size());
  for (const LatencyEvent::Sample& sample : found->second.samples) {
    call.reply.array(2);
    call.reply.integer(sample.time);
    call.reply.integer(sample.milliseconds);
  }
}

void latency_reset(Call& call) {
  auto& events = call.executor.times().events();
  std::size_t removed = 0;
  if (call.size() == 2) {
    removed = events.size();
    events.clear();
  }
  for (const std::string_view name : call.args.subspan(2)) {
    const auto found = events.find(name);
    if (found == events.end()) continue;
    events.erase(found);
    ++removed;
  }
  call.reply.integer(static_cast<std::int64_t>(removed));
}

// A line for each sample, with a bar as long as its share of the longest.
void latency_graph(Call& call) {
  const auto& events = call.executor.times().events();
  const auto found = events.find(call[2]);
  if (found == events.end()) return call.reply.error(fmt::format("ERR No samples available for event '{}'", call[2]));
  constexpr std::size_t kBar = 60;
  const LatencyEvent& event = found->second;
  std::string text =
      fmt::format("{} - high {} ms (all time high {} ms)\n", found->first,
                  std::ranges::max(event.samples, {}, &LatencyEvent::Sample::milliseconds).milliseconds, event.most);
  for (const LatencyEvent::Sample& sample : event.samples) {
    const std::size_t length = std::max<std::size_t>(kBar * sample.milliseconds / std::max(event.most, 1U), 1);
    text += fmt::format("{:>8}s ago {:>8} ms {}\n", call.keyspace.now() / 1000 - sample.time, sample.milliseconds,
                        std::string(length, '#'));
  }
  call.reply.verbatim(text);
}

void latency_doctor(Call& call) {
  CommandTimes& times = call.executor.times();
  if (times.monitored_from == 0) {
    return call.reply.verbatim(
        "Latency is not monitored: CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n");
  }
  if (times.events().empty()) return call.reply.verbatim("Nothing has taken longer than the threshold.\n");
  std::string text;
  for (const auto& [name, event] : times.events())
    text += fmt::format("{}: {} samples, the longest took {} ms.\n", name, event.samples.size(), event.most);
  call.reply.verbatim(text + "SLOWLOG GET shows which commands are slow.\n");
}

void reply_histogram(Reply& reply, const std::string& name, const LatencyHistogram& latencies) {
  reply.bulk(name);
  reply.map(2);
  reply.bulk("calls");
  reply.integer(static_cast<std::int64_t>(latencies.total()));
  reply.bulk("histogram_usec");
  const auto buckets = latencies.by_microseconds();
  reply.map(buckets.size());
  for (const auto& [microseconds, count] : buckets) {
    reply.integer(static_cast<std::int64_t>(microseconds));
    reply.integer(static_cast<std::int64_t>(count));
  }
}

void latency_histogram(Call& call) {
  const auto all = call.executor.times().commands();
  const std::size_t begun = call.reply.begin();
  std::size_t count = 0;
  const auto add = [&](const std::string& name, const CommandStats& stats) {
    if (stats.latencies == nullptr) return;
    reply_histogram(call.reply, name, *stats.latencies);
    ++count;
  };
  if (call.size() == 2) {
    for (const auto& [name, stats] : all) add(name, *stats);
  }
  for (const std::string_view wanted : call.args.subspan(2)) {
    std::string name(wanted);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::string prefix = name + '|';
    for (const auto& [known, stats] : all) {
      if (known == name || known.starts_with(prefix)) add(known, *stats);
    }
  }
  call.reply.end_map(begun, count);
}

constexpr std::string_view kSlowlogLenTips[] = {"request_policy:all_nodes", "response_policy:agg_sum",
                                                "nondeterministic_output"};
constexpr std::string_view kSlowlogResetTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};
constexpr std::string_view kSlowlogGetTips[] = {"request_policy:all_nodes", "nondeterministic_output"};
constexpr std::string_view kLatencyGraphTips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                                  "response_policy:special"};
constexpr std::string_view kLatencyResetTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};
constexpr std::string_view kLatencyDoctorTips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                                   "response_policy:special"};
constexpr std::string_view kLatencyLatestTips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                                   "response_policy:special"};
constexpr std::string_view kLatencyHistogramTips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                                      "response_policy:special"};
constexpr std::string_view kLatencyHistoryTips[] = {"nondeterministic_output", "request_policy:all_nodes",
                                                    "response_policy:special"};
constexpr Command kSlowlogSubcommands[] = {
    {.name = "len",
     .handler = slowlog_len,
     .arity = 2,
     .flags = kAdmin | kLoading | kStale,
     .tips = kSlowlogLenTips,
     .group = "server",
     .since = "2.2.12",
     .summary = "How many slow commands are kept.",
     .complexity = "O(1)"},
    {.name = "reset",
     .handler = slowlog_reset,
     .arity = 2,
     .flags = kAdmin | kLoading | kStale,
     .tips = kSlowlogResetTips,
     .group = "server",
     .since = "2.2.12",
     .summary = "Forgets slow commands.",
     .complexity = "O(N)"},
    {.name = "help",
     .handler = slowlog_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "6.2.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "get",
     .handler = slowlog_get,
     .arity = -2,
     .flags = kAdmin | kLoading | kStale,
     .tips = kSlowlogGetTips,
     .group = "server",
     .since = "2.2.12",
     .summary = "Shows slow commands.",
     .complexity = "O(N)"},
};
constexpr Command kLatencySubcommands[] = {
    {.name = "graph",
     .handler = latency_graph,
     .arity = 3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kLatencyGraphTips,
     .group = "server",
     .since = "2.8.13",
     .summary = "Draws the samples of an event.",
     .complexity = "O(1)"},
    {.name = "reset",
     .handler = latency_reset,
     .arity = -2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kLatencyResetTips,
     .group = "server",
     .since = "2.8.13",
     .summary = "Forgets samples.",
     .complexity = "O(1)"},
    {.name = "doctor",
     .handler = latency_doctor,
     .arity = 2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kLatencyDoctorTips,
     .group = "server",
     .since = "2.8.13",
     .summary = "Says what the samples mean.",
     .complexity = "O(1)"},
    {.name = "help",
     .handler = latency_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "2.8.13",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "latest",
     .handler = latency_latest,
     .arity = 2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kLatencyLatestTips,
     .group = "server",
     .since = "2.8.13",
     .summary = "The latest sample of each event.",
     .complexity = "O(1)"},
    {.name = "histogram",
     .handler = latency_histogram,
     .arity = -2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kLatencyHistogramTips,
     .group = "server",
     .since = "7.0.0",
     .summary = "How often commands took how long.",
     .complexity = "O(N)"},
    {.name = "history",
     .handler = latency_history,
     .arity = 3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kLatencyHistoryTips,
     .group = "server",
     .since = "2.8.13",
     .summary = "The samples of an event.",
     .complexity = "O(1)"},
};

constexpr Command kTimeCommands[] = {
    {.name = "slowlog",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kSlowlogSubcommands,
     .group = "server",
     .since = "2.2.12",
     .summary = "Commands that took long.",
     .complexity = "Depends"},
    {.name = "latency",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kLatencySubcommands,
     .group = "server",
     .since = "2.8.13",
     .summary = "What takes long.",
     .complexity = "Depends"},
};

}  // namespace

std::span<const Command> time_commands() { return kTimeCommands; }

}  // namespace leat::resp
