#include "log/compactor.h"

#include <algorithm>

#include "base/logging.h"
#include "log/compaction.h"
#include "log/store.h"
#include "runtime/call.h"

namespace leat::log {
namespace {

using Segments = std::vector<std::shared_ptr<Segment>>;

constexpr std::size_t kWriteBuffer = std::size_t{1} << 20;

// Sealed segments that may be rewritten now: durable, committed, and older than the topic's least lag.
Segments compactable(const Partition& partition, Timestamp now) {
  Segments found;
  for (const auto& segment : partition.segments()) {
    const bool young = partition.config().min_compaction_lag_ms > 0 && segment->max_timestamp != kNoTimestamp &&
                       now - segment->max_timestamp < partition.config().min_compaction_lag_ms;
    if (segment == partition.segments().back() || !segment->seal_durable || segment->end > partition.high_watermark() ||
        young)
      break;
    found.push_back(segment);
  }
  return found;
}

// Whether enough of the log is new since the last pass, or some of it has waited for long enough.
bool worthwhile(const Segments& segments, Offset compacted_to, const LogConfig& config, Timestamp now) {
  double dirty = 0;
  double total = 0;
  bool overdue = false;
  for (const auto& segment : segments) {
    total += static_cast<double>(segment->size);
    if (segment->end <= compacted_to) continue;
    dirty += static_cast<double>(segment->size);
    overdue |= segment->max_timestamp != kNoTimestamp && now - segment->max_timestamp > config.max_compaction_lag_ms;
  }
  return dirty > 0 && (overdue || dirty / total >= config.min_cleanable_dirty_ratio);
}

// What a rewrite of neighbouring segments needs, copied for the I/O pool.
struct Source {
  std::string path;
  std::uint64_t size = 0;
  Offset end;
};
std::vector<Source> sources_of(const Segments& segments) {
  std::vector<Source> sources;
  for (const auto& segment : segments) sources.push_back({segment->log_path(), segment->size, segment->end});
  return sources;
}

// Yields the batches of several files, one after the other.
class SourceReader {
 public:
  SourceReader(runtime::FileSystem& files, const std::vector<Source>& sources) : files_(files), sources_(sources) {}

  Result<std::optional<BytesView>> next() {
    while (true) {
      if (scanner_) {
        LEAT_TRY(const auto item, scanner_->next(true));
        // Its keys may be others than were written: nothing may go because of them, nor be written anew.
        if (item && !batch_crc_matches(item->bytes, item->header))
          return fail(Errc::corrupt, fmt::format("{}: the checksum of the batch at {} is wrong",
                                                 sources_[next_ - 1].path, item->position));
        if (item) return item->bytes;
        scanner_.reset();
      }
      if (next_ == sources_.size()) return std::nullopt;
      LEAT_TRY(file_, files_.open(sources_[next_].path, runtime::OpenMode::read));
      scanner_.emplace(*file_, 0, sources_[next_].size);
      ++next_;
    }
  }

