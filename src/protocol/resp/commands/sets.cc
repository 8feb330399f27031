#include "keyspace/set.h"

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_set>
#include <vector>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/elements.h"
#include "protocol/resp/commands/scan_options.h"
#include "protocol/resp/commands/set_operations.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::Element;
using keyspace::IntegerText;
using keyspace::Set;

void sadd(Call& call) {
  const auto found = call.write<Set>(call[1]);
  if (!found) return;
  Set& set = found.value == nullptr ? call.database.create<Set>(call[1]) : *found.value;
  std::int64_t added = 0;
  for (const std::string_view member : call.args.subspan(2)) added += set.add(member) ? 1 : 0;
  if (added > 0) call.changed(EventClass::set, "sadd", call[1]);
  call.reply.integer(added);
}

void srem(Call& call) {
  const auto found = call.write<Set>(call[1]);
  if (!found) return;
  std::int64_t removed = 0;
  if (found.value != nullptr) {
    for (const std::string_view member : call.args.subspan(2)) removed += found.value->remove(member) ? 1 : 0;
  }
  if (removed > 0) {
    call.changed(EventClass::set, "srem", call[1]);
    call.erase_if_empty(call[1], found.value->size() == 0);
  }
  call.reply.integer(removed);
}

void scard(Call& call) {
  const auto found = call.read<Set>(call[1]);
  if (found) call.reply.integer(found.value == nullptr ? 0 : static_cast<std::int64_t>(found.value->size()));
}

void sismember(Call& call) {
  const auto found = call.read<Set>(call[1]);
  if (found) call.reply.integer(found.value != nullptr && found.value->contains(call[2]) ? 1 : 0);
}

void smismember(Call& call) {
  const auto found = call.read<Set>(call[1]);
  if (!found) return;
  call.reply.array(call.size() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    call.reply.integer(found.value != nullptr && found.value->contains(member) ? 1 : 0);
  }
}

void smembers(Call& call) {
  const auto found = call.read<Set>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.set(0);
  reply_set(call, *found.value);
}

void smove(Call& call) {
  const std::string_view member = call[3];
  keyspace::Entry* from = call.database.write(call[1]);
  if (from == nullptr) return call.reply.integer(0);
  keyspace::Entry* to = call.database.write(call[2]);
  if (from->type() != keyspace::Type::set || (to != nullptr && to->type() != keyspace::Type::set)) {
    return call.reply.error(errors::kWrongType);
  }
  Set& source = from->value<Set>();
  if (from == to) return call.reply.integer(source.contains(member) ? 1 : 0);
  if (!source.remove(member)) return call.reply.integer(0);
  call.effect({"SREM", call[1], member});
  call.changed(EventClass::set, "srem", call[1]);
  call.erase_if_empty(call[1], source.size() == 0);
  Set& target = to == nullptr ? call.database.create<Set>(call[2]) : to->value<Set>();
  if (target.add(member)) {
    call.effect({"SADD", call[2], member});
    call.changed(EventClass::set, "sadd", call[2]);
  }
  call.reply.integer(1);
}

using Members = std::vector<Element>;

Members all_members(Set& set) {
  Members members;
  members.reserve(set.size());
  set.for_each([&](Element member) { members.push_back(member); });
  return members;
}

// Different members; all of them when `count` is as large.
Members random_members(Call& call, Set& set, std::size_t count) {
  // When most are wanted, too many would come up again.
  constexpr std::size_t kShareDivisor = 3;
  if (count >= set.size()) return all_members(set);
  if (set.integers() != nullptr || count > set.size() / kShareDivisor) {
    Members members = all_members(set);
    for (std::size_t i = 0; i < count; ++i) {
      std::swap(members[i], members[i + call.keyspace.random() % (members.size() - i)]);
    }
    members.resize(count);
    return members;
  }
  Members members;
  std::unordered_set<const char*> taken;
  while (members.size() < count) {
    const Element member = set.random(call.keyspace.random());
    if (taken.insert(member.data).second) members.push_back(member);
  }
  return members;
}

void srandmember_some(Call& call) {
  const auto count = call.integer(2);
  if (!count) return;
  if (*count < -std::numeric_limits<std::int64_t>::max()) {
    return call.reply.error(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
  }
  const auto found = call.read<Set>(call[1]);
  if (!found) return;
  if (found.value == nullptr || *count == 0) return call.reply.array(0);
  if (*count < -kRepeatsMax) return call.reply.error("ERR value is out of range");
  if (*count < 0) {
    call.reply.array(static_cast<std::size_t>(-*count));
    for (std::int64_t i = *count; i < 0; ++i) {
      reply_element(call.reply, found.value->random(call.keyspace.random()));
    }
    return;
  }
  const Members members = random_members(call, *found.value, static_cast<std::size_t>(*count));
  call.reply.array(members.size());
  for (const Element member : members) reply_element(call.reply, member);
}

void srandmember(Call& call) {
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 3) return srandmember_some(call);
  const auto found = call.read<Set>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  reply_element(call.reply, found.value->random(call.keyspace.random()));
}

