// Reading a partition: from an offset to bytes in the page cache.
#include "base/logging.h"
#include "log/file_cache.h"
#include "log/lookup.h"
#include "log/partition.h"
#include "log/store.h"
#include "runtime/call.h"

namespace leat::log {
namespace {

// A read starts over when the partition changed while it waited for the disk; more than this many times is a defect.
constexpr int kReadAttemptsMax = 16;

Result<SegmentView> view_of(Segment& segment, std::uint64_t readable, FileCache& cache) {
  SegmentView view;
  view.base = segment.base;
  view.readable = readable;
  view.index_entries = segment.index_entries;
  view.index_tail = segment.index_tail;
  LEAT_TRY(view.log, cache.log_file(segment));
  if (segment.index_entries > 0) {
    LEAT_TRY(view.index, cache.index_file(segment));
  }
  return view;
}

// Runs a lookup on the shard, and on the I/O pool when it would have to wait for the disk.
template <class Lookup>
runtime::Task<Result<std::uint64_t>> look_up(Lookup lookup) {
  auto found = lookup(Access::cached);
  if (!found && found.error().code == Errc::would_block)
    found = co_await runtime::run_blocking([&] { return lookup(Access::disk); });
  co_return found;
}

}  // namespace

Status Partition::check_offset(Offset from, Offset end) const {
  if (offline_) return fail(*offline_);
  if (from < log_start_ || from > end)
    return fail(Errc::offset_out_of_range, fmt::format("offset {} is outside [{}, {}]", from, log_start_, end));
  return {};
}

std::uint64_t Partition::readable_size(const Segment& segment, bool uncommitted) const {
  if (uncommitted || segment.base < readable_segment_) return segment.size;
  return segment.base == readable_segment_ ? readable_position_ : 0;
}

// The segment whose range holds `offset`, or the next one when it lies in a gap.
std::size_t Partition::segment_index_of(Offset offset) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), offset,
                                      [](Offset o, const auto& segment) { return o < segment->base; });
  auto index = static_cast<std::size_t>(after - segments_.begin());
  if (index > 0 && offset < segments_[index - 1]->end) --index;
  return std::min(index, segments_.size() - 1);
}

bool Partition::still_has(const std::shared_ptr<Segment>& segment) const {
  return std::find(segments_.begin(), segments_.end(), segment) != segments_.end();
}

void Partition::remember_cursor(Offset next, const Segment& segment, std::uint64_t at) {
  cursors_[next_cursor_] = {next, segment.base, at};
  next_cursor_ = (next_cursor_ + 1) % cursors_.size();
}

// Where the batch that holds `from` begins: from a cursor, else by the index. The position may be the end of a segment whose
// last records compaction removed.
runtime::Task<Result<Partition::Position>> Partition::locate(Offset from) {
  const std::shared_ptr<Segment> segment = segments_[segment_index_of(from)];
  for (const Cursor& cursor : cursors_) {
    if (cursor.next == from && cursor.segment == segment->base && cursor.at <= segment->size)
      co_return Position{segment, cursor.at};
  }
  if (from <= segment->base) co_return Position{segment, 0};
  for (int attempt = 0; attempt < 2; ++attempt) {
    LEAT_CO_TRY(const SegmentView view, view_of(*segment, segment->size, cache_));
    auto found = co_await look_up([&](Access access) { return find_batch_by_offset(view, from, access); });
    if (found) co_return Position{segment, *found};
    if (found.error().code != Errc::corrupt || attempt > 0 || segment == segments_.back()) co_return fail(found.error());
    log_warning("log", "{}: {}; rebuilding the index", segment->index_path(), found.error().message);
    cache_.close(*segment);
    LEAT_CO_TRY(const RebuiltIndex rebuilt, co_await runtime::run_blocking([&] {
                  return rebuild_index(files_, {segment->log_path(), segment->index_path(), segment->base, segment->size},
                                       config_.index_interval_bytes);
                }));
    segment->index_entries = rebuilt.entries;
    segment->indexed_size = rebuilt.indexed_size;
    segment->index_tail.clear();
  }
  co_return fail(Errc::internal, "unreachable: the second attempt returns");
}

// How many of the `available` bytes from `start` on to hand out: whole batches where the index shows a border.
runtime::Task<Result<std::uint64_t>> Partition::fit(Position start, std::uint64_t available, ReadLimits limits) {
  if (available <= limits.bytes_max) co_return available;
  LEAT_CO_TRY(const SegmentView view, view_of(*start.segment, start.segment->size, cache_));
  const std::uint64_t border = start.at + limits.bytes_max;
  LEAT_CO_TRY(const std::uint64_t indexed,
              co_await look_up([&](Access access) { return indexed_position_below(view, border, access); }));
  if (indexed > start.at) co_return indexed - start.at;
  LEAT_CO_TRY(const std::uint64_t first, co_await look_up([&](Access access) -> Result<std::uint64_t> {
                LEAT_TRY(const BatchHeader header, read_header(*view.log, start.at, access));
                return header.total_size();
              }));
  if (first > limits.bytes_max) co_return limits.whole_batch ? std::min(first, available) : 0;
  co_return limits.bytes_max;
}

