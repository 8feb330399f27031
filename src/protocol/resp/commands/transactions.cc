#include "protocol/resp/call.h"
#include "protocol/resp/commands/locks.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

void multi(Call& call) {
  if (call.client.transaction.active) return call.reply.error("ERR MULTI calls can not be nested");
  call.client.transaction.active = true;
  call.reply.ok();
}

void discard(Call& call) {
  if (!call.client.transaction.active) return call.reply.error("ERR DISCARD without MULTI");
  call.executor.abandon_transaction(call.client);
  call.reply.ok();
}

// The first fence among the commands that does not let writes pass; empty: all do.
std::string fences_refusal(Executor& executor, const std::vector<StoredCommand>& queue) {
  for (const StoredCommand& queued : queue) {
    if (!is_fence(queued.command())) continue;
    if (std::string why = fence_refusal(executor, queued.arguments()); !why.empty()) return why;
  }
  return {};
}

// Everything that was queued, as one unit. A command that fails does not keep the others from running, as in Redis.
void exec(Call& call) {
  Client& client = call.client;
  if (!client.transaction.active) return call.reply.error("ERR EXEC without MULTI");
  call.no_effect();  // the commands have theirs
  const bool broken = client.transaction.broken;
  const bool dirty = client.transaction.dirty;
  const std::vector<StoredCommand> queue = std::move(client.transaction.queue);
  if (broken || dirty) {
    call.executor.abandon_transaction(client);
    if (broken) return call.reply.error("EXECABORT Transaction discarded because of previous errors.");
    return call.reply.null_array();
  }
  if (const std::string why = fences_refusal(call.executor, queue); !why.empty()) {
    client.awaits_locks = true;
    call.executor.abandon_transaction(client);
    return call.reply.error(why);
  }
  call.executor.unwatch(client);
  call.reply.array(queue.size());
  for (const StoredCommand& command : queue) call.executor.run_queued(client, command, call.reply);
  call.executor.abandon_transaction(client);
}

void watch(Call& call) {
  if (call.client.transaction.active) return call.reply.error("ERR WATCH inside MULTI is not allowed");
  for (const std::string_view key : call.args.subspan(1)) {
    // One that has expired, but is still there, does not go later because of its time.
    (void)call.database.peek(key);
    call.executor.watches().watch(call.client, call.database.index(), key);
  }
  call.reply.ok();
}

void unwatch(Call& call) {
  call.executor.unwatch(call.client);
  call.reply.ok();
}

constexpr Command kTransactionCommands[] = {
    {.name = "discard",
     .handler = discard,
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = kTransaction,
     .group = "transactions",
     .since = "2.0.0",
     .summary = "Gives up a transaction.",
     .complexity = "O(N),"},
    {.name = "exec",
     .handler = exec,
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kSkipSlowlog,
     .categories = kTransaction,
     .group = "transactions",
     .since = "1.2.0",
     .summary = "Executes all commands of a transaction.",
     .complexity = "Depends"},
    {.name = "multi",
     .handler = multi,
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = kTransaction,
     .group = "transactions",
     .since = "1.2.0",
     .summary = "Begins a transaction.",
     .complexity = "O(1)"},
    {.name = "unwatch",
     .handler = unwatch,
     .arity = 1,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = kTransaction,
     .group = "transactions",
     .since = "2.2.0",
     .summary = "Forgets the keys that are watched.",
     .complexity = "O(1)"},
    {.name = "watch",
     .handler = watch,
     .arity = -2,
     .flags = kNoscript | kLoading | kStale | kFast | kAllowBusy,
     .categories = kTransaction,
     .keys = kRange<kKeyRo, 1, -1>,
     .group = "transactions",
     .since = "2.2.0",
     .summary = "Watches keys: if one changes, the next transaction does nothing.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> transaction_commands() { return kTransactionCommands; }

}  // namespace leat::resp
