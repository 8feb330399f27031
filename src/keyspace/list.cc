#include "keyspace/list.h"

#include <cstring>
#include <limits>

#include "keyspace/listpack.h"

namespace leat::keyspace {
namespace {

using listpack::Entry;
using listpack::entry_before;
using listpack::entry_size;

}  // namespace

List List::clone() const {
  List copy;
  for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
    Chunk* made = copy.link_new(chunk->used(), copy.tail_, nullptr);
    std::memcpy(made->bytes(), chunk->first(), chunk->used());
    made->end = static_cast<std::uint32_t>(chunk->used());
    made->count = chunk->count;
  }
  copy.size_ = size_;
  return copy;
}

std::size_t List::memory() const {
  std::size_t sum = rounded_size(sizeof(List));
  for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
    sum += rounded_size(sizeof(Chunk) + chunk->capacity);
  }
  return sum;
}

std::optional<std::string> List::pop_front() {
  std::string value;
  if (!pop_front([&value](std::string_view element) { value = element; })) return std::nullopt;
  return value;
}

std::optional<std::string> List::pop_back() {
  std::string value;
  if (!pop_back([&value](std::string_view element) { value = element; })) return std::nullopt;
  return value;
}

std::optional<std::string_view> List::at(std::int64_t index, IntegerText& buffer) const {
  const auto from_front = index_from(index);
  if (!from_front) return std::nullopt;
  const auto [chunk, within] = chunk_of(*from_front);
  return text(listpack::decode(entry_of(chunk, within)), buffer);
}

bool List::set(std::int64_t index, std::string_view value) {
  const auto from_front = index_from(index);
  if (!from_front) return false;
  const auto [chunk, within] = chunk_of(*from_front);
  const auto offset = static_cast<std::uint32_t>(entry_of(chunk, within) - chunk->bytes());
  const Entry entry = listpack::encode(value);
  if (entry.size() == entry_size(chunk->bytes() + offset)) {
    entry.write(chunk->bytes() + offset);
    return true;
  }
  const std::uint32_t begin = chunk->begin;
  erase_within(chunk, offset);
  --size_;
  // What was before the element may have moved up to where it ended.
  insert_at(chunk, offset + (chunk->begin - begin), value);
  return true;
}

std::size_t List::remove(std::int64_t count, std::string_view value) {
  const Needle needle(value);
  const bool backwards = count < 0;
  const auto limit = count == 0  ? std::numeric_limits<std::size_t>::max()
                     : backwards ? 0 - static_cast<std::size_t>(count)
                                 : static_cast<std::size_t>(count);
  std::size_t removed = 0;
  std::size_t visited = 0;
  Chunk* chunk = backwards ? tail_ : head_;
  Chunk* last = chunk;
  while (chunk != nullptr && removed < limit) {
    Chunk* following = backwards ? chunk->previous : chunk->next;
    const std::size_t more =
        backwards ? remove_backwards(chunk, needle, limit - removed) : remove_forwards(chunk, needle, limit - removed);
    removed += more;
    if (chunk->count == 0) {
      unlink_and_release(chunk);
    } else {
      last = more == 0 ? chunk : shrink(chunk);
      ++visited;
    }
    chunk = following;
  }
  size_ -= removed;
  if (removed == 0 || size_ == 0) return removed;
  if (!backwards) {
    merge_from(head_, visited + 1);
  } else {
    // All from the last one visited to the tail, and the one before.
    Chunk* from = visited == 0 ? tail_ : last;
    merge_from(from->previous == nullptr ? from : from->previous, visited + 1);
  }
  return removed;
}

void List::trim(std::size_t from, std::size_t to) {
  if (from >= to) return clear();
  std::size_t front = from;
  std::size_t back = size_ - to;
  if (front == 0 && back == 0) return;
  size_ = to - from;
  for (; front > 0 && head_->count <= front; unlink_and_release(head_)) front -= head_->count;
  for (; back > 0 && tail_->count <= back; unlink_and_release(tail_)) back -= tail_->count;
  if (front > 0) {
    head_->begin = static_cast<std::uint32_t>(entry_of(head_, front) - head_->bytes());
    head_->count -= static_cast<std::uint32_t>(front);
    shrink(head_);
  }
  if (back > 0) {
    tail_->end = static_cast<std::uint32_t>(entry_of(tail_, tail_->count - back) - tail_->bytes());
    tail_->count -= static_cast<std::uint32_t>(back);
    shrink(tail_);
  }
  merge_from(head_, 1);
  if (tail_->previous != nullptr) merge_from(tail_->previous, 1);
}

