#include <cmath>
#include <vector>

#include "protocol/resp/commands/sorted_sets.h"

namespace leat::resp::sorted_sets {
namespace {

using keyspace::RankRange;
using keyspace::ZSet;

// What became of one member: its score, and whether it was added, updated, left as it was, or passed over.
struct Added {
  enum class Outcome : std::uint8_t { added, updated, unchanged, skipped, not_a_number };
  Outcome outcome;
  double score = 0;
};

Added add_member(ZSet& set, const AddOptions& options, const NewMember& added) {
  const auto old = set.score(added.member);
  double score = added.score;
  if (!old) {
    if (options.if_present) return {Added::Outcome::skipped};
    set.set(added.member, score);
    return {Added::Outcome::added, score};
  }
  if (options.if_absent) return {Added::Outcome::skipped};
  if (options.increment) score += *old;
  if (std::isnan(score)) return {Added::Outcome::not_a_number};
  if ((options.if_less && score >= *old) || (options.if_greater && score <= *old)) return {Added::Outcome::skipped};
  if (score == *old) return {Added::Outcome::unchanged, score};
  set.set(added.member, score);
  return {Added::Outcome::updated, score};
}

// Takes the words before the first score; the index of that.
std::size_t parse_add_options(const Call& call, AddOptions& options) {
  std::size_t i = 2;
  for (; i < call.size(); ++i) {
    if (call.is(i, "NX")) {
      options.if_absent = true;
    } else if (call.is(i, "XX")) {
      options.if_present = true;
    } else if (call.is(i, "CH")) {
      options.count_changed = true;
    } else if (call.is(i, "INCR")) {
      options.increment = true;
    } else if (call.is(i, "GT")) {
      options.if_greater = true;
    } else if (call.is(i, "LT")) {
      options.if_less = true;
    } else {
      break;
    }
  }
  return i;
}

// Why these options cannot be; empty: they can.
std::string_view conflict(const AddOptions& options, std::size_t members) {
  if (options.if_absent && options.if_present) {
    return "ERR XX and NX options at the same time are not compatible";
  }
  if ((options.if_absent && (options.if_greater || options.if_less)) || (options.if_greater && options.if_less)) {
    return "ERR GT, LT, and/or NX options at the same time are not compatible";
  }
  if (options.increment && members > 1) return "ERR INCR option supports a single increment-element pair";
  return {};
}

// The most frequent form: a score and a member.
void add_one(Call& call) {
  const auto score = call.real(2);
  if (!score) return;
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  ZSet& set = found.value != nullptr ? *found.value : call.database.create<ZSet>(call[1]);
  const ZSet::Outcome outcome = set.set(call[3], *score);
  if (outcome != ZSet::Outcome::unchanged) call.changed(EventClass::zset, "zadd", call[1]);
  call.reply.integer(outcome == ZSet::Outcome::added ? 1 : 0);
}

void remove_range(Call& call, ZSet* set, RankRange range, std::string_view event) {
  if (set == nullptr || range.empty()) return call.reply.integer(0);
  const std::size_t removed = set->remove(range);
  call.changed(EventClass::zset, event, call[1]);
  call.erase_if_empty(call[1], set->size() == 0);
  call.reply.integer(static_cast<std::int64_t>(removed));
}

}  // namespace

void add_members(Call& call, const AddOptions& options, std::span<const NewMember> members) {
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  ZSet* set = found.value;
  if (set == nullptr) {
    if (options.if_present) return options.increment ? call.reply.null() : call.reply.integer(0);
    set = &call.database.create<ZSet>(call[1]);
  }
  std::int64_t added = 0;
  std::int64_t updated = 0;
  Added last{};
  for (const NewMember& member : members) {
    last = add_member(*set, options, member);
    if (last.outcome == Added::Outcome::added) ++added;
    if (last.outcome == Added::Outcome::updated) ++updated;
  }
  if (added + updated != 0) call.changed(EventClass::zset, options.increment ? "zincr" : "zadd", call[1]);
  if (last.outcome == Added::Outcome::not_a_number) {
    return call.reply.error("ERR resulting score is not a number (NaN)");
  }
  if (!options.increment) return call.reply.integer(options.count_changed ? added + updated : added);
  if (last.outcome == Added::Outcome::skipped) return call.reply.null();
  call.reply.real(last.score);
}

void zadd(Call& call) {
  AddOptions options;
  const std::size_t first = parse_add_options(call, options);
  if (first == 2 && call.size() == 4) return add_one(call);
  const std::size_t words = call.size() - first;
  if (words == 0 || words % 2 != 0) return call.reply.error(errors::kSyntax);
  if (const auto why = conflict(options, words / 2); !why.empty()) return call.reply.error(why);
  std::vector<NewMember> members;
  members.reserve(words / 2);
  for (std::size_t i = first; i < call.size(); i += 2) {
    const auto score = call.real(i);
    if (!score) return;
    members.push_back({.score = *score, .member = call[i + 1]});
  }
  add_members(call, options, members);
}

void zincrby(Call& call) {
  const auto by = call.real(2);
  if (!by) return;
  const NewMember member{.score = *by, .member = call[3]};
  add_members(call, {.increment = true}, {&member, 1});
}

void zrem(Call& call) {
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.integer(0);
  ZSet& set = *found.value;
  std::int64_t removed = 0;
  for (std::size_t i = 2; i < call.size() && set.size() != 0; ++i) removed += set.remove(call[i]) ? 1 : 0;
  if (removed != 0) call.changed(EventClass::zset, "zrem", call[1]);
  call.erase_if_empty(call[1], set.size() == 0);
  call.reply.integer(removed);
}

void zremrangebyrank(Call& call) {
  const auto first = call.integer(2);
  if (!first) return;
  const auto last = call.integer(3);
  if (!last) return;
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  const std::size_t size = found.value == nullptr ? 0 : found.value->size();
  remove_range(call, found.value, clamp_ranks(*first, *last, size), "zremrangebyrank");
}

void zremrangebyscore(Call& call) {
  const auto range = parse_score_range(call, 2, 3);
  if (!range) return;
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  remove_range(call, found.value, found.value == nullptr ? RankRange() : found.value->ranks(*range),
               "zremrangebyscore");
}

void zremrangebylex(Call& call) {
  const auto range = parse_lex_range(call, 2, 3);
  if (!range) return;
  const auto found = call.write<ZSet>(call[1]);
  if (!found) return;
  remove_range(call, found.value, found.value == nullptr ? RankRange() : found.value->ranks(*range), "zremrangebylex");
}

}  // namespace leat::resp::sorted_sets
