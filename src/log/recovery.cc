#include "log/recovery.h"

#include <algorithm>

namespace leat::log {
namespace {

using runtime::FileSystem;
using runtime::OpenMode;

constexpr std::size_t kCutKeptMax = std::size_t{64} << 20;

// One recovery of one folder; each step returns an error only for damage that keeps the partition from serving.
class Recovery {
 public:
  Recovery(FileSystem& files, const std::optional<RecoveryPoint>& point, bool clean, const RecoveryOptions& options,
           RecoveredLog& out)
      : files_(files), point_(point), clean_(clean), options_(options), out_(out) {}

  Status run(const TopicPartition& id) {
    LEAT_CHECK(read_manifest(id));
    LEAT_CHECK(match_files());
    LEAT_CHECK(check_sealed());
    LEAT_CHECK(open_active());
    if (clean_ && point_ && point_matches()) return take_clean_end();
    LEAT_CHECK(verify_from_point());
    drop_epochs_above_end();
    return {};
  }

 private:
  [[nodiscard]] std::string path(std::string_view name) const { return runtime::join_path(out_.folder, name); }
  void note(std::string text) { out_.findings.push_back(std::move(text)); }

  Status read_manifest(const TopicPartition& id) {
    auto bytes = runtime::read_file(files_, manifest_path(out_.folder), kManifestSizeMax);
    if (!bytes) return fail(Errc::corrupt, fmt::format("{}: {}", manifest_path(out_.folder), bytes.error().message));
    auto manifest = decode_manifest(*bytes);
    if (!manifest) return fail(Errc::corrupt, fmt::format("{}: {}", manifest_path(out_.folder), manifest.error().message));
    if (manifest->id != id)
      return fail(Errc::corrupt, fmt::format("{} is of partition {}, not {}", manifest_path(out_.folder), manifest->id, id));
    out_.manifest = std::move(*manifest);
    return {};
  }

  // Pairs the manifest's segments with the folder's files; sorts out the files it does not list.
  Status match_files() {
    LEAT_TRY(const auto listed, files_.list(out_.folder));
    std::map<std::pair<Offset, std::uint32_t>, std::uint64_t> sizes;
    for (const runtime::FileInfo& file : listed) {
      if (file.name.ends_with(".tmp")) {
        remove(file.name);
      } else if (auto name = parse_segment_name(file.name, ".log")) {
        sizes[*name] = file.size;
      }
    }
    for (const SegmentEntry& entry : out_.manifest.segments) {
      const auto found = sizes.find({entry.base, entry.generation});
      const std::string name = segment_name(entry.base, entry.generation) + ".log";
      if (found == sizes.end()) return fail(Errc::corrupt, fmt::format("{} is listed in the manifest but missing", path(name)));
      if (entry.sealed && found->second != entry.size)
        return fail(Errc::corrupt, fmt::format("{} has {} bytes; sealed with {}", path(name), found->second, entry.size));
      add_segment(entry, found->second);
      sizes.erase(found);
    }
    LEAT_CHECK(check_gaps());
    listed_count_ = out_.segments.size();
    for (const auto& [name, size] : sizes) sort_out(name.first, name.second, size);
    return {};
  }

  // Between two segments offsets may be missing only where the manifest says that they were freed.
  Status check_gaps() const {
    const auto& entries = out_.manifest.segments;
    for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
      const std::pair gap(entries[i].end, entries[i + 1].base);
      const auto& freed = out_.manifest.freed;
      if (gap.first != gap.second && std::find(freed.begin(), freed.end(), gap) == freed.end())
        return fail(Errc::corrupt, fmt::format("{}: offsets {} to {} are missing and were never freed", out_.folder,
                                               gap.first, gap.second));
    }
    return {};
  }

  void add_segment(const SegmentEntry& entry, std::uint64_t file_size) {
    auto segment = std::make_shared<Segment>();
    segment->base = entry.base;
    segment->end = entry.sealed ? entry.end : entry.base;
    segment->size = file_size;
    segment->generation = entry.generation;
    segment->max_timestamp = entry.max_timestamp;
    segment->folder = out_.folder;
    segment->synced_size = entry.sealed ? file_size : 0;
    segment->name_durable = true;
    segment->seal_durable = entry.sealed;
    out_.segments.push_back(std::move(segment));
  }

