#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "keyspace/memory.h"

namespace leat::keyspace {

// A member of a sorted set, in one allocation with its bytes.
struct SortedMember {
  SortedMember* next = nullptr;  // of the table
  double score = 0;
  std::uint32_t length = 0;

  // The bytes begin right behind the length, inside what would be padding.
  static constexpr std::size_t kHeaderSize = 20;
  [[nodiscard]] std::string_view key() const { return {reinterpret_cast<const char*>(this) + kHeaderSize, length}; }
  // The size of the allocation.
  [[nodiscard]] std::size_t bytes() const { return std::max(sizeof(SortedMember), kHeaderSize + length); }

  static SortedMember* make(std::string_view key, double score);
  static void destroy(SortedMember* member);
};

// Sorted members by (score, bytes): a B+-tree whose nodes know how many members are below each child, so that ranks and counts
// take as many steps as lookups. It refers to members and neither makes nor frees them. The scores are kept in the nodes, so a
// member's own memory is read only where scores are equal.
class ScoreTree {
 public:
  static constexpr unsigned kWidth = 64;  // members of a leaf, children of an inner node

  ScoreTree() = default;
  ScoreTree(const ScoreTree&) = delete;
  ScoreTree& operator=(const ScoreTree&) = delete;
  // The members remain the caller's.
  ~ScoreTree();

  // Entries in order. Behind the last the scores are NaN, which is neither below nor equal to any: searches read all kWidth.
  struct Keys {
    std::array<double, kWidth> scores;
    std::array<SortedMember*, kWidth> members;
  };
  // Bounds split the order in two: count_before tells how many of the `count` entries are on the lower side.
  struct ScoreBound {
    double score = 0;
    bool inclusive = false;  // entries of this score are before the bound, too
    [[nodiscard]] unsigned count_before(const Keys& keys, unsigned count) const;
  };
  // For sets whose scores are all equal.
  struct MemberBound {
    std::string_view member;
    bool inclusive = false;
    [[nodiscard]] unsigned count_before(const Keys& keys, unsigned count) const;
  };

  [[nodiscard]] std::size_t size() const { return size_; }
  // Bytes of the nodes.
  [[nodiscard]] std::size_t memory() const { return bytes_; }

  // Under the member's score; no member of the same score and bytes may be in the tree.
  void insert(SortedMember& member);
  // A member that is in the tree under its score.
  void erase(const SortedMember& member);
  // The same, and when this returns the member has the new score.
  void change_score(SortedMember& member, double score);
  // How many members are before this one, which is in the tree.
  [[nodiscard]] std::size_t rank(const SortedMember& member) const;
  [[nodiscard]] std::size_t count_before(const ScoreBound& bound) const;
  [[nodiscard]] std::size_t count_before(const MemberBound& bound) const;

  // Takes some of the `count` members from rank `first` on out of the tree, and writes them to `taken` in order: the first of
  // them, or the last. Returns how many; at least one when `count` is not 0. There must be `count` members there.
  using Batch = std::array<SortedMember*, kWidth>;
  unsigned take_first(std::size_t first, std::size_t count, Batch& taken);
  unsigned take_last(std::size_t first, std::size_t count, Batch& taken);

 private:
  struct Node {
    unsigned count = 0;
    Keys keys;  // of an inner node: the first entry below each child
  };
  struct Leaf : Node {
    Leaf* previous = nullptr;
    Leaf* next = nullptr;
  };
  struct Inner;
  struct Path;

 public:
  // A place in the order; lasts until the tree changes. A step past either end makes it invalid.
  class Cursor {
   public:
    Cursor() = default;
    [[nodiscard]] bool valid() const { return leaf_ != nullptr; }
    [[nodiscard]] SortedMember& member() const { return *leaf_->keys.members[index_]; }
    [[nodiscard]] double score() const { return leaf_->keys.scores[index_]; }
    void next() {
      if (++index_ == leaf_->count) {
        leaf_ = leaf_->next;
        index_ = 0;
        if (leaf_ == nullptr) return;
      }
      if (index_ + kAhead < leaf_->count) __builtin_prefetch(leaf_->keys.members[index_ + kAhead]);
    }
    void previous() {
      if (index_ == 0) {
        leaf_ = leaf_->previous;
        if (leaf_ == nullptr) return;
        index_ = leaf_->count;
      }
      --index_;
      if (index_ >= kAhead) __builtin_prefetch(leaf_->keys.members[index_ - kAhead]);
    }

   private:
    friend class ScoreTree;
    static constexpr unsigned kAhead = 4;
    Cursor(const Leaf* leaf, unsigned index) : leaf_(leaf), index_(index) {}
    const Leaf* leaf_ = nullptr;
    unsigned index_ = 0;
  };
  // Invalid when the rank is not below size().
  [[nodiscard]] Cursor at(std::size_t rank) const;

 private:
  template <class Bound>
  [[nodiscard]] std::size_t count_all_before(const Bound& bound) const;
  [[nodiscard]] Path path_to(double score, std::string_view member) const;
  [[nodiscard]] Path path_to(std::size_t rank) const;
  void split(const Path& path, SortedMember& member, double score);
  void add_beside(const Path& path, Node* left, Node* right);
  void erase_at(const Path& path, unsigned count);
  void shrink(const Path& path);
  static void unlink(const Leaf* leaf);
  void merge(Inner& parent, unsigned index, bool of_leaves);
  unsigned take_at(const Path& path, unsigned count, Batch& taken);

  template <class T>
  T* make_node();
  void destroy_node(Node* node, bool is_leaf);
  void destroy_below(Node* node, unsigned height);

  Node* root_ = nullptr;
  unsigned height_ = 0;  // inner nodes above each leaf
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace leat::keyspace
