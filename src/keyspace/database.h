#pragma once

#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "keyspace/entry.h"
#include "keyspace/expiry_heap.h"
#include "keyspace/table.h"

namespace leat::keyspace {

class Keyspace;

// One numbered database: keys, their values and when they expire. Reading a key that has expired removes it, which is
// journalled and told like a DEL; other changes are told by whoever makes them (Keyspace::modified).
class Database {
 public:
  Database(Keyspace& keyspace, std::uint32_t index) : keyspace_(keyspace), index_(index) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { clear_at_once(); }

  [[nodiscard]] std::uint32_t index() const { return index_; }
  [[nodiscard]] Keyspace& keyspace() const { return keyspace_; }
  [[nodiscard]] std::size_t size() const { return table_.size(); }
  [[nodiscard]] std::size_t volatile_size() const { return expiries_.size(); }

  // The entry of `key`, nullptr if there is none. `read` counts a hit or a miss and is a use of the key; `write` is a use;
  // `look` only counts; `peek` does neither. A miss is told (Keyspace::missed) unless it shall not be.
  [[nodiscard]] Entry* read(std::string_view key);
  [[nodiscard]] Entry* write(std::string_view key);
  [[nodiscard]] Entry* look(std::string_view key, bool tells_miss = true);
  [[nodiscard]] Entry* peek(std::string_view key);

  // Asks memory for what a look-up of these keys will read. Pays when there are several.
  void prefetch(std::span<const std::string_view> keys) const;

  // Makes `key` a string, whatever it was; its expiry stays. A text that is an integer is stored as one. `text` is not the
  // key's own old value.
  Entry& set_text(std::string_view key, std::string_view text);
  // As above, but it stays a text.
  Entry& set_plain_text(std::string_view key, std::string_view text);
  Entry& set_integer(std::string_view key, std::int64_t value);
  // Makes `key` a string in a block of `size` bytes that may be changed in place: what was there, then zeros.
  char* resize_text(std::string_view key, std::size_t size);

  // The value of `key`, which is a T or is not there: then it becomes an empty one.
  template <class T>
  T& find_or_create(std::string_view key) {
    if (Entry* entry = write(key)) return entry->value<T>();
    return create<T>(key);
  }
  template <class T>
  T& create(std::string_view key) {
    return put(key, T()).template value<T>();
  }
  // Makes `key` hold `value`, which is something, whatever it was; it does not expire.
  Entry& put(std::string_view key, Value value);

  void erase(Entry& entry);
  bool erase(std::string_view key);
  // Takes the entry out, with its value, and puts it in under another key of this or another database, whatever was there;
  // its expiry goes with it. Returns where it is now.
  Entry& move(Entry& entry, Database& to, std::string_view new_key);

  void set_expiry(Entry& entry, Millis when);
  bool clear_expiry(Entry& entry);
  // When the entry expires; nullopt: never.
  [[nodiscard]] std::optional<Millis> expiry(const Entry& entry) const {
    if (!entry.has_expiry()) return std::nullopt;
    return expiries_.when(entry);
  }

  // Fields of this hash, which is the value of `entry`, were given times at which they expire. Whoever puts in or moves a
  // hash need not tell.
  void fields_changed(Entry& entry);

  // Removes at most `limit` keys whose time has come, or takes such fields out of as many hashes; from one hash at most
  // kFieldsAtOnceMax at a time. Returns how many keys it changed.
  static constexpr std::size_t kFieldsAtOnceMax = 1024;
  std::size_t expire_due(std::size_t limit);
  // Removes it, as its time has come.
  void expire(Entry& entry);
  // Removes it, as its memory is needed.
  void evict(Entry& entry);
  [[nodiscard]] std::optional<Millis> next_expiry() const {
    std::optional<Millis> next;
    if (expiries_.size() != 0) next = expiries_.earliest();
    if (!with_fields_.empty() && (!next || with_fields_.begin()->first < *next)) next = with_fields_.begin()->first;
    return next;
  }

  [[nodiscard]] Table<Entry>& table() { return table_; }
  [[nodiscard]] const ExpiryHeap& expiries() const { return expiries_; }
  // Takes what the other holds, and gives it what this one held.
  void swap(Database& other);
  // Removes all keys; they are freed later (Observer::discard) if they are many.
  void clear();
  // Bytes of the tables, beside the entries.
  [[nodiscard]] std::size_t overhead() const {
    constexpr std::size_t kNodeBytes = rounded_size(32 + sizeof(std::pair<Millis, Entry*>));
    return table_.memory() + expiries_.memory() + with_fields_.size() * kNodeBytes;
  }

 private:
  struct Contents;

  [[nodiscard]] Entry* find(std::string_view key, std::uint64_t hash);
  Entry& insert(std::string_view key, std::uint64_t hash, std::size_t extra);
  // The entry of `key` without its value, with `extra` bytes of room; its expiry stays.
  Entry& fresh(std::string_view key, std::size_t extra);
  // The entry's value goes. A large one is freed later.
  void drop_value(Entry& entry);
  void clear_at_once();
  // Removes at most `limit` fields of a hash whose time has come, which is journalled and told; and the hash when none is
  // left. Returns how many.
  std::size_t expire_fields(Entry& entry, std::size_t limit);
  // The entry's value goes or moves, or its fields expire no more.
  void forget_fields(Entry& entry);

  Keyspace& keyspace_;
  std::uint32_t index_;
  Table<Entry> table_;
  ExpiryHeap expiries_;
  // Hashes with fields that expire, none later than its earliest field.
  std::set<std::pair<Millis, Entry*>, std::less<>, Allocator<std::pair<Millis, Entry*>>> with_fields_;
};

}  // namespace leat::keyspace
