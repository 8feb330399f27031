#include <cstring>

#include "keyspace/block.h"
#include "keyspace/list.h"
#include "keyspace/listpack.h"

// The chunks of a list: taking, growing, splitting and merging them, and the entries inside one.
namespace leat::keyspace {
namespace {

using listpack::Entry;
using listpack::entry_before;
using listpack::entry_size;

// Smaller chunks are not worth shrinking.
constexpr std::size_t kShrinkBytesMin = 256;

std::uint32_t narrow(std::size_t bytes) { return static_cast<std::uint32_t>(bytes); }

}  // namespace

void List::push_front(std::string_view value) {
  const Entry entry = listpack::encode(value);
  const std::size_t bytes = entry.size();
  Chunk* chunk = head_;
  if (chunk == nullptr || !admits(chunk, value.size())) {
    chunk = link_new(bytes_for_next(bytes), nullptr, head_);
    chunk->begin = chunk->end = chunk->capacity;
  } else if (chunk->begin < bytes) {
    chunk = make_room(chunk, bytes, End::front);
  }
  chunk->begin -= narrow(bytes);
  entry.write(chunk->bytes() + chunk->begin);
  ++chunk->count;
  ++size_;
}

void List::push_back(std::string_view value) {
  const Entry entry = listpack::encode(value);
  const std::size_t bytes = entry.size();
  Chunk* chunk = tail_;
  if (chunk == nullptr || !admits(chunk, value.size())) {
    chunk = link_new(bytes_for_next(bytes), tail_, nullptr);
  } else if (chunk->capacity - chunk->end < bytes) {
    chunk = make_room(chunk, bytes, End::back);
  }
  entry.write(chunk->bytes() + chunk->end);
  chunk->end += narrow(bytes);
  ++chunk->count;
  ++size_;
}

// A long list will likely fill the chunk; it need not grow up to that.
std::size_t List::bytes_for_next(std::size_t bytes) const {
  constexpr std::size_t kLong = 8;
  return chunks_ < kLong ? bytes : std::max(bytes, kChunkBytesMax);
}

void List::drop_front(std::uint32_t bytes) {
  head_->begin += bytes;
  --size_;
  if (--head_->count == 0) return unlink_and_release(head_);
  shrink(head_);
}

void List::drop_back(std::uint32_t bytes) {
  tail_->end -= bytes;
  --size_;
  if (--tail_->count == 0) return unlink_and_release(tail_);
  shrink(tail_);
}

std::size_t List::capacity_for(std::size_t bytes) {
  const std::size_t capacity = block_capacity(sizeof(Chunk) + bytes) - sizeof(Chunk);
  return bytes <= kChunkBytesMax ? std::min(capacity, kChunkBytesMax) : capacity;
}

bool List::admits(const Chunk* chunk, std::size_t value_size) {
  return chunk->count == 0 || listpack::kEmptyBytes + chunk->used() + value_size + kEntryOverhead <= kListpackBytesMax;
}

List::Chunk* List::take_chunk(std::size_t bytes) {
  const std::size_t capacity = capacity_for(bytes);
  auto* chunk = static_cast<Chunk*>(allocate(sizeof(Chunk) + capacity));
  return new (chunk) Chunk{nullptr, nullptr, 0, 0, narrow(capacity), 0};
}

void List::release_chunk(Chunk* chunk) { release(chunk, sizeof(Chunk) + chunk->capacity); }

void List::link(Chunk* chunk, Chunk* previous, Chunk* next) {
  chunk->previous = previous;
  chunk->next = next;
  (previous == nullptr ? head_ : previous->next) = chunk;
  (next == nullptr ? tail_ : next->previous) = chunk;
}

List::Chunk* List::link_new(std::size_t bytes, Chunk* previous, Chunk* next) {
  Chunk* chunk = take_chunk(bytes);
  link(chunk, previous, next);
  ++chunks_;
  return chunk;
}

void List::unlink_and_release(Chunk* chunk) {
  (chunk->previous == nullptr ? head_ : chunk->previous->next) = chunk->next;
  (chunk->next == nullptr ? tail_ : chunk->next->previous) = chunk->previous;
  release_chunk(chunk);
  --chunks_;
}

List::Chunk* List::resize(Chunk* chunk, std::size_t bytes, End room_at) {
  const std::size_t used = chunk->used();
  Chunk* made = take_chunk(bytes);
  made->begin = room_at == End::back ? 0 : made->capacity - narrow(used);
  made->end = made->begin + narrow(used);
  made->count = chunk->count;
  std::memcpy(made->bytes() + made->begin, chunk->first(), used);
  link(made, chunk->previous, chunk->next);
  release_chunk(chunk);
  return made;
}

// All free room comes to the end where it is wanted. Entries are moved for it only if that buys room for some time.
List::Chunk* List::make_room(Chunk* chunk, std::size_t bytes, End room_at) {
  const std::size_t used = chunk->used();
  const std::size_t free = chunk->capacity - used;
  if (free >= bytes && (free >= used / 8 || chunk->capacity >= kChunkBytesMax)) {
    const std::uint32_t begin = room_at == End::back ? 0 : narrow(free);
    std::memmove(chunk->bytes() + begin, chunk->first(), used);
    chunk->begin = begin;
    chunk->end = begin + narrow(used);
    return chunk;
  }
  // A list of many chunks grows fast, a small one is kept small.
  const std::size_t wanted = chunks_ == 1 ? 0 : std::min(2 * used, kChunkBytesMax);
  return resize(chunk, std::max(used + bytes, wanted), room_at);
}

List::Chunk* List::shrink(Chunk* chunk) {
  if (chunk->capacity <= kShrinkBytesMin || chunk->used() >= chunk->capacity / 3) return chunk;
  return resize(chunk, chunk->used(), End::back);
}

List::Chunk* List::insert_within(Chunk* chunk, std::uint32_t offset, const Entry& entry) {
  const std::uint32_t bytes = narrow(entry.size());
  if (chunk->begin < bytes && chunk->capacity - chunk->end < bytes) {
    const std::uint32_t before = offset - chunk->begin;
    chunk = make_room(chunk, bytes, End::back);
    offset = chunk->begin + before;
  }
  const std::uint32_t before = offset - chunk->begin;
  const std::uint32_t behind = chunk->end - offset;
  const bool back_has_room = chunk->capacity - chunk->end >= bytes;
  if (back_has_room && (behind <= before || chunk->begin < bytes)) {
    std::memmove(chunk->bytes() + offset + bytes, chunk->bytes() + offset, behind);
    chunk->end += bytes;
  } else {
    std::memmove(chunk->bytes() + chunk->begin - bytes, chunk->first(), before);
    chunk->begin -= bytes;
    offset -= bytes;
  }
  entry.write(chunk->bytes() + offset);
  ++chunk->count;
  return chunk;
}

void List::erase_within(Chunk* chunk, std::uint32_t offset) {
  Byte* entry = chunk->bytes() + offset;
  const std::uint32_t bytes = narrow(entry_size(entry));
  const std::uint32_t before = offset - chunk->begin;
  const std::uint32_t behind = chunk->end - offset - bytes;
  if (before < behind) {
    std::memmove(chunk->bytes() + chunk->begin + bytes, chunk->first(), before);
    chunk->begin += bytes;
  } else {
    std::memmove(entry, entry + bytes, behind);
    chunk->end -= bytes;
  }
  --chunk->count;
}

// The entries from `offset` on go to a new chunk behind, which is returned.
List::Chunk* List::split(Chunk* chunk, std::uint32_t offset) {
  const std::uint32_t bytes = chunk->end - offset;
  Chunk* right = link_new(bytes, chunk, chunk->next);
  std::memcpy(right->bytes(), chunk->bytes() + offset, bytes);
  right->end = bytes;
  for (const Byte* at = right->first(); at != right->limit(); at += entry_size(at)) ++right->count;
  chunk->end = offset;
  chunk->count -= right->count;
  return right;
}

// Only if they are well below a full chunk: a list of that very size that is pushed to at one end and trimmed at the other
// would split and merge every time.
List::Chunk* List::merge_with_next(Chunk* chunk) {
  constexpr std::size_t kTogetherMax = kChunkBytesMax / 4 * 3;
  Chunk* next = chunk->next;
  if (next == nullptr || chunk->used() + next->used() > kTogetherMax) return nullptr;
  if (chunk->capacity - chunk->end < next->used()) chunk = resize(chunk, chunk->used() + next->used(), End::back);
  std::memcpy(chunk->bytes() + chunk->end, next->first(), next->used());
  chunk->end += narrow(next->used());
  chunk->count += next->count;
  unlink_and_release(next);
  return chunk;
}

void List::merge_from(Chunk* chunk, std::size_t pairs) {
  for (; chunk != nullptr && pairs > 0; --pairs) {
    Chunk* merged = merge_with_next(chunk);
    chunk = merged == nullptr ? chunk->next : merged;
  }
}

void List::merge_around(Chunk* chunk) {
  constexpr std::size_t kPairs = 4;
  for (std::size_t i = 0; i < kPairs / 2 && chunk->previous != nullptr; ++i) chunk = chunk->previous;
  merge_from(chunk, kPairs);
}

void List::insert_at(Chunk* chunk, std::uint32_t offset, std::string_view value) {
  const Entry entry = listpack::encode(value);
  if (!admits(chunk, value.size())) {
    Chunk* previous = chunk->previous;
    Chunk* next = chunk->next;
    if (offset == chunk->begin && previous != nullptr && admits(previous, value.size())) {
      chunk = previous;
      offset = chunk->end;
    } else if (offset == chunk->end && next != nullptr && admits(next, value.size())) {
      chunk = next;
      offset = chunk->begin;
    } else {
      if (offset == chunk->begin) {
        next = chunk;
      } else {
        if (offset != chunk->end) next = split(chunk, offset);
        previous = chunk;
      }
      chunk = link_new(entry.size(), previous, next);
      offset = 0;
    }
  }
  ++size_;
  merge_around(shrink(insert_within(chunk, offset, entry)));
}

std::size_t List::remove_forwards(Chunk* chunk, const Needle& needle, std::size_t count) {
  std::size_t removed = 0;
  Byte* to = chunk->bytes() + chunk->begin;
  const Byte* from = to;
  while (from != chunk->limit() && removed < count) {
    const std::size_t bytes = entry_size(from);
    if (needle.matches(listpack::decode(from))) {
      ++removed;
    } else {
      if (removed > 0) std::memmove(to, from, bytes);
      to += bytes;
    }
    from += bytes;
  }
  if (removed == 0) return 0;
  const auto rest = static_cast<std::size_t>(chunk->limit() - from);
  std::memmove(to, from, rest);
  chunk->end = narrow(static_cast<std::size_t>(to + rest - chunk->bytes()));
  chunk->count -= narrow(removed);
  return removed;
}

std::size_t List::remove_backwards(Chunk* chunk, const Needle& needle, std::size_t count) {
  std::size_t removed = 0;
  Byte* to = chunk->bytes() + chunk->end;
  const Byte* end = to;
  while (end != chunk->first() && removed < count) {
    const Byte* from = entry_before(end);
    const auto bytes = static_cast<std::size_t>(end - from);
    if (needle.matches(listpack::decode(from))) {
      ++removed;
    } else {
      to -= bytes;
      if (removed > 0) std::memmove(to, from, bytes);
    }
    end = from;
  }
  if (removed == 0) return 0;
  const auto rest = static_cast<std::size_t>(end - chunk->first());
  std::memmove(to - rest, chunk->first(), rest);
  chunk->begin = narrow(static_cast<std::size_t>(to - rest - chunk->bytes()));
  chunk->count -= narrow(removed);
  return removed;
}

std::string List::to_listpack(const Chunk* chunk) {
  const std::size_t total = listpack::kEmptyBytes + chunk->used();
  std::string bytes(total, static_cast<char>(listpack::kEnd));
  auto* header = reinterpret_cast<Byte*>(bytes.data());
  listpack::write_header(header, total, chunk->count);
  std::memcpy(header + listpack::kHeaderBytes, chunk->first(), chunk->used());
  return bytes;
}

}  // namespace leat::keyspace
