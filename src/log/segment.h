#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "log/batch.h"
#include "log/manifest.h"
#include "log/file_cache.h"
#include "runtime/file.h"

namespace leat::log {

// One entry of a segment's sparse index (docs/formats/log.md).
struct IndexEntry {
  std::uint32_t relative_offset = 0;
  std::uint32_t position = 0;
  Timestamp max_timestamp_before = kNoTimestamp;
};
inline constexpr std::size_t kIndexHeaderSize = 16;
inline constexpr std::size_t kIndexEntrySize = 16;
inline constexpr std::string_view kIndexMagic = "LEATIDX1";

// What the owner shard knows of one segment. Its files are opened through the file cache.
struct Segment {
  Offset base;
  Offset end;  // after its last record; the base of the next one unless offsets were freed between
  std::uint64_t size = 0;
  std::uint64_t room_end = 0;  // up to there the file has zeros behind its batches (decision 26); 0: it ends with them
  std::uint32_t generation = 1;
  Timestamp max_timestamp = kNoTimestamp;
  Timestamp opened{0};                 // wall clock, or that of the start if it was there; for rolling by age
  std::uint64_t synced_size = 0;       // bytes known to be durable
  bool name_durable = false;           // its file will be there after a power loss
  bool seal_durable = false;           // sealed, and all of it and its index are durable
  std::uint64_t indexed_size = 0;      // the position of the last index entry, or 0
  std::uint64_t index_entries = 0;     // in the index file
  std::vector<IndexEntry> index_tail;  // made since, not yet in the file; at most kIndexTailMax
  bool index_suspect = false;          // the file is missing or does not fit: rebuild it before the next lookup
  bool index_rebuilding = false;       // then nobody else writes the file
  std::string folder;
  CachedFile log_file;
  CachedFile index_file;

  static constexpr std::size_t kIndexTailMax = 128;
  [[nodiscard]] RecoveryPoint end_point() const { return {base, size, end, max_timestamp}; }
  [[nodiscard]] std::string log_path() const;
  [[nodiscard]] std::string index_path() const;
};

// "00000000000000000042" or, from the second generation on, "00000000000000000042-2".
[[nodiscard]] std::string segment_name(Offset base, std::uint32_t generation);
// The base and generation in a file name that ends with `suffix`; nullopt for any other name.
[[nodiscard]] std::optional<std::pair<Offset, std::uint32_t>> parse_segment_name(std::string_view name,
                                                                                 std::string_view suffix);

void encode_index_entry(const IndexEntry& entry, std::byte* at);
[[nodiscard]] IndexEntry decode_index_entry(const std::byte* at);
[[nodiscard]] Bytes encode_index_header(Offset base);

// Decides which batches get an index entry while a segment grows or is scanned.
class IndexBuilder {
 public:
  explicit IndexBuilder(std::int64_t interval_bytes) : interval_(static_cast<std::uint64_t>(interval_bytes)) {}
  // A batch stands at `position` of `segment`, which does not count it yet. True when it is to be entered: `entry` is set.
  [[nodiscard]] bool next(const Segment& segment, const BatchHeader& batch, std::uint64_t position, IndexEntry& entry);

 private:
  std::uint64_t interval_;
};

// Reads batches one after the other from a file, with one buffer of kReadAhead bytes; for recovery, rebuilding and tools.
// Waits for the disk.
class BatchScanner {
 public:
  static constexpr std::size_t kReadAhead = std::size_t{1} << 20;
  BatchScanner(runtime::File& file, std::uint64_t position, std::uint64_t end);

  struct Item {
    BatchHeader header;
    std::uint64_t position = 0;
    BytesView bytes;  // the whole batch when `with_body`, else its header; until the next call
  };
  // The next batch, nullopt at `end`. corrupt when what stands there is no batch or is cut short; position() then says where.
  [[nodiscard]] Result<std::optional<Item>> next(bool with_body);
  [[nodiscard]] std::uint64_t position() const { return position_; }
  // After an error: whether only zeros stand from position() to the end, which is room that was made for batches.
  [[nodiscard]] Result<bool> is_at_room();

 private:
  [[nodiscard]] Result<BytesView> fill(std::size_t wanted);

  runtime::File& file_;
  std::uint64_t position_;
  std::uint64_t end_;
  Bytes buffer_;
  std::uint64_t buffer_at_ = 0;
  std::size_t buffer_size_ = 0;
};

// Rebuilds an index file from the batches of the first `size` bytes of a segment, and makes it durable. Waits for the disk.
struct IndexSource {
  std::string log_path;
  std::string index_path;
  Offset base;
  std::uint64_t size = 0;
};
struct RebuiltIndex {
  std::uint64_t entries = 0;
  std::uint64_t indexed_size = 0;
  Offset end;  // after the last record found; 0 when there is none
  Timestamp max_timestamp = kNoTimestamp;
};
[[nodiscard]] Result<RebuiltIndex> rebuild_index(runtime::FileSystem& files, const IndexSource& source,
                                                 std::int64_t interval_bytes);

}  // namespace leat::log
