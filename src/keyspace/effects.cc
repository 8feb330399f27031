#include "keyspace/effects.h"

#include <vector>

#include "base/bytes.h"
#include "base/varint.h"

namespace leat::keyspace {
namespace {

void put_number(std::string& bytes, std::uint64_t number) {
  std::byte buffer[kVarint64SizeMax];
  const std::byte* end = write_uvarint(buffer, number);
  bytes.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
}

// A unit that was large gives its memory back.
constexpr std::size_t kKeptCapacityMax = std::size_t{1} << 20;

}  // namespace

void Effects::drop(std::uint32_t database) {
  if (dropped_.size() <= database) dropped_.resize(database + std::size_t{1});
  dropped_[database] = true;
}

void Effects::add(std::uint32_t database, Arguments arguments) {
  if (database < dropped_.size() && dropped_[database]) return;
  add_always(database, arguments);
}

void Effects::add_always(std::uint32_t database, Arguments arguments) {
  put_number(bytes_, database);
  put_number(bytes_, arguments.size());
  for (const std::string_view argument : arguments) {
    put_number(bytes_, argument.size());
    bytes_ += argument;
  }
}

void Effects::clear() {
  bytes_.clear();
  if (bytes_.capacity() > kKeptCapacityMax) bytes_.shrink_to_fit();
}

bool EffectsReader::read_number(std::uint64_t& number) {
  const BytesView bytes = as_bytes(rest_);
  const std::byte* end = read_uvarint64(bytes.data(), bytes.data() + bytes.size(), number);
  if (end == nullptr) return false;
  rest_.remove_prefix(static_cast<std::size_t>(end - bytes.data()));
  return true;
}

bool EffectsReader::next() {
  if (broken_ || rest_.empty()) return false;
  broken_ = true;
  std::uint64_t database = 0;
  std::uint64_t count = 0;
  if (!read_number(database) || !read_number(count) || count > rest_.size() || count == 0) return false;
  database_ = static_cast<std::uint32_t>(database);
  arguments_.clear();
  for (; count > 0; --count) {
    std::uint64_t size = 0;
    if (!read_number(size) || size > rest_.size()) return false;
    arguments_.push_back(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  broken_ = false;
  return true;
}

}  // namespace leat::keyspace
