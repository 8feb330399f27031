#include "log/recovery.h"

#include <algorithm>

namespace leat::log {
namespace {

using runtime::FileSystem;
using runtime::OpenMode;

constexpr std::size_t kCutKeptMax = std::size_t{64} << 20;
// So many times the bytes behind a tear are summed up at most to find a batch in them.
constexpr std::size_t kCheckedMost = 4;

// One recovery of one folder; each step returns an error only for damage that keeps the partition from serving.
class Recovery {
 public:
  Recovery(FileSystem& files, const std::optional<RecoveryPoint>& point, bool clean, const RecoveryOptions& options,
           RecoveredLog& out)
      : files_(files), point_(point), clean_(clean), options_(options), out_(out) {}

  Status run(const TopicPartition& id) {
    LEAT_CHECK(read_manifest(id));
    LEAT_CHECK(match_files());
    load_sealed_indexes();
    LEAT_CHECK(take_back_room_at_point());
    if (clean_ && point_ && point_matches()) {
      take_clean_end();
    } else {
      LEAT_CHECK(verify_from_point());
    }
    if (out_.manifest.log_start > out_.segments.back()->end)
      return fail(Errc::corrupt, fmt::format("{}: the log ends at offset {}, below its start {}", out_.folder,
                                             out_.segments.back()->end, out_.manifest.log_start));
    return {};
  }

 private:
  [[nodiscard]] std::string path(std::string_view name) const { return runtime::join_path(out_.folder, name); }
  void note(std::string text) { out_.findings.push_back(std::move(text)); }

  Status read_manifest(const TopicPartition& id) {
    auto bytes = runtime::read_file(files_, manifest_path(out_.folder), kManifestSizeMax);
    if (!bytes) return fail(Errc::corrupt, fmt::format("{}: {}", manifest_path(out_.folder), bytes.error().message));
    auto manifest = decode_manifest(*bytes);
    if (!manifest)
      return fail(Errc::corrupt, fmt::format("{}: {}", manifest_path(out_.folder), manifest.error().message));
    if (manifest->id != id)
      return fail(Errc::corrupt,
                  fmt::format("{} is of partition {}, not {}", manifest_path(out_.folder), manifest->id, id));
    out_.manifest = std::move(*manifest);
    return {};
  }

  // Pairs the manifest's segments with the folder's files; sorts out the files it does not list.
  Status match_files() {
    LEAT_TRY(const auto listed, files_.list(out_.folder));
    std::map<std::pair<Offset, std::uint32_t>, std::uint64_t> sizes;
    std::vector<std::pair<Offset, std::uint32_t>> indexes;
    for (const runtime::FileInfo& file : listed) {
      if (file.name.ends_with(".tmp")) {
        remove(file.name);
      } else if (auto name = parse_segment_name(file.name, ".log")) {
        sizes[*name] = file.size;
      } else if (auto index = parse_segment_name(file.name, ".idx")) {
        indexes.push_back(*index);
      }
    }
    for (const auto& [base, generation] : indexes) {
      if (!sizes.contains({base, generation})) remove(segment_name(base, generation) + ".idx");
    }
    for (const SegmentEntry& entry : out_.manifest.segments) {
      const auto found = sizes.find({entry.base, entry.generation});
      const std::string name = segment_name(entry.base, entry.generation) + ".log";
      if (found == sizes.end())
        return fail(Errc::corrupt, fmt::format("{} is listed in the manifest but missing", path(name)));
      if (entry.sealed && found->second != entry.size)
        return fail(Errc::corrupt,
                    fmt::format("{} has {} bytes; sealed with {}", path(name), found->second, entry.size));
      add_segment(entry, found->second);
      sizes.erase(found);
    }
    LEAT_CHECK(check_gaps());
    listed_count_ = out_.segments.size();
    // The manifest that was just read may not be durable yet, and the one before may list what is removed now.
    if (!sizes.empty() && options_.repair) LEAT_CHECK(files_.sync_directory(out_.folder));
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
    note(
        fmt::format("removed {}: a left-over of a removed or rewritten segment", path(segment_name(base, generation))));
    remove(segment_name(base, generation) + ".log");
    remove(segment_name(base, generation) + ".idx");
  }

  void remove(const std::string& name) {
    if (!options_.repair) return;
    if (auto removed = files_.remove(path(name)); !removed && removed.error().code != Errc::not_found)
      note(fmt::format("could not remove {}: {}", path(name), removed.error().message));
  }

  [[nodiscard]] bool listed_as_sealed(std::size_t index) const {
    return index < listed_count_ && out_.manifest.segments[index].sealed;
  }

  void load_sealed_indexes() {
    for (std::size_t i = 0; i < listed_count_; ++i) {
      if (listed_as_sealed(i)) load_index(*out_.segments[i]);
    }
  }

