#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "keyspace/listpack.h"
#include "keyspace/small_or_large.h"
#include "keyspace/sorted_set.h"

namespace leat::keyspace {

// Members with scores, in the order of (score, bytes), ranks from 0. A small one is a listpack of members, each with its
// score behind it, byte for byte Redis's; beyond the limits of EncodingLimits it becomes a SortedSet, for good. Scores are
// never NaN. Elements that it returns last until the next change.
class ZSet {
 public:
  using Outcome = SortedSet::Outcome;
  struct Entry {
    Element member;
    double score = 0;
  };

  ZSet() = default;
  // Takes pairs of members and scores, in any order; nullopt when some score is no number or a member is there twice.
  [[nodiscard]] static std::optional<ZSet> adopt(Listpack pairs);
  // An empty one that is no listpack, for what is computed: scores in listpacks have no -0. When it is complete, `compact`
  // makes it one if it is small.
  [[nodiscard]] static ZSet make_large();
  void compact();
  [[nodiscard]] ZSet clone() const;

  [[nodiscard]] std::size_t size() const { return is_large() ? sorted().size() : pairs().size() / 2; }
  [[nodiscard]] std::string_view encoding() const { return is_large() ? "skiplist" : "listpack"; }
  // The pairs when they are a listpack, otherwise null.
  [[nodiscard]] const Listpack* listpack() const { return is_large() ? nullptr : &pairs(); }
  // Bytes in use, besides this object's own; see Object for these two.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t elements() const { return is_large() ? sorted().size() : 1; }

  [[nodiscard]] std::optional<double> score(std::string_view member);
  [[nodiscard]] std::optional<double> score(Element member);
  // A score equal to the one that is there changes nothing: -0 does not replace 0.
  Outcome set(std::string_view member, double score) {
    return is_large() ? sorted().add_or_update(member, score) : set_in_pairs(member, score);
  }
  Outcome set(Element member, double score);
  bool remove(std::string_view member);
  // Returns how many there were.
  std::size_t remove(RankRange range);

  [[nodiscard]] std::optional<std::size_t> rank(std::string_view member);
  [[nodiscard]] RankRange ranks(const ScoreRange& range) const;
  // For sets whose scores are all equal. Of others it is some range, in listpacks Redis's: from the first member, in this
  // direction, that is inside to the last before one that is outside.
  [[nodiscard]] RankRange ranks(const LexRange& range, bool downwards = false) const;
  // The rank is below size(). The cost for a listpack is its size.
  [[nodiscard]] Entry at(std::size_t rank) const;

  // Calls `visit(Element member, double score)`, or `visit(Element member)`, for these ranks, which must be there, upwards or
  // downwards. When it returns a bool, false ends it. It must not change the set.
  template <class F>
  void for_each(RankRange range, bool downwards, F visit) const {
    if (range.empty()) return;
    const std::size_t from = downwards ? range.end - 1 : range.first;
    if (is_large()) {
      visit_sorted(from, range.count(), downwards, visit);
    } else {
      visit_pairs(from, range.count(), downwards, visit);
    }
  }
  template <class F>
  void for_each(F visit) const {
    for_each({.first = 0, .end = size()}, false, visit);
  }

  // See Table::scan; `visit(Element member, double score)`. A listpack is visited whole.
  template <class F>
  std::uint64_t scan(std::uint64_t cursor, F visit) {
    if (!is_large()) {
      for_each(visit);
      return 0;
    }
    return sorted().scan(cursor, [&](std::string_view member, double score) { visit(element(member), score); });
  }

  // Becomes a SortedSet, however small.
  void expand() {
    if (!is_large()) convert();
  }
  // For idle times, see Table::rehash_step.
  bool rehash_step(std::size_t count) { return is_large() && sorted().rehash_step(count); }

 private:
  using Position = Listpack::Position;

  [[nodiscard]] bool is_large() const { return held_.is_large(); }
  [[nodiscard]] SortedSet& sorted() const { return held_.large(); }
  [[nodiscard]] const Listpack& pairs() const { return held_.small(); }
  [[nodiscard]] Listpack& pairs() { return held_.small(); }

  [[nodiscard]] static Element element(std::string_view text) { return {.data = text.data(), .word = text.size()}; }
  [[nodiscard]] double score_behind(Position member) const;
  [[nodiscard]] Position find(std::string_view member) const { return pairs().find(member, pairs().first(), 1); }
  [[nodiscard]] Position position_of(std::size_t rank) const {
    return pairs().seek(static_cast<std::int64_t>(rank * 2));
  }
  [[nodiscard]] Position next_pair(Position member) const { return pairs().next(pairs().next(member)); }
  [[nodiscard]] Position previous_pair(Position member) const {
    const Position score = pairs().previous(member);
    return score == Listpack::kNone ? score : pairs().previous(score);
  }
  Outcome set_in_pairs(std::string_view member, double score);
  // Whether the member at this position may have another score without moving.
  [[nodiscard]] bool stays(Position member, double score) const;
  void insert_pair(std::string_view member, double score);
  void convert();

  // False: the visitor has seen enough.
  template <class F>
  static bool visit_one(F& visit, Element member, auto score) {
    const auto call = [&]() -> decltype(auto) {
      if constexpr (std::invocable<F&, Element, double>) {
        return visit(member, score());
      } else {
        return visit(member);
      }
    };
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return true;
    } else {
      return call();
    }
  }
  template <class F>
  void visit_sorted(std::size_t rank, std::size_t count, bool downwards, F& visit) const {
    SortedSet::Cursor cursor = sorted().at(rank);
    for (; count > 0; --count) {
      const SortedSet::Entry entry = cursor.entry();
      if (!visit_one(visit, element(entry.member), [&] { return entry.score; })) return;
      downwards ? cursor.previous() : cursor.next();
    }
  }
  template <class F>
  void visit_pairs(std::size_t rank, std::size_t count, bool downwards, F& visit) const {
    Position at = position_of(rank);
    for (; count > 0; --count) {
      if (!visit_one(visit, pairs().at(at), [&] { return score_behind(at); })) return;
      at = downwards ? previous_pair(at) : next_pair(at);
    }
  }

  SmallOrLarge<Listpack, SortedSet> held_;
};

}  // namespace leat::keyspace