  // A file that the manifest does not list: the continuation of the log, a left-over, or an orphan.
  void sort_out(Offset base, std::uint32_t generation, std::uint64_t size) {
    if (base > out_.manifest.segments.back().base && generation == 1) {
      SegmentEntry entry;
      entry.base = base;
      add_segment(entry, size);  // verify_from_point() decides whether it really continues the log
      return;
    }
    note(fmt::format("removed {}: a left-over of a removed or rewritten segment", path(segment_name(base, generation))));
    remove(segment_name(base, generation) + ".log");
    remove(segment_name(base, generation) + ".idx");
  }

  void remove(const std::string& name) {
    if (!options_.repair) return;
    if (auto removed = files_.remove(path(name)); !removed && removed.error().code != Errc::not_found)
      note(fmt::format("could not remove {}: {}", path(name), removed.error().message));
  }

  // A manifest may end with a sealed segment: the next one's file was not durable yet when it was written.
  Status open_active() {
    if (out_.segments.size() > listed_count_ || !out_.manifest.segments.back().sealed) return {};
    SegmentEntry entry;
    entry.base = out_.manifest.segments.back().end;
    add_segment(entry, 0);
    if (!options_.repair) return {};
    LEAT_TRY(auto file, files_.open(out_.segments.back()->log_path(), OpenMode::create));
    return files_.sync_directory(out_.folder);
  }

  // Index sizes of the sealed segments that recovery does not read.
  Status check_sealed() {
    for (std::size_t i = 0; i < listed_count_; ++i) {
      if (out_.manifest.segments[i].sealed) load_index_size(*out_.segments[i]);
    }
    return {};
  }

  void load_index_size(Segment& segment) {
    auto file = files_.open(segment.index_path(), OpenMode::read);
    std::uint64_t size = 0;
    if (file) size = (*file)->size().value_or(0);
    std::byte last[kIndexEntrySize];
    if (size >= kIndexHeaderSize) segment.index_entries = (size - kIndexHeaderSize) / kIndexEntrySize;
    if (segment.index_entries == 0) return;
    if ((*file)->read_at(last, kIndexHeaderSize + (segment.index_entries - 1) * kIndexEntrySize))
      segment.indexed_size = decode_index_entry(last).position;
  }

  [[nodiscard]] bool point_matches() const {
    const Segment& last = *out_.segments.back();
    return out_.segments.size() == listed_count_ && point_->segment == last.base && point_->position == last.size;
  }

  Status take_clean_end() {
    Segment& last = *out_.segments.back();
    last.end = point_->offset;
    last.max_timestamp = point_->max_timestamp;
    last.synced_size = last.size;
    load_index_size(last);
    return {};
  }

  Status verify_from_point() {
    if (clean_) note(fmt::format("{}: the checkpoint of the clean stop does not match the files; verifying", out_.folder));
    for (std::size_t i = 0; i < out_.segments.size(); ++i) {
      Segment& segment = *out_.segments[i];
      const bool sealed = i < listed_count_ && out_.manifest.segments[i].sealed;
      if (sealed && options_.repair) continue;
      if (i > 0 && i >= listed_count_ && segment.base != out_.segments[i - 1]->end) {
        drop_files_from(i, "does not continue the log");
        break;
      }
      LEAT_TRY(const bool whole, verify_segment(segment, sealed));
      if (!whole) {
        drop_files_from(i + 1, "lies behind the cut");
        break;
      }
    }
    out_.manifest_changed = true;
    for (std::size_t i = 0; i + 1 < out_.segments.size(); ++i) out_.segments[i]->seal_durable = true;
    return options_.repair ? files_.sync_directory(out_.folder) : Status{};
  }

