#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "keyspace/hash.h"
#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/elements.h"
#include "protocol/resp/commands/scan_options.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::Element;
using keyspace::Hash;
using keyspace::IntegerText;

void reply_value(Call& call, const std::optional<Element>& value) {
  value ? reply_element(call.reply, *value) : call.reply.null();
}

void hget(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  reply_value(call, found.value->get(call[2]));
}

void hmget(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  call.reply.array(call.size() - 2);
  for (const std::string_view field : call.args.subspan(2)) {
    reply_value(call, found.value == nullptr ? std::nullopt : found.value->get(field));
  }
}

void hexists(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (found) call.reply.integer(found.value != nullptr && found.value->contains(call[2]) ? 1 : 0);
}

void hlen(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (found) call.reply.integer(found.value == nullptr ? 0 : static_cast<std::int64_t>(found.value->size()));
}

void hstrlen(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  const auto value = found.value == nullptr ? std::nullopt : found.value->get(call[2]);
  if (!value) return call.reply.integer(0);
  IntegerText buffer;
  call.reply.integer(static_cast<std::int64_t>(keyspace::text(*value, buffer).size()));
}

// The hash to change, made if need be; null: it replied with an error.
Hash* found_or_created(Call& call) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return nullptr;
  return found.value == nullptr ? &call.database.create<Hash>(call[1]) : found.value;
}

// How many fields are new; nullopt: it replied with an error.
std::optional<std::int64_t> set_pairs(Call& call) {
  if (call.size() % 2 != 0) {
    call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", call.command.name));
    return std::nullopt;
  }
  Hash* hash = found_or_created(call);
  if (hash == nullptr) return std::nullopt;
  std::int64_t added = 0;
  for (std::size_t i = 2; i < call.size(); i += 2) added += hash->set(call[i], call[i + 1]) ? 1 : 0;
  call.changed(EventClass::hash, "hset", call[1]);
  return added;
}

void hset(Call& call) {
  if (const auto added = set_pairs(call)) call.reply.integer(*added);
}

void hmset(Call& call) {
  if (set_pairs(call)) call.reply.ok();
}

void hsetnx(Call& call) {
  Hash* hash = found_or_created(call);
  if (hash == nullptr) return;
  if (hash->contains(call[2])) return call.reply.integer(0);
  hash->set(call[2], call[3]);
  call.changed(EventClass::hash, "hset", call[1]);
  call.reply.integer(1);
}

void hdel(Call& call) {
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  std::int64_t count = 0;
  if (found.value != nullptr) {
    for (const std::string_view field : call.args.subspan(2)) count += found.value->remove(field) ? 1 : 0;
  }
  if (count > 0) {
    call.changed(EventClass::hash, "hdel", call[1]);
    call.erase_if_empty(call[1], found.value->size() == 0);
  }
  call.reply.integer(count);
}

void hincrby(Call& call) {
  const auto by = call.integer(3);
  if (!by) return;
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  std::int64_t value = 0;
  if (const auto old = found.value == nullptr ? std::nullopt : found.value->get(call[2])) {
    const auto parsed = old->is_integer() ? old->integer() : keyspace::parse_integer(old->string());
    if (!parsed) return call.reply.error("ERR hash value is not an integer");
    value = *parsed;
  }
  if (__builtin_add_overflow(value, *by, &value)) {
    return call.reply.error("ERR increment or decrement would overflow");
  }
  Hash& hash = found.value == nullptr ? call.database.create<Hash>(call[1]) : *found.value;
  IntegerText buffer;
  hash.set(call[2], keyspace::format_integer(value, buffer), true);
  call.changed(EventClass::hash, "hincrby", call[1]);
  call.reply.integer(value);
}

void hincrbyfloat(Call& call) {
  const auto by = keyspace::parse_long_double(call[3]);
  if (!by) return call.reply.error(errors::kNotFloat);
  if (std::isnan(*by) || std::isinf(*by)) return call.reply.error("ERR value is NaN or Infinity");
  const auto found = call.write<Hash>(call[1]);
  if (!found) return;
  long double value = 0;
  if (const auto old = found.value == nullptr ? std::nullopt : found.value->get(call[2])) {
    IntegerText buffer;
    const auto parsed = keyspace::parse_long_double(keyspace::text(*old, buffer));
    if (!parsed) return call.reply.error("ERR hash value is not a float");
    value = *parsed;
  }
  value += *by;
  if (std::isnan(value) || std::isinf(value)) {
    return call.reply.error("ERR increment would produce NaN or Infinity");
  }
  Hash& hash = found.value == nullptr ? call.database.create<Hash>(call[1]) : *found.value;
  const std::string text = keyspace::format_long_double(value);
  hash.set(call[2], text, true);
  if (hash.expiry(call[2])) {
    call.effect({"HSETEX", call[1], "KEEPTTL", "FIELDS", "1", call[2], text});
  } else {
    call.effect({"HSET", call[1], call[2], text});
  }
  call.changed(EventClass::hash, "hincrbyfloat", call[1]);
  call.reply.bulk(text);
}

