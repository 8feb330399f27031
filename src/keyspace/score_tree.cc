#include "keyspace/score_tree.h"

#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace leat::keyspace {
namespace {

using Keys = ScoreTree::Keys;
constexpr unsigned kWidth = ScoreTree::kWidth;
// Nodes below kSmall are merged with one beside them when both together are not above kMerged: neither splits soon.
constexpr unsigned kSmall = kWidth / 4;
constexpr unsigned kMerged = kWidth * 3 / 4;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// All are read, whatever the count: without branches, and several at once.
unsigned count_below(const Keys& keys, double score) {
  std::uint64_t result = 0;
  for (const double other : keys.scores) result += other < score ? 1 : 0;
  return static_cast<unsigned>(result);
}
unsigned count_not_above(const Keys& keys, double score) {
  std::uint64_t result = 0;
  for (const double other : keys.scores) result += other <= score ? 1 : 0;
  return static_cast<unsigned>(result);
}

bool is_before(const SortedMember* entry, std::string_view member, bool inclusive) {
  const int order = entry->key().compare(member);
  return inclusive ? order <= 0 : order < 0;
}
// Of the entries from `first` to `last`, which are in order of their members, the first that is not before `member`.
unsigned partition(const Keys& keys, unsigned first, unsigned last, std::string_view member, bool inclusive) {
  while (first < last) {
    const unsigned middle = (first + last) / 2;
    if (is_before(keys.members[middle], member, inclusive)) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return first;
}

struct EntryBound {
  double score;
  std::string_view member;
  bool inclusive = false;
  [[nodiscard]] unsigned count_before(const Keys& keys, unsigned count) const {
    const unsigned first = count_below(keys, score);
    if (first == count || keys.scores[first] != score) return first;
    return partition(keys, first, count_not_above(keys, score), member, inclusive);
  }
};

// Moves entries [from, from + count) of one array to `to` in another, or in the same.
template <class Array>
void move_items(Array& target, unsigned to, const Array& source, unsigned from, unsigned count) {
  constexpr std::size_t kSize =
      sizeof(typename Array::value_type);  // NOLINT(bugprone-sizeof-expression): may be a pointer
  std::memmove(target.data() + to, source.data() + from, count * kSize);
}
void move_keys(Keys& target, unsigned to, const Keys& source, unsigned from, unsigned count) {
  move_items(target.scores, to, source.scores, from, count);
  move_items(target.members, to, source.members, from, count);
}
void set_key(Keys& keys, unsigned index, SortedMember* member, double score) {
  keys.scores[index] = score;
  keys.members[index] = member;
}
void forget_scores(Keys& keys, unsigned from, unsigned to) {
  std::fill(keys.scores.begin() + from, keys.scores.begin() + to, kNone);
}

}  // namespace

struct ScoreTree::Inner : Node {
  std::array<std::size_t, kWidth> weights;  // members below each child
  std::array<Node*, kWidth> children;

  [[nodiscard]] std::size_t weight_before(unsigned index) const {
    std::size_t sum = 0;
    for (unsigned i = 0; i < index; ++i) sum += weights[i];
    return sum;
  }
  void set_child(unsigned index, Node* child, std::size_t weight) {
    set_key(keys, index, child->keys.members[0], child->keys.scores[0]);
    weights[index] = weight;
    children[index] = child;
  }
  // Copies [from, from + count) of `source`, which may be this node.
  void move_children(unsigned to, const Inner& source, unsigned from, unsigned moved) {
    move_keys(keys, to, source.keys, from, moved);
    move_items(weights, to, source.weights, from, moved);
    move_items(children, to, source.children, from, moved);
  }
};

// The way from the root to a place in a leaf: by which child of each inner node.
struct ScoreTree::Path {
  struct Step {
    Inner* node;
    unsigned index;
  };
  std::array<Step, 24> steps;
  unsigned height = 0;
  Leaf* leaf = nullptr;
  unsigned index = 0;

