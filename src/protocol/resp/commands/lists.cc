#include <algorithm>
#include <limits>

#include "protocol/resp/commands/list_ends.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace {

using keyspace::List;

std::int64_t length_of(const List& list) { return static_cast<std::int64_t>(list.size()); }

void push_all(Call& call, ListEnd end, bool must_exist) {
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr && must_exist) return call.reply.integer(0);
  List& list = found.value != nullptr ? *found.value : call.database.create<List>(call[1]);
  for (const std::string_view value : call.args.subspan(2)) push(list, end, value);
  call.reply.integer(length_of(list));
  call.changed(EventClass::list, of_end(kPushEvents, end), call[1]);
}

void lpush(Call& call) { push_all(call, ListEnd::left, false); }
void rpush(Call& call) { push_all(call, ListEnd::right, false); }
void lpushx(Call& call) { push_all(call, ListEnd::left, true); }
void rpushx(Call& call) { push_all(call, ListEnd::right, true); }

void pop_some(Call& call, ListEnd end) {
  if (call.size() > 3) {
    return call.reply.error(fmt::format("ERR wrong number of arguments for '{}' command", of_end(kPopEvents, end)));
  }
  const auto count = call.integer(2, errors::kNegative);
  if (!count) return;
  if (*count < 0) return call.reply.error(errors::kNegative);
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null_array();
  if (*count == 0) return call.reply.array(0);
  reply_popped(call, call[1], *found.value, end, std::min(static_cast<std::size_t>(*count), found.value->size()));
}

void pop_one(Call& call, ListEnd end) {
  if (call.size() > 2) return pop_some(call, end);
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  pop(*found.value, end, [&call](std::string_view value) { call.reply.bulk(value); });
  popped(call, call[1], end, *found.value);
}

void lpop(Call& call) { pop_one(call, ListEnd::left); }
void rpop(Call& call) { pop_one(call, ListEnd::right); }

void llen(Call& call) {
  const auto found = call.read<List>(call[1]);
  if (found) call.reply.integer(found.value == nullptr ? 0 : length_of(*found.value));
}

// [from, to) of a list, by Redis's first and last index: negative ones count from the end.
struct Range {
  std::size_t from = 0;
  std::size_t to = 0;
};

Range range_of(const List& list, std::int64_t first, std::int64_t last) {
  const std::int64_t length = length_of(list);
  first = std::max<std::int64_t>(first < 0 ? first + length : first, 0);
  last = std::min(last < 0 ? last + length : last, length - 1);
  if (first > last) return {};
  return {static_cast<std::size_t>(first), static_cast<std::size_t>(last) + 1};
}

void lrange(Call& call) {
  const auto first = call.integer(2);
  if (!first) return;
  const auto last = call.integer(3);
  if (!last) return;
  const auto found = call.read<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.array(0);
  const Range range = range_of(*found.value, *first, *last);
  call.reply.array(range.to - range.from);
  found.value->for_range(range.from, range.to, [&call](std::string_view value) { call.reply.bulk(value); });
}

void ltrim(Call& call) {
  const auto first = call.integer(2);
  if (!first) return;
  const auto last = call.integer(3);
  if (!last) return;
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  call.reply.ok();
  if (found.value == nullptr) return;
  List& list = *found.value;
  const std::size_t before = list.size();
  const Range range = range_of(list, *first, *last);
  list.trim(range.from, range.to);
  // Redis tells so when nothing was trimmed, too.
  if (list.size() == before) call.no_effect();
  call.changed(EventClass::list, "ltrim", call[1]);
  call.erase_if_empty(call[1], list.empty());
}

void lindex(Call& call) {
  const auto found = call.read<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  const auto index = call.integer(2);
  if (!index) return;
  keyspace::IntegerText buffer;
  const auto value = found.value->at(*index, buffer);
  value ? call.reply.bulk(*value) : call.reply.null();
}

void lset(Call& call) {
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.error(errors::kNoSuchKey);
  const auto index = call.integer(2);
  if (!index) return;
  if (!found.value->set(*index, call[3])) return call.reply.error(errors::kOutOfRange);
  call.changed(EventClass::list, "lset", call[1]);
  call.reply.ok();
}

void linsert(Call& call) {
  const bool after = call.is(2, "AFTER");
  if (!after && !call.is(2, "BEFORE")) return call.reply.error(errors::kSyntax);
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.integer(0);
  List& list = *found.value;
  if (!(after ? list.insert_after(call[3], call[4]) : list.insert_before(call[3], call[4]))) {
    return call.reply.integer(-1);
  }
  call.changed(EventClass::list, "linsert", call[1]);
  call.reply.integer(length_of(list));
}

void lrem(Call& call) {
  const auto count = call.integer(2);
  if (!count) return;
  const auto found = call.write<List>(call[1]);
  if (!found) return;
  const std::size_t removed = found.value == nullptr ? 0 : found.value->remove(*count, call[3]);
  if (removed > 0) {
    call.changed(EventClass::list, "lrem", call[1]);
    call.erase_if_empty(call[1], found.value->empty());
  }
  call.reply.integer(static_cast<std::int64_t>(removed));
}