void List::clear() {
  while (head_ != nullptr) {
    Chunk* next = head_->next;
    release_chunk(head_);
    head_ = next;
  }
  tail_ = nullptr;
  size_ = 0;
  chunks_ = 0;
}

std::vector<std::size_t> List::positions(std::string_view value, std::int64_t rank, std::size_t count,
                                         std::size_t compared_max) const {
  std::vector<std::size_t> found;
  const Needle needle(value);
  const bool backwards = rank < 0;
  std::size_t skip = (backwards ? 0 - static_cast<std::size_t>(rank) : static_cast<std::size_t>(rank)) - 1;
  std::size_t left = compared_max == 0 ? size_ : std::min(size_, compared_max);
  std::size_t index = backwards ? size_ : 0;
  // Whether there is more to look for.
  const auto compare = [&](const Byte* entry, std::size_t at) {
    --left;
    if (!needle.matches(listpack::decode(entry))) return true;
    if (skip > 0) {
      --skip;
      return true;
    }
    found.push_back(at);
    return count == 0 || found.size() < count;
  };
  if (backwards) {
    for (const Chunk* chunk = tail_; chunk != nullptr; chunk = chunk->previous) {
      for (const Byte* end = chunk->limit(); end != chunk->first(); end = entry_before(end)) {
        if (left == 0 || !compare(entry_before(end), --index)) return found;
      }
    }
  } else {
    for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
      for (const Byte* entry = chunk->first(); entry != chunk->limit(); entry += entry_size(entry)) {
        if (left == 0 || !compare(entry, index++)) return found;
      }
    }
  }
  return found;
}

Status List::append_listpack(std::string_view bytes) {
  LEAT_TRY(const std::size_t count, listpack::validate(bytes));
  const auto* first = reinterpret_cast<const Byte*>(bytes.data()) + listpack::kHeaderBytes;
  const std::size_t used = bytes.size() - listpack::kEmptyBytes;
  if (count == 0) return {};
  if (count == 1 || used <= kChunkBytesMax) {
    Chunk* chunk = link_new(used, tail_, nullptr);
    std::memcpy(chunk->bytes(), first, used);
    chunk->end = static_cast<std::uint32_t>(used);
    chunk->count = static_cast<std::uint32_t>(count);
    size_ += count;
    return {};
  }
  IntegerText buffer;
  for (const Byte* entry = first; entry != first + used; entry += entry_size(entry)) {
    push_back(text(listpack::decode(entry), buffer));
  }
  return {};
}

void List::swap(List& other) noexcept {
  std::swap(head_, other.head_);
  std::swap(tail_, other.tail_);
  std::swap(size_, other.size_);
  std::swap(chunks_, other.chunks_);
}

bool List::insert(std::string_view pivot, std::string_view value, bool after) {
  const Needle needle(pivot);
  for (Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
    for (const Byte* entry = chunk->first(); entry != chunk->limit(); entry += entry_size(entry)) {
      if (!needle.matches(listpack::decode(entry))) continue;
      const Byte* where = after ? entry + entry_size(entry) : entry;
      insert_at(chunk, static_cast<std::uint32_t>(where - chunk->bytes()), value);
      return true;
    }
  }
  return false;
}

std::pair<List::Chunk*, std::size_t> List::chunk_of(std::size_t index) const {
  if (index < size_ / 2) {
    Chunk* chunk = head_;
    for (; index >= chunk->count; chunk = chunk->next) index -= chunk->count;
    return {chunk, index};
  }
  std::size_t from_back = size_ - index;
  Chunk* chunk = tail_;
  for (; from_back > chunk->count; chunk = chunk->previous) from_back -= chunk->count;
  return {chunk, chunk->count - from_back};
}

const List::Byte* List::entry_of(const Chunk* chunk, std::size_t index) {
  if (index <= chunk->count / 2) {
    const Byte* entry = chunk->first();
    for (; index > 0; --index) entry += entry_size(entry);
    return entry;
  }
  const Byte* entry = chunk->limit();
  for (; index < chunk->count; ++index) entry = entry_before(entry);
  return entry;
}

std::optional<std::size_t> List::index_from(std::int64_t index) const {
  const auto size = static_cast<std::int64_t>(size_);
  if (index >= size || index < -size) return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + size : index);
}

}  // namespace leat::keyspace