runtime::Task<Result<ReadSlice>> Partition::slice(Offset from, ReadLimits limits, bool uncommitted) {
  const auto self = shared_from_this();
  for (int attempt = 0; attempt < kReadAttemptsMax; ++attempt) {
    const Offset end = uncommitted ? log_end() : high_watermark_;
    LEAT_CO_CHECK(check_offset(from, end));
    if (from == end) co_return ReadSlice{};
    LEAT_CO_TRY(Position start, co_await locate(from));
    if (!still_has(start.segment)) continue;
    const std::uint64_t readable = readable_size(*start.segment, uncommitted);
    if (start.at >= readable) {
      // Compaction left nothing from here to the segment's end.
      if (start.segment->end <= from || start.segment == segments_.back()) co_return ReadSlice{};
      from = start.segment->end;
      continue;
    }
    LEAT_CO_TRY(const std::uint64_t length, co_await fit(start, readable - start.at, limits));
    if (length == 0 || !still_has(start.segment)) {
      if (length == 0) co_return ReadSlice{};
      continue;
    }
    LEAT_CO_TRY(auto file, cache_.log_file(*start.segment));
    if (!file->is_cached(start.at, length)) {
      stats_.cold_reads.add();
      co_await runtime::run_blocking([&] { file->prefetch(start.at, length); });
    }
    if (start.at + length == readable && readable_size(*start.segment, uncommitted) == readable)
      remember_cursor(start.segment == segments_.back() ? end : start.segment->end, *start.segment, readable);
    stats_.read_bytes.add(length);
    co_return ReadSlice{{std::move(file), start.at, length}};
  }
  co_return fail(Errc::internal, fmt::format("{}: the log kept changing under a read at {}", id_, from));
}

runtime::Task<Result<ReadSlice>> Partition::read(Offset from, ReadLimits limits) { return slice(from, limits, false); }

runtime::Task<Result<Bytes>> Partition::copy(Offset from, std::uint64_t bytes_max, bool uncommitted) {
  LEAT_CO_TRY(const ReadSlice found, co_await slice(from, {bytes_max, true}, uncommitted));
  Bytes bytes = Bytes::uninitialized(static_cast<std::size_t>(found.range.length));
  if (bytes.empty()) co_return bytes;
  auto got = found.range.file->read_cached(bytes.mutable_view(), found.range.offset);
  if (!got && got.error().code == Errc::would_block)
    got = co_await runtime::run_blocking([&] { return found.range.file->read_at(bytes.mutable_view(), found.range.offset); });
  if (!got) co_return fail(got.error());
  // Keep whole batches only.
  std::size_t whole = 0;
  while (whole + kBatchHeaderSize <= *got) {
    LEAT_CO_TRY(const BatchHeader header, decode_batch_header(bytes.view().subspan(whole)));
    if (header.total_size() > *got - whole) break;
    whole += header.total_size();
  }
  bytes.resize(whole);
  co_return bytes;
}

runtime::Task<Status> Partition::visit_headers(Offset from, std::function<void(const BatchHeader&)> visit) {
  const auto self = shared_from_this();
  if (offline_) co_return fail(*offline_);
  if (from >= log_end()) co_return Status{};
  LEAT_CO_TRY(const Position start, co_await locate(from));
  const auto kept = segments_;
  for (const auto& segment : kept) {
    if (segment->base < start.segment->base) continue;
    LEAT_CO_TRY(const auto file, cache_.log_file(*segment));
    const std::uint64_t at = segment == start.segment ? start.at : 0;
    const std::uint64_t size = segment->size;
    LEAT_CO_CHECK(co_await runtime::run_blocking([&]() -> Status {
      BatchScanner scanner(*file, at, size);
      while (true) {
        LEAT_TRY(const auto item, scanner.next(false));
        if (!item) return {};
        visit(item->header);
      }
    }));
  }
  co_return Status{};
}

runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_time(Timestamp time) {
  const auto self = shared_from_this();
  if (offline_) co_return fail(*offline_);
  const auto candidates = segments_;
  for (const auto& segment : candidates) {
    if (segment->max_timestamp < time || segment->end <= log_start_) continue;
    LEAT_CO_TRY(const auto found, co_await find_time_in(segment, time));
    if (found) co_return found;
  }
  co_return std::nullopt;
}

runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_max_time() {
  const auto self = shared_from_this();
  if (offline_) co_return fail(*offline_);
  Timestamp largest = kNoTimestamp;
  for (const auto& segment : segments_) {
    if (segment->end > log_start_ && segment->size > 0) largest = std::max(largest, segment->max_timestamp);
  }
  if (largest == kNoTimestamp) co_return std::nullopt;
  co_return co_await find_time(largest);
}

// The first record of one segment that is at or after `time`, at or after the log's start, and committed.
runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_time_in(std::shared_ptr<Segment> segment, Timestamp time) {
  LEAT_CO_TRY(const SegmentView view, view_of(*segment, readable_size(*segment, false), cache_));
  const Offset start = log_start_;
  co_return co_await runtime::run_blocking([&]() -> Result<std::optional<TimedOffset>> {
    LEAT_TRY(const std::uint64_t at, find_batch_by_time(view, time, Access::disk));
    BatchScanner scanner(*view.log, at, view.readable);
    while (true) {
      LEAT_TRY(const auto item, scanner.next(true));
      if (!item) return std::nullopt;
      if (item->header.max_timestamp < time || item->header.last_offset() < start) continue;
      LEAT_TRY(BatchReader reader, BatchReader::open(item->bytes, std::size_t{1} << 30));
      while (true) {
        LEAT_TRY(const auto record, reader.next());
        if (!record) break;
        if (record->timestamp >= time && record->offset >= start)
          return TimedOffset{record->offset, record->timestamp, item->header.leader_epoch};
      }
    }
  });
}

}  // namespace leat::log
