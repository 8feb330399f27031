#include <algorithm>

#include "keyspace/glob.h"
#include "protocol/resp/commands/generic.h"
#include "protocol/resp/commands/scan_options.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/words.h"

namespace leat::resp {

using keyspace::Entry;

namespace {

bool has_expired(const Call& call, const Entry& entry) {
  const auto when = call.database.expiry(entry);
  return when && *when <= call.keyspace.now();
}

// What a client may wait at most: the clock's range is finite.
constexpr std::int64_t kWaitMax = std::int64_t{1} << 42;

}  // namespace

// A large value is freed later, by another thread (Database::erase): DEL and UNLINK are the same.
void del(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    Entry* entry = call.database.peek(key);
    if (entry == nullptr) continue;
    call.database.erase(*entry);
    call.effect({"DEL", key});
    call.changed(EventClass::generic, "del", key);
    ++count;
  }
  call.reply.integer(count);
}

void unlink_keys(Call& call) { del(call); }

void exists(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    if (call.database.look(key) != nullptr) ++count;
  }
  call.reply.integer(count);
}

void touch(Call& call) {
  std::int64_t count = 0;
  for (const std::string_view key : call.args.subspan(1)) {
    if (call.database.read(key) != nullptr) ++count;
  }
  call.reply.integer(count);
}

void type(Call& call) {
  const Entry* entry = call.database.look(call[1]);
  call.reply.simple(entry == nullptr ? "none" : to_string(entry->type()));
}

void keys(Call& call) {
  const std::string_view pattern = call[1];
  const bool all = pattern == "*";
  const std::size_t begun = call.reply.begin();
  std::size_t count = 0;
  call.database.table().for_each([&](Entry& entry) {
    if ((!all && !keyspace::glob_match(pattern, entry.key())) || has_expired(call, entry)) return;
    call.reply.bulk(entry.key());
    ++count;
  });
  call.reply.end_array(begun, count);
}

void scan(Call& call) {
  const auto cursor = parse_scan_cursor(call, 1);
  if (!cursor) return;
  const auto options = parse_scan_options(call, 2, true);
  if (!options) return;
  std::vector<std::string_view> found;
  const auto scan_table = [&](std::uint64_t from) {
    return call.database.table().scan(from, [&](Entry& entry) { found.push_back(entry.key()); });
  };
  const std::uint64_t next = scan_some(*cursor, *options, scan_table, [&] { return found.size(); });
  std::erase_if(found, [&](std::string_view key) {
    if (!options->matches(key)) return true;
    const Entry* entry = call.database.peek(key);
    if (entry == nullptr || !options->type) return entry == nullptr;
    std::string wanted(*options->type);
    std::ranges::transform(wanted, wanted.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return to_string(entry->type()) != wanted;
  });
  reply_scan(call, next, found);
}

void randomkey(Call& call) {
  while (Entry* entry = call.database.table().random_fair(call.keyspace.random())) {
    if (!has_expired(call, *entry)) return call.reply.bulk(entry->key());
    call.database.expire(*entry);
  }
  call.reply.null();
}

// There are no replicas, so those that are asked for never come.
void wait(Call& call) {
  if (call.is_retry) return call.reply.integer(0);
  const auto replicas = call.integer(1);
  if (!replicas) return;
  const auto timeout = call.integer(2, "ERR timeout is not an integer or out of range");
  if (!timeout) return;
  if (*timeout < 0) return call.reply.error("ERR timeout is negative");
  const Milliseconds longest(std::min(*timeout, kWaitMax));
  if (*replicas <= 0 || !call.block({}, *timeout == 0 ? std::nullopt : std::optional(longest))) call.reply.integer(0);
}

// The disk is the only place: replicas that are asked for never have it.
void waitaof(Call& call) {
  FlushWaits* waits = call.executor.flush_waits();
  const auto reply = [&] {
    // What the transaction did before this has not even been journalled.
    const bool has_more = call.client.transaction.active && !call.keyspace.effects().empty();
    call.reply.array(2);
    call.reply.integer(waits != nullptr && waits->is_flushed(call.client) && !has_more ? 1 : 0);
    call.reply.integer(0);
  };
  if (call.is_retry) {
    if (waits != nullptr) waits->forget(call.client);
    return reply();
  }
  const auto local = call.integer(1);
  if (!local) return;
  if (*local < 0 || *local > 1) return call.reply.error("ERR value is out of range, value must between 0 and 1");
  const auto replicas = call.integer(2);
  if (!replicas) return;
  if (*replicas < 0) return call.reply.error("ERR value is out of range, must be positive");
  const auto timeout = call.integer(3, "ERR timeout is not an integer or out of range");
  if (!timeout) return;
  if (*timeout < 0) return call.reply.error("ERR timeout is negative");
  const bool is_kept = waits != nullptr && call.executor.durability(call.client.database) != Durability::none;
  if (*local > 0 && !is_kept)
    return call.reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
  const bool is_done = *replicas == 0 && (*local == 0 || waits->is_flushed(call.client));
  const Milliseconds longest(std::min(*timeout, kWaitMax));
  if (is_done || !call.block({}, *timeout == 0 ? std::nullopt : std::optional(longest))) return reply();
  if (*local > 0) waits->wait(call.client, *replicas == 0);
}

}  // namespace leat::resp
