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
constexpr std::size_t kDecompressedMax = std::size_t{1} << 30;  // stored batches were validated with a lower limit

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

// The first record at or after `start` and `time`, from a batch at `at` on.
Result<std::optional<TimedOffset>> first_record_at(runtime::File& file, std::uint64_t at, std::uint64_t end,
                                                   Offset start, Timestamp time) {
  BatchScanner scanner(file, at, end);
  while (true) {
    LEAT_TRY(const auto item, scanner.next(true));
    if (!item) return std::nullopt;
    if (item->header.max_timestamp < time || item->header.last_offset() < start) continue;
    LEAT_TRY(BatchReader reader, BatchReader::open(item->bytes, kDecompressedMax));
    while (true) {
      LEAT_TRY(const auto record, reader.next());
      if (!record) break;
      if (record->timestamp >= time && record->offset >= start)
        return TimedOffset{record->offset, record->timestamp, item->header.leader_epoch};
    }
  }
}

// The largest timestamp of the records at or after `start`; kNoTimestamp if there is none.
Result<Timestamp> largest_timestamp(runtime::File& file, std::uint64_t end, Offset start) {
  Timestamp largest = kNoTimestamp;
  BatchScanner scanner(file, 0, end);
  while (true) {
    const std::uint64_t at = scanner.position();
    LEAT_TRY(const auto item, scanner.next(false));
    if (!item) return largest;
    const BatchHeader& header = item->header;
    if (header.record_count == 0 || header.last_offset() < start || header.max_timestamp <= largest) continue;
    if (header.base_offset >= start) {
      largest = header.max_timestamp;
      continue;
    }
    // The log starts inside this batch.
    BatchScanner straddling(file, at, at + header.total_size());
    LEAT_TRY(const auto whole, straddling.next(true));
    LEAT_TRY(BatchReader reader, BatchReader::open(whole->bytes, kDecompressedMax));
    while (true) {
      LEAT_TRY(const auto record, reader.next());
      if (!record) break;
      if (record->offset >= start) largest = std::max(largest, record->timestamp);
    }
  }
}

}  // namespace

Status Partition::check_offset(Offset from, Offset end) const {
  if (offline_) return fail(*offline_);
  if (from < log_start_ || from > end)
    return fail(Errc::offset_out_of_range, fmt::format("offset {} is outside [{}, {}]", from, log_start_, end));
  return {};
}

