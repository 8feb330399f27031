#include "protocol/resp/call.h"
#include "protocol/resp/commands/config.h"
#include "protocol/resp/commands/info.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/version.h"

namespace leat::resp {
namespace {

// Seconds, and microseconds within the second.
void time(Call& call) {
  const std::int64_t now = call.executor.shard().wall_now().value();
  const auto ticks =
      std::chrono::duration_cast<std::chrono::microseconds>(call.executor.shard().now().time_since_epoch()).count() %
      1000;
  call.reply.array(2);
  call.reply.integer_as_bulk(now / 1000);
  call.reply.integer_as_bulk(now % 1000 * 1000 + ticks);
}

void role(Call& call) {
  call.reply.array(3);
  call.reply.bulk("master");
  call.reply.integer(0);
  call.reply.array(0);
}

void lolwut(Call& call) { call.reply.verbatim(fmt::format("leat, which speaks Redis {}\n", kRedisVersion)); }

void lastsave(Call& call) {
  const Snapshotter* snapshotter = call.executor.snapshotter();
  call.reply.integer(snapshotter == nullptr ? 0 : snapshotter->last_taken() / 1000);
}

// The journal is what is saved; writing all keys into it anew makes it short.
bool start_snapshot(Call& call) {
  if (call.executor.request_snapshot()) return true;
  call.reply.error("ERR the journal cannot be written");
  return false;
}

void bgsave(Call& call) {
  if (call.size() > 2 || (call.size() == 2 && !call.is(1, "SCHEDULE"))) return call.reply.error(errors::kSyntax);
  if (start_snapshot(call)) call.reply.simple("Background saving started");
}

void bgrewriteaof(Call& call) {
  if (start_snapshot(call)) call.reply.simple("Background append only file rewriting started");
}

// What is acknowledged is in the journal already.
void save(Call& call) {
  if (start_snapshot(call)) call.reply.ok();
}

constexpr std::string_view kConfigSetTips[] = {"request_policy:all_nodes", "response_policy:all_succeeded"};
constexpr std::string_view kInfoTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                          "response_policy:special"};
constexpr std::string_view kLastsaveTips[] = {"nondeterministic_output"};
constexpr std::string_view kTimeTips[] = {"nondeterministic_output"};

constexpr Command kConfigSubcommands[] = {
    {.name = "resetstat",
     .handler = config_resetstat,
     .arity = 2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .group = "server",
     .since = "2.0.0",
     .summary = "Sets counters back to zero.",
     .complexity = "O(1)"},
    {.name = "help",
     .handler = config_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "rewrite",
     .handler = config_rewrite,
     .arity = 2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .group = "server",
     .since = "2.8.0",
     .summary = "Not offered.",
     .complexity = "O(1)"},
    {.name = "get",
     .handler = config_get,
     .arity = -3,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .group = "server",
     .since = "2.0.0",
     .summary = "Shows settings.",
     .complexity = "O(N)"},
    {.name = "set",
     .handler = config_set,
     .arity = -4,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .tips = kConfigSetTips,
     .group = "server",
     .since = "2.0.0",
     .summary = "Changes settings.",
     .complexity = "O(N)"},
};

constexpr Command kServerCommands[] = {
    {.name = "bgrewriteaof",
     .handler = bgrewriteaof,
     .arity = 1,
     .flags = kAdmin | kNoscript | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .summary = "Shortens the journal in the background.",
     .complexity = "O(1)"},
    {.name = "bgsave",
     .handler = bgsave,
     .arity = -1,
     .flags = kAdmin | kNoscript | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .summary = "Saves data in the background.",
     .complexity = "O(1)"},
    {.name = "config",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kConfigSubcommands,
     .group = "server",
     .since = "2.0.0",
     .summary = "Settings of the server.",
     .complexity = "Depends"},
    {.name = "info",
     .handler = info,
     .arity = -1,
     .flags = kLoading | kStale,
     .categories = kDangerous,
     .tips = kInfoTips,
     .group = "server",
     .since = "1.0.0",
     .summary = "What the server is and does.",
     .complexity = "O(1)"},
    {.name = "lastsave",
     .handler = lastsave,
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .categories = kAdminCategory | kDangerous,
     .tips = kLastsaveTips,
     .group = "server",
     .since = "1.0.0",
     .summary = "When data was last saved.",
     .complexity = "O(1)"},
    {.name = "lolwut",
     .handler = lolwut,
     .arity = -1,
     .flags = kReadonly | kFast,
     .group = "server",
     .since = "5.0.0",
     .summary = "The version, with a smile."},
    {.name = "role",
     .handler = role,
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast,
     .categories = kAdminCategory | kDangerous,
     .group = "server",
     .since = "2.8.12",
     .summary = "Whether it leads or follows.",
     .complexity = "O(1)"},
    {.name = "save",
     .handler = save,
     .arity = 1,
     .flags = kAdmin | kNoscript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "1.0.0",
     .summary = "Saves data.",
     .complexity = "O(N)"},
    {.name = "time",
     .handler = time,
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .tips = kTimeTips,
     .group = "server",
     .since = "2.6.0",
     .summary = "The time of the server.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> server_commands() { return kServerCommands; }

}  // namespace leat::resp
