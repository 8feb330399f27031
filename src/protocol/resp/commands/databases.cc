#include <limits>

#include "keyspace/numbers.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/database_argument.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::Database;

void dbsize(Call& call) { call.reply.integer(static_cast<std::int64_t>(call.database.size())); }

// SYNC and ASYNC are the same: many keys are freed later (Database::clear), by another thread.
bool parse_flush(Call& call) {
  if (call.size() == 1 || (call.size() == 2 && (call.is(1, "SYNC") || call.is(1, "ASYNC")))) return true;
  call.reply.error(errors::kSyntax);
  return false;
}

void flush(Call& call, Database& database) {
  call.no_effect();
  if (database.size() == 0) return;
  call.executor.watches().touch_if(database.index(),
                                   [&](std::string_view key) { return database.table().peek(key) != nullptr; });
  call.keyspace.count_changes(database.size());
  database.clear();
  call.executor.blocking().database_changed(database.index());
  call.executor.migrations().database_changed(database.index());
  call.effect(database.index(), {"FLUSHDB"});
}

void flushdb(Call& call) {
  if (!parse_flush(call)) return;
  flush(call, call.database);
  call.executor.tracking().flushed();
  call.reply.ok();
}

void flushall(Call& call) {
  if (!parse_flush(call)) return;
  for (std::uint32_t i = 0; i < call.keyspace.databases(); ++i) flush(call, call.keyspace.database(i));
  call.executor.tracking().flushed();
  call.reply.ok();
}

std::optional<std::int64_t> parse_index(Call& call, std::size_t argument, std::string_view error) {
  const auto index = keyspace::parse_integer(call[argument]);
  if (index && *index >= std::numeric_limits<int>::min() && *index <= std::numeric_limits<int>::max()) return index;
  call.reply.error(error);
  return std::nullopt;
}

void swapdb(Call& call) {
  const auto first = parse_index(call, 1, "ERR invalid first DB index");
  if (!first) return;
  const auto second = parse_index(call, 2, "ERR invalid second DB index");
  if (!second) return;
  const std::int64_t count = call.keyspace.databases();
  if (*first < 0 || *first >= count || *second < 0 || *second >= count)
    return call.reply.error("ERR DB index is out of range");
  Database& one = call.keyspace.database(static_cast<std::uint32_t>(*first));
  Database& other = call.keyspace.database(static_cast<std::uint32_t>(*second));
  const Durability durability = call.executor.durability(one.index());
  if (durability != call.executor.durability(other.index()))
    return call.reply.error("ERR databases of different durability cannot be swapped");
  call.reply.ok();
  if (*first == *second) return;
  const auto is_in_either = [&](std::string_view key) {
    return one.table().peek(key) != nullptr || other.table().peek(key) != nullptr;
  };
  for (const Database* database : {&one, &other}) call.executor.watches().touch_if(database->index(), is_in_either);
  one.swap(other);
  call.executor.databases_moved();
  for (const Database* database : {&one, &other}) {
    call.executor.blocking().database_changed(database->index());
    call.executor.migrations().database_changed(database->index());
  }
  call.keyspace.count_changes(1);
  call.effect(one.index(), {"SWAPDB", call[1], call[2]});
}

constexpr std::string_view kDbsizeTips[] = {"request_policy:all_shards", "response_policy:agg_sum"};
constexpr std::string_view kFlushallTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};
constexpr std::string_view kFlushdbTips[] = {"request_policy:all_shards", "response_policy:all_succeeded"};

constexpr Command kDatabaseCommands[] = {
    {.name = "dbsize",
     .handler = dbsize,
     .arity = 1,
     .flags = kReadonly | kFast,
     .categories = kKeyspace,
     .tips = kDbsizeTips,
     .group = "server",
     .since = "1.0.0",
     .summary = "Tells how many keys the database has.",
     .complexity = "O(1)"},
    {.name = "flushall",
     .handler = flushall,
     .arity = -1,
     .flags = kWrite,
     .categories = kDangerous | kKeyspace,
     .tips = kFlushallTips,
     .group = "server",
     .since = "1.0.0",
     .summary = "Deletes all keys of all databases.",
     .complexity = "O(N)"},
    {.name = "flushdb",
     .handler = flushdb,
     .arity = -1,
     .flags = kWrite,
     .categories = kDangerous | kKeyspace,
     .tips = kFlushdbTips,
     .group = "server",
     .since = "1.0.0",
     .summary = "Deletes all keys of the database.",
     .complexity = "O(N)"},
    {.name = "swapdb",
     .handler = swapdb,
     .arity = 3,
     .flags = kWrite | kFast,
     .categories = kDangerous | kKeyspace,
     .group = "server",
     .since = "4.0.0",
     .summary = "Lets two databases change places.",
     .complexity = "O(N)"},
};

}  // namespace

keyspace::Database* find_database(Call& call, std::string_view number) {
  const auto index = keyspace::parse_integer(number);
  if (!index) {
    call.reply.error(errors::kNotInteger);
  } else if (*index < std::numeric_limits<int>::min() || *index > std::numeric_limits<int>::max()) {
    call.reply.error("ERR value is out of range, value must between -2147483648 and 2147483647");
  } else if (*index < 0 || *index >= call.keyspace.databases()) {
    call.reply.error("ERR DB index is out of range");
  } else {
    return &call.keyspace.database(static_cast<std::uint32_t>(*index));
  }
  return nullptr;
}

std::span<const Command> database_commands() { return kDatabaseCommands; }

}  // namespace leat::resp