// Takes out members that are in the set, and tells and journals it.
void pop_members(Call& call, Set& set, const Members& members) {
  if (members.size() == set.size()) {
    call.effect({"DEL", call[1]});
    call.database.erase(call[1]);
    call.changed(EventClass::set, "spop", call[1]);
    return call.notify(EventClass::generic, "del", call[1]);
  }
  std::vector<std::string> texts;
  texts.reserve(members.size());
  for (const Element member : members) {
    IntegerText buffer;
    texts.emplace_back(keyspace::text(member, buffer));
  }
  std::vector<std::string_view> words{"SREM", call[1]};
  words.insert(words.end(), texts.begin(), texts.end());
  for (const std::string& text : texts) set.remove(text);
  call.effect(Arguments(words));
  call.changed(EventClass::set, "spop", call[1]);
}

void spop_some(Call& call) {
  const auto count = call.integer(2, errors::kNegative);
  if (!count) return;
  if (*count < 0) return call.reply.error(errors::kNegative);
  const auto found = call.write<Set>(call[1]);
  if (!found) return;
  if (found.value == nullptr || *count == 0) return call.reply.set(0);
  const Members members = random_members(call, *found.value, static_cast<std::size_t>(*count));
  call.reply.set(members.size());
  for (const Element member : members) reply_element(call.reply, member);
  pop_members(call, *found.value, members);
}

void spop(Call& call) {
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  if (call.size() == 3) return spop_some(call);
  const auto found = call.write<Set>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  const Element member = found.value->random(call.keyspace.random());
  reply_element(call.reply, member);
  pop_members(call, *found.value, {member});
}

void sscan(Call& call) {
  const auto cursor = parse_scan_cursor(call, 2);
  if (!cursor) return;
  const auto found = call.read<Set>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return reply_scan(call, 0, {});
  const auto options = parse_scan_options(call, 3);
  if (!options) return;
  std::vector<std::string> texts;
  if (found.value->integers() != nullptr) texts.reserve(found.value->size());
  std::vector<std::string_view> elements;
  std::size_t visited = 0;
  const auto visit = [&](Element member) {
    ++visited;
    IntegerText buffer;
    const std::string_view text = keyspace::text(member, buffer);
    if (options->matches(text)) elements.push_back(member.is_integer() ? texts.emplace_back(text) : text);
  };
  const std::uint64_t next = scan_some(
      *cursor, *options, [&](std::uint64_t at) { return found.value->scan(at, visit); }, [&] { return visited; });
  reply_scan(call, next, elements);
}

constexpr std::string_view kSdiffTips[] = {"nondeterministic_output_order"};
constexpr KeySpec kSdiffstoreKeys[] = {{.flags = kKeyOw | kKeyUpdate, .index = 1},
                                       {.flags = kKeyRo | kKeyAccess, .index = 2, .last = -1}};
constexpr std::string_view kSinterTips[] = {"nondeterministic_output_order"};
constexpr KeySpec kSintercardKeys[] = {
    {.flags = kKeyRo | kKeyAccess, .index = 1, .find = KeySpec::Find::count, .first_at = 1}};
constexpr KeySpec kSinterstoreKeys[] = {{.flags = kKeyRw | kKeyUpdate, .index = 1},
                                        {.flags = kKeyRo | kKeyAccess, .index = 2, .last = -1}};
constexpr std::string_view kSmembersTips[] = {"nondeterministic_output_order"};
constexpr KeySpec kSmoveKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 1},
                                  {.flags = kKeyRw | kKeyInsert, .index = 2}};
constexpr std::string_view kSpopTips[] = {"nondeterministic_output"};
constexpr std::string_view kSrandmemberTips[] = {"nondeterministic_output"};
constexpr std::string_view kSscanTips[] = {"nondeterministic_output"};
constexpr std::string_view kSunionTips[] = {"nondeterministic_output_order"};
constexpr KeySpec kSunionstoreKeys[] = {{.flags = kKeyOw | kKeyUpdate, .index = 1},
                                        {.flags = kKeyRo | kKeyAccess, .index = 2, .last = -1}};

