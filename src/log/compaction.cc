#include "log/compaction.h"

#include <xxhash.h>

namespace leat::log {
namespace {

constexpr std::size_t kFirstEntries = 1024;
constexpr std::int16_t kKeptBits = kTransactionalBit | kControlBit | kDeleteHorizonBit;

// Three of four entries are filled at most.
std::size_t entries_for(std::size_t keys) { return keys + keys / 3 + 2; }
std::size_t keys_for(std::size_t entries) { return entries / 4 * 3; }

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

// What is to become of a batch's records.
struct Verdict {
  std::vector<bool> kept;
  std::int32_t removed = 0;
  bool has_tombstones = false;  // among the kept

  [[nodiscard]] bool nothing_left() const { return removed == static_cast<std::int32_t>(kept.size()); }
};

Result<Verdict> judge(BatchReader& reader, const KeyOffsets& keys, const CompactionRules& rules) {
  const BatchHeader& header = reader.header();
  const bool horizon_passed = header.has_delete_horizon() && rules.now >= header.base_timestamp;
  Verdict verdict;
  while (true) {
    LEAT_TRY(const auto record, reader.next());
    if (!record) return verdict;
    const bool tombstone = record->key && !record->value;
    bool keep = true;
    if (record->offset < rules.clean_end) {
      if (record->key) {
        const std::optional<Offset> latest = keys.latest(*record->key);
        keep = (!latest || *latest <= record->offset) && !(tombstone && horizon_passed);
      } else {
        keep = false;
      }
    }
    verdict.kept.push_back(keep);
    if (!keep) ++verdict.removed;
    if (keep && tombstone) verdict.has_tombstones = true;
  }
}

// The batch with the records that are kept; `horizon` becomes its delete horizon. Sets `plain_size`.
Result<Bytes> rewrite(BatchReader& reader, const Verdict& verdict, std::optional<Timestamp> horizon,
                      std::size_t& plain_size) {
  const BatchHeader& header = reader.header();
  const bool append_time = header.timestamp_type() == TimestampType::append_time;
  BatchBuilder builder(header.codec(), header.timestamp_type());
  builder.set_base_offset(header.base_offset);
  builder.set_last_offset_delta(header.last_offset_delta);
  builder.set_leader_epoch(header.leader_epoch);
  builder.set_producer(header.producer_id, header.producer_epoch, header.base_sequence);
  builder.set_attributes(static_cast<std::int16_t>(header.attributes & kKeptBits));
  if (horizon) {
    builder.set_attributes(kDeleteHorizonBit);
    builder.set_base_timestamp(*horizon);
  } else {
    // Under append time all records have the same timestamp; deltas of 0 keep the batch from growing.
    builder.set_base_timestamp(append_time && !header.has_delete_horizon() ? header.max_timestamp
                                                                           : header.base_timestamp);
  }
  if (append_time) builder.set_max_timestamp(header.max_timestamp);

  reader.rewind();
  for (const bool keep : verdict.kept) {
    LEAT_TRY(const auto record, reader.next());
    if (keep) builder.add_at(static_cast<std::int32_t>(record->offset - header.base_offset), *record);
  }
  plain_size = builder.uncompressed_size();
  return builder.build();
}

}  // namespace

KeyOffsets::KeyOffsets(std::size_t keys_max, std::uint64_t seed)
    : entries_(std::min(kFirstEntries, entries_for(keys_max))), keys_max_(keys_max), seed_(seed) {}

KeyOffsets::Entry KeyOffsets::hash(BytesView key) const {
  const XXH128_hash_t hashed = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  return {hashed.low64, hashed.high64, -1};
}

std::size_t KeyOffsets::find(const Entry& key) const {
  // The hash's upper bits scaled to the table's size.
  auto at = static_cast<std::size_t>((static_cast<unsigned __int128>(key.high) * entries_.size()) >> 64);
  while (entries_[at].offset >= 0 && (entries_[at].low != key.low || entries_[at].high != key.high))
    at = at + 1 == entries_.size() ? 0 : at + 1;
  return at;
}

bool KeyOffsets::put(BytesView key, Offset offset) {
  Entry entry = hash(key);
  std::size_t at = find(entry);
  if (entries_[at].offset < 0) {
    if (size_ == keys_max_) return false;
    if (size_ >= keys_for(entries_.size()) && entries_.size() < entries_for(keys_max_)) {
      grow();
      at = find(entry);
    }
    ++size_;
  }
  entry.offset = std::max(entries_[at].offset, offset.value());
  entries_[at] = entry;
  return true;
}

void KeyOffsets::grow() {
  std::vector<Entry> old(std::min(entries_.size() * 2, entries_for(keys_max_)));
  old.swap(entries_);
  for (const Entry& entry : old)
    if (entry.offset >= 0) entries_[find(entry)] = entry;
}

std::optional<Offset> KeyOffsets::latest(BytesView key) const {
  const Entry& entry = entries_[find(hash(key))];
  if (entry.offset < 0) return std::nullopt;
  return Offset(entry.offset);
}

Result<Offset> map_keys(const BatchSource& source, Offset from, Offset end, std::size_t decompressed_size_max,
                        KeyOffsets& keys) {
  while (true) {
    LEAT_TRY(const std::optional<BytesView> batch, source());
    if (!batch) return end;
    LEAT_TRY(const BatchHeader header, decode_batch_header(*batch));
    if (header.base_offset >= end) return end;
    if (header.is_control() || header.is_transactional() || header.last_offset() < from) continue;
    LEAT_TRY(BatchReader reader, BatchReader::open(*batch, decompressed_size_max));
    while (true) {
      LEAT_TRY(const auto record, reader.next());
      if (!record || record->offset >= end) break;
      if (record->offset < from || !record->key) continue;
      if (!keys.put(*record->key, record->offset)) return record->offset;
    }
  }
}

Result<CompactedBatch> compact_batch(BytesView batch, const KeyOffsets& keys, const CompactionRules& rules) {
  LEAT_TRY(const BatchHeader header, decode_batch_header(batch));
  if (header.is_control() || header.base_offset >= rules.clean_end) return CompactedBatch{};
  LEAT_TRY(BatchReader reader, BatchReader::open(batch, rules.decompressed_size_max));
  LEAT_TRY(const Verdict verdict, judge(reader, keys, rules));

  CompactedBatch result;
  result.records_removed = verdict.removed;
  const bool all_clean = header.last_offset() < rules.clean_end;
  if (verdict.nothing_left()) {
    // An empty batch that reaches above the clean end waits for the pass that covers it.
    if (all_clean || verdict.removed > 0) result.outcome = CompactedBatch::Outcome::dropped;
    return result;
  }
  std::optional<Timestamp> horizon;
  if (verdict.has_tombstones && all_clean && !header.has_delete_horizon() && !header.is_transactional())
    horizon = Timestamp(saturating_add(rules.now.value(), rules.delete_retention_ms));

  std::size_t plain_size = 0;
  if (horizon) {
    LEAT_TRY(result.bytes, rewrite(reader, verdict, horizon, plain_size));
    if (plain_size > rules.decompressed_size_max) horizon.reset();
  }
  if (!horizon) {
    if (verdict.removed == 0) return CompactedBatch{};
    LEAT_TRY(result.bytes, rewrite(reader, verdict, std::nullopt, plain_size));
  }
  result.outcome = CompactedBatch::Outcome::rewritten;
  return result;
}

Result<Bytes> empty_batch(const BatchHeader& header) {
  BatchBuilder builder(Codec::none, header.timestamp_type());
  builder.set_base_offset(header.base_offset);
  builder.set_last_offset_delta(header.last_offset_delta);
  builder.set_leader_epoch(header.leader_epoch);
  builder.set_producer(header.producer_id, header.producer_epoch, header.base_sequence);
  builder.set_attributes(static_cast<std::int16_t>(header.attributes & kTransactionalBit));
  builder.set_max_timestamp(header.max_timestamp);
  return builder.build();
}

}  // namespace leat::log