  // Reads a segment's batches from the recovery point on. False when its tail was cut.
  Result<bool> verify_segment(Segment& segment, bool sealed) {
    LEAT_TRY(auto file, files_.open(segment.log_path(), options_.repair ? OpenMode::write : OpenMode::read));
    if (options_.repair && !sealed) LEAT_CHECK(file->sync());
    file->drop_cache();
    LEAT_TRY(auto failure, scan_segment(*file, segment, sealed, usable_point(segment)));
    if (failure && usable_point(segment) && failure->position == point_->position) {
      // A point that is of an older life of this file proves nothing: read all of it.
      LEAT_TRY(failure, scan_segment(*file, segment, sealed, nullptr));
    }
    if (failure) {
      if (sealed) return fail(Errc::corrupt, failure->what);
      LEAT_CHECK(cut(*file, segment, *failure));
    }
    if (!options_.repair) return !failure;
    segment.synced_size = segment.size;
    LEAT_TRY(const RebuiltIndex rebuilt,
             rebuild_index(files_, {segment.log_path(), segment.index_path(), segment.base, segment.size},
                           options_.index_interval_bytes));
    segment.index_entries = rebuilt.entries;
    segment.indexed_size = rebuilt.indexed_size;
    return !failure;
  }

  // Where a segment stops being a sequence of valid batches.
  struct Failure {
    std::uint64_t position = 0;
    std::string what;
  };

  [[nodiscard]] const RecoveryPoint* usable_point(const Segment& segment) const {
    const bool usable = options_.repair && point_ && point_->segment == segment.base && point_->position <= segment.size;
    return usable ? &*point_ : nullptr;
  }

  Result<std::optional<Failure>> scan_segment(runtime::File& file, Segment& segment, bool sealed,
                                              const RecoveryPoint* start) {
    Offset next = start != nullptr ? start->offset : segment.base;
    segment.max_timestamp = start != nullptr ? start->max_timestamp : kNoTimestamp;
    BatchScanner scanner(file, start != nullptr ? start->position : 0, segment.size);
    std::optional<Failure> failure;
    while (true) {
      const auto item = scanner.next(true);
      if (!item && item.error().code != Errc::corrupt) return std::unexpected(item.error());
      if (item && !*item) break;
      const std::uint64_t at = item ? (**item).position : scanner.position();
      const std::string problem = item ? problem_with(**item, next, sealed) : item.error().message;
      if (!problem.empty()) {
        failure = Failure{at, fmt::format("{} at {}: {}", segment.log_path(), at, problem)};
        break;
      }
      next = (**item).header.next_offset();
      segment.max_timestamp = std::max(segment.max_timestamp, (**item).header.max_timestamp);
      see_epoch((**item).header);
    }
    if (!sealed) segment.end = next;
    return failure;
  }

  // What is wrong with a batch that should stand at offset `next`; empty when nothing is.
  [[nodiscard]] std::string problem_with(const BatchScanner::Item& item, Offset next, bool sealed) const {
    const BatchHeader& header = item.header;
    if (sealed ? header.base_offset < next : header.base_offset != next)
      return fmt::format("base offset {} where {} is due", header.base_offset, next);
    if (!out_.manifest.epochs.empty() && header.leader_epoch < last_epoch_)
      return fmt::format("leader epoch {} after {}", header.leader_epoch, last_epoch_);
    if (options_.verify_crc && !batch_crc_matches(item.bytes, header)) return "the checksum of the batch is wrong";
    return {};
  }

  void see_epoch(const BatchHeader& header) {
    auto& epochs = out_.manifest.epochs;
    last_epoch_ = std::max(last_epoch_, header.leader_epoch);
    if (epochs.empty() || epochs.back().epoch < header.leader_epoch)
      epochs.push_back({header.leader_epoch, header.base_offset});
  }

