#include "queue/offset_set.h"

#include <roaring/roaring.h>

#include <algorithm>

#include "queue/bytes_codec.h"

namespace leat::queue {
namespace {

constexpr std::uint64_t kPartSize = std::uint64_t{1} << 32;

std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint64_t raw(Offset offset) { return static_cast<std::uint64_t>(std::max<std::int64_t>(offset.value(), 0)); }

// Calls visit(high half, first, last) for each part of [first, end).
template <class Visit>
void for_each_part(Offset first, Offset end, Visit visit) {
  const std::uint64_t stop = raw(end);
  for (std::uint64_t at = raw(first); at < stop;) {
    const std::uint64_t part_end = std::min(stop, (at / kPartSize + 1) * kPartSize);
    visit(high(at), low(at), low(part_end - 1));
    at = part_end;
  }
}

}  // namespace

void OffsetSet::add(Offset first, Offset end) {
  for_each_part(first, end, [this](std::uint32_t part, std::uint32_t from, std::uint32_t last) {
    auto& bitmap = parts_[part];
    if (bitmap == nullptr) bitmap = roaring_bitmap_create();
    if (from == last) {
      roaring_bitmap_add(bitmap, from);
    } else {
      roaring_bitmap_add_range_closed(bitmap, from, last);
    }
  });
}

void OffsetSet::remove(Offset first, Offset end) {
  for (auto at = parts_.begin(); at != parts_.end();) {
    const std::uint64_t base = std::uint64_t{at->first} * kPartSize;
    const std::uint64_t from = std::max(base, raw(first));
    const std::uint64_t stop = std::min(base + kPartSize, raw(end));
    if (from < stop) roaring_bitmap_remove_range_closed(at->second, low(from), low(stop - 1));
    if (roaring_bitmap_is_empty(at->second)) {
      roaring_bitmap_free(at->second);
      at = parts_.erase(at);
    } else {
      ++at;
    }
  }
}

void OffsetSet::clear() {
  for (auto& [part, bitmap] : parts_) roaring_bitmap_free(bitmap);
  parts_.clear();
}

bool OffsetSet::contains(Offset offset) const {
  if (parts_.empty() || offset < Offset(0)) return false;
  const auto found = parts_.find(high(raw(offset)));
  return found != parts_.end() && roaring_bitmap_contains(found->second, low(raw(offset)));
}

std::uint64_t OffsetSet::size() const {
  std::uint64_t total = 0;
  for (const auto& [part, bitmap] : parts_) total += roaring_bitmap_get_cardinality(bitmap);
  return total;
}

std::uint64_t OffsetSet::count(Offset first, Offset end) const {
  std::uint64_t total = 0;
  for_each_part(first, end, [&](std::uint32_t part, std::uint32_t from, std::uint32_t last) {
    const auto found = parts_.find(part);
    if (found == parts_.end()) return;
    total += roaring_bitmap_rank(found->second, last);
    if (from > 0) total -= roaring_bitmap_rank(found->second, from - 1);
  });
  return total;
}

Bytes OffsetSet::encode() const {
  Bytes out;
  for (const auto& [part, bitmap] : parts_) {
    roaring_bitmap_run_optimize(bitmap);
    const std::size_t size = roaring_bitmap_portable_size_in_bytes(bitmap);
    put_varint(out, part);
    put_varint(out, size);
    const std::size_t at = out.size();
    out.resize(at + size);
    roaring_bitmap_portable_serialize(bitmap, reinterpret_cast<char*>(out.data() + at));
  }
  return out;
}

Status OffsetSet::decode(BytesView bytes) {
  clear();
  BytesReader reader(bytes);
  while (!reader.at_end()) {
    const std::uint64_t part = reader.varint();
    const BytesView body = reader.bytes(reader.varint());
    roaring_bitmap_t* bitmap = nullptr;
    if (reader.ok() && part < kPartSize / 2) {
      const char* data = reinterpret_cast<const char*>(body.data());
      if (roaring_bitmap_portable_deserialize_size(data, body.size()) == body.size())
        bitmap = roaring_bitmap_portable_deserialize_safe(data, body.size());
    }
    if (bitmap == nullptr || !parts_.emplace(static_cast<std::uint32_t>(part), bitmap).second) {
      if (bitmap != nullptr) roaring_bitmap_free(bitmap);
      clear();
      return fail(Errc::corrupt, "a set of offsets cannot be read");
    }
  }
  return {};
}

}  // namespace leat::queue