  // Takes the index file of a segment that is not read: it is believed until a lookup finds it wrong.
  void load_index(Segment& segment) {
    const auto file = files_.open(segment.index_path(), OpenMode::read);
    const std::uint64_t size = file ? (*file)->size().value_or(0) : 0;
    if (size < kIndexHeaderSize + kIndexEntrySize) {
      segment.index_suspect = segment.size > static_cast<std::uint64_t>(options_.index_interval_bytes);
      return;
    }
    segment.index_suspect = true;
    std::array<std::byte, kIndexHeaderSize> header;
    const auto got = (*file)->read_at(header, 0);
    if (!got || *got < header.size() || !std::ranges::equal(header, encode_index_header(segment.base).view())) return;
    const std::uint64_t entries = (size - kIndexHeaderSize) / kIndexEntrySize;
    std::array<std::byte, kIndexEntrySize> last;
    const auto read = (*file)->read_at(last, kIndexHeaderSize + (entries - 1) * kIndexEntrySize);
    if (!read || *read < last.size()) return;
    const std::uint64_t indexed = decode_index_entry(last.data()).position;
    if (indexed == 0 || indexed >= segment.size) return;
    segment.index_suspect = false;
    segment.index_entries = entries;
    segment.indexed_size = indexed;
  }

  // Where nothing was appended since the checkpoint there may be room all the same, which need not have been flushed: a batch
  // whose write failed would stand in its place.
  Status take_back_room_at_point() {
    if (!point_) return {};
    const auto at = std::ranges::find(out_.segments, point_->segment, &Segment::base);
    if (at == out_.segments.end() || (**at).size <= point_->position) return {};
    if (listed_as_sealed(static_cast<std::size_t>(at - out_.segments.begin()))) return {};
    Segment& segment = **at;
    LEAT_TRY(const auto file, files_.open(segment.log_path(), options_.repair ? OpenMode::write : OpenMode::read));
    LEAT_TRY(const bool is_room, BatchScanner(*file, point_->position, segment.size).is_at_room());
    if (!is_room) return {};
    segment.size = point_->position;
    return options_.repair ? file->truncate(segment.size) : Status{};
  }

  [[nodiscard]] bool point_matches() const {
    const Segment& last = *out_.segments.back();
    return out_.segments.size() == listed_count_ && !listed_as_sealed(listed_count_ - 1) && ends_at_point(last);
  }

  [[nodiscard]] bool ends_at_point(const Segment& segment) const {
    return point_ && point_->segment == segment.base && point_->position == segment.size;
  }

  // The segment ends where the checkpoint says: all of it is durable and was verified.
  void take_as_it_is(Segment& segment) {
    segment.end = point_->offset;
    segment.max_timestamp = point_->max_timestamp;
    segment.synced_size = segment.size;
    load_index(segment);
  }

  void take_clean_end() { take_as_it_is(*out_.segments.back()); }

  Status verify_from_point() {
    if (clean_)
      note(fmt::format("{}: the checkpoint of the clean stop does not match the files; verifying", out_.folder));
    const std::vector<EpochEntry> epochs = out_.manifest.epochs;
    std::size_t kept = 0;
    std::string_view why = "lies behind the cut";
    for (bool whole = true; whole && kept < out_.segments.size(); ++kept) {
      Segment& segment = *out_.segments[kept];
      const bool sealed = listed_as_sealed(kept);
      if (sealed && options_.repair) continue;
      if (kept >= listed_count_ && segment.base != out_.segments[kept - 1]->end) {
        why = "does not continue the log";
        break;
      }
      LEAT_TRY(whole, verify_segment(segment, sealed));
    }
    LEAT_CHECK(check_vouched(out_.segments[kept - 1]->end, "the rest is missing"));
    const std::size_t found = out_.segments.size();
    drop_files_from(kept, why);
    drop_epochs_above_end();
    LEAT_CHECK(open_active());
    out_.manifest_changed = out_.segments.size() != listed_count_ || out_.manifest.epochs != epochs;
    for (std::size_t i = 0; i + 1 < out_.segments.size(); ++i) out_.segments[i]->seal_durable = true;
    const bool names_changed = found != listed_count_ || out_.segments.size() != listed_count_;
    return options_.repair && names_changed ? files_.sync_directory(out_.folder) : Status{};
  }

  // A manifest may end with a sealed segment: the next one's file was not durable yet when it was written.
  Status open_active() {
    if (!listed_as_sealed(out_.segments.size() - 1)) return {};
    SegmentEntry entry;
    entry.base = out_.segments.back()->end;
    add_segment(entry, 0);
    if (!options_.repair) return {};
    LEAT_TRY(const auto file, files_.open(out_.segments.back()->log_path(), OpenMode::create));
    return file->truncate(0);
  }

