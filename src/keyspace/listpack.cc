#include "keyspace/listpack.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "keyspace/block.h"

namespace leat::keyspace {

namespace {

using listpack::backlen_size;
using listpack::body_size;
using listpack::Byte;
using listpack::entry_size;
using listpack::kCountUnknown;
using listpack::kEmptyBytes;
using listpack::kEnd;
using listpack::kHeaderBytes;
using listpack::load32;
using listpack::load_count;
using listpack::store32;

constexpr std::array<char, kEmptyBytes> kEmptyList{kEmptyBytes, 0, 0, 0, 0, 0, '\xff'};

void store_count(Byte* block, std::size_t count) {
  const std::size_t stored = std::min<std::size_t>(count, kCountUnknown);
  block[4] = static_cast<Byte>(stored & 0xff);
  block[5] = static_cast<Byte>(stored >> 8);
}

// The size of the entry that `rest` begins with; 0 when it is unsound or does not end before the last byte of `rest`.
std::size_t sound_entry_size(std::string_view rest) {
  const auto* entry = reinterpret_cast<const Byte*>(rest.data());
  const std::size_t room = rest.size() - 1;
  const std::size_t head = listpack::head_size(*entry);
  if (head == 0 || head > room) return 0;
  const std::size_t body = body_size(entry);
  const std::size_t size = body + backlen_size(body);
  if (size > room) return 0;
  std::size_t left = body;
  for (std::size_t i = size; i > body; --i, left >>= 7) {
    const std::size_t more = i == body + 1 ? 0 : 0x80;
    if (entry[i - 1] != ((left & 0x7f) | more)) return 0;
  }
  return size;
}

}  // namespace

namespace listpack {

void write_header(Byte* to, std::size_t total, std::size_t count) {
  store32(to, static_cast<std::uint32_t>(total));
  store_count(to, count);
}

Result<std::size_t> validate(std::string_view bytes) {
  const auto refuse = [](const char* what) { return fail(Errc::corrupt_message, fmt::format("listpack: {}", what)); };
  if (bytes.size() < kEmptyBytes) return refuse("too short");
  const auto* block = reinterpret_cast<const Byte*>(bytes.data());
  if (load32(block) != bytes.size()) return refuse("its size is not the one that it tells");
  const std::size_t last = bytes.size() - 1;
  if (block[last] != kEnd) return refuse("no end");
  std::size_t at = kHeaderBytes;
  std::size_t count = 0;
  for (; at < last; ++count) {
    const std::size_t size = sound_entry_size(bytes.substr(at));
    if (size == 0) return refuse("an unsound entry");
    at += size;
  }
  const std::uint16_t told = load_count(block);
  if (told != kCountUnknown && told != count) return refuse("its count is not the one that it tells");
  return count;
}

}  // namespace listpack

Listpack Listpack::clone() const {
  Listpack copy;
  if (block_ == nullptr) return copy;
  copy.block_ = take_block(total());
  std::memcpy(copy.block_, block_, total());
  return copy;
}

Result<Listpack> Listpack::validate_and_adopt(std::string_view bytes) {
  LEAT_TRY(const std::size_t count, listpack::validate(bytes));
  Listpack adopted;
  if (count == 0) return adopted;
  adopted.block_ = take_block(bytes.size());
  std::memcpy(adopted.block_, bytes.data(), bytes.size());
  store_count(adopted.block_, count);
  return adopted;
}

std::size_t Listpack::count() const {
  std::size_t count = 0;
  for (const Byte* entry = block_ + kHeaderBytes; *entry != kEnd; entry += entry_size(entry)) ++count;
  store_count(block_, count);
  return count;
}

std::string_view Listpack::bytes() const {
  if (block_ == nullptr) return {kEmptyList.data(), kEmptyList.size()};
  return {reinterpret_cast<const char*>(block_), total()};
}

std::size_t Listpack::memory() const { return block_ == nullptr ? 0 : rounded_size(block_capacity(total())); }

Listpack::Position Listpack::seek(std::int64_t index) const {
  if (block_ == nullptr) return kNone;
  const std::uint16_t told = load_count(block_);
  if (told != kCountUnknown) {
    const std::int64_t count = told;
    if (index >= count || index < -count) return kNone;
    if (index >= 0 && index > count / 2) index -= count;
    if (index < 0 && -index > count / 2) index += count;
  }
  Position position = index >= 0 ? first() : last();
  for (; index > 0 && position != kNone; --index) position = next(position);
  for (; index < -1 && position != kNone; ++index) position = previous(position);
  return position;
}

Listpack::Position Listpack::find(std::string_view value, Position start, std::size_t skip) const {
  return find(Needle(value), start, skip);
}

Listpack::Position Listpack::find(const Needle& needle, Position start, std::size_t skip) const {
  if (start == kNone) return kNone;
  const Byte* entry = block_ + start;
  while (*entry != kEnd) {
    if (needle.matches(listpack::decode(entry))) return static_cast<Position>(entry - block_);
    entry += entry_size(entry);
    for (std::size_t i = 0; i < skip && *entry != kEnd; ++i) entry += entry_size(entry);
  }
  return kNone;
}

Listpack::Position Listpack::erase(Position position, std::size_t count) {
  const Byte* entry = block_ + position;
  std::size_t erased = 0;
  for (; erased < count && *entry != kEnd; ++erased) entry += entry_size(entry);
  splice(position, static_cast<std::size_t>(entry - (block_ + position)), 0);
  count_change(-static_cast<std::int64_t>(erased));
  return block_[position] == kEnd ? kNone : position;
}

void Listpack::clear() {
  if (block_ == nullptr) return;
  release_block(block_, total());
  block_ = nullptr;
}

Listpack::Position Listpack::insert(Position position, const listpack::Entry& entry) {
  splice(position, 0, entry.size());
  entry.write(block_ + position);
  count_change(1);
  return position;
}

Listpack::Position Listpack::insert(Position position, const listpack::Entry& first, const listpack::Entry& second) {
  splice(position, 0, first.size() + second.size());
  first.write(block_ + position);
  second.write(block_ + position + first.size());
  count_change(2);
  return position;
}

void Listpack::replace(Position position, const listpack::Entry& entry) {
  splice(position, entry_size(block_ + position), entry.size());
  entry.write(block_ + position);
}

void Listpack::splice(Position position, std::size_t erased, std::size_t inserted) {
  const std::size_t from = total();
  const std::size_t to = from - erased + inserted;
  const std::size_t rest = from - position - erased;
  if (block_ == nullptr) {
    block_ = take_block(to);
    listpack::write_header(block_, to, 0);
    block_[to - 1] = kEnd;
    return;
  }
  if (block_capacity(from) == block_capacity(to)) {
    if (erased != inserted) std::memmove(block_ + position + inserted, block_ + position + erased, rest);
  } else {
    Byte* moved = take_block(to);
    std::memcpy(moved, block_, position);
    std::memcpy(moved + position + inserted, block_ + position + erased, rest);
    release_block(block_, from);
    block_ = moved;
  }
  store32(block_, static_cast<std::uint32_t>(to));
}

void Listpack::count_change(std::int64_t entries) {
  const std::uint16_t told = load_count(block_);
  if (told != kCountUnknown) store_count(block_, static_cast<std::size_t>(told + entries));
}

}  // namespace leat::keyspace
