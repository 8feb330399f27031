#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "keyspace/memory.h"
#include "keyspace/score_tree.h"
#include "keyspace/table.h"

namespace leat::keyspace {

struct ScoreRange {
  double min = 0;
  double max = 0;
  bool min_exclusive = false;
  bool max_exclusive = false;
};

// One end of a range of members: `-`, `+`, or a member that is itself in the range or not.
struct LexBound {
  enum class Kind : std::uint8_t { min, max, member };
  Kind kind = Kind::min;
  std::string_view member;
  bool exclusive = false;
};
struct LexRange {
  LexBound min{.kind = LexBound::Kind::min};
  LexBound max{.kind = LexBound::Kind::max};
};

// The members of ranks [first, end).
struct RankRange {
  std::size_t first = 0;
  std::size_t end = 0;
  [[nodiscard]] std::size_t count() const { return end - first; }
  [[nodiscard]] bool empty() const { return first == end; }
};

// Members with scores, in the order of (score, bytes), ranks from 0. Scores are never NaN; -0.0 and 0.0 are equal.
// Where a hash is taken as well as a member, it is hash_of(member). Views of members last until that member is removed.
class SortedSet : public Counted {
 public:
  enum class Outcome : std::uint8_t { added, updated, unchanged };
  struct Entry {
    std::string_view member;
    double score = 0;
  };
  // A place in the order; lasts until the set changes. A step past either end makes it invalid.
  class Cursor {
   public:
    explicit Cursor(ScoreTree::Cursor place) : place_(place) {}
    [[nodiscard]] bool valid() const { return place_.valid(); }
    [[nodiscard]] Entry entry() const { return {.member = place_.member().key(), .score = place_.score()}; }
    void next() { place_.next(); }
    void previous() { place_.previous(); }

   private:
    ScoreTree::Cursor place_;
  };
  // Is told of each member that is removed, before it is freed; must not use the set.
  using Removed = std::function<void(std::string_view member, double score)>;

  SortedSet() = default;
  SortedSet(const SortedSet&) = delete;
  SortedSet& operator=(const SortedSet&) = delete;
  ~SortedSet();

  [[nodiscard]] std::size_t size() const { return tree_.size(); }
  // Bytes in use, those of this object included. Reckoned, not counted, so it costs nothing.
  [[nodiscard]] std::size_t memory() const {
    return sizeof(SortedSet) + tree_.memory() + table_.memory() + bytes_of_members_;
  }

  [[nodiscard]] std::optional<double> score(std::string_view member) { return score(member, hash_of(member)); }
  [[nodiscard]] std::optional<double> score(std::string_view member, std::uint64_t hash);
  Outcome add_or_update(std::string_view member, double score) { return add_or_update(member, score, hash_of(member)); }
  Outcome add_or_update(std::string_view member, double score, std::uint64_t hash);
  bool remove(std::string_view member);
  [[nodiscard]] std::optional<std::size_t> rank(std::string_view member);

  // Invalid when the rank is not below size().
  [[nodiscard]] Cursor at(std::size_t rank) const { return Cursor(tree_.at(rank)); }
  // The rank of the first member whose score is not below `score`; with `exclusive`, is above it. size() if there is none.
  [[nodiscard]] std::size_t lower_bound(double score, bool exclusive = false) const {
    return tree_.count_before(ScoreTree::ScoreBound{.score = score, .inclusive = exclusive});
  }
  // In O(log n), so they count as well.
  [[nodiscard]] RankRange ranks(const ScoreRange& range) const;
  // For sets whose scores are all equal; of others it is some range.
  [[nodiscard]] RankRange ranks(const LexRange& range) const;
  // The part of `range` that there is.
  [[nodiscard]] RankRange clamped(RankRange range) const;

  // These return how many members they removed, and tell of them in order; pop_max from the last down.
  std::size_t remove(RankRange range, const Removed& removed = {});
  std::size_t remove(const ScoreRange& range, const Removed& removed = {}) { return remove(ranks(range), removed); }
  std::size_t remove(const LexRange& range, const Removed& removed = {}) { return remove(ranks(range), removed); }
  std::size_t pop_min(std::size_t count, const Removed& removed = {});
  std::size_t pop_max(std::size_t count, const Removed& removed = {});

  // Redis's guarantee, see Table::scan. `visit(member, score)` must not change the set.
  template <class F>
  std::uint64_t scan(std::uint64_t cursor, F visit) {
    return table_.scan(cursor, [&](SortedMember& member) { visit(member.key(), member.score); });
  }
  // A random member, each as likely as any other. The set must not be empty.
  [[nodiscard]] Entry random(std::uint64_t bits) const { return at(bits % size()).entry(); }

  // For idle times, see Table::rehash_step.
  bool rehash_step(std::size_t count) { return table_.rehash_step(count); }

 private:
  void drop(SortedMember& member, const Removed& removed);

  Table<SortedMember> table_;
  ScoreTree tree_;
  std::size_t bytes_of_members_ = 0;
};

}  // namespace leat::keyspace
