#include "stream/stream_partition.h"

#include "base/logging.h"
#include "runtime/call.h"

namespace leat::stream {
namespace {

constexpr std::uint64_t kSnapshotEveryBytes = std::uint64_t{256} << 20;
constexpr std::uint64_t kSnapshotSizeMax = std::uint64_t{256} << 20;

// Not synced. Waits for the disk.
Status write_snapshot(runtime::FileSystem& files, const std::string& path, BytesView bytes) {
  const std::string unfinished = path + ".tmp";
  const auto write = [&]() -> Status {
    LEAT_TRY(const auto file, files.open(unfinished, runtime::OpenMode::create));
    LEAT_CHECK(file->truncate(0));
    return file->write_at(bytes, 0);
  };
  if (const Status written = write(); !written) {
    (void)files.remove(unfinished);  // on a full disk it would take what little there is
    return written;
  }
  return files.rename(unfinished, path);
}

}  // namespace

StreamPartition::StreamPartition(std::shared_ptr<log::Partition> log, std::shared_ptr<ProducerAccount> producers,
                                 std::size_t decompressed_size_max, std::shared_ptr<TopicCounters> counters,
                                 runtime::SpaceReserve* reserve)
    : log_(std::move(log)),
      account_(std::move(producers)),
      producers_(*account_),
      decompressed_size_max_(decompressed_size_max),
      counters_(std::move(counters)),
      reserve_(reserve) {}

std::string StreamPartition::snapshot_path() const { return runtime::join_path(log_->folder(), "producers"); }

runtime::Task<Status> StreamPartition::load_producers(runtime::FileSystem& files) {
  const auto self = shared_from_this();
  const std::string path = snapshot_path();
  const auto bytes = co_await runtime::run_blocking([&] { return runtime::read_file(files, path, kSnapshotSizeMax); });
  Offset covered = log_->log_start();
  if (bytes) {
    const auto restored = producers_.restore_snapshot(*bytes);
    if (restored && *restored < log_->log_start()) {
      // What was deleted above it may have been a producer's latest: one that is unknown may go on, one out of order not.
      producers_.clear();
    } else if (restored && *restored <= log_->log_end()) {
      covered = *restored;
    } else {
      log_warning("stream", "{} is not usable ({}): reading the log instead", path,
                  restored ? "it is ahead of the log" : restored.error().message);
      producers_.clear();
    }
  }
  snapshot_end_ = covered;
  // When they were appended is not known (timestamps are the client's): those producers expire later than they might.
  const Timestamp now = runtime::Shard::current().wall_now();
  co_return co_await log_->visit_headers(covered, [&](const log::BatchHeader& header) {
    if (header.is_idempotent()) producers_.apply(header, header.base_offset, now);
  });
}

runtime::Task<Status> StreamPartition::save_producers(runtime::FileSystem& files, bool closing) {
  return save_snapshot(files, closing, nullptr);
}

// On a full disk the space of `reserve` may be used.
runtime::Task<Status> StreamPartition::save_snapshot(runtime::FileSystem& files, bool closing,
                                                     runtime::SpaceReserve* reserve) {
  const auto self = shared_from_this();
  while (saving_) co_await saved_.wait();
  const Offset end = log_->log_end();
  if (log_->offline() || end == snapshot_end_) co_return Status{};
  if (!closing && !changed_since_ && bytes_since_ < kSnapshotEveryBytes) co_return Status{};
  saving_ = true;
  const Bytes bytes = producers_.encode_snapshot(end);
  const bool changed = std::exchange(changed_since_, false);
  const std::uint64_t covered = std::exchange(bytes_since_, 0);
  // A snapshot that knew of batches which a power loss takes away would make their retries look like repetitions.
  Status saved = co_await log_->flush();
  const std::string path = snapshot_path();
  if (saved) {
    saved = co_await runtime::run_blocking([&] {
      const Status written = write_snapshot(files, path, bytes);
      const bool is_full = !written && written.error().code == Errc::disk_full;
      return is_full && reserve != nullptr && reserve->release() ? write_snapshot(files, path, bytes) : written;
    });
  }
  if (saved) {
    snapshot_end_ = end;
  } else {
    changed_since_ |= changed;
    bytes_since_ += covered;
  }
  saving_ = false;
  saved_.notify_all();
  co_return saved;
}

runtime::Task<Status> StreamPartition::free_segments(runtime::FileSystem& files,
                                                     std::vector<std::pair<Offset, Offset>> ranges) {
  const auto self = shared_from_this();
  LEAT_CO_CHECK(co_await save_snapshot(files, true, reserve_));
  co_return co_await log_->free_segments(std::move(ranges));
}

log::BatchRules StreamPartition::rules() const {
  const log::LogConfig& config = log_->config();
  log::BatchRules rules;
  rules.batch_size_max = static_cast<std::size_t>(config.batch_size_max);
  rules.decompressed_size_max = decompressed_size_max_;
  rules.keys_required = config.compact;
  rules.timestamp_type = config.timestamp_type;
  rules.timestamp_before_max_ms = config.timestamp_before_max_ms;
  rules.timestamp_after_max_ms = config.timestamp_after_max_ms;
  rules.recompress_to = config.codec;
  return rules;
}

Result<Produced> StreamPartition::produce(const log::ValidBatch& batch, Timestamp now) {
  LEAT_TRY(const auto duplicate, producers_.check(batch.header));
  if (duplicate) return Produced{duplicate->base_offset, duplicate->last_offset + 1, duplicate->timestamp};
  LEAT_TRY(const log::Appended appended, log_->append(batch, now));
  if (batch.header.is_idempotent()) {
    producers_.apply(batch.header, appended.base, now);
    changed_since_ = true;
  }
  bytes_since_ += batch.bytes.size();
  counters_->records_in.add(static_cast<std::uint64_t>(batch.header.record_count));
  counters_->bytes_in.add(batch.bytes.size());
  return Produced{appended.base, appended.end, appended.append_time};
}

}  // namespace leat::stream