  // What lies below the checkpoint's point was flushed: a log that ends before it is damaged, not torn.
  [[nodiscard]] Status check_vouched(Offset end, const std::string& why) const {
    if (!point_ || end >= point_->offset) return {};
    return fail(Errc::corrupt,
                fmt::format("{}: the log ends at offset {}, but the checkpoint vouches for it up to {}: {}",
                            out_.folder, end, point_->offset, why));
  }

  // Reads a segment's batches from the recovery point on. False when its tail was cut.
  Result<bool> verify_segment(Segment& segment, bool sealed) {
    if (options_.repair && ends_at_point(segment)) {
      take_as_it_is(segment);
      // It will be listed as sealed. Room may have been behind it until shortly before this start.
      if (&segment != out_.segments.back().get()) {
        LEAT_TRY(const auto file, files_.open(segment.log_path(), OpenMode::write));
        LEAT_CHECK(flush(*file, segment));
      }
      // Its entries may be of batches that did not survive. They must not return when others stand in their place.
      if (segment.index_suspect) rebuild_index_of(segment);
      return true;
    }
    LEAT_TRY(auto file, files_.open(segment.log_path(), options_.repair ? OpenMode::write : OpenMode::read));
    if (options_.repair && !sealed) LEAT_CHECK(flush(*file, segment));
    file->drop_cache();
    LEAT_TRY(const auto failure, scan_segment(*file, segment, sealed, usable_point(segment)));
    if (failure) {
      if (sealed) return fail(Errc::corrupt, failure->what);
      LEAT_CHECK(check_vouched(segment.end, failure->what));
      LEAT_CHECK(cut(*file, segment, *failure));
    }
    if (!options_.repair) return !failure;
    segment.synced_size = segment.size;
    rebuild_index_of(segment);
    return !failure;
  }

  // An error may be one that the process before left behind: what was lost then is not in the file that is verified next.
  Status flush(runtime::File& file, const Segment& segment) {
    const Status first = file.sync();
    if (first) return {};
    note(fmt::format("{}: {}; trying again", segment.log_path(), first.error().message));
    return file.sync();
  }

  // Lookups walk the segment when this fails.
  void rebuild_index_of(Segment& segment) {
    const auto rebuilt = rebuild_index(files_, {segment.log_path(), segment.index_path(), segment.base, segment.size},
                                       options_.index_interval_bytes);
    if (!rebuilt) {
      note(fmt::format("could not rebuild {}: {}", segment.index_path(), rebuilt.error().message));
      return;
    }
    segment.index_suspect = false;
    segment.index_entries = rebuilt->entries;
    segment.indexed_size = rebuilt->indexed_size;
  }

  // Where a segment stops being a sequence of valid batches.
  struct Failure {
    std::uint64_t position = 0;
    std::string what;
  };

  [[nodiscard]] const RecoveryPoint* usable_point(const Segment& segment) const {
    const bool usable =
        options_.repair && point_ && point_->segment == segment.base && point_->position <= segment.size;
    return usable ? &*point_ : nullptr;
  }

  Result<std::optional<Failure>> scan_segment(runtime::File& file, Segment& segment, bool sealed,
                                              const RecoveryPoint* start) {
    Offset next = start != nullptr ? start->offset : segment.base;
    forget_epochs_from(next);
    segment.max_timestamp = start != nullptr ? start->max_timestamp : kNoTimestamp;
    BatchScanner scanner(file, start != nullptr ? start->position : 0, segment.size);
    const bool may_have_gaps = sealed || segment.generation > 1;  // compaction leaves them
    std::optional<Failure> failure;
    while (true) {
      const auto item = scanner.next(true);
      if (!item && item.error().code != Errc::corrupt) return std::unexpected(item.error());
      if (item && !*item) break;
      const std::uint64_t at = item ? (**item).position : scanner.position();
      const std::string problem = item ? problem_with(**item, next, may_have_gaps) : item.error().message;
      if (!problem.empty()) {
        LEAT_TRY(const bool is_room, !item && !sealed ? scanner.is_at_room() : Result<bool>(false));
        if (is_room) {
          LEAT_CHECK(take_back_room(file, segment, at));
        } else {
          failure = Failure{at, fmt::format("{} at {}: {}", segment.log_path(), at, problem)};
        }
        break;
      }
      next = (**item).header.next_offset();
      segment.max_timestamp = std::max(segment.max_timestamp, (**item).header.max_timestamp);
      see_epoch((**item).header);
    }
    if (!sealed) segment.end = next;
    return failure;
  }

  // The next one may be sealed as it is.
  Status take_back_room(runtime::File& file, Segment& segment, std::uint64_t from) const {
    segment.size = from;
    if (!options_.repair) return {};
    LEAT_CHECK(file.truncate(from));
    return file.sync();
  }

