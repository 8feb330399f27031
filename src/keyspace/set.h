#pragma once

#include <string_view>

#include "keyspace/int_set.h"
#include "keyspace/listpack_entry.h"
#include "keyspace/memory.h"
#include "keyspace/small_or_large.h"
#include "keyspace/table.h"

namespace leat::keyspace {

// A member, with its bytes behind it.
struct SetNode {
  SetNode* next = nullptr;

  [[nodiscard]] static SetNode* make(std::string_view member);
  static void destroy(SetNode* node) { release(node, node->bytes_used()); }
  [[nodiscard]] std::string_view key() const { return {bytes(), size_}; }
  [[nodiscard]] std::size_t bytes_used() const { return kHeaderSize + size_; }

 private:
  // The bytes begin right behind the last member, inside what would be padding.
  static constexpr std::size_t kHeaderSize = sizeof(SetNode*) + sizeof(std::uint32_t);
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this) + kHeaderSize; }
  std::uint32_t size_ = 0;
};

// Byte strings, each once. While all are integers and not too many (EncodingLimits), they are an IntSet; else a table, for
// good. Elements that it returns last until the next change.
class Set {
 public:
  Set() = default;
  explicit Set(IntSet integers);
  [[nodiscard]] Set clone() const;

  [[nodiscard]] std::size_t size() const { return is_table() ? table().size() : held_.small().size(); }
  [[nodiscard]] std::string_view encoding() const { return is_table() ? "hashtable" : "intset"; }
  // The integers when that is the encoding, otherwise null.
  [[nodiscard]] const IntSet* integers() const { return is_table() ? nullptr : &held_.small(); }
  // Bytes in use, besides this object's own; see Object for these two.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t elements() const { return is_table() ? table().size() : 1; }

  [[nodiscard]] bool contains(std::string_view member);
  [[nodiscard]] bool contains(Element member);
  // Whether the member is new.
  bool add(std::string_view member);
  bool add(Element member);
  bool remove(std::string_view member);
  bool remove(Element member);

  // `visit(Element)` must not change the set.
  template <class F>
  void for_each(F visit) {
    if (is_table()) {
      table().for_each([&](SetNode& node) { visit(element(node)); });
    } else {
      const std::size_t count = size();
      for (std::size_t i = 0; i < count; ++i) visit(integer(i));
    }
  }
  // See Table::scan. An IntSet is visited whole.
  template <class F>
  std::uint64_t scan(std::uint64_t cursor, F visit) {
    if (is_table()) return table().scan(cursor, [&](SetNode& node) { visit(element(node)); });
    for_each(visit);
    return 0;
  }
  // Each as likely as any other. The set must not be empty.
  [[nodiscard]] Element random(std::uint64_t bits) const;

  // For idle times, see Table::rehash_step.
  bool rehash_step(std::size_t count) { return is_table() && table().rehash_step(count); }

 private:
  struct Large : Counted {
    ~Large() {
      table.clear([](SetNode* node) { SetNode::destroy(node); });
    }
    Table<SetNode> table;
    std::size_t node_bytes = 0;
  };

  [[nodiscard]] bool is_table() const { return held_.is_large(); }
  [[nodiscard]] Table<SetNode>& table() const { return held_.large().table; }
  [[nodiscard]] static Element element(const SetNode& node) {
    return {.data = node.key().data(), .word = node.key().size()};
  }
  [[nodiscard]] Element integer(std::size_t index) const {
    return {.data = nullptr, .word = static_cast<std::uint64_t>(held_.small().at(index))};
  }
  bool add_integer(std::int64_t value);
  bool add_to_table(std::string_view member);
  bool remove_from_table(std::string_view member);
  void convert();
  void insert(std::string_view member, std::uint64_t hash);

  SmallOrLarge<IntSet, Large> held_;
};

}  // namespace leat::keyspace
