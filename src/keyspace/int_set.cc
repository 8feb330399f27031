#include "keyspace/int_set.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>

#include "keyspace/block.h"

namespace leat::keyspace {
namespace {

using Byte = unsigned char;

constexpr std::size_t kHeaderBytes = 8;
constexpr std::string_view kEmptySet("\2\0\0\0\0\0\0\0", kHeaderBytes);

template <class T>
T load(const Byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T>
void store(Byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

std::int64_t load_integer(const Byte* from, std::size_t width) {
  if (width == 2) return load<std::int16_t>(from);
  return width == 4 ? load<std::int32_t>(from) : load<std::int64_t>(from);
}

// The numbers are little endian: their first bytes are what a narrower one keeps.
void store_integer(Byte* to, std::size_t width, std::int64_t value) {
  if (width == 2) return store(to, static_cast<std::int16_t>(value));
  if (width == 4) return store(to, static_cast<std::int32_t>(value));
  store(to, value);
}

template <class T>
bool fits(std::int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

std::size_t width_of(std::int64_t value) {
  if (fits<std::int16_t>(value)) return 2;
  return fits<std::int32_t>(value) ? 4 : 8;
}

template <class T>
std::size_t lower_bound(const Byte* values, std::size_t count, std::int64_t value) {
  std::size_t begin = 0;
  while (count > 0) {
    const std::size_t half = count / 2;
    if (load<T>(values + (begin + half) * sizeof(T)) < value) {
      begin += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return begin;
}

}  // namespace

IntSet IntSet::clone() const {
  IntSet copy;
  if (block_ == nullptr) return copy;
  copy.block_ = take_block(total());
  std::memcpy(copy.block_, block_, total());
  return copy;
}

Result<IntSet> IntSet::validate_and_adopt(std::string_view bytes) {
  const auto refuse = [](const char* what) { return fail(Errc::corrupt_message, fmt::format("intset: {}", what)); };
  if (bytes.size() < kHeaderBytes) return refuse("too short");
  const auto* block = reinterpret_cast<const Byte*>(bytes.data());
  const std::size_t width = load<std::uint32_t>(block);
  const std::size_t count = load<std::uint32_t>(block + 4);
  if (width != 2 && width != 4 && width != 8) return refuse("no such width");
  if (count == 0) return refuse("empty");
  if (bytes.size() - kHeaderBytes != count * width) return refuse("its count is not the one that it tells");
  for (std::size_t i = 1; i < count; ++i) {
    const Byte* at = block + kHeaderBytes + i * width;
    if (load_integer(at - width, width) >= load_integer(at, width)) return refuse("not in order");
  }
  IntSet adopted;
  adopted.block_ = take_block(bytes.size());
  std::memcpy(adopted.block_, bytes.data(), bytes.size());
  return adopted;
}

std::size_t IntSet::size() const { return block_ == nullptr ? 0 : load<std::uint32_t>(block_ + 4); }

bool IntSet::contains(std::int64_t value) const { return find(value).is_there; }

std::int64_t IntSet::at(std::size_t index) const {
  return load_integer(block_ + kHeaderBytes + index * width(), width());
}

bool IntSet::add(std::int64_t value) {
  const std::size_t needed = width_of(value);
  if (block_ == nullptr) {
    block_ = take_block(kHeaderBytes);
    store(block_, static_cast<std::uint32_t>(needed));
    store(block_ + 4, std::uint32_t{0});
  }
  if (needed > width()) widen(needed);
  const auto [index, is_there] = find(value);
  if (is_there) return false;
  const std::size_t size_before = total();
  block_ = resize_block(block_, size_before, size_before + width());
  Byte* at = block_ + kHeaderBytes + index * width();
  std::memmove(at + width(), at, static_cast<std::size_t>(block_ + size_before - at));
  store_integer(at, width(), value);
  store(block_ + 4, static_cast<std::uint32_t>(size() + 1));
  return true;
}

bool IntSet::remove(std::int64_t value) {
  const auto [index, is_there] = find(value);
  if (!is_there) return false;
  if (size() == 1) {
    clear();
    return true;
  }
  const std::size_t size_before = total();
  Byte* at = block_ + kHeaderBytes + index * width();
  std::memmove(at, at + width(), static_cast<std::size_t>(block_ + size_before - at) - width());
  store(block_ + 4, static_cast<std::uint32_t>(size() - 1));
  block_ = resize_block(block_, size_before, total());
  return true;
}

void IntSet::clear() {
  if (block_ == nullptr) return;
  release_block(block_, total());
  block_ = nullptr;
}

std::string_view IntSet::bytes() const {
  return block_ == nullptr ? kEmptySet : std::string_view(reinterpret_cast<const char*>(block_), total());
}

std::size_t IntSet::memory() const { return block_ == nullptr ? 0 : rounded_size(block_capacity(total())); }

IntSet::Found IntSet::find(std::int64_t value) const {
  const std::size_t count = size();
  if (count == 0) return {0, false};
  // Integers often come in ascending order.
  if (value > at(count - 1)) return {count, false};
  const Byte* values = block_ + kHeaderBytes;
  const std::size_t index = width() == 2   ? lower_bound<std::int16_t>(values, count, value)
                            : width() == 4 ? lower_bound<std::int32_t>(values, count, value)
                                           : lower_bound<std::int64_t>(values, count, value);
  return {index, at(index) == value};
}

std::size_t IntSet::width() const { return load<std::uint32_t>(block_); }

std::size_t IntSet::total() const { return kHeaderBytes + size() * width(); }

void IntSet::widen(std::size_t to) {
  const std::size_t count = size();
  const std::size_t from = width();
  block_ = resize_block(block_, total(), kHeaderBytes + count * to);
  Byte* values = block_ + kHeaderBytes;
  for (std::size_t i = count; i-- > 0;) store_integer(values + i * to, to, load_integer(values + i * from, from));
  store(block_, static_cast<std::uint32_t>(to));
}

}  // namespace leat::keyspace
