#pragma once

#include <cstdint>
#include <string_view>

#include "keyspace/memory.h"
#include "keyspace/value.h"

namespace leat::keyspace {

// A string's bytes in a block of their own, with room to grow.
struct TextBlock {
  std::uint32_t size;
  std::uint32_t capacity;
  [[nodiscard]] char* data() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* data() const { return reinterpret_cast<const char*>(this + 1); }
};

// A key and its value: one allocation with the key's bytes behind it, and behind those the value's if it is a short string.
// Made and freed by Database, which is also the only one that may move it: pointers to entries last until the next change
// of their key.
class Entry {
 public:
  // Strings up to this are kept inside the entry, as Redis's embstr.
  static constexpr std::size_t kEmbeddedMax = 44;

  enum class Encoding : std::uint8_t { integer, embedded, block, object };

  Entry* next = nullptr;  // of its bucket

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  [[nodiscard]] std::string_view key() const { return {bytes(), key_length_}; }
  [[nodiscard]] Type type() const { return static_cast<Type>(type_); }
  [[nodiscard]] Encoding encoding() const { return static_cast<Encoding>(encoding_); }

  // Of a string: its integer; only when that is its encoding.
  [[nodiscard]] std::int64_t integer() const { return integer_; }
  // Of a string: its bytes, in the entry or written to `buffer`.
  [[nodiscard]] std::string_view text(char (&buffer)[21]) const;
  [[nodiscard]] std::size_t text_size() const;

  // Of the other types: T is the class of type().
  template <class T>
  [[nodiscard]] T& value() const {
    return object_.as<T>();
  }
  [[nodiscard]] const Object& object() const { return object_; }

  [[nodiscard]] bool has_expiry() const { return expiry_slot_ != 0; }

  // 24 bits for eviction: when it was last used (LRU), how often (LFU), or when it came (FIFO). See eviction.h.
  [[nodiscard]] std::uint32_t clock() const { return clock_; }
  void set_clock(std::uint32_t clock) { clock_ = clock & 0xFFFFFF; }

  // Bytes of this allocation and of the value's.
  [[nodiscard]] std::size_t memory() const;

 private:
  friend class Database;
  friend class ExpiryHeap;

  Entry() = default;
  // An entry without a value, with `extra` bytes of room behind the key.
  static Entry* make(std::string_view key, std::size_t extra);
  static void destroy(Entry* entry);  // its value too
  void drop_value();

  [[nodiscard]] char* bytes() { return reinterpret_cast<char*>(this) + kHeaderSize; }
  [[nodiscard]] const char* bytes() const { return reinterpret_cast<const char*>(this) + kHeaderSize; }
  [[nodiscard]] char* embedded() { return bytes() + key_length_; }
  [[nodiscard]] const char* embedded() const { return bytes() + key_length_; }

  // The key begins right behind the last member, inside what would be padding.
  static constexpr std::size_t kHeaderSize = 30;

  union {
    std::int64_t integer_ = 0;
    TextBlock* block_;
    Object object_;
  };
  std::uint32_t key_length_ = 0;
  std::uint32_t expiry_slot_ = 0;  // in the database's heap; 0: never expires
  std::uint32_t clock_ : 24 = 0;
  std::uint32_t type_ : 4 = 0;
  std::uint32_t encoding_ : 3 = 0;
  std::uint32_t fields_expire_ : 1 = 0;  // a hash, and the database knows by when to look at its fields
  std::uint8_t extra_ = 0;               // room behind the key
  std::uint8_t embedded_ = 0;            // bytes used of it
};

}  // namespace leat::keyspace
