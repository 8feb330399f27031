#include <algorithm>

#include "keyspace/encoding_limits.h"
#include "protocol/resp/commands/sorted_sets.h"

namespace leat::resp::sorted_sets {
namespace {

using keyspace::RankRange;
using keyspace::ZSet;

enum class By : std::uint8_t { rank, score, lex };

// The arguments of ZRANGE and of the commands that it replaces.
struct RangeOptions {
  std::optional<By> by;  // given by the command, or by a word
  std::optional<bool> downwards;
  MemberWriter::Scores scores = MemberWriter::Scores::none;
  std::int64_t offset = 0;
  std::int64_t limit = -1;  // negative: no limit

  std::int64_t first = 0;
  std::int64_t last = 0;
  keyspace::ScoreRange by_score;
  keyspace::LexRange by_lex;

  [[nodiscard]] RankRange find(const ZSet& set) const;
};

RankRange RangeOptions::find(const ZSet& set) const {
  if (by == By::rank) {
    const RankRange range = clamp_ranks(first, last, set.size());
    if (!*downwards) return range;
    return {.first = set.size() - range.end, .end = set.size() - range.first};
  }
  RankRange range = by == By::score ? set.ranks(by_score) : set.ranks(by_lex, *downwards);
  if (offset < 0) return {};
  const std::size_t skipped = std::min(static_cast<std::size_t>(offset), range.count());
  std::size_t taken = range.count() - skipped;
  if (limit >= 0) taken = std::min(taken, static_cast<std::size_t>(limit));
  const std::size_t begin = *downwards ? range.end - skipped - taken : range.first + skipped;
  return {.first = begin, .end = begin + taken};
}

bool refuse(Call& call, std::string_view why) {
  call.reply.error(why);
  return false;
}

// The words behind the range. False: it replied with an error.
bool parse_words(Call& call, std::size_t index, bool stores, RangeOptions& options) {
  for (; index < call.size(); ++index) {
    if (!stores && call.is(index, "WITHSCORES")) {
      options.scores = MemberWriter::Scores::flat;
    } else if (call.is(index, "LIMIT") && index + 2 < call.size()) {
      const auto offset = call.integer(index + 1);
      if (!offset) return false;
      const auto limit = call.integer(index + 2);
      if (!limit) return false;
      options.offset = *offset;
      options.limit = *limit;
      index += 2;
    } else if (!options.downwards && call.is(index, "REV")) {
      options.downwards = true;
    } else if (!options.by && call.is(index, "BYLEX")) {
      options.by = By::lex;
    } else if (!options.by && call.is(index, "BYSCORE")) {
      options.by = By::score;
    } else {
      return refuse(call, errors::kSyntax);
    }
  }
  if (!options.by) options.by = By::rank;
  if (!options.downwards) options.downwards = false;
  if (options.limit != -1 && options.by == By::rank) {
    return refuse(call, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (options.scores != MemberWriter::Scores::none && options.by == By::lex) {
    return refuse(call, "ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return true;
}

// The two ends, of which the first is the higher one when the direction is down, except of ranks.
bool parse_ends(Call& call, std::size_t index, RangeOptions& options) {
  const std::size_t min = *options.downwards ? index + 1 : index;
  const std::size_t max = *options.downwards ? index : index + 1;
  if (options.by == By::score) {
    const auto scores = parse_score_range(call, min, max);
    if (scores) options.by_score = *scores;
    return scores.has_value();
  }
  if (options.by == By::lex) {
    const auto members = parse_lex_range(call, min, max);
    if (members) options.by_lex = *members;
    return members.has_value();
  }
  const auto first = call.integer(index);
  if (!first) return false;
  const auto last = call.integer(index + 1);
  if (!last) return false;
  options.first = *first;
  options.last = *last;
  return true;
}

void reply_range(Call& call, RangeOptions options = {}) {
  if (!parse_words(call, 4, false, options) || !parse_ends(call, 2, options)) return;
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.array(0);
  MemberWriter(call, options.scores).write(*found.value, options.find(*found.value), *options.downwards);
}

}  // namespace

void zrange(Call& call) { reply_range(call); }
void zrangebyscore(Call& call) { reply_range(call, {.by = By::score, .downwards = false}); }
void zrevrangebyscore(Call& call) { reply_range(call, {.by = By::score, .downwards = true}); }
void zrangebylex(Call& call) { reply_range(call, {.by = By::lex, .downwards = false}); }
void zrevrangebylex(Call& call) { reply_range(call, {.by = By::lex, .downwards = true}); }
void zrevrange(Call& call) { reply_range(call, {.by = By::rank, .downwards = true}); }

void zrangestore(Call& call) {
  RangeOptions options;
  if (!parse_words(call, 5, true, options) || !parse_ends(call, 3, options)) return;
  const auto found = call.read<ZSet>(call[2]);
  if (!found) return;
  keyspace::RankRange range;
  if (found.value != nullptr) range = options.find(*found.value);
  // How many ranks there are is known before, how many scores is not: it matters where a score is -0.
  const bool is_large = options.by == By::rank && range.count() > keyspace::EncodingLimits::zset_max_listpack_entries;
  ZSet stored = is_large ? ZSet::make_large() : ZSet();
  if (found.value != nullptr) {
    found.value->for_each(range, *options.downwards,
                          [&](keyspace::Element member, double score) { stored.set(member, score); });
  }
  store(call, call[1], std::move(stored), "zrangestore");
}

}  // namespace leat::resp::sorted_sets
