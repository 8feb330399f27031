#include "log/lookup.h"

namespace leat::log {
namespace {

Result<std::size_t> read(runtime::File& file, MutableBytes into, std::uint64_t at, Access access) {
  return access == Access::cached ? file.read_cached(into, at) : file.read_at(into, at);
}

// The last entry for which `before` holds (it holds for a prefix of them); a zero entry, meaning the segment's start, when
// it holds for none.
template <class Before>
Result<IndexEntry> last_entry(const SegmentView& segment, Access access, Before before) {
  const auto& tail = segment.index_tail;
  if (!tail.empty() && before(tail.front())) {
    const auto after = std::partition_point(tail.begin(), tail.end(), before);
    return *(after - 1);
  }
  IndexEntry best{};
  std::uint64_t low = 0;
  std::uint64_t high = segment.index_entries;
  while (low < high) {
    const std::uint64_t middle = (low + high) / 2;
    std::array<std::byte, kIndexEntrySize> bytes;
    LEAT_TRY(const std::size_t got, read(*segment.index, bytes, kIndexHeaderSize + middle * kIndexEntrySize, access));
    if (got < kIndexEntrySize) return fail(Errc::corrupt, "the index is shorter than its entries");
    const IndexEntry entry = decode_index_entry(bytes.data());
    if (before(entry)) {
      best = entry;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return best;
}

Status check_entry(const SegmentView& segment, const IndexEntry& entry, const BatchHeader& header) {
  if (header.base_offset == segment.base + entry.relative_offset) return {};
  return fail(Errc::corrupt, fmt::format("the index points to a batch at {} that is not there", entry.position));
}

// Walks headers from an index entry until `found` holds.
template <class Found>
Result<std::uint64_t> walk(const SegmentView& segment, const IndexEntry& from, Access access, Found found) {
  std::uint64_t at = from.position;
  while (at < segment.readable) {
    auto header = read_header(*segment.log, at, access);
    if (!header) return std::unexpected(header.error());
    if (at == from.position && at > 0) LEAT_CHECK(check_entry(segment, from, *header));
    if (found(*header)) return at;
    at += header->total_size();
  }
  return segment.readable;
}

}  // namespace

Result<BatchHeader> read_header(runtime::File& file, std::uint64_t position, Access access) {
  std::array<std::byte, kBatchHeaderSize> bytes;
  LEAT_TRY(const std::size_t got, read(file, bytes, position, access));
  auto header = decode_batch_header(BytesView(bytes).first(got));
  if (!header) return fail(Errc::corrupt, fmt::format("no batch at {}: {}", position, header.error().message));
  return header;
}

Result<std::uint64_t> find_batch_by_offset(const SegmentView& segment, Offset offset, Access access) {
  const auto relative = offset - segment.base;
  LEAT_TRY(const IndexEntry from, last_entry(segment, access, [&](const IndexEntry& e) {
             return static_cast<std::int64_t>(e.relative_offset) <= relative && e.position < segment.readable;
           }));
  return walk(segment, from, access, [&](const BatchHeader& header) { return header.last_offset() >= offset; });
}

Result<std::uint64_t> find_batch_by_time(const SegmentView& segment, Timestamp time, Access access) {
  LEAT_TRY(const IndexEntry from, last_entry(segment, access, [&](const IndexEntry& e) {
             return e.max_timestamp_before < time && e.position < segment.readable;
           }));
  return walk(segment, from, access, [&](const BatchHeader& header) { return header.max_timestamp >= time; });
}

Result<std::uint64_t> indexed_position_below(const SegmentView& segment, std::uint64_t position, Access access) {
  LEAT_TRY(const IndexEntry entry, last_entry(segment, access, [&](const IndexEntry& e) {
             return e.position <= position && e.position < segment.readable;
           }));
  if (entry.position == 0) return 0;
  LEAT_TRY(const BatchHeader header, read_header(*segment.log, entry.position, access));
  LEAT_CHECK(check_entry(segment, entry, header));
  return entry.position;
}

}  // namespace leat::log
