#include "queue/offset_set.h"

#include <roaring/roaring.h>

#include <algorithm>

#include "queue/bytes_codec.h"

namespace leat::queue {
namespace {

constexpr std::uint64_t kPartSize = std::uint64_t{1} << 32;

std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint64_t clamped(Offset offset) { return static_cast<std::uint64_t>(std::max<std::int64_t>(offset.value(), 0)); }

// Calls visit(high half, first, last) for each part of [first, end).
template <class Visit>
void for_each_part(Offset first, Offset end, Visit visit) {
  const std::uint64_t stop = clamped(end);
  for (std::uint64_t at = clamped(first); at < stop;) {
    const std::uint64_t part_end = std::min(stop, (at / kPartSize + 1) * kPartSize);
    visit(high(at), low(at), low(part_end - 1));
    at = part_end;
  }
}

// Whether `bytes` are one bitmap in the portable format (https://github.com/RoaringBitmap/RoaringFormatSpec) whose
// numbers fit each other: the library takes them on trust.
class BitmapCheck {
 public:
  explicit BitmapCheck(BytesView bytes) : in_(bytes) {}

  [[nodiscard]] bool passes() {
    const std::uint32_t cookie = u16() | u16() << 16;
    const bool has_runs = (cookie & 0xFFFF) == kRunsCookie;
    if (!has_runs && cookie != kPlainCookie) return false;
    const std::uint32_t size = has_runs ? (cookie >> 16) + 1 : u16() | u16() << 16;
    if (size == 0 || size > kContainersMax) return false;
    const BytesView runs = in_.bytes(has_runs ? (size + 7) / 8 : 0);
    const BytesView headers = in_.bytes(std::uint64_t{size} * 4);
    if (!has_runs || size >= kOffsetsFrom) (void)in_.bytes(std::uint64_t{size} * 4);
    if (!in_.ok()) return false;
    std::int64_t key_before = -1;
    BytesReader header(headers);
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::int64_t key = u16(header);
      const std::uint32_t count = u16(header) + 1;
      const bool is_run = has_runs && (static_cast<std::uint32_t>(runs[i / 8]) >> (i % 8) & 1) != 0;
      if (key <= key_before || !(is_run ? check_runs(count) : check_values(count)) || !in_.ok()) return false;
      key_before = key;
    }
    return in_.at_end();
  }

 private:
  static constexpr std::uint32_t kPlainCookie = 12346;
  static constexpr std::uint32_t kRunsCookie = 12347;
  static constexpr std::uint32_t kContainersMax = 65'536;
  static constexpr std::uint32_t kOffsetsFrom = 4;
  static constexpr std::uint32_t kArrayMax = 4'096;
  static constexpr std::size_t kWords = 1'024;

  static std::uint32_t u16(BytesReader& in) {
    const std::uint32_t least = in.byte();
    return least | static_cast<std::uint32_t>(in.byte()) << 8;
  }
  std::uint32_t u16() { return u16(in_); }

  bool check_runs(std::uint32_t count) {
    std::uint32_t total = 0;
    std::int64_t last_before = -1;
    for (std::uint32_t left = u16(); left > 0 && in_.ok(); --left) {
      const std::int64_t first = u16();
      const std::int64_t last = first + u16();
      if (first <= last_before || last > 0xFFFF) return false;
      total += static_cast<std::uint32_t>(last - first + 1);
      last_before = last;
    }
    return total == count;
  }
  bool check_values(std::uint32_t count) {
    if (count > kArrayMax) {
      std::uint64_t total = 0;
      for (const std::byte byte : in_.bytes(kWords * 8))
        total += static_cast<std::uint64_t>(std::popcount(static_cast<std::uint8_t>(byte)));
      return total == count;
    }
    std::int64_t before = -1;
    for (; count > 0 && in_.ok(); --count) {
      const std::int64_t value = u16();
      if (value <= before) return false;
      before = value;
    }
    return true;
  }

  BytesReader in_;
};

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
    const std::uint64_t from = std::max(base, clamped(first));
    const std::uint64_t stop = std::min(base + kPartSize, clamped(end));
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
  const auto found = parts_.find(high(clamped(offset)));
  return found != parts_.end() && roaring_bitmap_contains(found->second, low(clamped(offset)));
}

std::uint64_t OffsetSet::size() const {
  std::uint64_t total = 0;
  for (const auto& [part, bitmap] : parts_) total += roaring_bitmap_get_cardinality(bitmap);
  return total;
}

std::uint64_t OffsetSet::count(Offset first, Offset end) const {
  std::uint64_t total = 0;
  const std::uint64_t stop = clamped(end);
  for (auto at = parts_.lower_bound(high(clamped(first))); at != parts_.end(); ++at) {
    const std::uint64_t base = std::uint64_t{at->first} * kPartSize;
    const std::uint64_t from = std::max(base, clamped(first));
    const std::uint64_t to = std::min(base + kPartSize, stop);
    if (base >= stop) break;
    if (from >= to) continue;
    total += roaring_bitmap_rank(at->second, low(to - 1));
    if (low(from) > 0) total -= roaring_bitmap_rank(at->second, low(from) - 1);
  }
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
    if (reader.ok() && part < kPartSize / 2 && BitmapCheck(body).passes())
      bitmap = roaring_bitmap_portable_deserialize_safe(reinterpret_cast<const char*>(body.data()), body.size());
    if (bitmap == nullptr || !parts_.emplace(static_cast<std::uint32_t>(part), bitmap).second) {
      if (bitmap != nullptr) roaring_bitmap_free(bitmap);
      clear();
      return fail(Errc::corrupt, "a set of offsets cannot be read");
    }
  }
  return {};
}

}  // namespace leat::queue
