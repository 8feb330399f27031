#include "keyspace/sorted_set.h"

#include <algorithm>

namespace leat::keyspace {

SortedSet::~SortedSet() {
  ScoreTree::Cursor cursor = tree_.at(0);
  while (cursor.valid()) {
    SortedMember& member = cursor.member();
    cursor.next();
    SortedMember::destroy(&member);
  }
}

std::optional<double> SortedSet::score(std::string_view member, std::uint64_t hash) {
  const SortedMember* found = table_.find(member, hash);
  if (found == nullptr) return std::nullopt;
  return found->score;
}

SortedSet::Outcome SortedSet::add_or_update(std::string_view member, double score, std::uint64_t hash) {
  SortedMember* found = table_.find(member, hash);
  if (found == nullptr) {
    found = SortedMember::make(member, score);
    bytes_of_members_ += rounded_size(found->bytes());
    table_.insert(*found, hash);
    tree_.insert(*found);
    return Outcome::added;
  }
  if (found->score == score) return Outcome::unchanged;
  tree_.change_score(*found, score);
  return Outcome::updated;
}

bool SortedSet::remove(std::string_view member) {
  SortedMember* found = table_.remove(member);
  if (found == nullptr) return false;
  tree_.erase(*found);
  bytes_of_members_ -= rounded_size(found->bytes());
  SortedMember::destroy(found);
  return true;
}

std::optional<std::size_t> SortedSet::rank(std::string_view member) {
  const SortedMember* found = table_.find(member);
  if (found == nullptr) return std::nullopt;
  return tree_.rank(*found);
}

RankRange SortedSet::ranks(const ScoreRange& range) const {
  const std::size_t first = lower_bound(range.min, range.min_exclusive);
  return {.first = first, .end = std::max(first, lower_bound(range.max, !range.max_exclusive))};
}

RankRange SortedSet::ranks(const LexRange& range) const {
  // How many members are below the bound: those equal to it are if `with_equal`.
  const auto below = [this](const LexBound& bound, bool with_equal) -> std::size_t {
    if (bound.kind == LexBound::Kind::min) return 0;
    if (bound.kind == LexBound::Kind::max) return size();
    return tree_.count_before(ScoreTree::MemberBound{.member = bound.member, .inclusive = with_equal});
  };
  const std::size_t first = below(range.min, range.min.exclusive);
  return {.first = first, .end = std::max(first, below(range.max, !range.max.exclusive))};
}

RankRange SortedSet::clamped(RankRange range) const {
  const std::size_t end = std::min(range.end, size());
  return {.first = std::min(range.first, end), .end = end};
}

void SortedSet::drop(SortedMember& member, const Removed& removed) {
  table_.remove(member);
  if (removed) removed(member.key(), member.score);
  bytes_of_members_ -= rounded_size(member.bytes());
  SortedMember::destroy(&member);
}

std::size_t SortedSet::remove(RankRange range, const Removed& removed) {
  range = clamped(range);
  ScoreTree::Batch batch;
  for (std::size_t left = range.count(); left > 0;) {
    const unsigned taken = tree_.take_first(range.first, left, batch);
    for (unsigned i = 0; i < taken; ++i) drop(*batch[i], removed);
    left -= taken;
  }
  return range.count();
}

std::size_t SortedSet::pop_min(std::size_t count, const Removed& removed) {
  return remove(RankRange{.first = 0, .end = count}, removed);
}

std::size_t SortedSet::pop_max(std::size_t count, const Removed& removed) {
  count = std::min(count, size());
  ScoreTree::Batch batch;
  for (std::size_t left = count; left > 0;) {
    const unsigned taken = tree_.take_last(size() - left, left, batch);
    for (unsigned i = taken; i > 0; --i) drop(*batch[i - 1], removed);
    left -= taken;
  }
  return count;
}

}  // namespace leat::keyspace
