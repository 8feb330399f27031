#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "keyspace/listpack_entry.h"
#include "keyspace/memory.h"

namespace leat::keyspace {

// The value of a list key: elements in chunks of about 8 KiB, which are linked and each hold the entries of a listpack. A
// larger element has a chunk of its own. Free room may be at both ends of a chunk, so that pushing and popping there moves
// nothing. Every change may move elements: views taken before are gone, and values given must not point into the list.
class List : public Counted {
 public:
  // A chunk's listpack is at most as large, or has one entry.
  static constexpr std::size_t kListpackBytesMax = 8192;

  List() = default;
  List(List&& other) noexcept { swap(other); }
  List& operator=(List&& other) noexcept {
    swap(other);
    return *this;
  }
  ~List() { clear(); }
  [[nodiscard]] List clone() const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view encoding() const { return "quicklist"; }
  // Bytes in use; see Object for these two.
  [[nodiscard]] std::size_t memory() const;
  [[nodiscard]] std::size_t elements() const { return chunks_; }

  void push_front(std::string_view value);
  void push_back(std::string_view value);
  // Gives the element to `use`, which must not change the list, and removes it. False when there is none.
  template <class F>
  bool pop_front(F&& use);
  template <class F>
  bool pop_back(F&& use);
  [[nodiscard]] std::optional<std::string> pop_front();
  [[nodiscard]] std::optional<std::string> pop_back();

  // Negative indexes count from the end: -1 is the last. `buffer` may hold the text.
  [[nodiscard]] std::optional<std::string_view> at(std::int64_t index, IntegerText& buffer) const;
  // Calls `use` with the text of each element of [from, to), in order; `to` is at most size().
  template <class F>
  void for_range(std::size_t from, std::size_t to, F&& use) const;

  // False when there is no such element.
  bool set(std::int64_t index, std::string_view value);
  // Beside the first element that is `pivot`; false when there is none.
  bool insert_before(std::string_view pivot, std::string_view value) { return insert(pivot, value, false); }
  bool insert_after(std::string_view pivot, std::string_view value) { return insert(pivot, value, true); }
  // Removes the first `count` elements that are `value`, the last -count when negative, all when 0. How many they were.
  std::size_t remove(std::int64_t count, std::string_view value);
  // Keeps the elements of [from, to).
  void trim(std::size_t from, std::size_t to);
  void clear();

  // The indexes of elements that are `value`, from the match of that rank on (1 is the first, -1 the last, and then
  // backwards; not 0), at most `count`, and after comparing at most `compared_max` elements; 0 is no limit.
  [[nodiscard]] std::vector<std::size_t> positions(std::string_view value, std::int64_t rank, std::size_t count,
                                                   std::size_t compared_max) const;

  // Calls `use` with the bytes of the listpack that each chunk is, in order.
  template <class F>
  void for_each_chunk(F&& use) const;
  [[nodiscard]] std::size_t chunks() const { return chunks_; }
  // Appends the elements of a listpack. Refuses bytes that are not one, whatever they are.
  [[nodiscard]] Status append_listpack(std::string_view bytes);

 private:
  using Byte = listpack::Byte;

  // What Redis reckons with for an entry besides its value: chunks are as full as Redis's.
  static constexpr std::size_t kEntryOverhead = 8;
  // The most that the entries of a chunk with more than one come to.
  static constexpr std::size_t kChunkBytesMax = kListpackBytesMax - kEntryOverhead;

  // Followed by its bytes: [begin, end) are entries.
  struct Chunk {
    Chunk* previous;
    Chunk* next;
    std::uint32_t begin, end, capacity;
    std::uint32_t count;

    [[nodiscard]] Byte* bytes() { return reinterpret_cast<Byte*>(this + 1); }
    [[nodiscard]] const Byte* bytes() const { return reinterpret_cast<const Byte*>(this + 1); }
    [[nodiscard]] const Byte* first() const { return bytes() + begin; }
    [[nodiscard]] const Byte* limit() const { return bytes() + end; }
    [[nodiscard]] std::size_t used() const { return end - begin; }
  };
  enum class End : std::uint8_t { front, back };

