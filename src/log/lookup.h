#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "log/segment.h"
#include "runtime/file.h"

// Finding a batch in a segment: binary search in the sparse index, then a walk over batch headers. Pure functions over
// open files, so that they run on the shard when everything is in the page cache and on the I/O pool when not.
namespace leat::log {

// What a lookup needs to know of a segment, copied so that the segment may grow meanwhile.
struct SegmentView {
  std::shared_ptr<runtime::File> log;
  std::shared_ptr<runtime::File> index;
  Offset base;
  std::uint64_t readable = 0;       // bytes; a batch starts at or ends before it, never across
  std::uint64_t index_entries = 0;  // in the index file
  std::vector<IndexEntry> index_tail;
};

enum class Access { cached, disk };  // cached: would_block instead of waiting

// The position of the first batch whose last offset is at or above `offset`; `readable` when there is none.
// Errors: would_block, io, corrupt when the index does not fit the segment (rebuild it and try again).
[[nodiscard]] Result<std::uint64_t> find_batch_by_offset(const SegmentView& segment, Offset offset, Access access);
// The position of the first batch with a record timestamp at or above `time`; `readable` when there is none.
[[nodiscard]] Result<std::uint64_t> find_batch_by_time(const SegmentView& segment, Timestamp time, Access access);
// Where a batch begins, and its base offset.
struct BatchBorder {
  std::uint64_t position = 0;
  Offset offset;
};
// The last indexed batch at or below `position`; the segment's start if there is none.
[[nodiscard]] Result<BatchBorder> indexed_border_below(const SegmentView& segment, std::uint64_t position,
                                                       Access access);
// The header of the batch at `position`.
[[nodiscard]] Result<BatchHeader> read_header(runtime::File& file, std::uint64_t position, Access access);

}  // namespace leat::log
