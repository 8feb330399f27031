#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "keyspace/memory.h"

namespace leat::keyspace {

// The seed of every table's hashes. Set once at the start, before the first table holds a node: who does not know it cannot
// choose keys that collide.
inline std::uint64_t hash_seed = 0x9e3779b97f4a7c15;
inline void set_hash_seed(std::uint64_t seed) { hash_seed = seed; }
[[nodiscard]] inline std::uint64_t hash_of(std::string_view key) {
  return XXH3_64bits_withSeed(key.data(), key.size(), hash_seed);
}

struct TableStats {
  std::size_t buckets = 0;
  std::size_t buckets_of_rehash = 0;  // those of the array that nodes move to
  std::size_t buckets_used = 0;
  std::size_t longest_chain = 0;
};

// A chained hash table of the caller's nodes, which it links but never makes or frees. A Node has a public `Node* next`, which
// is the table's while the node is in one (it is no plain pointer then), and `std::string_view key() const`.
//
// It grows at one node per bucket and shrinks below one per eight, a few buckets with each call, so that no call takes long.
// An element is always in one place: buckets below moved_ are of the new array, so a lookup reads one bucket. The upper 16 bits
// of each link hold bits of the hash of the node it leads to: nodes of other keys are passed over without their key being read.
//
// Nodes do not move in memory. Where a hash is taken as well as a key, it is hash_of(key).
template <class Node>
class Table {
 public:
  Table() = default;
  Table(Table&& other) noexcept { swap(other); }
  Table& operator=(Table&& other) noexcept {
    Table taken(std::move(other));
    swap(taken);
    return *this;
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  // The nodes remain the caller's, see clear().
  ~Table() { release_buckets(); }
  void swap(Table& other) noexcept {
    std::swap(now_, other.now_);
    std::swap(then_, other.then_);
    std::swap(moved_, other.moved_);
    std::swap(size_, other.size_);
    std::swap(paused_, other.paused_);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  // Bytes of the arrays of buckets.
  [[nodiscard]] std::size_t memory() const { return now_.bytes() + then_.bytes(); }
  [[nodiscard]] std::size_t buckets() const { return now_.count() + then_.count(); }
  [[nodiscard]] bool rehashing() const { return then_.links != nullptr; }

  Node* find(std::string_view key) { return find(key, hash_of(key)); }
  Node* find(std::string_view key, std::uint64_t hash) {
    if (rehashing()) [[unlikely]]
      step(1);
    return peek(key, hash);
  }
  // A find that leaves the table as it is.
  [[nodiscard]] Node* peek(std::string_view key) const { return peek(key, hash_of(key)); }
  [[nodiscard]] Node* peek(std::string_view key, std::uint64_t hash) const {
    if (size_ == 0) return nullptr;
    for (Node* link = *bucket_of(hash); link != nullptr;) {
      Node* node = node_of(link);
      if (is_tagged(link, hash) && node->key() == key) return node;
      link = node->next;
    }
    return nullptr;
  }
  // To be called for several keys before they are looked up: their bucket is then read at once, and by the second call the
  // first node in it.
  void prefetch(std::uint64_t hash) const {
    if (size_ != 0) __builtin_prefetch(bucket_of(hash));
  }
  void prefetch_node(std::uint64_t hash) const {
    if (size_ != 0) __builtin_prefetch(node_of(*bucket_of(hash)));
  }

  // The node's key must not be in the table.
  void insert(Node& node) { insert(node, hash_of(node.key())); }
  void insert(Node& node, std::uint64_t hash) {
    if (rehashing()) [[unlikely]] {
      step(1);
    } else if (size_ >= now_.count()) {
      resize_if_needed(size_ + 1);
    }
    link_into(*bucket_of(hash), node, hash & kTagBits);
    ++size_;
  }

  // The removed node, which is the caller's again, or null.
  Node* remove(std::string_view key) { return remove(key, hash_of(key)); }
  Node* remove(std::string_view key, std::uint64_t hash) {
    return unlink(hash, [&](const Node* node) { return node->key() == key; });
  }
  // A node that is in the table.
  void remove(Node& node) { remove(node, hash_of(node.key())); }
  void remove(Node& node, std::uint64_t hash) {
    unlink(hash, [&](const Node* other) { return other == &node; });
  }

  // `with`, of the same key, takes the place of `old`, which is in the table.
  void replace(Node& old, Node& with) { replace(old, with, hash_of(with.key())); }
  void replace(Node& old, Node& with, std::uint64_t hash) {
    Node** at = bucket_of(hash);
    while (node_of(*at) != &old) at = &node_of(*at)->next;
    with.next = old.next;
    *at = link_to(with, hash & kTagBits);
  }

  // Room for `count` nodes in a table that is empty, so that none of them makes it grow.
  void reserve(std::size_t count) {
    if (size_ != 0 || count == 0) return;
    release_buckets();
    now_ = Array::of(std::max(kBucketsMin, std::bit_ceil(count)));
  }

  // Visits some nodes and returns the cursor for the next call, 0 when all were visited; the first is called with 0. A node
  // that was there from the first call to the last is visited at least once, however the table changed between them.
  // `visit(Node&)` may remove the node it is given, and no other.
  template <class F>
  std::uint64_t scan(std::uint64_t cursor, F visit) {
    if (size_ == 0) return 0;
    const Pause pause(*this);
    if (!rehashing()) {
      visit_chain(now_.links[cursor & now_.mask], visit);
      return next_cursor(cursor, now_.mask);
    }
    const Array& small = now_.mask < then_.mask ? now_ : then_;
    const Array& large = now_.mask < then_.mask ? then_ : now_;
    visit_chain(small.links[cursor & small.mask], visit);
    do {
      visit_chain(large.links[cursor & large.mask], visit);
      cursor = next_cursor(cursor, large.mask);
    } while ((cursor & (small.mask ^ large.mask)) != 0);
    return cursor;
  }

  // A node of a random bucket, null when the table is empty: those that share a bucket come up less often than others.
  [[nodiscard]] Node* random(std::uint64_t bits) const {
    if (size_ == 0) return nullptr;
    Node* chain = *position(bits % positions());
    for (int attempt = 0; chain == nullptr && attempt < kAttemptsMax; ++attempt) {
      bits = mixed(bits);
      chain = *position(bits % positions());
    }
    if (chain == nullptr) {
      std::size_t at = bits % positions();
      while ((chain = *position(at)) == nullptr) at = at + 1 == positions() ? 0 : at + 1;
    }
    std::size_t length = 0;
    for (Node* link = chain; link != nullptr; link = node_of(link)->next) ++length;
    for (std::size_t skip = mixed(bits) % length; skip > 0; --skip) chain = node_of(chain)->next;
    return node_of(chain);
  }
  // A random node, each as likely as any other; costs about ten times what random() does.
  [[nodiscard]] Node* random_fair(std::uint64_t bits) const {
    if (size_ == 0) return nullptr;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      // The nth of kFairChain places in a bucket; the last stands for all that are further back.
      bits = mixed(bits);
      Node* link = *position(bits % positions());
      std::size_t place = mixed(bits + 1) % kFairChain;
      if (place == kFairChain - 1) place += mixed(bits + 2) % kFairChain;
      for (; link != nullptr && place > 0; --place) link = node_of(link)->next;
      if (link != nullptr) return node_of(link);
    }
    return random(bits);
  }
  // Visits up to `count` nodes from a random position on, each once; fewer where buckets are empty. Returns how many.
  // `visit(Node&)` may remove the node it is given, and no other.
  template <class F>
  std::size_t sample(std::size_t count, std::uint64_t bits, F visit) {
    std::array<Node*, 64> found;
    count = std::min({count, size_, found.size()});
    if (count == 0) return 0;
    std::size_t taken = 0;
    const std::size_t total = positions();
    std::size_t at = bits % total;
    for (std::size_t left = std::min(total, 10 * count + kBucketsMin); left > 0 && taken < count; --left) {
      for (Node* link = *position(at); link != nullptr && taken < count; link = found[taken++]->next) {
        found[taken] = node_of(link);
      }
      at = at + 1 == total ? 0 : at + 1;
    }
    for (std::size_t i = 0; i < taken; ++i) visit(*found[i]);
    return taken;
  }

  // `visit(Node&)` may remove the node it is given, and no other; nodes that it inserts may be visited or not.
  template <class F>
  void for_each(F visit) {
    if (size_ == 0) return;
    const Pause pause(*this);
    visit_all(visit);
  }
  // Takes all nodes out and gives each, as a Node*, to `dispose`, which must not use the table.
  template <class F>
  void clear(F dispose) {
    auto visit = [&](Node& node) { dispose(&node); };
    visit_all(visit);
    size_ = 0;
    release_buckets();
  }

  // Moves up to `count` buckets that have nodes, for idle times. False when nothing is left to move.
  bool rehash_step(std::size_t count) {
    if (rehashing()) step(count);
    return rehashing();
  }

  // Reads every bucket.
  [[nodiscard]] TableStats stats() const {
    TableStats result{.buckets = now_.count(), .buckets_of_rehash = then_.count()};
    for (std::size_t i = 0; size_ != 0 && i < positions(); ++i) {
      std::size_t length = 0;
      for (Node* link = *position(i); link != nullptr; link = node_of(link)->next) ++length;
      if (length != 0) ++result.buckets_used;
      result.longest_chain = std::max(result.longest_chain, length);
    }
    return result;
  }

 private:
  static constexpr std::size_t kBucketsMin = 4;
  static constexpr std::size_t kLoadMinDivisor = 8;
  static constexpr std::size_t kAhead = 6;                   // buckets whose nodes are fetched before their turn
  static constexpr std::size_t kDiscardBuckets = 32 * 1024;  // whose pages are given back at once
  static constexpr int kAttemptsMax = 128;
  static constexpr std::size_t kFairChain = 8;
  static constexpr std::uint64_t kTagBits = std::uint64_t{0xffff} << 48;

  struct Array {
    Node** links = nullptr;
    std::size_t mask = 0;

    static Array of(std::size_t count) {
      return {static_cast<Node**>(allocate_zeroed(count * sizeof(Node*))), count - 1};
    }
    [[nodiscard]] std::size_t count() const { return links == nullptr ? 0 : mask + 1; }
    [[nodiscard]] std::size_t bytes() const { return count() * sizeof(Node*); }
    void release() { release_zeroed(std::exchange(links, nullptr), (std::exchange(mask, 0) + 1) * sizeof(Node*)); }
  };

  // While one lives, nodes stay in their buckets and arrays are not replaced.
  class Pause {
   public:
    explicit Pause(Table& table) : table_(table) { ++table_.paused_; }
    ~Pause() {
      if (--table_.paused_ == 0) table_.resize_if_needed(table_.size_);
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Table& table_;
  };

  static Node* node_of(Node* link) {
    return reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(link) & ~kTagBits);
  }
  static Node* link_to(Node& node, std::uint64_t tag) {
    return reinterpret_cast<Node*>(reinterpret_cast<std::uintptr_t>(&node) | tag);
  }
  static std::uint64_t tag_of(Node* link) { return reinterpret_cast<std::uintptr_t>(link) & kTagBits; }
  static bool is_tagged(Node* link, std::uint64_t hash) {
    return ((reinterpret_cast<std::uintptr_t>(link) ^ hash) & kTagBits) == 0;
  }
  static void link_into(Node*& bucket, Node& node, std::uint64_t tag) {
    node.next = bucket;
    bucket = link_to(node, tag);
  }
  static std::uint64_t mixed(std::uint64_t bits) {
    bits += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }
  // Counts the bits below the mask up from the highest to the lowest: what was visited in a small array is then what was
  // visited in a larger one, and the other way round.
  static std::uint64_t next_cursor(std::uint64_t cursor, std::uint64_t mask) {
    return reversed(reversed(cursor | ~mask) + 1);
  }
  static std::uint64_t reversed(std::uint64_t bits) { return __builtin_bitreverse64(bits); }

  [[nodiscard]] Node** bucket_of(std::uint64_t hash) const {
    const std::size_t index = hash & now_.mask;
    return index < moved_ ? then_.links + (hash & then_.mask) : now_.links + index;
  }
  // All buckets that may have nodes, as one row.
  [[nodiscard]] std::size_t positions() const { return now_.count() - moved_ + then_.count(); }
  [[nodiscard]] Node** position(std::size_t at) const {
    const std::size_t first = now_.count() - moved_;
    return at < first ? now_.links + moved_ + at : then_.links + (at - first);
  }

  template <class F>
  static void visit_chain(Node* link, F& visit) {
    while (link != nullptr) {
      Node* node = node_of(link);
      link = node->next;
      visit(*node);
    }
  }
  template <class F>
  void visit_all(F& visit) {
    for (std::size_t i = 0; i < positions(); ++i) {
      if (i + kAhead < positions()) __builtin_prefetch(node_of(*position(i + kAhead)));
      visit_chain(*position(i), visit);
    }
  }

  template <class Match>
  Node* unlink(std::uint64_t hash, Match is_sought) {
    if (rehashing()) [[unlikely]]
      step(1);
    if (size_ == 0) return nullptr;
    for (Node** at = bucket_of(hash); *at != nullptr; at = &node_of(*at)->next) {
      Node* node = node_of(*at);
      if (!is_tagged(*at, hash) || !is_sought(node)) continue;
      *at = node->next;
      node->next = nullptr;
      --size_;
      if (size_ < now_.count() / kLoadMinDivisor || size_ == 0) [[unlikely]]
        resize_if_needed(size_);
      return node;
    }
    return nullptr;
  }

  // Starts what a table of `size` nodes needs: arrays, larger or smaller ones, or none.
  void resize_if_needed(std::size_t size) {
    if (size == 0) {
      if (paused_ == 0) release_buckets();
    } else if (now_.links == nullptr) {
      now_ = Array::of(kBucketsMin);
    } else if (paused_ == 0 && !rehashing()) {
      const std::size_t count = now_.count();
      if (size > count) {
        then_ = Array::of(std::bit_ceil(size));
      } else if (count > kBucketsMin && size < count / kLoadMinDivisor) {
        then_ = Array::of(std::max(kBucketsMin, 2 * std::bit_ceil(size)));
      }
    }
  }
  void release_buckets() {
    now_.release();
    then_.release();
    moved_ = 0;
  }

  void step(std::size_t used) {
    if (paused_ != 0) return;
    const std::size_t count = now_.count();
    for (std::size_t visits = 10 * used; visits > 0 && used > 0 && moved_ < count; --visits) {
      Node* link = std::exchange(now_.links[moved_], nullptr);
      if (link != nullptr) --used;
      while (link != nullptr) {
        Node* node = node_of(link);
        const std::uint64_t tag = tag_of(link);
        link = node->next;
        // A smaller array's index is a part of the larger one's.
        const std::uint64_t hash = then_.mask < now_.mask ? moved_ : hash_of(node->key());
        link_into(then_.links[hash & then_.mask], *node, tag);
      }
      ++moved_;
      if (moved_ % kDiscardBuckets == 0) {
        const std::size_t to = moved_ * sizeof(Node*);
        discard_zeroed(now_.links, now_.bytes(), to - kDiscardBuckets * sizeof(Node*), to);
      }
      if (moved_ + kAhead < count) __builtin_prefetch(node_of(now_.links[moved_ + kAhead]));
    }
    if (moved_ < count) return;
    now_.release();
    std::swap(now_, then_);
    moved_ = 0;
    resize_if_needed(size_);
  }

  Array now_;
  Array then_;  // where nodes move to while the table grows or shrinks
  std::size_t moved_ = 0;
  std::size_t size_ = 0;
  std::uint32_t paused_ = 0;
};

}  // namespace leat::keyspace