  // What is wrong with a batch that should stand at offset `next`; empty when nothing is.
  [[nodiscard]] std::string problem_with(const BatchScanner::Item& item, Offset next, bool may_have_gaps) const {
    const BatchHeader& header = item.header;
    if (may_have_gaps ? header.base_offset < next : header.base_offset != next)
      return fmt::format("base offset {} where {} is due", header.base_offset, next);
    const auto& epochs = out_.manifest.epochs;
    if (!epochs.empty() && header.leader_epoch < epochs.back().epoch)
      return fmt::format("leader epoch {} after {}", header.leader_epoch, epochs.back().epoch);
    if (options_.verify_crc && !batch_crc_matches(item.bytes, header)) return "the checksum of the batch is wrong";
    return {};
  }

  void see_epoch(const BatchHeader& header) {
    auto& epochs = out_.manifest.epochs;
    if (epochs.empty() || epochs.back().epoch < header.leader_epoch)
      epochs.push_back({header.leader_epoch, header.base_offset});
  }

  // Those that began at or above `offset` are found again in the batches, or are gone with them.
  void forget_epochs_from(Offset offset) {
    auto& epochs = out_.manifest.epochs;
    while (!epochs.empty() && epochs.back().start >= offset) epochs.pop_back();
  }

  // Ends the log at tear_. Bytes that still hold whole batches are kept aside for people.
  Status cut(runtime::File& file, Segment& segment, const Failure& failure) {
    tear_ = failure.position;
    const std::uint64_t cut_bytes = segment.size - tear_;
    out_.cut_bytes += cut_bytes;
    const bool keep = holds_batches_behind(file, segment);
    note(fmt::format("{}; {} bytes cut{}", failure.what, cut_bytes,
                     keep ? ", kept in a .cut file: whole batches follow" : ""));
    if (!options_.repair) return {};
    if (keep) LEAT_CHECK(keep_cut(file, segment));
    LEAT_CHECK(file.truncate(tear_));
    LEAT_CHECK(file.sync());
    segment.size = tear_;
    return {};
  }

  // Whether a whole, valid batch stands anywhere behind the tear (searched in the bytes that would be kept), or may: values
  // that look like many headers are not all worth their checksums.
  [[nodiscard]] bool holds_batches_behind(runtime::File& file, const Segment& segment) const {
    Bytes tail =
        Bytes::uninitialized(static_cast<std::size_t>(std::min<std::uint64_t>(segment.size - tear_, kCutKeptMax)));
    const auto got = file.read_at(tail.mutable_view(), tear_);
    if (!got) return false;
    const BytesView bytes = tail.view().first(*got);
    std::size_t checked = 0;
    for (std::size_t at = 1; at + kBatchHeaderSize <= bytes.size(); ++at) {
      if (bytes[at + 16] != std::byte{2}) continue;  // magic
      const auto header = decode_batch_header(bytes.subspan(at));
      if (!header || header->base_offset < segment.base || header->total_size() > bytes.size() - at) continue;
      if (batch_crc_matches(bytes.subspan(at, header->total_size()), *header)) return true;
      checked += header->total_size();
      if (checked > kCheckedMost * bytes.size()) return true;
    }
    return false;
  }

  Status keep_cut(runtime::File& file, const Segment& segment) {
    Bytes tail =
        Bytes::uninitialized(static_cast<std::size_t>(std::min<std::uint64_t>(segment.size - tear_, kCutKeptMax)));
    LEAT_TRY(const std::size_t got, file.read_at(tail.mutable_view(), tear_));
    return runtime::replace_file(files_, fmt::format("{}.{}.cut", segment.log_path(), tear_), tail.view().first(got));
  }

  // Files after the end of the log: empty ones go, others become orphans.
  void drop_files_from(std::size_t index, std::string_view why) {
    for (std::size_t i = index; i < out_.segments.size(); ++i) {
      const Segment& segment = *out_.segments[i];
      note(fmt::format("{} {}; {}", segment.log_path(), why,
                       segment.size > 0 ? "renamed to .orphan" : "removed (empty)"));
      if (!options_.repair) continue;
      if (segment.size == 0) {
        remove(segment_name(segment.base, segment.generation) + ".log");
      } else if (auto renamed = files_.rename(segment.log_path(), segment.log_path() + ".orphan"); !renamed) {
        note(renamed.error().message);
      }
      remove(segment_name(segment.base, segment.generation) + ".idx");
    }
    out_.segments.resize(index);
  }

  void drop_epochs_above_end() { forget_epochs_from(out_.segments.back()->end); }

  FileSystem& files_;
  const std::optional<RecoveryPoint>& point_;
  bool clean_;
  const RecoveryOptions& options_;
  RecoveredLog& out_;
  std::size_t listed_count_ = 0;
  std::uint64_t tear_ = 0;
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
