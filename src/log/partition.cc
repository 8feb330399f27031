#include "log/partition.h"

#include "base/logging.h"
#include "log/file_cache.h"
#include "log/flusher.h"
#include "log/recovery.h"
#include "log/store.h"
#include "runtime/call.h"
#include "runtime/space_reserve.h"

namespace leat::log {

// Positions in a segment and distances from its base are stored in 32 bits.
constexpr std::int64_t kSegmentReachMax = INT32_MAX;
// See make_room().
constexpr std::uint64_t kRoomyFlushMax = std::uint64_t{64} << 10;
constexpr std::uint64_t kFlushesBeforeRoom = 4;
constexpr std::array<std::byte, std::size_t{64} << 10> kZeros{};
constexpr std::uint64_t kRoomMax = 4 * kZeros.size();
constexpr std::size_t kPatchedSize = 16;  // base offset, length and leader epoch: what append sets

ProgressWatch::~ProgressWatch() { leave(); }

void ProgressWatch::leave() {
  if (watched_ == nullptr) return;
  (previous_ != nullptr ? previous_->next_ : watched_->watches_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

Partition::Partition(TopicPartition id, const LogConfig& config, LeaderEpoch epoch, RecoveredLog recovered,
                     Flusher& flusher, FileCache& cache, runtime::SpaceReserve* reserve, Stats& stats, Timestamp now)
    : id_(id),
      config_(config),
      epoch_(epoch),
      flusher_(flusher),
      cache_(cache),
      reserve_(reserve),
      stats_(stats),
      files_(cache.files()),
      folder_(std::move(recovered.folder)),
      segments_(std::move(recovered.segments)),
      damaged_(recovered.damage.has_value()),
      log_start_(recovered.manifest.log_start),
      freed_(std::move(recovered.manifest.freed)),
      epochs_(std::move(recovered.manifest.epochs)),
      flushed_(segments_.back()->end_point()),
      high_watermark_(segments_.back()->end),
      readable_segment_(segments_.back()->base),
      readable_position_(segments_.back()->size),
      compacted_to_(std::min(recovered.manifest.compacted_to, segments_.back()->end)),
      offline_(std::move(recovered.damage)) {
  for (const auto& segment : segments_) segment->opened = now;  // or earlier, which nothing tells
  if (recovered.manifest_changed) ++manifest_changes_;
  settled_ = {segments_.back()->base, 0, segments_.back()->base, kNoTimestamp};
}

std::string label_of(const TopicPartition& id, const LogConfig& config) {
  return fmt::format("{}-{} ({})", config.topic_name, id.partition, id.topic);
}

Partition::~Partition() {
  while (watches_ != nullptr) {
    ProgressWatch* watch = watches_;
    watches_ = watch->next_;
    watch->watched_ = nullptr;
    watch->next_ = nullptr;
    watch->previous_ = nullptr;
  }
}

void Partition::reconfigure(const LogConfig& config) {
  config_ = config;
  if (config_.flush != FlushPolicy::commit)
    advance_high_watermark(log_end(), segments_.back()->base, segments_.back()->size);
}

std::uint64_t Partition::size_bytes() const {
  std::uint64_t size = 0;
  for (const auto& segment : segments_) size += segment->size;
  return size;
}

Result<Appended> Partition::append(const ValidBatch& batch, Timestamp now) {
  if (offline_) return fail(*offline_);
  if (reserve_ == nullptr) return append_now(batch, now);
  if (!config_.journal) LEAT_CHECK(reserve_->check_space());
  auto appended = append_now(batch, now);
  const bool is_full = !appended && appended.error().code == Errc::disk_full;
  return is_full && config_.journal && reserve_->rescue_journal() ? append_now(batch, now) : appended;
}

Result<Appended> Partition::append_now(const ValidBatch& batch, Timestamp now) {
  BatchHeader header = batch.header;
  header.base_offset = log_end();
  header.leader_epoch = epoch_;
  if (must_roll(header, now)) LEAT_CHECK(open_next_segment(log_end(), now));
  LEAT_CHECK(write_batch(header, batch.bytes));
  return Appended{header.base_offset, header.next_offset(), now};
}

Status Partition::append_replicated(BytesView batches) {
  if (offline_) return fail(*offline_);
  while (!batches.empty()) {
    LEAT_TRY(const BatchHeader header, decode_batch_header(batches));
    if (header.total_size() > batches.size()) return fail(Errc::invalid_argument, "a batch is cut short");
    if (header.base_offset != log_end())
      return fail(Errc::invalid_argument,
                  fmt::format("base offset {} is not the log's end {}", header.base_offset, log_end()));
    if (!epochs_.empty() && header.leader_epoch < epochs_.back().epoch)
      return fail(Errc::invalid_argument,
                  fmt::format("leader epoch {} after {}", header.leader_epoch, epochs_.back().epoch));
    const BytesView bytes = batches.first(header.total_size());
    if (!batch_crc_matches(bytes, header)) return fail(Errc::corrupt_message, "the checksum of a batch is wrong");
    const Timestamp now = runtime::Shard::current().wall_now();
    if (must_roll(header, now)) LEAT_CHECK(open_next_segment(log_end(), now));
    LEAT_CHECK(write_batch(header, bytes));
    batches = batches.subspan(bytes.size());
  }
  return {};
}

// Puts a batch at the end of the active segment with the offset and epoch of `header`; on an error nothing is appended.
Status Partition::write_batch(const BatchHeader& header, BytesView bytes) {
  Segment& active = *segments_.back();
  LEAT_TRY(const auto file, cache_.log_file(active));
  std::array<std::byte, kBatchHeaderSize> patched;
  encode_batch_header(header, patched.data());
  const std::array<BytesView, 2> parts{BytesView(patched).first(kPatchedSize), bytes.subspan(kPatchedSize)};
  if (auto written = file->write_at(parts, active.size); !written) {
    // Take back what did get written, so that recovery does not meet half a batch in the middle.
    active.room_end = 0;
    if (auto undone = file->truncate(active.size); !undone) take_offline(undone.error());
    return written;
  }
  IndexEntry entry;
  if (IndexBuilder(config_.index_interval_bytes).next(active, header, active.size, entry)) {
    active.index_tail.push_back(entry);
    active.indexed_size = active.size;
    if (active.index_tail.size() >= Segment::kIndexTailMax) {
      if (auto written = write_index_tail(active); !written)
        log_warning("log", "could not extend {}: {}", active.index_path(), written.error().message);
    }
  }
  active.size += bytes.size();
  active.end = header.next_offset();
  active.max_timestamp = std::max(active.max_timestamp, header.max_timestamp);
  if (epochs_.empty() || epochs_.back().epoch < header.leader_epoch) {
    epochs_.push_back({header.leader_epoch, header.base_offset});
    ++manifest_changes_;
  }
  stats_.appended_batches.add();
  stats_.appended_bytes.add(bytes.size());
  if (config_.flush != FlushPolicy::commit) advance_high_watermark(active.end, active.base, active.size);
  if (config_.flush == FlushPolicy::commit) flusher_.appended(static_cast<std::uint64_t>(header.record_count));
  if (!flush_due_) {
    if (const auto due = flusher_.due_for(config_.flush)) flusher_.want(*this, *due);
  }
  return {};
}

// Moves the entries kept in memory to the index file. They stay in memory when it fails, up to the limit.
Status Partition::write_index_tail(Segment& segment) {
  if (segment.index_tail.empty() || segment.index_rebuilding) return {};
  LEAT_TRY(const auto file, cache_.index_file(segment));
  Bytes bytes = Bytes::uninitialized(segment.index_tail.size() * kIndexEntrySize);
  for (std::size_t i = 0; i < segment.index_tail.size(); ++i)
    encode_index_entry(segment.index_tail[i], bytes.data() + i * kIndexEntrySize);
  const auto written = file->write_at(bytes, kIndexHeaderSize + segment.index_entries * kIndexEntrySize);
  if (written) segment.index_entries += segment.index_tail.size();
  segment.index_tail.clear();  // a sparser index is still an index
  return written;
}

void Partition::advance_high_watermark(Offset to, Offset segment, std::uint64_t position) {
  if (to <= high_watermark_) return;
  high_watermark_ = to;
  readable_segment_ = segment;
  readable_position_ = position;
  notify_progress();
}

void Partition::notify_progress() {
  progress_.notify_all();
  for (ProgressWatch* watch = watches_; watch != nullptr;) {
    ProgressWatch* next = watch->next_;
    watch->on_progress();
    watch = next;
  }
}

void Partition::watch(ProgressWatch& watch) {
  if (watch.watched_ == this) return;
  watch.leave();
  watch.watched_ = this;
  watch.next_ = watches_;
  watch.previous_ = nullptr;
  if (watches_ != nullptr) watches_->previous_ = &watch;
  watches_ = &watch;
}

runtime::Task<Status> Partition::wait_committed(Offset end, MonoTime deadline) {
  const auto self = shared_from_this();
  if (high_watermark_ < end && !offline_) flusher_.want(*this, MonoTime::min());
  while (high_watermark_ < end) {
    if (offline_) co_return fail(*offline_);
    if (!co_await progress_.wait_until(deadline) && high_watermark_ < end)
      co_return fail(Errc::timed_out, fmt::format("{} is not committed up to {} in time", id_, end));
  }
  co_return Status{};
}

runtime::Task<Status> Partition::flush() {
  const auto self = shared_from_this();
  const Offset end = log_end();
  while (!offline_ && flushed_.offset < end) {
    flusher_.want(*this, MonoTime::min());
    co_await progress_.wait();
  }
  if (offline_) co_return fail(*offline_);
  co_return Status{};
}

const RecoveryPoint& Partition::recovery_point() {
  if (!manifest_stale()) settled_ = flushed_;
  return settled_;
}

bool Partition::has_unflushed() const {
  if (offline_) return false;
  return flushed_.offset < log_end() || !segments_.back()->name_durable ||
         (segments_.size() > 1 && !segments_[segments_.size() - 2]->seal_durable);
}

void Partition::set_compacted_to(Offset offset) {
  compacted_to_ = offset;
  ++manifest_changes_;
  flusher_.want_manifest(*this);
}

void Partition::finish() {
  if (offline_) return;
  Segment& active = *segments_.back();
  if (auto written = write_index_tail(active); !written)
    log_warning("log", "could not extend {}: {}", active.index_path(), written.error().message);
  if (auto done = take_back_room(active); !done)
    log_warning("log", "could not shorten {}: {}", active.log_path(), done.error().message);
}

// Zeros behind the active segment's batches. The flush of a batch in their place has only its bytes to write: no new blocks and
// no new size, for which the file system would have to commit its journal too. Not where much is flushed at a time, which
// would be written twice for little.
void Partition::make_room() {
  Segment& active = *segments_.back();
  const std::uint64_t flushed = active.size - std::min(active.size, active.synced_size);
  if (flushed > kRoomyFlushMax || flushed * kFlushesBeforeRoom > active.size) return;
  if (active.room_end >= active.size + flushed) return;  // the next one of that size will find its place
  if (reserve_ != nullptr && !reserve_->check_space()) return;
  const std::uint64_t begin = std::max(active.size, active.room_end);
  const std::uint64_t wanted = active.size + std::min(active.size, kRoomMax);
  const std::uint64_t end = std::min(wanted, static_cast<std::uint64_t>(config_.segment_bytes));
  if (end <= begin) return;
  const auto file = cache_.log_file(active);
  if (!file) return;
  std::vector<BytesView> zeros((end - begin) / kZeros.size(), kZeros);
  zeros.push_back(BytesView(kZeros).first((end - begin) % kZeros.size()));
  active.room_end = end;
  if ((*file)->write_at(zeros, begin)) return;
  if (auto undone = take_back_room(active); !undone) take_offline(undone.error());
}

Status Partition::take_back_room(Segment& segment) {
  if (segment.room_end <= segment.size) return {};
  LEAT_TRY(const auto file, cache_.log_file(segment));
  LEAT_CHECK(file->truncate(segment.size));
  segment.room_end = 0;
  return {};
}

Result<Partition::FlushTarget> Partition::begin_flush() {
  // After a failed flush another one would succeed without the pages that were lost.
  if (offline_) return fail(*offline_);
  if (config_.flush == FlushPolicy::commit) make_room();
  FlushTarget target;
  target.end = segments_.back()->end_point();
  for (auto it = segments_.rbegin(); it != segments_.rend(); ++it) {
    Segment& segment = **it;
    const bool sealed = it != segments_.rbegin();
    if (sealed && segment.seal_durable) break;
    if (sealed || segment.synced_size < segment.size || !segment.name_durable) {
      LEAT_TRY(auto file, cache_.log_file(segment));
      target.files.push_back(std::move(file));
    }
    if (sealed) {
      // A full disk may refuse to make it: an index is only a hint.
      if (auto index = cache_.index_file(segment)) {
        target.files.push_back(std::move(*index));
      } else {
        log_warning("log", "could not make {}: {}", segment.index_path(), index.error().message);
      }
    }
    if (sealed || !segment.name_durable) target.new_names = true;
    target.parts.push_back({*it, segment.size, sealed});
  }
  target.truncations = truncations_;
  flushing_ = true;
  return target;
}

void Partition::end_flush(const FlushTarget& target, const Status& status) {
  flushing_ = false;
  progress_.notify_all();
  if (offline_) return;
  if (!status) {
    // What the page cache now holds may never have reached the disk: it is not trusted again before a recovery.
    take_offline(
        {status.error().code, fmt::format("a flush failed ({}); recovered at the next start", status.error().message)});
    return;
  }
  if (target.truncations != truncations_) {
    // What it flushed was cut off meanwhile, and something else may stand there.
    if (has_unflushed()) flusher_.want(*this, runtime::Shard::current().now());
    return;
  }
  for (const auto& [segment, size, sealed] : target.parts) {
    segment->synced_size = std::max(segment->synced_size, size);
    if (!segment->name_durable || (sealed && !segment->seal_durable)) ++manifest_changes_;
    segment->name_durable = true;
    if (sealed) segment->seal_durable = true;
  }
  if (target.end.offset >= flushed_.offset) {
    flushed_ = target.end;
    advance_high_watermark(flushed_.offset, flushed_.segment, flushed_.position);
  }
  if (manifest_stale()) flusher_.want_manifest(*this);
}

void Partition::take_offline(Error reason) {
  if (offline_) return;
  log_error("log", "partition {} goes offline: {}", label(), reason.message);
  stats_.offline_partitions.add(1);
  close(std::move(reason));
}

void Partition::close(Error reason) {
  offline_ = std::move(reason);
  notify_progress();
}

std::optional<std::pair<LeaderEpoch, Offset>> Partition::end_of_epoch(LeaderEpoch epoch) const {
  if (epoch == epoch_) return std::pair(epoch_, log_end());
  if (epoch > epoch_) return std::nullopt;
  const auto after = std::upper_bound(epochs_.begin(), epochs_.end(), epoch,
                                      [](LeaderEpoch e, const EpochEntry& entry) { return e < entry.epoch; });
  if (after == epochs_.begin()) return std::nullopt;
  return std::pair((after - 1)->epoch, after == epochs_.end() ? log_end() : after->start);
}

LeaderEpoch Partition::epoch_at(Offset offset) const {
  const auto after = std::upper_bound(epochs_.begin(), epochs_.end(), offset,
                                      [](Offset o, const EpochEntry& entry) { return o < entry.start; });
  return after == epochs_.begin() ? kNoEpoch : (after - 1)->epoch;
}

bool Partition::must_roll(const BatchHeader& incoming, Timestamp now) const {
  const Segment& active = *segments_.back();
  if (active.size == 0) return false;
  const auto size_after = static_cast<std::int64_t>(active.size + incoming.total_size());
  return size_after > std::min(config_.segment_bytes, kSegmentReachMax) ||
         incoming.last_offset() - active.base > kSegmentReachMax || now - active.opened > config_.segment_ms;
}

}  // namespace leat::log