void hgetall(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.map(0);
  call.reply.map(found.value->size());
  found.value->for_each([&](Element field, Element value) {
    reply_element(call.reply, field);
    reply_element(call.reply, value);
  });
}

void hkeys(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.array(0);
  call.reply.array(found.value->size());
  found.value->for_each([&](Element field, Element) { reply_element(call.reply, field); });
}

void hvals(Call& call) {
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.array(0);
  call.reply.array(found.value->size());
  found.value->for_each([&](Element, Element value) { reply_element(call.reply, value); });
}

using Pairs = std::vector<Hash::Pair>;

Pairs all_pairs(Hash& hash) {
  Pairs pairs;
  pairs.reserve(hash.size());
  hash.for_each([&](Element field, Element value) { pairs.push_back({field, value}); });
  return pairs;
}

// Different pairs, fewer than there are.
Pairs random_pairs(Call& call, Hash& hash, std::size_t count) {
  // When most are wanted, too many would come up again.
  constexpr std::size_t kShareDivisor = 3;
  if (hash.listpack() != nullptr || count > hash.size() / kShareDivisor) {
    Pairs pairs = all_pairs(hash);
    for (std::size_t i = 0; i < count; ++i) std::swap(pairs[i], pairs[i + call.keyspace.random() % (pairs.size() - i)]);
    pairs.resize(count);
    return pairs;
  }
  Pairs pairs;
  std::unordered_set<const char*> taken;
  while (pairs.size() < count) {
    const Hash::Pair pair = hash.random(call.keyspace.random());
    if (taken.insert(pair.field.data).second) pairs.push_back(pair);
  }
  return pairs;
}

void reply_pair(Call& call, const Hash::Pair& pair, bool with_values) {
  if (with_values && call.reply.is_resp3()) call.reply.array(2);
  reply_element(call.reply, pair.field);
  if (with_values) reply_element(call.reply, pair.value);
}

void begin_pairs(Call& call, std::size_t count, bool with_values) {
  call.reply.array(with_values && !call.reply.is_resp3() ? count * 2 : count);
}

// The same pair may come up again.
void reply_random_pairs(Call& call, Hash& hash, std::size_t count, bool with_values) {
  begin_pairs(call, count, with_values);
  if (hash.listpack() == nullptr) {
    for (; count > 0; --count) reply_pair(call, hash.random(call.keyspace.random()), with_values);
    return;
  }
  const Pairs pairs = all_pairs(hash);
  for (; count > 0; --count) reply_pair(call, pairs[call.keyspace.random() % pairs.size()], with_values);
}

void hrandfield_some(Call& call) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto count = call.integer(2);
  if (!count) return;
  if (*count < -kMost) {
    return call.reply.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
  }
  const bool with_values = call.size() == 4 && call.is(3, "WITHVALUES");
  if (call.size() > 3 && !with_values) return call.reply.error(errors::kSyntax);
  if (with_values && (*count < -kMost / 2 || *count > kMost / 2)) return call.reply.error("ERR value is out of range");
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr || *count == 0) return call.reply.array(0);
  if (*count < -kRepeatsMax) return call.reply.error("ERR value is out of range");
  Hash& hash = *found.value;
  if (*count < 0) return reply_random_pairs(call, hash, static_cast<std::size_t>(-*count), with_values);
  const auto wanted = static_cast<std::size_t>(*count);
  const Pairs pairs = wanted >= hash.size() ? all_pairs(hash) : random_pairs(call, hash, wanted);
  begin_pairs(call, pairs.size(), with_values);
  for (const Hash::Pair& pair : pairs) reply_pair(call, pair, with_values);
}

void hrandfield(Call& call) {
  if (call.size() > 2) return hrandfield_some(call);
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  reply_element(call.reply, found.value->random(call.keyspace.random()).field);
}

