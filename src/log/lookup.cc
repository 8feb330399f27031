#include "log/lookup.h"

namespace leat::log {
namespace {

Result<std::size_t> read(runtime::File& file, MutableBytes into, std::uint64_t at, Access access) {
  return access == Access::cached ? file.read_cached(into, at) : file.read_at(into, at);
}

constexpr std::size_t kBlockEntries = 256;  // read at once at the end of a search

// Entries of the index file from number `first` on.
Status read_entries(const SegmentView& segment, std::uint64_t first, MutableBytes into, Access access) {
  if (into.empty()) return {};
  LEAT_TRY(const std::size_t got, read(*segment.index, into, kIndexHeaderSize + first * kIndexEntrySize, access));
  if (got < into.size()) return fail(Errc::corrupt, "the index is shorter than its entries");
  return {};
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
  std::array<std::byte, kBlockEntries * kIndexEntrySize> block;
  while (high - low > kBlockEntries) {
    const std::uint64_t middle = (low + high) / 2;
    const auto bytes = MutableBytes(block).first(kIndexEntrySize);
    LEAT_CHECK(read_entries(segment, middle, bytes, access));
    const IndexEntry entry = decode_index_entry(bytes.data());
    if (before(entry)) {
      best = entry;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const auto bytes = MutableBytes(block).first((high - low) * kIndexEntrySize);
  LEAT_CHECK(read_entries(segment, low, bytes, access));
  for (std::size_t at = 0; at < bytes.size(); at += kIndexEntrySize) {
    const IndexEntry entry = decode_index_entry(bytes.data() + at);
    if (!before(entry)) break;
    best = entry;
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

Result<BatchBorder> indexed_border_below(const SegmentView& segment, std::uint64_t position, Access access) {
  LEAT_TRY(const IndexEntry entry, last_entry(segment, access, [&](const IndexEntry& e) {
             return e.position <= position && e.position < segment.readable;
           }));
  if (entry.position == 0) return BatchBorder{0, segment.base};
  LEAT_TRY(const BatchHeader header, read_header(*segment.log, entry.position, access));
  LEAT_CHECK(check_entry(segment, entry, header));
  return BatchBorder{entry.position, header.base_offset};
}

}  // namespace leat::log
