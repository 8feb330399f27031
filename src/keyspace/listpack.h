#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "keyspace/listpack_entry.h"

namespace leat::keyspace {

namespace listpack {

inline constexpr std::size_t kHeaderBytes = 6;  // the total size (32 bits) and the count (16 bits), little endian
inline constexpr std::size_t kEmptyBytes = kHeaderBytes + 1;
inline constexpr std::uint16_t kCountUnknown = 0xffff;  // it does not fit

void write_header(Byte* to, std::size_t total, std::size_t count);
[[nodiscard]] inline std::uint16_t load_count(const Byte* block) {
  return static_cast<std::uint16_t>(block[4] | (unsigned{block[5]} << 8));
}

// The count of entries when the bytes, which may come from anyone, are a whole and sound listpack.
[[nodiscard]] Result<std::size_t> validate(std::string_view bytes);

}  // namespace listpack

// A compact list of byte strings in one block, byte for byte Redis's listpack. Strings that are canonical integers are kept
// as integers. Every change may move all bytes: views and elements taken before are gone, and values given must not point
// into the list itself. All together stays below 4 GiB, which callers see to.
class Listpack {
 public:
  // Where an entry begins, counted from the start of the block.
  using Position = std::uint32_t;
  static constexpr Position kNone = 0;

  Listpack() = default;
  Listpack(Listpack&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Listpack& operator=(Listpack&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Listpack() { clear(); }
  [[nodiscard]] Listpack clone() const;
  // Refuses bytes that are not a listpack, whatever they are.
  [[nodiscard]] static Result<Listpack> validate_and_adopt(std::string_view bytes);

  [[nodiscard]] bool empty() const { return total() == listpack::kEmptyBytes; }
  // Walks over all when there are more than 65,534.
  [[nodiscard]] std::size_t size() const {
    if (block_ == nullptr) return 0;
    const std::uint16_t told = listpack::load_count(block_);
    return told != listpack::kCountUnknown ? told : count();
  }
  // The listpack as it is dumped, and its size.
  [[nodiscard]] std::string_view bytes() const;
  [[nodiscard]] std::size_t total() const {
    return block_ == nullptr ? listpack::kEmptyBytes : listpack::load32(block_);
  }
  [[nodiscard]] std::size_t memory() const;

  // kNone is returned where there is no entry.
  [[nodiscard]] Position first() const { return empty() ? kNone : Position{listpack::kHeaderBytes}; }
  [[nodiscard]] Position last() const { return previous(end()); }
  [[nodiscard]] Position next(Position position) const {
    const auto after = static_cast<Position>(position + listpack::entry_size(block_ + position));
    return block_[after] == listpack::kEnd ? kNone : after;
  }
  [[nodiscard]] Position previous(Position position) const {
    if (position <= listpack::kHeaderBytes) return kNone;
    return static_cast<Position>(listpack::entry_before(block_ + position) - block_);
  }
  // Negative indexes count from the end: -1 is the last.
  [[nodiscard]] Position seek(std::int64_t index) const;
  [[nodiscard]] Element at(Position position) const { return listpack::decode(block_ + position); }
  // The first entry from `start` on that is `value`; `skip` entries are passed by after each that was compared. `start` may
  // be kNone.
  [[nodiscard]] Position find(std::string_view value, Position start, std::size_t skip = 0) const;
  [[nodiscard]] Position find(const Needle& needle, Position start, std::size_t skip = 0) const;

  void push_front(std::string_view value) { insert(listpack::kHeaderBytes, listpack::encode(value)); }
  void push_front(std::int64_t value) { insert(listpack::kHeaderBytes, listpack::encode(value)); }
  void push_back(std::string_view value) { insert(end(), listpack::encode(value)); }
  void push_back(std::int64_t value) { insert(end(), listpack::encode(value)); }
  // The new entry's position. Before kNone is at the end.
  Position insert_before(Position position, std::string_view value) {
    return insert(position == kNone ? end() : position, listpack::encode(value));
  }
  Position insert_before(Position position, std::int64_t value) {
    return insert(position == kNone ? end() : position, listpack::encode(value));
  }
  Position insert_after(Position position, std::string_view value) {
    return insert(after(position), listpack::encode(value));
  }
  Position insert_after(Position position, std::int64_t value) {
    return insert(after(position), listpack::encode(value));
  }
  // Both at once, for less than one after the other. The position of the first.
  template <class First, class Second>
  Position insert_pair_before(Position position, First first, Second second) {
    return insert(position == kNone ? end() : position, listpack::encode(first), listpack::encode(second));
  }
  // The entry's position stays the same.
  void replace(Position position, std::string_view value) { replace(position, listpack::encode(value)); }
  void replace(Position position, std::int64_t value) { replace(position, listpack::encode(value)); }
  // Removes `count` entries, or as many as there are. The position of the one that followed them.
  Position erase(Position position, std::size_t count = 1);
  void clear();

 private:
  [[nodiscard]] Position end() const { return static_cast<Position>(total() - 1); }
  [[nodiscard]] Position after(Position position) const {
    return static_cast<Position>(position + listpack::entry_size(block_ + position));
  }
  Position insert(Position position, const listpack::Entry& entry);
  Position insert(Position position, const listpack::Entry& first, const listpack::Entry& second);
  void replace(Position position, const listpack::Entry& entry);
  // Puts `inserted` bytes, which the caller writes, in the place of `erased` bytes at `position`.
  void splice(Position position, std::size_t erased, std::size_t inserted);
  void count_change(std::int64_t entries);
  [[nodiscard]] std::size_t count() const;

  listpack::Byte* block_ = nullptr;  // nothing for an empty list; its capacity follows from the total in its header
};

}  // namespace leat::keyspace
