#include "log/segment.h"

#include <charconv>

namespace leat::log {

std::string segment_name(Offset base, std::uint32_t generation) {
  if (generation == 1) return fmt::format("{:020}", base.value());
  return fmt::format("{:020}-{}", base.value(), generation);
}

std::optional<std::pair<Offset, std::uint32_t>> parse_segment_name(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  if (name.size() < 20) return std::nullopt;
  std::int64_t base = 0;
  const char* begin = name.data();
  const char* digits_end = begin + 20;
  const auto [at, error] = std::from_chars(begin, digits_end, base);
  if (error != std::errc{} || at != digits_end || base < 0) return std::nullopt;
  if (name.size() == 20) return std::pair(Offset(base), std::uint32_t{1});
  std::uint32_t generation = 0;
  const char* end = begin + name.size();
  if (*digits_end != '-' || std::from_chars(digits_end + 1, end, generation).ptr != end || generation < 2)
    return std::nullopt;
  return std::pair(Offset(base), generation);
}

std::string Segment::log_path() const { return runtime::join_path(folder, segment_name(base, generation) + ".log"); }
std::string Segment::index_path() const { return runtime::join_path(folder, segment_name(base, generation) + ".idx"); }

void encode_index_entry(const IndexEntry& entry, std::byte* at) {
  store_be(at, entry.relative_offset);
  store_be(at + 4, entry.position);
  store_be(at + 8, entry.max_timestamp_before.value());
}

IndexEntry decode_index_entry(const std::byte* at) {
  return {load_be<std::uint32_t>(at), load_be<std::uint32_t>(at + 4), Timestamp(load_be<std::int64_t>(at + 8))};
}

Bytes encode_index_header(Offset base) {
  Bytes header = Bytes::copy_of(as_bytes(kIndexMagic));
  header.resize(kIndexHeaderSize);
  store_be(header.data() + 8, base.value());
  return header;
}

bool IndexBuilder::next(const Segment& segment, const BatchHeader& batch, std::uint64_t position, IndexEntry& entry) {
  if (position < segment.indexed_size + interval_) return false;
  entry = {static_cast<std::uint32_t>(batch.base_offset - segment.base), static_cast<std::uint32_t>(position),
           segment.max_timestamp};
  return true;
}

BatchScanner::BatchScanner(runtime::File& file, std::uint64_t position, std::uint64_t end)
    : file_(file), position_(position), end_(end) {}

// At least `wanted` bytes at position_, or fewer at the end.
Result<BytesView> BatchScanner::fill(std::size_t wanted) {
  wanted = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, end_ - position_));
  if (position_ < buffer_at_ || position_ + wanted > buffer_at_ + buffer_size_) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted, kReadAhead), end_ - position_));
    if (buffer_.size() < size) buffer_ = Bytes::uninitialized(size);
    LEAT_TRY(buffer_size_, file_.read_at(buffer_.mutable_view().first(size), position_));
    buffer_at_ = position_;
  }
  const auto skip = static_cast<std::size_t>(position_ - buffer_at_);
  return buffer_.view().subspan(skip, std::min(wanted, buffer_size_ - skip));
}

Result<std::optional<BatchScanner::Item>> BatchScanner::next(bool with_body) {
  if (position_ >= end_) return std::nullopt;
  LEAT_TRY(BytesView bytes, fill(kBatchHeaderSize));
  auto header = decode_batch_header(bytes);
  if (!header) return fail(Errc::corrupt, fmt::format("no batch at {}: {}", position_, header.error().message));
  const std::size_t size = header->total_size();
  if (size > end_ - position_)
    return fail(Errc::corrupt,
                fmt::format("the batch at {} is cut short: {} of {} bytes", position_, end_ - position_, size));
  if (with_body) {
    LEAT_TRY(bytes, fill(size));
    if (bytes.size() < size) return fail(Errc::corrupt, fmt::format("the file ends inside the batch at {}", position_));
  }
  Item item{*header, position_, bytes};
  position_ += size;
  return item;
}

Result<bool> BatchScanner::is_at_room() {
  for (std::uint64_t at = position_; at < end_;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kReadAhead, end_ - at));
    if (buffer_.size() < size) buffer_ = Bytes::uninitialized(size);
    buffer_size_ = 0;  // it is not at position_ any more
    LEAT_TRY(const std::size_t got, file_.read_at(buffer_.mutable_view().first(size), at));
    if (got == 0) break;
    if (std::ranges::any_of(buffer_.view().first(got), [](std::byte b) { return b != std::byte{0}; })) return false;
    at += got;
  }
  return true;
}

Result<RebuiltIndex> rebuild_index(runtime::FileSystem& files, const IndexSource& source, std::int64_t interval_bytes) {
  LEAT_TRY(const auto log_file, files.open(source.log_path, runtime::OpenMode::read));
  IndexBuilder builder(interval_bytes);
  Bytes content = encode_index_header(source.base);
  BatchScanner scanner(*log_file, 0, source.size);
  Segment scanned;
  scanned.base = source.base;
  RebuiltIndex rebuilt;
  while (true) {
    LEAT_TRY(const auto item, scanner.next(false));
    if (!item) break;
    IndexEntry entry;
    if (builder.next(scanned, item->header, item->position, entry)) {
      const std::size_t at = content.size();
      content.resize(at + kIndexEntrySize);
      encode_index_entry(entry, content.data() + at);
      scanned.indexed_size = item->position;
    }
    scanned.max_timestamp = std::max(scanned.max_timestamp, item->header.max_timestamp);
    rebuilt.end = item->header.next_offset();
  }
  LEAT_TRY(const auto index_file, files.open(source.index_path, runtime::OpenMode::create));
  LEAT_CHECK(index_file->truncate(0));
  LEAT_CHECK(index_file->write_at(content, 0));
  LEAT_CHECK(index_file->sync());
  rebuilt.indexed_size = scanned.indexed_size;
  rebuilt.entries = (content.size() - kIndexHeaderSize) / kIndexEntrySize;
  rebuilt.max_timestamp = scanned.max_timestamp;
  return rebuilt;
}

}  // namespace leat::log
