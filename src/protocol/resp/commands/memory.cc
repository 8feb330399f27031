#include <malloc.h>

#include "protocol/resp/call.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

void memory_help(Call& call) { reply_help(call); }

// A key's part of the tables.
constexpr std::size_t kTableBytes = 2 * sizeof(void*);
constexpr std::size_t kExpiryBytes = 3 * sizeof(void*);

// Everything is counted, not sampled.
void memory_usage(Call& call) {
  for (std::size_t i = 3; i < call.size(); i += 2) {
    if (!call.is(i, "SAMPLES") || i + 1 == call.size()) return call.reply.error(errors::kSyntax);
    const auto samples = call.integer(i + 1);
    if (!samples) return;
    if (*samples < 0) return call.reply.error(errors::kSyntax);
  }
  const keyspace::Entry* entry = call.database.peek(call[2]);
  if (entry == nullptr) return call.reply.null();
  call.reply.integer(
      static_cast<std::int64_t>(entry->memory() + kTableBytes + (entry->has_expiry() ? kExpiryBytes : 0)));
}

void memory_purge(Call& call) {
  ::malloc_trim(0);
  call.reply.ok();
}

void memory_malloc_stats(Call& call) {
  const struct mallinfo2 info = ::mallinfo2();
  call.reply.verbatim(fmt::format("libc: arena {} bytes, in use {}, free {}, mapped {}\n", info.arena, info.uordblks,
                                  info.fordblks, info.hblkhd));
}

void memory_doctor(Call& call) {
  const std::uint64_t used = call.executor.memory_used();
  const std::uint64_t most = call.executor.settings().memory_max;
  if (most > 0 && used > most / 10 * 9)
    return call.reply.verbatim(fmt::format("Memory is almost full: {} of {} bytes are used.\n", used, most));
  call.reply.verbatim(fmt::format("{} bytes are used, and nothing is wrong.\n", used));
}

void memory_stats(Call& call) {
  Executor& executor = call.executor;
  const auto used = static_cast<std::int64_t>(executor.memory_used());
  const auto clients = static_cast<std::int64_t>(executor.outputs().memory());
  const std::size_t begun = call.reply.begin();
  std::size_t fields = 0;
  const auto add = [&](std::string_view name, std::int64_t value) {
    call.reply.bulk(name);
    call.reply.integer(value);
    ++fields;
  };
  add("total.allocated", used);
  add("replication.backlog", 0);
  add("clients.slaves", 0);
  add("clients.normal", clients);
  add("cluster.links", 0);
  add("aof.buffer", 0);
  std::int64_t overhead = clients;
  std::int64_t keys = 0;
  for (std::uint32_t i = 0; i < call.keyspace.databases(); ++i) {
    const keyspace::Database& database = call.keyspace.database(i);
    if (database.size() == 0) continue;
    const auto tables = static_cast<std::int64_t>(database.overhead());
    const auto expiries = static_cast<std::int64_t>(database.expiries().memory());
    call.reply.bulk(fmt::format("db.{}", i));
    call.reply.map(2);
    call.reply.bulk("overhead.hashtable.main");
    call.reply.integer(tables - expiries);
    call.reply.bulk("overhead.hashtable.expires");
    call.reply.integer(expiries);
    ++fields;
    overhead += tables;
    keys += static_cast<std::int64_t>(database.size());
  }
  const std::int64_t data = std::max<std::int64_t>(used - overhead, 0);
  add("overhead.total", overhead);
  add("keys.count", keys);
  add("keys.bytes-per-key", keys == 0 ? 0 : data / keys);
  add("dataset.bytes", data);
  call.reply.bulk("dataset.percentage");
  call.reply.real(used == 0 ? 0 : 100.0 * static_cast<double>(data) / static_cast<double>(used));
  ++fields;
  call.reply.end_map(begun, fields);
}

constexpr std::string_view kMemoryPurgeTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kMemoryDoctorTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                                  "response_policy:special"};
constexpr std::string_view kMemoryMallocStatsTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                                       "response_policy:special"};
constexpr std::string_view kMemoryStatsTips[] = {"nondeterministic_output", "request_policy:all_shards",
                                                 "response_policy:special"};
constexpr Command kMemorySubcommands[] = {
    {.name = "purge",
     .handler = memory_purge,
     .arity = 2,
     .tips = kMemoryPurgeTips,
     .group = "server",
     .since = "4.0.0",
     .summary = "Gives unused memory back.",
     .complexity = "Depends"},
    {.name = "help",
     .handler = memory_help,
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "4.0.0",
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "doctor",
     .handler = memory_doctor,
     .arity = 2,
     .tips = kMemoryDoctorTips,
     .group = "server",
     .since = "4.0.0",
     .summary = "Says whether memory is a problem.",
     .complexity = "O(1)"},
    {.name = "usage",
     .handler = memory_usage,
     .arity = -3,
     .flags = kReadonly,
     .keys = kRange<kKeyRo, 2>,
     .group = "server",
     .since = "4.0.0",
     .summary = "The bytes that a key takes.",
     .complexity = "O(N)"},
    {.name = "malloc-stats",
     .handler = memory_malloc_stats,
     .arity = 2,
     .tips = kMemoryMallocStatsTips,
     .group = "server",
     .since = "4.0.0",
     .summary = "What the allocator tells.",
     .complexity = "Depends"},
    {.name = "stats",
     .handler = memory_stats,
     .arity = 2,
     .tips = kMemoryStatsTips,
     .group = "server",
     .since = "4.0.0",
     .summary = "The bytes that everything takes.",
     .complexity = "O(1)"},
};

constexpr Command kMemoryCommands[] = {
    {.name = "memory",
     .handler = nullptr,
     .arity = -2,
     .subcommands = kMemorySubcommands,
     .group = "server",
     .since = "4.0.0",
     .summary = "What memory is used for.",
     .complexity = "Depends"},
};

}  // namespace

std::span<const Command> memory_commands() { return kMemoryCommands; }

}  // namespace leat::resp