std::uint64_t Partition::readable_size(const Segment& segment, bool uncommitted) const {
  if (uncommitted || segment.end <= high_watermark_) return segment.size;
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

// The next offset that was not freed.
Offset Partition::skip_freed(Offset offset) const {
  return std::max(offset, segments_[segment_index_of(offset)]->base);
}

bool Partition::still_has(const std::shared_ptr<Segment>& segment) const {
  return std::find(segments_.begin(), segments_.end(), segment) != segments_.end();
}

// A read from `from` on ended at `at`, where the batch that holds `next` begins or will begin.
void Partition::remember_cursor(Offset from, Offset next, const Segment& segment, std::uint64_t at) {
  // A consumer that reads on keeps its place; another takes the one that was taken longest ago.
  for (Cursor& cursor : cursors_) {
    if (cursor.next != from) continue;
    cursor = {next, segment.base, at};
    return;
  }
  cursors_[next_cursor_] = {next, segment.base, at};
  next_cursor_ = (next_cursor_ + 1) % cursors_.size();
}

// Runs a lookup on the shard, and on the I/O pool when it would have to wait for the disk. An index that is missing or does
// not fit its segment is rebuilt first. Error: version_conflict when the segment went meanwhile.
template <class Lookup>
runtime::Task<std::invoke_result_t<Lookup, const SegmentView&, Access>> Partition::look_up(
    std::shared_ptr<Segment> segment, std::uint64_t readable, Lookup lookup) {
  for (bool again = false;; again = true) {
    if (segment->index_suspect) co_await rebuild_index_of(segment);
    if (!still_has(segment)) co_return fail(Errc::version_conflict, segment->log_path() + " went meanwhile");
    LEAT_CO_TRY(const SegmentView view, view_of(*segment, readable, cache_));
    auto found = lookup(view, Access::cached);
    if (!found && found.error().code == Errc::would_block)
      found = co_await runtime::run_blocking([&] { return lookup(view, Access::disk); });
    if (found || found.error().code != Errc::corrupt || again) co_return found;
    log_warning("log", "{}: {}; rebuilding the index", segment->index_path(), found.error().message);
    segment->index_suspect = true;
  }
}

// Meanwhile, and when it fails, lookups walk the segment from its start.
runtime::Task<> Partition::rebuild_index_of(std::shared_ptr<Segment> segment) {
  while (segment->index_rebuilding) co_await index_free_.wait();
  if (!segment->index_suspect) co_return;
  segment->index_rebuilding = true;
  segment->index_entries = 0;
  segment->index_tail.clear();
  cache_.close(*segment);
  const IndexSource source{segment->log_path(), segment->index_path(), segment->base, segment->size};
  const std::int64_t interval = config_.index_interval_bytes;
  const auto rebuilt = co_await runtime::run_blocking([&] { return rebuild_index(files_, source, interval); });
  if (rebuilt) {
    segment->index_entries = rebuilt->entries;
    segment->indexed_size = std::max(segment->indexed_size, rebuilt->indexed_size);
  } else {
    log_warning("log", "could not rebuild {}: {}", source.index_path, rebuilt.error().message);
  }
  segment->index_suspect = false;
  segment->index_rebuilding = false;
  index_free_.notify_all();
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
  LEAT_CO_TRY(const std::uint64_t at,
              co_await look_up(segment, segment->size, [from](const SegmentView& view, Access access) {
                return find_batch_by_offset(view, from, access);
              }));
  co_return Position{segment, at};
}

// How many of the `available` bytes from `start` on to hand out: whole batches where the index shows a border.
runtime::Task<Result<Partition::Fit>> Partition::fit(Position start, std::uint64_t available, ReadLimits limits) {
  if (available <= limits.bytes_max) co_return Fit{available};
  const std::uint64_t end = start.at + limits.bytes_max;
  LEAT_CO_TRY(const BatchBorder border,
              co_await look_up(start.segment, start.segment->size, [end](const SegmentView& view, Access access) {
                return indexed_border_below(view, end, access);
              }));
  if (border.position > start.at) co_return Fit{border.position - start.at, border.offset};
  LEAT_CO_TRY(const BatchHeader first, co_await look_up(start.segment, start.segment->size,
                                                        [at = start.at](const SegmentView& view, Access access) {
                                                          return read_header(*view.log, at, access);
                                                        }));
  if (first.total_size() <= limits.bytes_max) co_return Fit{limits.bytes_max};
  if (!limits.whole_batch) co_return Fit{};
  co_return Fit{std::min<std::uint64_t>(first.total_size(), available), first.next_offset()};
}

runtime::Task<Result<ReadSlice>> Partition::slice(Offset from, ReadLimits limits, bool uncommitted) {
  const auto self = shared_from_this();
  for (int attempt = 0; attempt < kReadAttemptsMax; ++attempt) {
    const Offset end = uncommitted ? log_end() : high_watermark_;
    LEAT_CO_CHECK(check_offset(from, end));
    from = skip_freed(from);
    if (from >= end) co_return ReadSlice{};
    const auto located = co_await locate(from);
    if (!located && located.error().code == Errc::version_conflict) continue;
    if (!located) co_return fail(located.error());
    const Position& start = *located;
    if (!still_has(start.segment)) continue;
    const std::uint64_t readable = readable_size(*start.segment, uncommitted);
    if (start.at >= readable) {
      // Compaction left nothing from here to the segment's end.
      if (start.segment->end <= from || start.segment == segments_.back()) co_return ReadSlice{};
      from = start.segment->end;
      attempt = 0;
      continue;
    }
    const auto fitting = co_await fit(start, readable - start.at, limits);
    if (!still_has(start.segment)) continue;
    if (!fitting) co_return fail(fitting.error());
    const std::uint64_t length = fitting->length;
    if (length == 0) co_return ReadSlice{};
    const std::uint64_t truncations = truncations_;
    LEAT_CO_TRY(auto file, cache_.log_file(*start.segment));
    if (!file->is_cached(start.at, length)) {
      stats_.cold_reads.add();
      co_await runtime::run_blocking([&] { file->prefetch(start.at, length); });
    }
    Offset next = fitting->next;
    // Consumers that wait at the end of the log.
    if (start.at + length == readable && start.segment == segments_.back() &&
        readable_size(*start.segment, uncommitted) == readable)
      next = uncommitted ? log_end() : high_watermark_;
    if (next >= Offset(0) && still_has(start.segment) && truncations == truncations_)
      remember_cursor(from, next, *start.segment, start.at + length);
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
    got = co_await runtime::run_blocking(
        [&] { return found.range.file->read_at(bytes.mutable_view(), found.range.offset); });
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
  while (from < log_end()) {
    if (offline_) co_return fail(*offline_);
    const auto located = co_await locate(from);
    if (!located && located.error().code != Errc::version_conflict) co_return fail(located.error());
    if (!located || !still_has(located->segment)) continue;
    const Position& start = *located;
    LEAT_CO_TRY(const auto file, cache_.log_file(*start.segment));
    const std::uint64_t size = start.segment->size;
    from = std::max(start.segment->end, from + 1);
    LEAT_CO_CHECK(co_await runtime::run_blocking([&]() -> Status {
      BatchScanner scanner(*file, start.at, size);
      while (true) {
        LEAT_TRY(const auto item, scanner.next(false));
        if (!item) return {};
        visit(item->header);
      }
    }));
  }
  if (offline_) co_return fail(*offline_);
  co_return Status{};
}

runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_time(Timestamp time) {
  const auto self = shared_from_this();
  Offset next = log_start_;
  while (next < high_watermark_ && !offline_) {
    const std::shared_ptr<Segment> segment = segments_[segment_index_of(next)];
    const Offset end = std::min(segment->end, high_watermark_);
    if (segment->max_timestamp >= time) {
      auto found = co_await find_time_in(segment, time);
      if (!still_has(segment)) {
        next = std::max(next, log_start_);
        continue;  // it was freed or rewritten meanwhile
      }
      if (!found || *found) co_return found;
    }
    next = std::max(end, log_start_);
  }
  if (offline_) co_return fail(*offline_);
  co_return std::nullopt;
}

// From the newest segment to the oldest; of equal timestamps the first record's counts.
runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_max_time() {
  const auto self = shared_from_this();
  std::optional<TimedOffset> best;
  Offset above = high_watermark_;
  while (above > log_start_ && !offline_) {
    const auto after = std::lower_bound(segments_.begin(), segments_.end(), above,
                                        [](const auto& segment, Offset offset) { return segment->base < offset; });
    if (after == segments_.begin()) break;
    const std::shared_ptr<Segment> segment = *(after - 1);
    if (segment->max_timestamp != kNoTimestamp && (!best || segment->max_timestamp >= best->timestamp)) {
      auto found = co_await find_max_time_in(segment);
      if (!still_has(segment)) continue;
      if (!found) co_return found;
      if (*found && (!best || (*found)->timestamp >= best->timestamp)) best = *found;
    }
    above = segment->base;
  }
  if (offline_) co_return fail(*offline_);
  co_return best;
}

// The first record of one segment that is at or after `time`, at or after the log's start, and committed.
runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_time_in(std::shared_ptr<Segment> segment,
                                                                          Timestamp time) {
  const std::uint64_t readable = readable_size(*segment, false);
  LEAT_CO_TRY(const std::uint64_t at,
              co_await look_up(segment, readable, [time](const SegmentView& view, Access access) {
                return find_batch_by_time(view, time, access);
              }));
  if (at >= readable) co_return std::nullopt;
  LEAT_CO_TRY(const auto file, cache_.log_file(*segment));
  const Offset start = log_start_;
  co_return co_await runtime::run_blocking([&] { return first_record_at(*file, at, readable, start, time); });
}

// The first record with the largest timestamp of one segment, at or after the log's start and committed.
runtime::Task<Result<std::optional<TimedOffset>>> Partition::find_max_time_in(std::shared_ptr<Segment> segment) {
  // Nearly always the largest timestamp ever seen in the segment is still there, and readable.
  LEAT_CO_TRY(const auto found, co_await find_time_in(segment, segment->max_timestamp));
  if (found || !still_has(segment)) co_return found;
  const std::uint64_t readable = readable_size(*segment, false);
  const Offset start = log_start_;
  LEAT_CO_TRY(const auto file, cache_.log_file(*segment));
  co_return co_await runtime::run_blocking([&]() -> Result<std::optional<TimedOffset>> {
    LEAT_TRY(const Timestamp largest, largest_timestamp(*file, readable, start));
    if (largest == kNoTimestamp) return std::nullopt;
    return first_record_at(*file, 0, readable, start, largest);
  });
}

}  // namespace leat::log