void hscan(Call& call) {
  const auto cursor = parse_scan_cursor(call, 2);
  if (!cursor) return;
  const auto found = call.read<Hash>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return reply_scan(call, 0, {});
  const auto options = parse_scan_options(call, 3);
  if (!options) return;
  // The texts of integers in a listpack.
  std::vector<std::string> texts;
  if (found.value->listpack() != nullptr) texts.reserve(found.value->size() * 2);
  const auto lasting = [&](Element element) -> std::string_view {
    if (!element.is_integer()) return element.string();
    IntegerText buffer;
    return texts.emplace_back(keyspace::text(element, buffer));
  };
  std::vector<std::string_view> elements;
  std::size_t visited = 0;
  const auto visit = [&](Element field, Element value) {
    visited += 2;
    const std::string_view name = lasting(field);
    if (!options->matches(name)) return;
    elements.push_back(name);
    elements.push_back(lasting(value));
  };
  const std::uint64_t next = scan_some(
      *cursor, *options, [&](std::uint64_t at) { return found.value->scan(at, visit); }, [&] { return visited; });
  reply_scan(call, next, elements);
}

constexpr std::string_view kHgetallTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kHkeysTips[] = {"nondeterministic_output_order"};
constexpr std::string_view kHrandfieldTips[] = {"nondeterministic_output"};
constexpr std::string_view kHscanTips[] = {"nondeterministic_output"};
constexpr std::string_view kHvalsTips[] = {"nondeterministic_output_order"};

constexpr Command kHashCommands[] = {
    {.name = "hdel",
     .handler = hdel,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyDelete)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Deletes fields.",
     .complexity = "O(N)"},
    {.name = "hexists",
     .handler = hexists,
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<kKeyRo>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Tells whether a field is there.",
     .complexity = "O(1)"},
    {.name = "hget",
     .handler = hget,
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Returns a field's value.",
     .complexity = "O(1)"},
    {.name = "hgetall",
     .handler = hgetall,
     .arity = 2,
     .flags = kReadonly,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kHgetallTips,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Returns all fields and their values.",
     .complexity = "O(N)"},
    {.name = "hincrby",
     .handler = hincrby,
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyAccess | kKeyUpdate)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Adds a number to an integer in a field.",
     .complexity = "O(1)"},
    {.name = "hincrbyfloat",
     .handler = hincrbyfloat,
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyAccess | kKeyUpdate)>,
     .group = "hash",
     .since = "2.6.0",
     .summary = "Adds a number to a number with decimals in a field.",
     .complexity = "O(1)"},
    {.name = "hkeys",
     .handler = hkeys,
     .arity = 2,
     .flags = kReadonly,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kHkeysTips,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Returns all fields.",
     .complexity = "O(N)"},
    {.name = "hlen",
     .handler = hlen,
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<kKeyRo>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Returns how many fields there are.",
     .complexity = "O(1)"},
    {.name = "hmget",
     .handler = hmget,
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Returns the values of several fields.",
     .complexity = "O(N)"},
    {.name = "hmset",
     .handler = hmset,
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Sets several fields.",
     .complexity = "O(N)"},
    {.name = "hrandfield",
     .handler = hrandfield,
     .arity = -2,
     .flags = kReadonly,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kHrandfieldTips,
     .group = "hash",
     .since = "6.2.0",
     .summary = "Returns random fields.",
     .complexity = "O(N)"},
    {.name = "hscan",
     .handler = hscan,
     .arity = -3,
     .flags = kReadonly,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kHscanTips,
     .group = "hash",
     .since = "2.8.0",
     .summary = "Visits fields and their values, some at a time.",
     .complexity = "O(1)"},
    {.name = "hset",
     .handler = hset,
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyUpdate)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Sets fields.",
     .complexity = "O(1)"},
    {.name = "hsetnx",
     .handler = hsetnx,
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kHash,
     .keys = kRange<(kKeyRw | kKeyInsert)>,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Sets a field if it is not there.",
     .complexity = "O(1)"},
    {.name = "hstrlen",
     .handler = hstrlen,
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kHash,
     .keys = kRange<kKeyRo>,
     .group = "hash",
     .since = "3.2.0",
     .summary = "Returns the size of a field's value.",
     .complexity = "O(1)"},
    {.name = "hvals",
     .handler = hvals,
     .arity = 2,
     .flags = kReadonly,
     .categories = kHash,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kHvalsTips,
     .group = "hash",
     .since = "2.0.0",
     .summary = "Returns all values.",
     .complexity = "O(N)"},
};

}  // namespace

std::span<const Command> hash_commands() { return kHashCommands; }

}  // namespace leat::resp