 private:
  runtime::FileSystem& files_;
  const std::vector<Source>& sources_;
  std::size_t next_ = 0;
  std::unique_ptr<runtime::File> file_;
  std::optional<BatchScanner> scanner_;
};

struct RewriteOptions {
  std::int64_t index_interval = 0;
  Timestamp producers_since;  // those that were silent since then are forgotten anyway
};

struct Rewritten {
  std::uint64_t size = 0;
  std::int64_t removed = 0;
  bool changed = false;  // records were removed, or tombstones got the time of their end
  RebuiltIndex index;
};

// The last batch of each idempotent producer: a producer's next sequence follows from it, so something of it must stay.
Result<std::unordered_map<ProducerId, Offset>> last_of_producers(runtime::FileSystem& files,
                                                                 const std::vector<Source>& sources, Timestamp since) {
  std::unordered_map<ProducerId, Offset> last;
  for (const Source& source : sources) {
    LEAT_TRY(const auto file, files.open(source.path, runtime::OpenMode::read));
    BatchScanner scanner(*file, 0, source.size);
    while (true) {
      LEAT_TRY(const auto item, scanner.next(false));
      if (!item) break;
      const BatchHeader& header = item->header;
      if (header.is_idempotent() && header.max_timestamp >= since) last[header.producer_id] = header.base_offset;
    }
  }
  return last;
}

// Writes what compaction keeps of `sources` to the files of `target`, durably.
Result<Rewritten> rewrite(runtime::FileSystem& files, const std::vector<Source>& sources, const Segment& target,
                          const KeyOffsets& keys, const CompactionRules& rules, const RewriteOptions& options) {
  LEAT_TRY(const auto last_of, last_of_producers(files, sources, options.producers_since));
  LEAT_TRY(const auto out, files.open(target.log_path(), runtime::OpenMode::create));
  LEAT_CHECK(out->truncate(0));
  SourceReader reader(files, sources);
  Rewritten result;
  Bytes buffer;
  const auto flush = [&]() -> Status {
    LEAT_CHECK(out->write_at(buffer.view(), result.size));
    result.size += buffer.size();
    buffer.resize(0);
    return {};
  };
  while (true) {
    LEAT_TRY(const auto batch, reader.next());
    if (!batch) break;
    LEAT_TRY(const CompactedBatch kept, compact_batch(*batch, keys, rules));
    result.removed += kept.records_removed;
    result.changed |= kept.outcome == CompactedBatch::Outcome::rewritten;
    if (kept.outcome == CompactedBatch::Outcome::unchanged) buffer.append(*batch);
    if (kept.outcome == CompactedBatch::Outcome::rewritten) buffer.append(kept.bytes);
    if (kept.outcome == CompactedBatch::Outcome::dropped) {
      LEAT_TRY(const BatchHeader header, decode_batch_header(*batch));
      const auto last = last_of.find(header.producer_id);
      if (last != last_of.end() && last->second == header.base_offset) {
        LEAT_TRY(const Bytes empty, empty_batch(header));
        result.changed |= header.record_count > 0;
        buffer.append(empty);
      } else {
        result.changed = true;
      }
    }
    if (buffer.size() >= kWriteBuffer) LEAT_CHECK(flush());
  }
  LEAT_CHECK(flush());
  LEAT_CHECK(out->sync());
  LEAT_TRY(result.index, rebuild_index(files, {target.log_path(), target.index_path(), target.base, result.size},
                                       options.index_interval));
  LEAT_CHECK(files.sync_directory(target.folder));
  return result;
}

// Neighbours that together fit one segment.
std::vector<Segments> group(const Segments& segments, const LogConfig& config, Offset clean_end) {
  std::vector<Segments> groups;
  std::uint64_t size = 0;
  for (const auto& segment : segments) {
    if (segment->base >= clean_end) break;
    const bool fits = !groups.empty() && size + segment->size <= static_cast<std::uint64_t>(config.segment_bytes) &&
                      segment->end - groups.back().front()->base < INT32_MAX &&
                      groups.back().back()->end == segment->base;
    if (!fits) {
      groups.emplace_back();
      size = 0;
    }
    groups.back().push_back(segment);
    size += segment->size;
  }
  return groups;
}

std::shared_ptr<Segment> replacement_for(const Segments& replaced, const Partition& partition) {
  auto target = std::make_shared<Segment>();
  target->base = replaced.front()->base;
  target->end = replaced.back()->end;
  target->folder = partition.folder();
  target->opened = replaced.back()->opened;
  for (const auto& segment : replaced) {
    target->generation = std::max(target->generation, segment->generation + 1);
    target->max_timestamp = std::max(target->max_timestamp, segment->max_timestamp);
  }
  return target;
}

// Removes the files of a rewrite that is not wanted; what cannot be removed is a left-over to the next recovery.
void discard(runtime::FileSystem& files, const Segment& target) {
  (void)files.remove(target.log_path());
  (void)files.remove(target.index_path());
}

}  // namespace

runtime::Task<Status> Compactor::compact(std::shared_ptr<Partition> partition, Timestamp now, const bool& stopping) {
  if (partition->offline()) co_return Status{};
  const Segments segments = compactable(*partition, now);
  const LogConfig config = partition->config();
  if (segments.empty() || !worthwhile(segments, partition->compacted_to(), config, now)) co_return Status{};

  runtime::FileSystem& files = cache_.files();
  KeyOffsets keys(options_.compaction_keys_max, runtime::Shard::current().random());
  const Offset from = std::max(partition->compacted_to(), segments.front()->base);
  Segments dirty;
  std::copy_if(segments.begin(), segments.end(), std::back_inserter(dirty),
               [&](const auto& s) { return s->end > from; });
  const std::vector<Source> dirty_sources = sources_of(dirty);
  LEAT_CO_TRY(const Offset clean_end, co_await runtime::run_blocking([&]() -> Result<Offset> {
                SourceReader reader(files, dirty_sources);
                return map_keys([&] { return reader.next(); }, from, segments.back()->end,
                                options_.decompressed_size_max, keys);
              }));
  const CompactionRules rules{.clean_end = clean_end,
                              .now = now,
                              .delete_retention_ms = config.delete_retention_ms,
                              .decompressed_size_max = options_.decompressed_size_max};
  const RewriteOptions how{config.index_interval_bytes, Timestamp(now.value() - options_.producer_expiration_ms)};
  std::int64_t removed = 0;
  for (const Segments& replaced : group(segments, config, clean_end)) {
    if (stopping) co_return fail(Errc::cancelled, "the server stops");
    const auto target = replacement_for(replaced, *partition);
    const std::vector<Source> sources = sources_of(replaced);
    const auto done = co_await runtime::run_blocking([&]() -> Result<Rewritten> {
      auto rewritten = rewrite(files, sources, *target, keys, rules, how);
      if (!rewritten || (!rewritten->changed && replaced.size() == 1)) discard(files, *target);
      return rewritten;
    });
    if (!done) co_return fail(done.error());
    if (!done->changed && replaced.size() == 1) continue;
    target->size = done->size;
    target->synced_size = done->size;
    target->index_entries = done->index.entries;
    target->indexed_size = done->index.indexed_size;
    target->name_durable = true;
    target->seal_durable = true;
    const Status put = co_await partition->replace_segments(replaced, target);
    if (std::ranges::find(partition->segments(), target) == partition->segments().end())
      co_await runtime::run_blocking([&] { discard(files, *target); });
    if (!put) co_return put;
    removed += done->removed;
  }
  partition->set_compacted_to(clean_end);
  log_info("log", "{}: compaction removed {} records below offset {}", partition->label(), removed, clean_end);
  co_return Status{};
}

}  // namespace leat::log
