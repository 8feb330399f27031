#include "keyspace/entry.h"

#include <charconv>
#include <cstring>

namespace leat::keyspace {

std::string_view Entry::text(char (&buffer)[21]) const {
  switch (encoding()) {
    case Encoding::embedded: return {embedded(), embedded_};
    case Encoding::block: return {block_->data(), block_->size};
    case Encoding::integer: {
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, integer_).ptr;
      return {buffer, static_cast<std::size_t>(end - buffer)};
    }
    case Encoding::object: break;
  }
  return {};
}

std::size_t Entry::text_size() const {
  char buffer[21];
  return text(buffer).size();
}

Entry* Entry::make(std::string_view key, std::size_t extra) {
  // Not Entry(): that would zero padding too, which is behind the end when the key is short.
  auto* entry = new (allocate(kHeaderSize + key.size() + extra)) Entry;
  entry->key_length_ = static_cast<std::uint32_t>(key.size());
  entry->extra_ = static_cast<std::uint8_t>(extra);
  key.copy(entry->bytes(), key.size());
  return entry;
}

void Entry::drop_value() {
  if (encoding() == Encoding::block) release(block_, sizeof(TextBlock) + block_->capacity);
  if (encoding() == Encoding::object) object_.destroy(type());
  encoding_ = static_cast<std::uint32_t>(Encoding::integer);
  integer_ = 0;
}

void Entry::destroy(Entry* entry) {
  entry->drop_value();
  release(entry, kHeaderSize + entry->key_length_ + entry->extra_);
}

std::size_t Entry::memory() const {
  std::size_t size = rounded_size(kHeaderSize + key_length_ + extra_);
  if (encoding() == Encoding::block) size += rounded_size(sizeof(TextBlock) + block_->capacity);
  if (encoding() == Encoding::object) size += object_.memory(type());
  return size;
}

}  // namespace leat::keyspace
