#include <algorithm>

#include "protocol/resp/commands/block_timeout.h"
#include "protocol/resp/commands/sorted_sets.h"

namespace leat::resp::sorted_sets {
namespace {

using keyspace::RankRange;
using keyspace::ZSet;

enum class End : bool { min, max };

// Takes `count` members of one end, which are written as `writer` writes them.
void pop(Call& call, std::string_view key, ZSet& set, End end, std::size_t count, MemberWriter writer) {
  const std::size_t size = set.size();
  count = std::min(count, size);
  const RankRange range = end == End::min ? RankRange{.first = 0, .end = count} : RankRange{size - count, size};
  set.for_each(range, end == End::max, [&](keyspace::Element member, double score) { writer.write(member, score); });
  set.remove(range);
  call.changed(EventClass::zset, end == End::min ? "zpopmin" : "zpopmax", key);
  call.erase_if_empty(key, set.size() == 0);
}

void journal_pop(Call& call, std::string_view key, End end, std::size_t count) {
  keyspace::IntegerText buffer;
  call.effect({end == End::min ? "ZPOPMIN" : "ZPOPMAX", key,
               keyspace::format_integer(static_cast<std::int64_t>(count), buffer)});
}

// A member and its score, one behind the other: without arrays around them in RESP3 too.
void write_one(Call& call, std::string_view key, ZSet& set, End end) {
  const ZSet::Entry entry = set.at(end == End::min ? 0 : set.size() - 1);
  reply_element(call.reply, entry.member);
  call.reply.real(entry.score);
  const std::size_t rank = end == End::min ? 0 : set.size() - 1;
  set.remove(RankRange{.first = rank, .end = rank + 1});
  call.changed(EventClass::zset, end == End::min ? "zpopmin" : "zpopmax", key);
  call.erase_if_empty(key, set.size() == 0);
}

void reply_pop(Call& call, End end) {
  if (call.size() > 3) return call.reply.error(errors::kSyntax);
  std::size_t count = 1;
  if (call.size() == 3) {
    const auto given = call.integer(2, errors::kNegative);
    if (!given) return;
    if (*given < 0) return call.reply.error(errors::kNegative);
    count = static_cast<std::size_t>(*given);
  }
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  if (found.value == nullptr || count == 0) return call.reply.array(0);
  if (call.size() == 2) {
    call.reply.array(2);
    return write_one(call, call[1], *found.value, end);
  }
  MemberWriter writer(call, MemberWriter::Scores::flat);
  writer.begin(std::min(count, found.value->size()));
  pop(call, call[1], *found.value, end, count, writer);
}

// The arguments of ZMPOP and BZMPOP.
struct MultiPop {
  Arguments keys;
  End end = End::min;
  std::optional<std::int64_t> count;

  // From the number of keys on. False: it replied with an error.
  [[nodiscard]] bool parse(Call& call, std::size_t index);
  void run(Call& call, std::string_view key, ZSet& set) const;
};

std::optional<std::int64_t> parse_positive(Call& call, std::size_t index, std::string_view error) {
  auto number = call.integer(index, error);
  if (number && *number < 1) {
    call.reply.error(error);
    number.reset();
  }
  return number;
}

bool MultiPop::parse(Call& call, std::size_t index) {
  const auto refuse = [&call] {
    call.reply.error(errors::kSyntax);
    return false;
  };
  const auto given = parse_positive(call, index, "ERR numkeys should be greater than 0");
  if (!given) return false;
  const std::size_t rest = call.size() - index - 1;
  if (static_cast<std::size_t>(*given) >= rest) return refuse();
  const auto key_count = static_cast<std::size_t>(*given);
  keys = call.args.subspan(index + 1, key_count);
  std::size_t at = index + 1 + key_count;
  if (!call.is(at, "MIN") && !call.is(at, "MAX")) return refuse();
  end = call.is(at, "MIN") ? End::min : End::max;
  for (++at; at < call.size(); at += 2) {
    if (count || !call.is(at, "COUNT") || at + 1 == call.size()) return refuse();
    count = parse_positive(call, at + 1, "ERR count should be greater than 0");
    if (!count) return false;
  }
  return true;
}

// The key, and its members as an array of pairs.
void MultiPop::run(Call& call, std::string_view key, ZSet& set) const {
  const std::size_t taken = std::min(static_cast<std::size_t>(count.value_or(1)), set.size());
  call.reply.array(2);
  call.reply.bulk(key);
  call.reply.array(taken);
  journal_pop(call, key, end, taken);
  pop(call, key, set, end, taken, MemberWriter(call, MemberWriter::Scores::nested));
}

// The set that this runs again for; nullptr: the key holds something else, and the client goes on waiting.
ZSet* ready_set(Call& call) {
  keyspace::Entry* entry = call.database.write(call.ready_key);
  if (entry == nullptr || entry->type() != keyspace::Type::zset) return nullptr;
  return &entry->value<ZSet>();
}

// The first of the keys that is there goes to `use` with its set. Without one, the client waits.
template <class F>
void take_first(Call& call, Arguments keys, const BlockTimeout& timeout, F use) {
  if (call.timed_out) return call.reply.null_array();
  if (call.is_retry) {
    if (ZSet* set = ready_set(call)) use(call.ready_key, *set);
    return;
  }
  for (const std::string_view key : keys) {
    const auto found = call.write<ZSet>(key);
    if (!found) return;
    if (found.value != nullptr) return use(key, *found.value);
  }
  if (!call.block(keys, timeout.value)) call.reply.null_array();
}

void blocking_pop(Call& call, End end) {
  BlockTimeout timeout;
  if (!timeout.parse(call, call.size() - 1)) return;
  take_first(call, call.args.subspan(1, call.size() - 2), timeout, [&](std::string_view key, ZSet& set) {
    call.reply.array(3);
    call.reply.bulk(key);
    journal_pop(call, key, end, 1);
    write_one(call, key, set, end);
  });
}

}  // namespace

void zpopmin(Call& call) { reply_pop(call, End::min); }
void zpopmax(Call& call) { reply_pop(call, End::max); }
void bzpopmin(Call& call) { blocking_pop(call, End::min); }
void bzpopmax(Call& call) { blocking_pop(call, End::max); }

void zmpop(Call& call) {
  MultiPop how;
  if (!how.parse(call, 1)) return;
  for (const std::string_view key : how.keys) {
    const auto found = call.write<ZSet>(key);
    if (!found) return;
    if (found.value != nullptr) return how.run(call, key, *found.value);
  }
  call.reply.null_array();
}

void bzmpop(Call& call) {
  BlockTimeout timeout;
  MultiPop how;
  if (!timeout.parse(call, 1) || !how.parse(call, 2)) return;
  take_first(call, how.keys, timeout, [&](std::string_view key, ZSet& set) { how.run(call, key, set); });
}

}  // namespace leat::resp::sorted_sets