struct PositionOptions {
  std::int64_t rank = 1;
  std::optional<std::size_t> count;
  std::size_t compared_max = 0;
};

// False: it replied with an error.
bool parse_position_options(Call& call, PositionOptions& options) {
  const auto refuse = [&call](std::string_view error) {
    call.reply.error(error);
    return false;
  };
  for (std::size_t i = 3; i < call.size(); i += 2) {
    if (i + 1 == call.size()) return refuse(errors::kSyntax);
    if (call.is(i, "RANK")) {
      const auto rank = call.integer(i + 1);
      if (!rank) return false;
      if (*rank == 0) {
        return refuse(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to "
            "start from the end of the list");
      }
      options.rank = *rank;
    } else if (call.is(i, "COUNT") || call.is(i, "MAXLEN")) {
      const bool is_count = call.is(i, "COUNT");
      const std::string_view error = is_count ? "ERR COUNT can't be negative" : "ERR MAXLEN can't be negative";
      const auto number = call.integer(i + 1, error);
      if (!number) return false;
      if (*number < 0) return refuse(error);
      if (is_count) options.count = static_cast<std::size_t>(*number);
      if (!is_count) options.compared_max = static_cast<std::size_t>(*number);
    } else {
      return refuse(errors::kSyntax);
    }
  }
  if (options.rank == std::numeric_limits<std::int64_t>::min()) {
    // There is no positive number for it: Redis begins with the last match, and does not count.
    options.rank = -1;
    if (options.count) options.count = 0;
  }
  return true;
}

void lpos(Call& call) {
  PositionOptions options;
  if (!parse_position_options(call, options)) return;
  const auto list = call.read<List>(call[1]);
  if (!list) return;
  std::vector<std::size_t> found;
  if (list.value != nullptr) {
    found = list.value->positions(call[2], options.rank, options.count.value_or(1), options.compared_max);
  }
  if (!options.count)
    return found.empty() ? call.reply.null() : call.reply.integer(static_cast<std::int64_t>(found[0]));
  call.reply.array(found.size());
  for (const std::size_t index : found) call.reply.integer(static_cast<std::int64_t>(index));
}

void move_between(Call& call, ListEnd from_end, ListEnd to_end) {
  const auto source = call.write<List>(call[1]);
  if (!source) return;
  if (source.value == nullptr) return call.reply.null();
  move_element(call, *source.value, call[1], call[2], from_end, to_end);
}

void lmove(Call& call) {
  const auto from_end = parse_end(call, 3);
  if (!from_end) return;
  const auto to_end = parse_end(call, 4);
  if (to_end) move_between(call, *from_end, *to_end);
}

void rpoplpush(Call& call) { move_between(call, ListEnd::right, ListEnd::left); }

void lmpop(Call& call) {
  MultiPop how;
  if (!how.parse(call, 1)) return;
  for (const std::string_view key : how.keys) {
    const auto found = call.write<List>(key);
    if (!found) return;
    if (found.value != nullptr) return reply_multi_pop(call, key, *found.value, how);
  }
  call.reply.null_array();
}

constexpr KeySpec kBlmoveKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 1},
                                   {.flags = kKeyRw | kKeyInsert, .index = 2}};
constexpr KeySpec kBlmpopKeys[] = {
    {.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 2, .find = KeySpec::Find::count, .first_at = 1}};
constexpr KeySpec kBrpoplpushKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 1},
                                       {.flags = kKeyRw | kKeyInsert, .index = 2}};
constexpr KeySpec kLmoveKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 1},
                                  {.flags = kKeyRw | kKeyInsert, .index = 2}};
constexpr KeySpec kLmpopKeys[] = {
    {.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 1, .find = KeySpec::Find::count, .first_at = 1}};
constexpr KeySpec kRpoplpushKeys[] = {{.flags = kKeyRw | kKeyAccess | kKeyDelete, .index = 1},
                                      {.flags = kKeyRw | kKeyInsert, .index = 2}};

