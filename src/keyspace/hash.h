#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "keyspace/field_times.h"
#include "keyspace/listpack.h"
#include "keyspace/memory.h"
#include "keyspace/small_or_large.h"
#include "keyspace/table.h"

namespace leat::keyspace {

// A field with its value behind it, in one allocation.
struct HashNode {
  HashNode* next = nullptr;
  std::uint32_t field_size = 0;
  std::uint32_t value_size = 0;

  [[nodiscard]] static HashNode* make(std::string_view field, std::string_view value);
  static void destroy(HashNode* node) { release(node, capacity(node->bytes_used())); }
  // Whether the value could take the place of the one that is there, which it then does.
  bool overwrite(std::string_view value);

  [[nodiscard]] std::string_view key() const { return {bytes(), field_size}; }
  [[nodiscard]] std::string_view value() const { return {bytes() + field_size, value_size}; }
  [[nodiscard]] std::size_t bytes_used() const { return sizeof(HashNode) + field_size + value_size; }

 private:
  // What malloc would round up to anyway is taken, so that a value that changes often stays put.
  [[nodiscard]] static std::size_t capacity(std::size_t size) { return rounded_size(size) - 8; }
  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
};

// Fields and their values. A small hash is a listpack of pairs, in the order in which the fields came; beyond the limits of
// EncodingLimits it becomes a table, for good. A field may have a time at which it expires: who executes commands removes
// it then (Database::expire_fields); the hash itself knows no present.
//
// Elements that it returns last until the next change.
class Hash {
 public:
  Hash() = default;
  // Of pairs, no field twice.
  explicit Hash(Listpack pairs);
  // With the fields' times.
  [[nodiscard]] Hash clone() const;

  [[nodiscard]] std::size_t size() const { return is_table() ? table().size() : pairs().size() / 2; }
  [[nodiscard]] std::string_view encoding() const { return is_table() ? "hashtable" : "listpack"; }
  // The pairs when they are a listpack, otherwise null.
  [[nodiscard]] const Listpack* listpack() const { return is_table() ? nullptr : &pairs(); }
  // Bytes in use, besides this object's own; see Object for these two.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t elements() const { return is_table() ? table().size() : 1; }

  [[nodiscard]] std::optional<Element> get(std::string_view field);
  [[nodiscard]] bool contains(std::string_view field) { return get(field).has_value(); }
  // Whether the field is new. Its time is gone, unless `keep_time`.
  bool set(std::string_view field, std::string_view value, bool keep_time = false);
  bool remove(std::string_view field);

  // `visit(Element field, Element value)` must not change the hash.
  template <class F>
  void for_each(F visit) {
    if (is_table()) {
      table().for_each([&](HashNode& node) { visit(element(node.key()), element(node.value())); });
    } else {
      for_each_pair(visit);
    }
  }
  // See Table::scan. A listpack is visited whole.
  template <class F>
  std::uint64_t scan(std::uint64_t cursor, F visit) {
    if (is_table()) {
      return table().scan(cursor, [&](HashNode& node) { visit(element(node.key()), element(node.value())); });
    }
    for_each_pair(visit);
    return 0;
  }
  struct Pair {
    Element field;
    Element value;
  };
  // Each as likely as any other. The hash must not be empty; the cost for a listpack is its size.
  [[nodiscard]] Pair random(std::uint64_t bits) const;

  // Of fields that are there.
  [[nodiscard]] std::optional<Millis> expiry(std::string_view field) const {
    return times() == nullptr ? std::nullopt : times()->when(field);
  }
  // Database::fields_changed is to be called afterwards.
  void set_expiry(std::string_view field, Millis when);
  bool clear_expiry(std::string_view field) { return times() != nullptr && times()->forget(field); }
  // The earliest of all times; nullopt: there is none.
  [[nodiscard]] std::optional<Millis> next_expiry() const {
    return times() == nullptr || times()->empty() ? std::nullopt : std::optional(times()->earliest());
  }
  // Null before a field first had a time.
  [[nodiscard]] FieldTimes* times() const { return held_.is_large() ? held_.large().times.get() : nullptr; }

  // For idle times, see Table::rehash_step.
  bool rehash_step(std::size_t count) { return is_table() && table().rehash_step(count); }

 private:
  // What a hash is that is no listpack, or one whose fields had times.
  struct Large : Counted {
    ~Large() {
      table.clear([](HashNode* node) { HashNode::destroy(node); });
    }
    bool is_table = false;
    Listpack pairs;  // until it is a table
    Table<HashNode> table;
    std::size_t node_bytes = 0;
    std::unique_ptr<FieldTimes> times;
  };

  [[nodiscard]] bool is_table() const { return held_.is_large() && held_.large().is_table; }
  [[nodiscard]] Table<HashNode>& table() const { return held_.large().table; }
  [[nodiscard]] const Listpack& pairs() const { return held_.is_large() ? held_.large().pairs : held_.small(); }
  [[nodiscard]] Listpack& pairs() { return held_.is_large() ? held_.large().pairs : held_.small(); }
  // Becomes a Large if it is not.
  Large& enlarged();

  [[nodiscard]] static Element element(std::string_view text) { return {.data = text.data(), .word = text.size()}; }
  template <class F>
  void for_each_pair(F& visit) const {
    const Listpack& all = pairs();
    for (Listpack::Position at = all.first(); at != Listpack::kNone;) {
      const Listpack::Position value = all.next(at);
      visit(all.at(at), all.at(value));
      at = all.next(value);
    }
  }
  [[nodiscard]] bool set_in_table(std::string_view field, std::string_view value);
  void convert();
  void insert(std::string_view field, std::string_view value, std::uint64_t hash);

  SmallOrLarge<Listpack, Large> held_;
};

}  // namespace leat::keyspace
