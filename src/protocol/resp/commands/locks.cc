#include "protocol/resp/commands/locks.h"

#include <optional>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::LockHolder;
using keyspace::LockToken;

constexpr std::string_view kBadToken = "ERR token is not an integer or out of range";
constexpr std::string_view kBadTtl = "ERR invalid TTL: milliseconds above 0, and at most a year";
constexpr std::string_view kBadWait = "ERR invalid WAIT: milliseconds, and at most a year";
constexpr std::int64_t kYear = std::int64_t{365} * 24 * 3600 * 1000;
constexpr std::size_t kKeysMax = 1024;

// False: locks cannot be used now, which is the reply. Otherwise the reply waits until what it tells is committed.
bool begin(Call& call) {
  if (const std::string why = call.executor.locks().unavailable(); !why.empty()) {
    call.reply.error(why);
    return false;
  }
  call.client.awaits_locks = true;
  return true;
}

std::optional<Milliseconds> milliseconds(Call& call, std::size_t index, std::int64_t least, std::string_view error) {
  const auto given = index < call.size() ? keyspace::parse_integer(call[index]) : std::nullopt;
  if (given && *given >= least && *given <= kYear) return Milliseconds(*given);
  call.reply.error(error);
  return std::nullopt;
}

struct Acquisition {
  Locks::Request request;
  Milliseconds wait{};
};

// nullopt: the words make no sense, which is the reply.
std::optional<Acquisition> parse_acquisition(Call& call) {
  Acquisition acquisition;
  std::size_t at = 2;
  while (at < call.size() && !call.is(at, "TTL")) ++at;
  acquisition.request.keys = call.args.subspan(1, at - 1);
  if (at - 1 > kKeysMax) {
    call.reply.error(fmt::format("ERR more than {} keys", kKeysMax));
    return std::nullopt;
  }
  const auto ttl = milliseconds(call, at + 1, 1, at < call.size() ? kBadTtl : errors::kSyntax);
  if (!ttl) return std::nullopt;
  acquisition.request.ttl = *ttl;
  for (at += 2; at < call.size(); ++at) {
    if (call.is(at, "WAIT")) {
      const auto wait = milliseconds(call, ++at, 0, kBadWait);
      if (!wait) return std::nullopt;
      acquisition.wait = *wait;
    } else if (call.is(at, "OWNER") && at + 1 < call.size()) {
      acquisition.request.owner = call[++at];
    } else if (call.is(at, "ONCLOSE")) {
      acquisition.request.until_closed = true;
    } else {
      call.reply.error(errors::kSyntax);
      return std::nullopt;
    }
  }
  return acquisition;
}

void acquire(Call& call) {
  const auto acquisition = parse_acquisition(call);
  if (!acquisition) return;
  if (acquisition->request.until_closed && call.client.is_local)
    return call.reply.error("ERR ONCLOSE needs a connection of the Redis protocol");
  if (!begin(call)) return;
  const Locks::Request& request = acquisition->request;
  if (const auto token = call.executor.locks().acquire(call.client, request)) return call.reply.integer(*token);
  if (acquisition->wait > Milliseconds::zero() && call.block_on_locks(request.keys, acquisition->wait)) return;
  call.reply.null();
}

void extend(Call& call) {
  const auto token = call.integer(2, kBadToken);
  if (!token) return;
  if (!call.is(3, "TTL")) return call.reply.error(errors::kSyntax);
  const auto ttl = milliseconds(call, 4, 1, kBadTtl);
  if (!ttl || !begin(call)) return;
  call.reply.integer(call.executor.locks().extend(call[1], *token, *ttl) ? 1 : 0);
}

void release(Call& call) {
  const auto token = call.integer(2, kBadToken);
  if (!token || !begin(call)) return;
  call.reply.integer(call.executor.locks().release(call[1], *token) ? 1 : 0);
}

void info(Call& call) {
  if (!begin(call)) return;
  Locks& locks = call.executor.locks();
  const LockHolder* holder = locks.holder(call[1]);
  if (holder == nullptr) return call.reply.null();
  call.reply.map(5);
  call.reply.bulk("token");
  call.reply.integer(holder->token);
  call.reply.bulk("owner");
  call.reply.bulk(holder->owner);
  call.reply.bulk("ttl");
  call.reply.integer(holder->until - locks.now());
  call.reply.bulk("keys");
  call.reply.array(holder->keys.size());
  for (const keyspace::String& key : holder->keys) call.reply.bulk(key);
  call.reply.bulk("waiting");
  call.reply.integer(static_cast<std::int64_t>(locks.space().waiting(call[1])));
}

// A transaction asks before its first command: see exec.
void fence(Call& call) {
  if (!call.from_script && !call.client.transaction.active)
    return call.reply.error("ERR FENCE outside of a transaction or script protects nothing");
  call.client.awaits_locks = true;
  if (const std::string why = fence_refusal(call.executor, call.args); !why.empty()) return call.reply.error(why);
  call.reply.ok();
}

constexpr KeySpec kLockKeys[] = {{.flags = kKeyRw | kKeyUpdate | kKeyIncomplete, .find = KeySpec::Find::unknown}};

constexpr Command kLockCommands[] = {
    {.name = "lock.acquire",
     .handler = acquire,
     .arity = -4,
     .flags = kWrite | kDenyOom | kNoscript | kBlocking | kMovableKeys,
     .keys = kLockKeys,
     .group = "locks",
     .since = "1.0.0",
     .summary = "Acquires locks, all or none, and tells their fencing token.",
     .complexity = "O(N) where N is the number of keys."},
    {.name = "lock.extend",
     .handler = extend,
     .arity = 5,
     .flags = kWrite | kNoscript | kFast,
     .keys = kRange < kKeyRw | kKeyUpdate >,
     .group = "locks",
     .since = "1.0.0",
     .summary = "Holds what was acquired for longer.",
     .complexity = "O(log(N)) where N is the number of acquisitions."},
    {.name = "lock.info",
     .handler = info,
     .arity = 2,
     .flags = kReadonly | kNoscript | kFast,
     .keys = kRange<kKeyRo>,
     .group = "locks",
     .since = "1.0.0",
     .summary = "Tells who holds a lock.",
     .complexity = "O(N) where N is the number of keys held with it."},
    {.name = "lock.release",
     .handler = release,
     .arity = 3,
     .flags = kWrite | kNoscript | kFast,
     .keys = kRange < kKeyRw | kKeyDelete >,
     .group = "locks",
     .since = "1.0.0",
     .summary = "Frees all that was acquired together.",
     .complexity = "O(N) where N is the number of keys."},
    {.name = "fence",
     .handler = fence,
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kRange<kKeyRo>,
     .group = "locks",
     .since = "1.0.0",
     .summary = "Lets the writes behind it happen only if no newer token of the lock is known.",
     .complexity = "O(1)"},
};

}  // namespace

bool is_fence(const Command& command) { return command.handler == fence; }

std::string fence_refusal(Executor& executor, Arguments arguments) {
  Locks& locks = executor.locks();
  if (std::string why = locks.unavailable(); !why.empty()) return why;
  const auto token = keyspace::parse_integer(arguments[2]);
  if (!token) return std::string(kBadToken);
  return locks.fence_refusal(arguments[1], *token);
}

std::span<const Command> lock_commands() { return kLockCommands; }

}  // namespace leat::resp
