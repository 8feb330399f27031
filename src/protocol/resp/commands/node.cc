#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"
#include "protocol/resp/scripting/scripting.h"

namespace leat::resp {
namespace {

void module_help(Call& call) { reply_help(call); }
void module_list(Call& call) { call.reply.array(0); }
void no_modules(Call& call) { call.reply.error("ERR MODULE command not allowed. leat loads no modules."); }

void no_replicas(Call& call) { call.reply.error("ERR leat has no replicas of this kind"); }

void replconf(Call& call) {
  if (call.size() % 2 == 0) return call.reply.error(errors::kSyntax);
  no_replicas(call);
}

// A node that leads stays one.
void replicaof(Call& call) {
  if (call.is(1, "NO") && call.is(2, "ONE")) return call.reply.ok();
  const auto port = keyspace::parse_integer(call[2]);
  if (!port || *port < 0 || *port > 65535) return call.reply.error("ERR Invalid master port");
  call.reply.error("ERR leat does not replicate other servers");
}

void failover(Call& call) {
  if (call.size() == 2 && call.is(1, "ABORT")) return call.reply.error("ERR No failover in progress.");
  call.reply.error("ERR FAILOVER requires connected replicas.");
}

void shutdown(Call& call) {
  bool saves = false;
  bool saves_not = false;
  for (std::size_t i = 1; i < call.size(); ++i) {
    if (call.is(i, "SAVE")) {
      saves = true;
    } else if (call.is(i, "NOSAVE")) {
      saves_not = true;
    } else if (call.is(i, "ABORT") && call.size() == 2) {
      return call.reply.error("ERR No shutdown in progress.");
    } else if (!call.is(i, "NOW") && !call.is(i, "FORCE")) {
      return call.reply.error(errors::kSyntax);
    }
  }
  if (saves && saves_not) return call.reply.error(errors::kSyntax);
  if (call.executor.is_suspended() && !saves_not) return call.reply.error(call.executor.scripting().busy_reply());
  if (!call.executor.settings().request_stop) return call.reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
  call.executor.settings().request_stop();
  call.executor.end(call.client);
}

void debug_object(Call& call) {
  const keyspace::Entry* entry = call.database.look(call[2]);
  if (entry == nullptr) return call.reply.error(errors::kNoSuchKey);
  call.reply.simple(fmt::format("Value at:0x0 refcount:1 serializedlength:{} lru:{} lru_seconds_idle:{}",
                                entry->memory(), entry->clock(),
                                keyspace::idle_seconds(entry->clock(), call.keyspace.now())));
}

// Only the client waits that asks for it.
void debug_sleep(Call& call) {
  if (call.timed_out) return call.reply.ok();
  const auto seconds = call.real(2);
  if (!seconds) return;
  const double milliseconds = std::min(std::max(*seconds * 1000, 1.0), 1e12);
  if (!call.block(Arguments{}, Milliseconds(static_cast<std::int64_t>(milliseconds)))) call.reply.ok();
}

void debug(Call& call) {
  if (call.is(1, "SLEEP") && call.size() == 3) return debug_sleep(call);
  if (call.is(1, "OBJECT") && call.size() == 3) return debug_object(call);
  if (call.is(1, "SET-ACTIVE-EXPIRE") && call.size() == 3) {
    if (call[2] == "1") return call.reply.ok();
    return call.reply.error("ERR leat always removes keys whose time has come");
  }
  call.reply.error(
      fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.", call[1]));
}

constexpr std::string_view kModuleListTips[] = {"nondeterministic_output_order"};
constexpr Command kModuleSubcommands[] = {
    {.name = "load",
     .handler = no_modules,
     .arity = -3,
     .flags = kAdmin | kNoscript | kNoAsyncLoading,
     .group = "server",
     .since = "4.0.0",
     .summary = "Not offered.",
     .complexity = "O(1)"},
    {.name = "list",
     .handler = module_list,
     .arity = 2,
     .flags = kAdmin | kNoscript,
     .tips = kModuleListTips,
     .group = "server",
     .since = "4.0.0",
     .summary = "Lists modules: there are none.",
     .complexity = "O(N)"},
    {.name = "help",
     .handler = module_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "5.0.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "loadex",
     .handler = no_modules,
     .arity = -3,
     .flags = kAdmin | kNoscript | kNoAsyncLoading,
     .group = "server",
     .since = "7.0.0",
     .summary = "Not offered.",
     .complexity = "O(1)"},
    {.name = "unload",
     .handler = no_modules,
     .arity = 3,
     .flags = kAdmin | kNoscript | kNoAsyncLoading,
     .group = "server",
     .since = "4.0.0",
     .summary = "Not offered.",
     .complexity = "O(1)"},
};

constexpr KeySpec kMigrateKeys[] = {
    {.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 3},
    {.flags = kKeyRw | kKeyAccess | kKeyDelete | kKeyIncomplete, .keyword = "KEYS", .index = -2, .last = -1}};
constexpr std::string_view kMigrateTips[] = {"nondeterministic_output"};

constexpr Command kNodeCommands[] = {
    {.name = "debug",
     .handler = debug,
     .arity = -2,
     .flags = kAdmin | kNoscript | kLoading | kStale,
     .group = "server",
     .since = "1.0.0",
     .summary = "Helps tests of clients.",
     .complexity = "Depends"},
    {.name = "failover",
     .handler = failover,
     .arity = -1,
     .flags = kAdmin | kNoscript | kStale,
     .group = "server",
     .since = "6.2.0",
     .summary = "Not possible: there are no replicas.",
     .complexity = "O(1)"},
    {.name = "migrate",
     .handler = migrate,
     .arity = -6,
     .flags = kWrite | kMovableKeys,
     .categories = kDangerous | kKeyspace,
     .keys = kMigrateKeys,
     .tips = kMigrateTips,
     .group = "generic",
     .since = "2.6.0",
     .summary = "Moves keys to another server.",
     .complexity = "O(N)"},
    {.name = "module",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kModuleSubcommands,
     .group = "server",
     .since = "4.0.0",
     .summary = "Modules, which are not offered.",
     .complexity = "Depends"},
    {.name = "psync",
     .handler = no_replicas,
     .arity = -3,
     .flags = kAdmin | kNoscript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "2.8.0",
     .summary = "Not offered."},
    {.name = "replconf",
     .handler = replconf,
     .arity = -1,
     .flags = kAdmin | kNoscript | kLoading | kStale | kAllowBusy,
     .group = "server",
     .since = "3.0.0",
     .summary = "Not offered.",
     .complexity = "O(1)"},
    {.name = "replicaof",
     .handler = replicaof,
     .arity = 3,
     .flags = kAdmin | kNoscript | kStale | kNoAsyncLoading,
     .group = "server",
     .since = "5.0.0",
     .summary = "Leads no other server and follows none.",
     .complexity = "O(1)"},
    {.name = "shutdown",
     .handler = shutdown,
     .arity = -1,
     .flags = kAdmin | kNoscript | kLoading | kStale | kNoMulti | kAllowBusy,
     .group = "server",
     .since = "1.0.0",
     .summary = "Ends the server.",
     .complexity = "O(N)"},
    {.name = "slaveof",
     .handler = replicaof,
     .arity = 3,
     .flags = kAdmin | kNoscript | kStale | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .summary = "The old name of REPLICAOF.",
     .complexity = "O(1)"},
    {.name = "sync",
     .handler = no_replicas,
     .arity = 1,
     .flags = kAdmin | kNoscript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "1.0.0",
     .summary = "Not offered."},
};

}  // namespace

std::span<const Command> node_commands() { return kNodeCommands; }

}  // namespace leat::resp
