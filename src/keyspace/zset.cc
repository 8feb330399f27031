#include "keyspace/zset.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_set>

#include "keyspace/encoding_limits.h"

namespace leat::keyspace {
namespace {

// A listpack's sizes have 32 bits.
constexpr std::size_t kListpackBytesMax = std::size_t{1} << 30;

// Redis keeps a score as an integer when it is one of at most this size; -0 becomes 0.
constexpr double kIntegerScoreMax = 4611686018427387904.0;  // 2^62

std::optional<std::int64_t> as_integer(double score) {
  if (!(std::abs(score) <= kIntegerScoreMax) || score != std::trunc(score)) return std::nullopt;
  return static_cast<std::int64_t>(score);
}

// Calls `write` with the score as it is kept: an integer or a text.
template <class F>
void write_score(double score, F write) {
  if (const auto integer = as_integer(score)) return write(*integer);
  DoubleText buffer;
  write(format_double(score, buffer));
}

std::optional<double> parse_score(Element score) {
  if (score.is_integer()) return static_cast<double>(score.integer());
  return parse_float(score.string());
}

int compare(Element member, std::string_view other) {
  IntegerText buffer;
  return text(member, buffer).compare(other);
}

// Whether the member is outside the range at this end.
bool is_below(Element member, const LexBound& min) {
  if (min.kind != LexBound::Kind::member) return min.kind == LexBound::Kind::max;
  const int order = compare(member, min.member);
  return min.exclusive ? order <= 0 : order < 0;
}
bool is_above(Element member, const LexBound& max) {
  if (max.kind != LexBound::Kind::member) return max.kind == LexBound::Kind::min;
  const int order = compare(member, max.member);
  return max.exclusive ? order >= 0 : order > 0;
}

// Whether the bounds are members, and nothing can be between them.
bool is_empty(const LexRange& range) {
  if (range.min.kind != LexBound::Kind::member || range.max.kind != LexBound::Kind::member) return false;
  const int order = range.min.member.compare(range.max.member);
  return order > 0 || (order == 0 && (range.min.exclusive || range.max.exclusive));
}

}  // namespace

std::optional<ZSet> ZSet::adopt(Listpack pairs) {
  const std::size_t entries = pairs.size();
  if (entries % 2 != 0) return std::nullopt;
  std::unordered_set<std::string> members;
  bool is_compact = entries / 2 <= EncodingLimits::zset_max_listpack_entries;
  bool is_ordered = true;
  double last = 0;
  std::string last_member;
  for (Position at = pairs.first(); at != Listpack::kNone;) {
    IntegerText buffer;
    std::string member(text(pairs.at(at), buffer));
    const Position behind = pairs.next(at);
    const auto score = parse_score(pairs.at(behind));
    if (!score || !members.insert(member).second) return std::nullopt;
    is_compact = is_compact && member.size() <= EncodingLimits::zset_max_listpack_value;
    const bool is_first = at == pairs.first();
    is_ordered = is_ordered && (is_first || last < *score || (last == *score && last_member < member));
    last = *score;
    last_member = std::move(member);
    at = pairs.next(behind);
  }
  ZSet adopted;
  if (is_ordered) {
    adopted.held_.become(std::move(pairs));
    if (!is_compact) adopted.convert();
    return adopted;
  }
  for (Position at = pairs.first(); at != Listpack::kNone;) {
    const Position behind = pairs.next(at);
    adopted.set(pairs.at(at), *parse_score(pairs.at(behind)));
    at = pairs.next(behind);
  }
  return adopted;
}

ZSet ZSet::make_large() {
  ZSet large;
  large.held_.become(std::make_unique<SortedSet>());
  return large;
}

void ZSet::compact() {
  if (!is_large() || sorted().size() > EncodingLimits::zset_max_listpack_entries) return;
  bool fits = true;
  for_each(
      [&fits](Element member) { return fits = member.string().size() <= EncodingLimits::zset_max_listpack_value; });
  if (!fits) return;
  ZSet small;
  for (SortedSet::Cursor cursor = sorted().at(0); cursor.valid(); cursor.next()) {
    small.insert_pair(cursor.entry().member, cursor.entry().score);
  }
  *this = std::move(small);
}

ZSet ZSet::clone() const {
  if (!is_large()) {
    ZSet copy;
    copy.held_.become(pairs().clone());
    return copy;
  }
  ZSet copy = make_large();
  for (SortedSet::Cursor cursor = sorted().at(0); cursor.valid(); cursor.next()) {
    const SortedSet::Entry entry = cursor.entry();
    copy.sorted().add_or_update(entry.member, entry.score);
  }
  return copy;
}

std::size_t ZSet::memory() const { return is_large() ? sorted().memory() : pairs().memory(); }

double ZSet::score_behind(Position member) const { return parse_score(pairs().at(pairs().next(member))).value_or(0); }

std::optional<double> ZSet::score(std::string_view member) {
  if (is_large()) return sorted().score(member);
  const Position at = find(member);
  return at == Listpack::kNone ? std::nullopt : std::optional(score_behind(at));
}

std::optional<double> ZSet::score(Element member) {
  IntegerText buffer;
  return score(text(member, buffer));
}

ZSet::Outcome ZSet::set(Element member, double score) {
  IntegerText buffer;
  return set(text(member, buffer), score);
}

ZSet::Outcome ZSet::set_in_pairs(std::string_view member, double score) {
  const Position at = find(member);
  if (at == Listpack::kNone) {
    const bool fits = size() < EncodingLimits::zset_max_listpack_entries &&
                      member.size() <= EncodingLimits::zset_max_listpack_value &&
                      pairs().total() + member.size() < kListpackBytesMax;
    if (!fits) {
      convert();
      return sorted().add_or_update(member, score);
    }
    insert_pair(member, score);
    return Outcome::added;
  }
  if (score_behind(at) == score) return Outcome::unchanged;
  if (stays(at, score)) {
    write_score(score, [&](auto written) { pairs().replace(pairs().next(at), written); });
  } else {
    pairs().erase(at, 2);
    insert_pair(member, score);
  }
  return Outcome::updated;
}

bool ZSet::stays(Position member, double score) const {
  const Position before = previous_pair(member);
  if (before != Listpack::kNone && !(score_behind(before) < score)) return false;
  const Position behind = next_pair(member);
  return behind == Listpack::kNone || score < score_behind(behind);
}

// From the end, as scores that are times or counts mostly grow.
void ZSet::insert_pair(std::string_view member, double score) {
  Position following = Listpack::kNone;
  for (Position at = pairs().last(); at != Listpack::kNone;) {
    at = pairs().previous(at);
    const double other = score_behind(at);
    if (other < score || (other == score && compare(pairs().at(at), member) < 0)) break;
    following = at;
    at = pairs().previous(at);
  }
  write_score(score, [&](auto written) { pairs().insert_pair_before(following, member, written); });
}

void ZSet::convert() {
  auto sorted = std::make_unique<SortedSet>();
  for_each([&](Element member, double score) {
    IntegerText buffer;
    sorted->add_or_update(text(member, buffer), score);
  });
  held_.become(std::move(sorted));
}

bool ZSet::remove(std::string_view member) {
  if (is_large()) return sorted().remove(member);
  const Position at = find(member);
  if (at == Listpack::kNone) return false;
  pairs().erase(at, 2);
  return true;
}

std::size_t ZSet::remove(RankRange range) {
  if (is_large()) return sorted().remove(range);
  range.end = std::min<std::size_t>(range.end, size());
  if (range.first >= range.end) return 0;
  pairs().erase(position_of(range.first), range.count() * 2);
  return range.count();
}

std::optional<std::size_t> ZSet::rank(std::string_view member) {
  if (is_large()) return sorted().rank(member);
  const Needle needle(member);
  std::size_t rank = 0;
  for (Position at = pairs().first(); at != Listpack::kNone; at = next_pair(at), ++rank) {
    if (needle.matches(pairs().at(at))) return rank;
  }
  return std::nullopt;
}

RankRange ZSet::ranks(const ScoreRange& range) const {
  if (is_large()) return sorted().ranks(range);
  RankRange found;
  for_each([&](Element /*member*/, double score) {
    if (range.min_exclusive ? score <= range.min : score < range.min) {
      ++found.first;
    } else if (range.max_exclusive ? score >= range.max : score > range.max) {
      return false;
    }
    ++found.end;
    return true;
  });
  return found;
}

RankRange ZSet::ranks(const LexRange& range, bool downwards) const {
  if (size() == 0 || is_empty(range)) return {};
  if (is_below(at(size() - 1).member, range.min) || is_above(at(0).member, range.max)) return {};
  if (is_large()) return sorted().ranks(range);
  std::size_t passed = 0;
  std::size_t found = 0;
  for_each({.first = 0, .end = size()}, downwards, [&](Element member) {
    const bool before = downwards ? is_above(member, range.max) : is_below(member, range.min);
    if (found == 0 && before) {
      ++passed;
      return true;
    }
    const bool behind = downwards ? is_below(member, range.min) : is_above(member, range.max);
    found += behind ? 0 : 1;
    return !behind;
  });
  const std::size_t first = downwards ? size() - passed - found : passed;
  return {.first = first, .end = first + found};
}

ZSet::Entry ZSet::at(std::size_t rank) const {
  if (is_large()) {
    const SortedSet::Entry entry = sorted().at(rank).entry();
    return {.member = element(entry.member), .score = entry.score};
  }
  const Position at = position_of(rank);
  return {.member = pairs().at(at), .score = score_behind(at)};
}

}  // namespace leat::keyspace