  // Ends the log at tear_. Bytes that still hold whole batches are kept aside for people.
  Status cut(runtime::File& file, Segment& segment, const Failure& failure) {
    tear_ = failure.position;
    const std::uint64_t cut_bytes = segment.size - tear_;
    out_.cut_bytes += cut_bytes;
    const bool keep = holds_batches_behind(file, segment);
    note(fmt::format("{}; {} bytes cut{}", failure.what, cut_bytes, keep ? ", kept in a .cut file: whole batches follow" : ""));
    if (!options_.repair) return {};
    if (keep) LEAT_CHECK(keep_cut(file, segment));
    LEAT_CHECK(file.truncate(tear_));
    LEAT_CHECK(file.sync());
    segment.size = tear_;
    return {};
  }

  // Whether a whole, valid batch stands anywhere behind the tear (searched in the bytes that would be kept).
  [[nodiscard]] bool holds_batches_behind(runtime::File& file, const Segment& segment) const {
    Bytes tail = Bytes::uninitialized(static_cast<std::size_t>(std::min<std::uint64_t>(segment.size - tear_, kCutKeptMax)));
    const auto got = file.read_at(tail.mutable_view(), tear_);
    if (!got) return false;
    const BytesView bytes = tail.view().first(*got);
    for (std::size_t at = 1; at + kBatchHeaderSize <= bytes.size(); ++at) {
      if (bytes[at + 16] != std::byte{2}) continue;  // magic
      const auto header = decode_batch_header(bytes.subspan(at));
      if (!header || header->base_offset < segment.base || header->total_size() > bytes.size() - at) continue;
      if (batch_crc_matches(bytes.subspan(at, header->total_size()), *header)) return true;
    }
    return false;
  }

  Status keep_cut(runtime::File& file, const Segment& segment) {
    Bytes tail = Bytes::uninitialized(static_cast<std::size_t>(std::min<std::uint64_t>(segment.size - tear_, kCutKeptMax)));
    LEAT_TRY(const std::size_t got, file.read_at(tail.mutable_view(), tear_));
    return runtime::replace_file(files_, fmt::format("{}.{}.cut", segment.log_path(), tear_), tail.view().first(got));
  }

  // Files after the end of the log: empty ones go, others become orphans.
  void drop_files_from(std::size_t index, std::string_view why) {
    for (std::size_t i = index; i < out_.segments.size(); ++i) {
      const Segment& segment = *out_.segments[i];
      note(fmt::format("{} {}; {}", segment.log_path(), why, segment.size > 0 ? "renamed to .orphan" : "removed (empty)"));
      if (!options_.repair) continue;
      if (segment.size == 0) {
        remove(segment_name(segment.base, segment.generation) + ".log");
      } else if (auto renamed = files_.rename(segment.log_path(), segment.log_path() + ".orphan"); !renamed) {
        note(renamed.error().message);
      }
      remove(segment_name(segment.base, segment.generation) + ".idx");
    }
    if (options_.repair && index < out_.segments.size()) {
      if (auto synced = files_.sync_directory(out_.folder); !synced) note(synced.error().message);
    }
    out_.segments.resize(index);
  }

  // Epochs that began in records which are gone.
  void drop_epochs_above_end() {
    auto& epochs = out_.manifest.epochs;
    while (!epochs.empty() && epochs.back().start >= out_.segments.back()->end) epochs.pop_back();
  }

  FileSystem& files_;
  const std::optional<RecoveryPoint>& point_;
  bool clean_;
  const RecoveryOptions& options_;
  RecoveredLog& out_;
  std::size_t listed_count_ = 0;
  std::uint64_t tear_ = 0;
  LeaderEpoch last_epoch_{-1};
};

}  // namespace

RecoveredLog recover_log(FileSystem& files, const std::string& folder, const TopicPartition& id,
                         const std::optional<RecoveryPoint>& point, bool clean, const RecoveryOptions& options) {
  RecoveredLog log;
  log.folder = folder;
  log.manifest.id = id;
  if (auto status = Recovery(files, point, clean, options, log).run(id); !status) log.damage = status.error();
  if (log.segments.empty()) {
    auto segment = std::make_shared<Segment>();
    segment->folder = folder;
    log.segments.push_back(std::move(segment));
  }
  return log;
}

}  // namespace leat::log