constexpr Command kSetCommands[] = {
    {.name = "sadd",
     .handler = sadd,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRw | kKeyInsert)>,
     .group = "set",
     .since = "1.0.0",
     .summary = "Adds members.",
     .complexity = "O(1)"},
    {.name = "scard",
     .handler = scard,
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kSetCategory,
     .keys = kRange<kKeyRo>,
     .group = "set",
     .since = "1.0.0",
     .summary = "Returns how many members there are.",
     .complexity = "O(1)"},
    {.name = "sdiff",
     .handler = sdiff,
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess), 1, -1>,
     .tips = kSdiffTips,
     .group = "set",
     .since = "1.0.0",
     .summary = "Returns what is in the first set and in no other.",
     .complexity = "O(N)"},
    {.name = "sdiffstore",
     .handler = sdiffstore,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kSetCategory,
     .keys = kSdiffstoreKeys,
     .group = "set",
     .since = "1.0.0",
     .summary = "Stores what is in the first set and in no other.",
     .complexity = "O(N)"},
    {.name = "sinter",
     .handler = sinter,
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess), 1, -1>,
     .tips = kSinterTips,
     .group = "set",
     .since = "1.0.0",
     .summary = "Returns what is in all of the sets.",
     .complexity = "O(N*M)"},
    {.name = "sintercard",
     .handler = sintercard,
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .categories = kSetCategory,
     .keys = kSintercardKeys,
     .group = "set",
     .since = "7.0.0",
     .summary = "Counts what is in all of the sets.",
     .complexity = "O(N*M)"},
    {.name = "sinterstore",
     .handler = sinterstore,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kSetCategory,
     .keys = kSinterstoreKeys,
     .group = "set",
     .since = "1.0.0",
     .summary = "Stores what is in all of the sets.",
     .complexity = "O(N*M)"},
    {.name = "sismember",
     .handler = sismember,
     .arity = 3,
     .flags = kReadonly | kFast,
     .categories = kSetCategory,
     .keys = kRange<kKeyRo>,
     .group = "set",
     .since = "1.0.0",
     .summary = "Tells whether a member is there.",
     .complexity = "O(1)"},
    {.name = "smembers",
     .handler = smembers,
     .arity = 2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kSmembersTips,
     .group = "set",
     .since = "1.0.0",
     .summary = "Returns all members.",
     .complexity = "O(N)"},
    {.name = "smismember",
     .handler = smismember,
     .arity = -3,
     .flags = kReadonly | kFast,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .group = "set",
     .since = "6.2.0",
     .summary = "Tells which of the members are there.",
     .complexity = "O(N)"},
    {.name = "smove",
     .handler = smove,
     .arity = 4,
     .flags = kWrite | kFast,
     .categories = kSetCategory,
     .keys = kSmoveKeys,
     .group = "set",
     .since = "1.0.0",
     .summary = "Moves a member to another set.",
     .complexity = "O(1)"},
    {.name = "spop",
     .handler = spop,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRw | kKeyAccess | kKeyDelete)>,
     .tips = kSpopTips,
     .group = "set",
     .since = "1.0.0",
     .summary = "Removes and returns random members.",
     .complexity = "O(N)"},
    {.name = "srandmember",
     .handler = srandmember,
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kSrandmemberTips,
     .group = "set",
     .since = "1.0.0",
     .summary = "Returns random members.",
     .complexity = "O(N)"},
    {.name = "srem",
     .handler = srem,
     .arity = -3,
     .flags = kWrite | kFast,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRw | kKeyDelete)>,
     .group = "set",
     .since = "1.0.0",
     .summary = "Removes members.",
     .complexity = "O(N)"},
    {.name = "sscan",
     .handler = sscan,
     .arity = -3,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess)>,
     .tips = kSscanTips,
     .group = "set",
     .since = "2.8.0",
     .summary = "Visits members, some at a time.",
     .complexity = "O(1)"},
    {.name = "sunion",
     .handler = sunion,
     .arity = -2,
     .flags = kReadonly,
     .categories = kSetCategory,
     .keys = kRange<(kKeyRo | kKeyAccess), 1, -1>,
     .tips = kSunionTips,
     .group = "set",
     .since = "1.0.0",
     .summary = "Returns what is in any of the sets.",
     .complexity = "O(N)"},
    {.name = "sunionstore",
     .handler = sunionstore,
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .categories = kSetCategory,
     .keys = kSunionstoreKeys,
     .group = "set",
     .since = "1.0.0",
     .summary = "Stores what is in any of the sets.",
     .complexity = "O(N)"},
};

}  // namespace

std::span<const Command> set_commands() { return kSetCommands; }

}  // namespace leat::resp