constexpr Command kListCommands[] = {
    {.name = "blmove",
     .handler = blmove,
     .arity = 6,
     .flags = kWrite | kDenyOom | kNoscript | kBlocking,
     .categories = kList,
     .keys = kBlmoveKeys,
     .group = "list",
     .since = "6.2.0",
     .summary = "Moves an element between lists, and waits for one.",
     .complexity = "O(1)"},
    {.name = "blmpop",
     .handler = blmpop,
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .categories = kList,
     .keys = kBlmpopKeys,
     .group = "list",
     .since = "7.0.0",
     .summary = "Removes elements of the first list that is there, and waits for one.",
     .complexity = "O(N+M)"},
    {.name = "blpop",
     .handler = blpop,
     .arity = -3,
     .flags = kWrite | kNoscript | kBlocking,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyDelete,
     1,
     -2 >,
     .group = "list",
     .since = "2.0.0",
     .summary = "Removes the first element of a list, and waits for one.",
     .complexity = "O(N)"},
    {.name = "brpop",
     .handler = brpop,
     .arity = -3,
     .flags = kWrite | kNoscript | kBlocking,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyDelete,
     1,
     -2 >,
     .group = "list",
     .since = "2.0.0",
     .summary = "Removes the last element of a list, and waits for one.",
     .complexity = "O(N)"},
    {.name = "brpoplpush",
     .handler = brpoplpush,
     .arity = 4,
     .flags = kWrite | kDenyOom | kNoscript | kBlocking,
     .categories = kList,
     .keys = kBrpoplpushKeys,
     .group = "list",
     .since = "2.2.0",
     .summary = "Moves the last element of a list to the front of another, and waits for one.",
     .complexity = "O(1)"},
    {.name = "lindex",
     .handler = lindex,
     .arity = 3,
     .flags = kReadonly,
     .categories = kList,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "list", .since = "1.0.0", .summary = "Returns the element at an index.", .complexity = "O(N)"},
    {.name = "linsert",
     .handler = linsert,
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyInsert >
     , .group = "list", .since = "2.2.0", .summary = "Adds an element beside another.", .complexity = "O(N)"},
    {.name = "llen",
     .handler = llen,
     .arity = 2,
     .flags = kReadonly | kFast,
     .categories = kList,
     .keys = kRange<kKeyRo>,
     .group = "list",
     .since = "1.0.0",
     .summary = "Counts the elements of a list.",
     .complexity = "O(1)"},
    {.name = "lmove",
     .handler = lmove,
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .categories = kList,
     .keys = kLmoveKeys,
     .group = "list",
     .since = "6.2.0",
     .summary = "Moves an element between lists.",
     .complexity = "O(1)"},
    {.name = "lmpop",
     .handler = lmpop,
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .categories = kList,
     .keys = kLmpopKeys,
     .group = "list",
     .since = "7.0.0",
     .summary = "Removes elements of the first list that is there.",
     .complexity = "O(N+M)"},
    {.name = "lpop",
     .handler = lpop,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyDelete >,
     .group = "list",
     .since = "1.0.0",
     .summary = "Removes the first elements of a list and returns them.",
     .complexity = "O(N)"},
    {.name = "lpos",
     .handler = lpos,
     .arity = -3,
     .flags = kReadonly,
     .categories = kList,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "list", .since = "6.0.6", .summary = "Finds the indexes of an element.", .complexity = "O(N)"},
    {.name = "lpush",
     .handler = lpush,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyInsert >
     , .group = "list", .since = "1.0.0", .summary = "Adds elements at the front of a list.", .complexity = "O(1)"},
    {.name = "lpushx",
     .handler = lpushx,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyInsert >,
     .group = "list",
     .since = "2.2.0",
     .summary = "Adds elements at the front of a list that is there.",
     .complexity = "O(1)"},
    {.name = "lrange",
     .handler = lrange,
     .arity = 4,
     .flags = kReadonly,
     .categories = kList,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "list", .since = "1.0.0", .summary = "Returns a part of a list.", .complexity = "O(S+N)"},
    {.name = "lrem",
     .handler = lrem,
     .arity = 4,
     .flags = kWrite,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyDelete >
     , .group = "list", .since = "1.0.0", .summary = "Removes elements that have a value.", .complexity = "O(N+M)"},
    {.name = "lset",
     .handler = lset,
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyUpdate >
     , .group = "list", .since = "1.0.0", .summary = "Overwrites the element at an index.", .complexity = "O(N)"},
    {.name = "ltrim",
     .handler = ltrim,
     .arity = 4,
     .flags = kWrite,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyDelete >,
     .group = "list",
     .since = "1.0.0",
     .summary = "Keeps a part of a list and removes the rest.",
     .complexity = "O(N)"},
    {.name = "rpop",
     .handler = rpop,
     .arity = -2,
     .flags = kWrite | kFast,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyAccess | kKeyDelete >,
     .group = "list",
     .since = "1.0.0",
     .summary = "Removes the last elements of a list and returns them.",
     .complexity = "O(N)"},
    {.name = "rpoplpush",
     .handler = rpoplpush,
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .categories = kList,
     .keys = kRpoplpushKeys,
     .group = "list",
     .since = "1.2.0",
     .summary = "Moves the last element of a list to the front of another.",
     .complexity = "O(1)"},
    {.name = "rpush",
     .handler = rpush,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyInsert >
     , .group = "list", .since = "1.0.0", .summary = "Adds elements at the end of a list.", .complexity = "O(1)"},
    {.name = "rpushx",
     .handler = rpushx,
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .categories = kList,
     .keys = kRange < kKeyRw | kKeyInsert >,
     .group = "list",
     .since = "2.2.0",
     .summary = "Adds elements at the end of a list that is there.",
     .complexity = "O(1)"},
};

}  // namespace

std::span<const Command> list_commands() { return kListCommands; }

}  // namespace leat::resp