  void swap(List& other) noexcept;
  // What a chunk has room for that is made for so many bytes.
  [[nodiscard]] static std::size_t capacity_for(std::size_t bytes);
  // Whether a value of that size may join the chunk; the chunk may have to grow.
  [[nodiscard]] static bool admits(const Chunk* chunk, std::size_t value_size);
  [[nodiscard]] static Chunk* take_chunk(std::size_t bytes);
  static void release_chunk(Chunk* chunk);
  void link(Chunk* chunk, Chunk* previous, Chunk* next);
  Chunk* link_new(std::size_t bytes, Chunk* previous, Chunk* next);
  void unlink_and_release(Chunk* chunk);

  // These return the chunk that stands in the place of the given one.
  Chunk* resize(Chunk* chunk, std::size_t bytes, End room_at);
  Chunk* make_room(Chunk* chunk, std::size_t bytes, End room_at);
  Chunk* shrink(Chunk* chunk);
  Chunk* insert_within(Chunk* chunk, std::uint32_t offset, const listpack::Entry& entry);
  static void erase_within(Chunk* chunk, std::uint32_t offset);
  Chunk* split(Chunk* chunk, std::uint32_t offset);
  // Null when the two stay apart.
  Chunk* merge_with_next(Chunk* chunk);
  void merge_from(Chunk* chunk, std::size_t pairs);
  void merge_around(Chunk* chunk);

  [[nodiscard]] std::size_t bytes_for_next(std::size_t bytes) const;
  void drop_front(std::uint32_t bytes);
  void drop_back(std::uint32_t bytes);
  // Of the element of that index, below size().
  [[nodiscard]] std::pair<Chunk*, std::size_t> chunk_of(std::size_t index) const;
  [[nodiscard]] static const Byte* entry_of(const Chunk* chunk, std::size_t index);
  [[nodiscard]] std::optional<std::size_t> index_from(std::int64_t index) const;
  bool insert(std::string_view pivot, std::string_view value, bool after);
  void insert_at(Chunk* chunk, std::uint32_t offset, std::string_view value);
  static std::size_t remove_forwards(Chunk* chunk, const Needle& needle, std::size_t count);
  static std::size_t remove_backwards(Chunk* chunk, const Needle& needle, std::size_t count);
  [[nodiscard]] static std::string to_listpack(const Chunk* chunk);

  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  std::size_t size_ = 0;
  std::size_t chunks_ = 0;
};

template <class F>
bool List::pop_front(F&& use) {
  if (head_ == nullptr) return false;
  const Byte* entry = head_->first();
  IntegerText buffer;
  use(text(listpack::decode(entry), buffer));
  drop_front(static_cast<std::uint32_t>(listpack::entry_size(entry)));
  return true;
}

template <class F>
bool List::pop_back(F&& use) {
  if (tail_ == nullptr) return false;
  const Byte* entry = listpack::entry_before(tail_->limit());
  IntegerText buffer;
  use(text(listpack::decode(entry), buffer));
  drop_back(static_cast<std::uint32_t>(tail_->limit() - entry));
  return true;
}

template <class F>
void List::for_range(std::size_t from, std::size_t to, F&& use) const {
  if (from >= to) return;
  auto [chunk, index] = chunk_of(from);
  const Byte* entry = entry_of(chunk, index);
  IntegerText buffer;
  for (std::size_t left = to - from; left > 0; --left) {
    if (entry == chunk->limit()) {
      chunk = chunk->next;
      entry = chunk->first();
    }
    use(text(listpack::decode(entry), buffer));
    entry += listpack::entry_size(entry);
  }
}

template <class F>
void List::for_each_chunk(F&& use) const {
  for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) use(std::string_view(to_listpack(chunk)));
}

}  // namespace leat::keyspace