  // The leaf's first entry has changed.
  void refresh_first() const {
    for (unsigned level = height; level-- > 0;) {
      const Step& step = steps[level];
      set_key(step.node->keys, step.index, leaf->keys.members[0], leaf->keys.scores[0]);
      if (step.index != 0) return;
    }
  }
  void add_weight(std::ptrdiff_t weight) const {
    for (unsigned level = 0; level < height; ++level) {
      steps[level].node->weights[steps[level].index] += static_cast<std::size_t>(weight);
    }
  }
};

SortedMember* SortedMember::make(std::string_view key, double score) {
  const SortedMember header{.score = score, .length = static_cast<std::uint32_t>(key.size())};
  auto* member = new (allocate(header.bytes())) SortedMember(header);
  if (!key.empty()) std::memcpy(reinterpret_cast<char*>(member) + kHeaderSize, key.data(), key.size());
  return member;
}
void SortedMember::destroy(SortedMember* member) { release(member, member->bytes()); }

unsigned ScoreTree::ScoreBound::count_before(const Keys& keys, unsigned /*count*/) const {
  return inclusive ? count_not_above(keys, score) : count_below(keys, score);
}
unsigned ScoreTree::MemberBound::count_before(const Keys& keys, unsigned count) const {
  return partition(keys, 0, count, member, inclusive);
}

ScoreTree::~ScoreTree() {
  if (root_ != nullptr) destroy_below(root_, height_);
}

template <class T>
T* ScoreTree::make_node() {
  T* node = new (allocate(sizeof(T))) T;
  forget_scores(node->keys, 0, kWidth);
  bytes_ += rounded_size(sizeof(T));
  return node;
}
void ScoreTree::destroy_node(Node* node, bool is_leaf) {
  const std::size_t size = is_leaf ? sizeof(Leaf) : sizeof(Inner);
  bytes_ -= rounded_size(size);
  release(node, size);
}
void ScoreTree::destroy_below(Node* node, unsigned height) {
  if (height > 0) {
    auto* inner = static_cast<Inner*>(node);
    for (unsigned i = 0; i < inner->count; ++i) destroy_below(inner->children[i], height - 1);
  }
  destroy_node(node, height == 0);
}

// Each child's key is the first entry below it, so all below the children before the last that is before the bound are, too.
template <class Bound>
std::size_t ScoreTree::count_all_before(const Bound& bound) const {
  if (root_ == nullptr) return 0;
  std::size_t before = 0;
  const Node* node = root_;
  for (unsigned level = 0; level < height_; ++level) {
    const auto* inner = static_cast<const Inner*>(node);
    const unsigned count = bound.count_before(inner->keys, inner->count);
    if (count == 0) return before;
    before += inner->weight_before(count - 1);
    node = inner->children[count - 1];
  }
  return before + bound.count_before(node->keys, node->count);
}

std::size_t ScoreTree::rank(const SortedMember& member) const {
  return count_all_before(EntryBound{.score = member.score, .member = member.key()});
}
std::size_t ScoreTree::count_before(const ScoreBound& bound) const { return count_all_before(bound); }
std::size_t ScoreTree::count_before(const MemberBound& bound) const { return count_all_before(bound); }

// To the entry itself if it is there, or else to where it belongs.
ScoreTree::Path ScoreTree::path_to(double score, std::string_view member) const {
  Path path;
  path.height = height_;
  Node* node = root_;
  for (unsigned level = 0; level < height_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    const EntryBound bound{.score = score, .member = member, .inclusive = true};
    const unsigned count = bound.count_before(inner->keys, inner->count);
    const unsigned index = count == 0 ? 0 : count - 1;
    path.steps[level] = {.node = inner, .index = index};
    node = inner->children[index];
  }
  path.leaf = static_cast<Leaf*>(node);
  path.index = EntryBound{.score = score, .member = member}.count_before(node->keys, node->count);
  return path;
}
// The rank is below the size.
ScoreTree::Path ScoreTree::path_to(std::size_t rank) const {
  Path path;
  path.height = height_;
  Node* node = root_;
  for (unsigned level = 0; level < height_; ++level) {
    auto* inner = static_cast<Inner*>(node);
    unsigned index = 0;
    for (; rank >= inner->weights[index]; ++index) rank -= inner->weights[index];
    path.steps[level] = {.node = inner, .index = index};
    node = inner->children[index];
  }
  path.leaf = static_cast<Leaf*>(node);
  path.index = static_cast<unsigned>(rank);
  return path;
}
ScoreTree::Cursor ScoreTree::at(std::size_t rank) const {
  if (rank >= size_) return {};
  const Path path = path_to(rank);
  return {path.leaf, path.index};
}

void ScoreTree::insert(SortedMember& member) {
  if (root_ == nullptr) root_ = make_node<Leaf>();
  const Path path = path_to(member.score, member.key());
  ++size_;
  if (path.leaf->count == kWidth) {
    split(path, member, member.score);
    return;
  }
  Leaf& leaf = *path.leaf;
  move_keys(leaf.keys, path.index + 1, leaf.keys, path.index, leaf.count - path.index);
  set_key(leaf.keys, path.index, &member, member.score);
  ++leaf.count;
  path.add_weight(1);
  if (path.index == 0) path.refresh_first();
}

// A full leaf becomes two. At either end of the order the full one stays full: members often come sorted.
void ScoreTree::split(const Path& path, SortedMember& member, double score) {
  Leaf* left = path.leaf;
  auto* right = make_node<Leaf>();
  right->previous = left;
  right->next = std::exchange(left->next, right);
  if (right->next != nullptr) right->next->previous = right;

  unsigned cut = kWidth / 2;
  if (path.index == kWidth && right->next == nullptr) cut = kWidth;
  if (path.index == 0 && left->previous == nullptr) cut = 0;
  right->count = kWidth - cut;
  left->count = cut;
  move_keys(right->keys, 0, left->keys, cut, right->count);
  forget_scores(left->keys, cut, kWidth);

  const bool into_left = path.index < cut || (path.index == cut && cut != kWidth);
  Leaf* target = into_left ? left : right;
  const unsigned index = into_left ? path.index : path.index - cut;
  move_keys(target->keys, index + 1, target->keys, index, target->count - index);
  set_key(target->keys, index, &member, score);
  ++target->count;
  add_beside(path, left, right);
}

// Takes a new leaf into the tree, behind the one that the path leads to; inner nodes that are full become two.
void ScoreTree::add_beside(const Path& path, Node* left, Node* right) {
  const bool appends = static_cast<Leaf*>(right)->next == nullptr;
  std::size_t left_weight = left->count;
  std::size_t right_weight = right->count;
  for (unsigned level = path.height; level-- > 0;) {
    const auto [parent, index] = path.steps[level];
    if (right == nullptr) {
      ++parent->weights[index];
      set_key(parent->keys, index, parent->children[index]->keys.members[0], parent->children[index]->keys.scores[0]);
      continue;
    }
    parent->set_child(index, left, left_weight);
    Inner* target = parent;
    unsigned at = index + 1;
    Inner* beside = nullptr;
    if (parent->count == kWidth) {
      beside = make_node<Inner>();
      const unsigned cut = appends ? kWidth : kWidth / 2;
      beside->move_children(0, *parent, cut, kWidth - cut);
      beside->count = kWidth - cut;
      forget_scores(parent->keys, cut, kWidth);
      parent->count = cut;
      if (at >= cut) {
        target = beside;
        at -= cut;
      }
    }
    target->move_children(at + 1, *target, at, target->count - at);
    target->set_child(at, right, right_weight);
    ++target->count;
    left = parent;
    right = beside;
    if (beside != nullptr) {
      left_weight = parent->weight_before(parent->count);
      right_weight = beside->weight_before(beside->count);
    }
  }
  if (right == nullptr) return;
  auto* root = make_node<Inner>();
  root->set_child(0, left, left_weight);
  root->set_child(1, right, right_weight);
  root->count = 2;
  root_ = root;
  ++height_;
}

void ScoreTree::erase(const SortedMember& member) { erase_at(path_to(member.score, member.key()), 1); }

void ScoreTree::erase_at(const Path& path, unsigned count) {
  Leaf& leaf = *path.leaf;
  const unsigned end = path.index + count;
  move_keys(leaf.keys, path.index, leaf.keys, end, leaf.count - end);
  forget_scores(leaf.keys, leaf.count - count, leaf.count);
  leaf.count -= count;
  size_ -= count;
  path.add_weight(-static_cast<std::ptrdiff_t>(count));
  if (leaf.count < kSmall) {
    shrink(path);
  } else if (path.index == 0) {
    path.refresh_first();
  }
}

// Merges the nodes on the way that have become small, and drops those that are empty.
void ScoreTree::shrink(const Path& path) {
  for (unsigned level = path.height; level-- > 0;) {
    const auto [parent, index] = path.steps[level];
    const bool of_leaves = level + 1 == path.height;
    Node* child = parent->children[index];
    if (child->count != 0) set_key(parent->keys, index, child->keys.members[0], child->keys.scores[0]);
    if (child->count >= kSmall) continue;
    const auto fits = [&](unsigned other) {
      const unsigned count = parent->children[other]->count;
      return child->count == 0 || child->count + count <= kMerged;
    };
    if (index > 0 && fits(index - 1)) {
      merge(*parent, index - 1, of_leaves);
    } else if (index + 1 < parent->count && fits(index + 1)) {
      merge(*parent, index, of_leaves);
    } else if (child->count == 0) {
      if (of_leaves) unlink(static_cast<Leaf*>(child));
      destroy_node(child, of_leaves);
      parent->count = 0;
      forget_scores(parent->keys, 0, 1);
    }
  }
  while (height_ > 0 && root_->count == 1) {
    Node* child = static_cast<Inner*>(root_)->children[0];
    destroy_node(root_, false);
    root_ = child;
    --height_;
  }
  if (root_->count == 0) {
    destroy_node(root_, true);
    root_ = nullptr;
  }
}

void ScoreTree::unlink(const Leaf* leaf) {
  if (leaf->previous != nullptr) leaf->previous->next = leaf->next;
  if (leaf->next != nullptr) leaf->next->previous = leaf->previous;
}

// The child at `index` takes over what the next has.
void ScoreTree::merge(Inner& parent, unsigned index, bool of_leaves) {
  Node* left = parent.children[index];
  Node* right = parent.children[index + 1];
  if (of_leaves) {
    move_keys(left->keys, left->count, right->keys, 0, right->count);
    unlink(static_cast<Leaf*>(right));
  } else {
    static_cast<Inner*>(left)->move_children(left->count, *static_cast<Inner*>(right), 0, right->count);
  }
  left->count += right->count;
  parent.set_child(index, left, parent.weights[index] + parent.weights[index + 1]);
  parent.move_children(index + 1, parent, index + 2, parent.count - index - 2);
  --parent.count;
  forget_scores(parent.keys, parent.count, parent.count + 1);
  destroy_node(right, of_leaves);
}

void ScoreTree::change_score(SortedMember& member, double score) {
  const Path path = path_to(member.score, member.key());
  Leaf& leaf = *path.leaf;
  unsigned to = EntryBound{.score = score, .member = member.key()}.count_before(leaf.keys, leaf.count);
  const bool stays = (to > 0 || leaf.previous == nullptr) && (to < leaf.count || leaf.next == nullptr);
  if (!stays) {
    erase_at(path, 1);
    member.score = score;
    insert(member);
    return;
  }
  if (to > path.index) {
    --to;
    move_keys(leaf.keys, path.index, leaf.keys, path.index + 1, to - path.index);
  } else {
    move_keys(leaf.keys, to + 1, leaf.keys, to, path.index - to);
  }
  set_key(leaf.keys, to, &member, score);
  member.score = score;
  if (to == 0 || path.index == 0) path.refresh_first();
}

unsigned ScoreTree::take_first(std::size_t first, std::size_t count, Batch& taken) {
  if (count == 0) return 0;
  const Path path = path_to(first);
  return take_at(path, static_cast<unsigned>(std::min<std::size_t>(count, path.leaf->count - path.index)), taken);
}
unsigned ScoreTree::take_last(std::size_t first, std::size_t count, Batch& taken) {
  if (count == 0) return 0;
  Path path = path_to(first + count - 1);
  const auto taken_count = static_cast<unsigned>(std::min<std::size_t>(count, path.index + 1));
  path.index -= taken_count - 1;
  return take_at(path, taken_count, taken);
}
unsigned ScoreTree::take_at(const Path& path, unsigned count, Batch& taken) {
  move_items(taken, 0, path.leaf->keys.members, path.index, count);
  erase_at(path, count);
  return count;
}

}  // namespace leat::keyspace
