// A partition's segments over time: sealing, freeing, cutting, replacing, and the manifest that follows them.
#include "base/logging.h"
#include "log/file_cache.h"
#include "log/flusher.h"
#include "log/lookup.h"
#include "log/partition.h"
#include "log/store.h"
#include "runtime/call.h"
#include "runtime/space_reserve.h"

namespace leat::log {

Status Partition::roll(Timestamp now) {
  if (offline_) return fail(*offline_);
  if (segments_.back()->size == 0) return {};
  return open_next_segment(log_end(), now);
}

Status Partition::open_next_segment(Offset base, Timestamp now) {
  if (auto written = write_index_tail(*segments_.back()); !written)
    log_warning("log", "could not extend {}: {}", segments_.back()->index_path(), written.error().message);
  LEAT_CHECK(take_back_room(*segments_.back()));
  auto next = std::make_shared<Segment>();
  next->base = base;
  next->end = base;
  next->folder = folder_;
  next->opened = now;
  LEAT_CHECK(cache_.create(*next));
  segments_.push_back(std::move(next));
  // Sealing makes the old segment durable under every policy: it bounds what recovery has to read.
  flusher_.want(*this, runtime::Shard::current().now());
  return {};
}

Manifest Partition::current_manifest() const {
  Manifest manifest;
  manifest.id = id_;
  manifest.log_start = log_start_;
  manifest.compacted_to = compacted_to_;
  manifest.freed = freed_;
  manifest.epochs = epochs_;
  for (const auto& segment : segments_) {
    if (!segment->name_durable) break;
    SegmentEntry entry;
    entry.base = segment->base;
    entry.generation = segment->generation;
    entry.sealed = segment->seal_durable;
    if (entry.sealed) {
      entry.size = segment->size;
      entry.end = segment->end;
      entry.max_timestamp = segment->max_timestamp;
    }
    manifest.segments.push_back(entry);
    if (!entry.sealed) break;
  }
  return manifest;
}

runtime::Task<Status> Partition::save_manifest() { return write_manifest(false); }

// With `frees`, the space set aside for it may be used.
runtime::Task<Status> Partition::write_manifest(bool frees) {
  const auto self = shared_from_this();
  while (manifest_saving_) co_await manifest_free_.wait();
  if (offline_) co_return fail(*offline_);
  if (!manifest_stale()) co_return Status{};
  manifest_saving_ = true;
  const std::uint64_t changes = manifest_changes_;
  const Bytes bytes = encode_manifest(current_manifest());
  const std::string path = manifest_path(folder_);
  const Status saved = co_await runtime::run_blocking([&] {
    return frees && reserve_ != nullptr ? reserve_->replace_file(path, bytes)
                                        : runtime::replace_file(files_, path, bytes);
  });
  if (saved) manifest_saved_ = changes;
  manifest_saving_ = false;
  manifest_free_.notify_all();
  co_return saved;
}

// Takes a segment that is not in segments_ any more out of service.
void Partition::retire(std::shared_ptr<Segment> segment) {
  retired_.push_back({std::move(segment), ++manifest_changes_});
}

// Removes the files of retired segments that no durable manifest lists. Readers that still send from one keep it open.
runtime::Task<Status> Partition::remove_retired() {
  std::vector<std::shared_ptr<Segment>> removed;
  std::erase_if(retired_, [&](Retired& retired) {
    if (retired.change > manifest_saved_) return false;
    removed.push_back(std::move(retired.segment));
    return true;
  });
  if (removed.empty()) co_return Status{};
  for (const auto& segment : removed) cache_.close(*segment);
  co_return co_await runtime::run_blocking([&]() -> Status {
    for (const auto& segment : removed) {
      for (const std::string& path : {segment->log_path(), segment->index_path()}) {
        if (auto done = files_.remove(path); !done && done.error().code != Errc::not_found) return done;
      }
    }
    if (reserve_ != nullptr && reserve_->in_use()) reserve_->refill();
    return {};
  });
}

bool Partition::can_free_front() const {
  return segments_.size() > 1 && segments_.front()->end <= log_start_ && segments_.front()->seal_durable;
}

// Frees the segments below the log's start, and those that earlier attempts could not free.
runtime::Task<Status> Partition::free_below_start() {
  while (can_free_front()) {
    retire(segments_.front());
    segments_.erase(segments_.begin());
    stats_.removed_segments.add();
  }
  std::erase_if(freed_, [&](const auto& range) { return range.second <= segments_.front()->base; });
  LEAT_CO_CHECK(co_await write_manifest(true));
  co_return co_await remove_retired();
}

runtime::Task<Status> Partition::delete_records(Offset before) {
  const auto self = shared_from_this();
  if (offline_) co_return fail(*offline_);
  if (before > high_watermark_ || before < Offset(0))
    co_return fail(Errc::offset_out_of_range,
                   fmt::format("offset {} is above the high watermark {}", before, high_watermark_));
  // A power loss must not leave a log that ends below its start.
  if (before > flushed_.offset) LEAT_CO_CHECK(co_await flush());
  raise_start(before);
  co_return co_await free_below_start();
}

void Partition::raise_start(Offset to) {
  to = skip_freed(to);
  if (to <= log_start_) return;
  log_start_ = to;
  // Epochs that ended before the start are of no use, but the one in force at the start is.
  while (epochs_.size() > 1 && epochs_[1].start <= log_start_) epochs_.erase(epochs_.begin());
  ++manifest_changes_;
}

// Enters a range whose segment has just left segments_.
void Partition::note_freed(Offset from, Offset to) {
  if (from == to) return;
  auto at = std::lower_bound(freed_.begin(), freed_.end(), std::pair(from, to));
  if (at != freed_.begin() && (at - 1)->second == from) {
    --at;
    at->second = to;
  } else {
    at = freed_.insert(at, {from, to});
  }
  if (const auto next = at + 1; next != freed_.end() && next->first == at->second) {
    at->second = next->second;
    freed_.erase(next);
  }
}

runtime::Task<Status> Partition::free_segments(std::vector<std::pair<Offset, Offset>> ranges) {
  const auto self = shared_from_this();
  if (offline_) co_return fail(*offline_);
  // Only a segment whose seal is durable may leave: a power loss must not leave a log that ends within what was freed.
  const auto is_free = [&](const Segment& segment) {
    const Offset begin = std::max(segment.base, std::min(log_start_, segment.end));
    return segment.seal_durable && segment.end <= high_watermark_ &&
           std::ranges::any_of(ranges, [&](const auto& r) { return r.first <= begin && segment.end <= r.second; });
  };
  std::vector<std::shared_ptr<Segment>> kept;
  for (const auto& segment : segments_) {
    if (segment == segments_.back() || !is_free(*segment)) {
      kept.push_back(segment);
      continue;
    }
    note_freed(segment->base, segment->end);
    retire(segment);
    stats_.removed_segments.add();
  }
  segments_ = std::move(kept);
  raise_start(log_start_);
  co_return co_await free_below_start();
}

runtime::Task<Status> Partition::apply_retention(Timestamp now) {
  const auto self = shared_from_this();
  if (offline_) co_return Status{};
  Segment& active = *segments_.back();
  const bool by_time = config_.delete_old && config_.retention_ms >= 0;
  const bool too_old = now - active.opened > config_.segment_ms;
  // Of records without timestamps it counts when their segment was begun.
  const auto is_old = [&](const Segment& segment) {
    const Timestamp latest = segment.max_timestamp != kNoTimestamp ? segment.max_timestamp : segment.opened;
    return by_time && now - latest > config_.retention_ms;
  };
  if (active.size > 0 && high_watermark_ == log_end() && (too_old || is_old(active))) LEAT_CO_CHECK(roll(now));
  // What a full disk or a seal that was under way kept from being done earlier.
  if (can_free_front() || !retired_.empty() || manifest_stale()) LEAT_CO_CHECK(co_await free_below_start());
  if (!config_.delete_old) co_return Status{};

  Offset start = log_start_;
  std::uint64_t size = size_bytes();
  for (const auto& segment : segments_) {
    if (segment == segments_.back() || !segment->seal_durable || segment->end > high_watermark_) break;
    const bool large =
        config_.retention_bytes >= 0 && size - segment->size >= static_cast<std::uint64_t>(config_.retention_bytes);
    const bool below_start = segment->end <= log_start_;
    if (!is_old(*segment) && !large && !below_start) break;
    start = segment->end;
    size -= segment->size;
  }
  if (start > log_start_) {
    log_info("log", "{}: retention frees offsets {} to {}", label(), log_start_, start);
    co_return co_await delete_records(start);
  }
  co_return Status{};
}

runtime::Task<Status> Partition::truncate(Offset end) {
  const auto self = shared_from_this();
  LEAT_CO_CHECK(check_offset(end, log_end()));
  if (end == log_end()) co_return Status{};
  // Nothing may be in flight while the tail changes.
  LEAT_CO_CHECK(co_await flush());
  while (flushing_) co_await progress_.wait();
  LEAT_CO_CHECK(check_offset(end, log_end()));
  Position cut;
  if (const std::size_t index = segment_index_of(end); end < segments_[index]->base) {
    // A log does not end in a gap. There is a segment before it, since the log does not start in one either.
    cut = {segments_[index - 1], segments_[index - 1]->size};
    end = cut.segment->end;
  } else {
    LEAT_CO_TRY(cut, co_await locate(end));
  }
  while (cut.segment->index_rebuilding) co_await index_free_.wait();
  if (offline_) co_return fail(*offline_);
  const Status done = co_await cut_active(cut, end);
  if (!done) take_offline({done.error().code, fmt::format("a truncation failed half-way ({})", done.error().message)});
  notify_progress();
  co_return done;
}

// Makes the segment of `cut` the active one, ending there. The manifest goes first: it must never list more than there is.
runtime::Task<Status> Partition::cut_active(Position cut, Offset end) {
  Segment& last = *cut.segment;
  LEAT_CO_TRY(const auto file, cache_.log_file(last));
  if (cut.at < last.size) {
    LEAT_CO_TRY(const BatchHeader first,
                co_await runtime::run_blocking([&] { return read_header(*file, cut.at, Access::disk); }));
    end = std::min(end, first.base_offset);
  }
  if (!still_has(cut.segment)) co_return fail(Errc::version_conflict, last.log_path() + " went meanwhile");
  ++truncations_;
  while (segments_.back() != cut.segment) {
    retire(segments_.back());
    segments_.pop_back();
  }
  last.seal_durable = false;
  std::erase_if(freed_, [&](const auto& range) { return range.first >= last.base; });
  log_start_ = std::min(log_start_, end);  // it may lie inside the batch that goes
  compacted_to_ = std::min(compacted_to_, end);
  while (!epochs_.empty() && epochs_.back().start >= end) epochs_.pop_back();
  ++manifest_changes_;
  LEAT_CO_CHECK(co_await save_manifest());

  cache_.close(last);
  const IndexSource source{last.log_path(), last.index_path(), last.base, cut.at};
  LEAT_CO_TRY(const RebuiltIndex rebuilt, co_await runtime::run_blocking([&]() -> Result<RebuiltIndex> {
                LEAT_CHECK(file->truncate(cut.at));
                LEAT_CHECK(file->sync());
                return rebuild_index(files_, source, config_.index_interval_bytes);
              }));
  last.size = cut.at;
  last.room_end = 0;
  last.synced_size = cut.at;
  last.end = end;
  last.max_timestamp = rebuilt.max_timestamp;
  last.index_tail.clear();
  last.index_entries = rebuilt.entries;
  last.indexed_size = rebuilt.indexed_size;
  cursors_.fill({});
  ++truncations_;
  flushed_ = last.end_point();
  settled_ = flushed_;
  high_watermark_ = std::min(high_watermark_, end);
  readable_segment_ = last.base;
  readable_position_ = last.size;
  LEAT_CO_CHECK(co_await remove_retired());
  // A file that came back could continue what is appended next.
  co_return co_await runtime::run_blocking([&] { return files_.sync_directory(folder_); });
}

runtime::Task<Status> Partition::replace_segments(std::vector<std::shared_ptr<Segment>> replaced,
                                                  std::shared_ptr<Segment> replacement) {
  const auto self = shared_from_this();
  if (offline_) co_return fail(*offline_);
  const auto first = std::find(segments_.begin(), segments_.end(), replaced.front());
  const auto place = first - segments_.begin();
  const auto count = static_cast<std::ptrdiff_t>(replaced.size());
  if (segments_.end() - first <= count || !std::equal(replaced.begin(), replaced.end(), first))
    co_return fail(Errc::cancelled, "the segments changed meanwhile");
  segments_.erase(first, first + count);
  segments_.insert(segments_.begin() + place, std::move(replacement));
  for (auto& segment : replaced) retire(std::move(segment));
  cursors_.fill({});
  stats_.compacted_segments.add(static_cast<std::uint64_t>(count));
  LEAT_CO_CHECK(co_await save_manifest());
  co_return co_await remove_retired();
}

}  // namespace leat::log
