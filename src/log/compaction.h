#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "log/batch.h"

// What compaction by key keeps (docs/formats/record-batch.md, "Compaction"), without files, clocks or threads. A pass
// maps the keys of what was not compacted before, then rewrites every batch below where the map ends, lowest offset
// first.
namespace leat::log {

// The latest offset of each key seen, in at most keys_max * 32 bytes (half as much again while it grows). Keys are
// taken by a 128-bit hash; `seed` should be random, so that nobody can make keys that collide.
class KeyOffsets {
 public:
  KeyOffsets(std::size_t keys_max, std::uint64_t seed);

  // False, with nothing changed, when the key is new and keys_max are known already.
  [[nodiscard]] bool put(BytesView key, Offset offset);
  [[nodiscard]] std::optional<Offset> latest(BytesView key) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::int64_t offset = -1;  // below 0: free
  };

  [[nodiscard]] Entry hash(BytesView key) const;
  // The key's entry, or the free one where it belongs.
  [[nodiscard]] std::size_t find(const Entry& key) const;
  void grow();

  std::vector<Entry> entries_;
  std::size_t size_ = 0;
  std::size_t keys_max_;
  std::uint64_t seed_;
};

// Yields the next whole batch, valid until the next call; nullopt after the last.
using BatchSource = std::function<Result<std::optional<BytesView>>()>;

// Puts the keys of the records in [from, end) into `keys`. `source` yields every batch that holds any of them, in
// order; it may begin and end with records outside, which are passed over. Returns the offset below which `keys` is
// complete: `end`, or the first record whose key found no room; the next pass goes on from there. Errors: the source's,
// and those of BatchReader when a batch cannot be read: then nothing of the range may be compacted.
[[nodiscard]] Result<Offset> map_keys(const BatchSource& source, Offset from, Offset end,
                                      std::size_t decompressed_size_max, KeyOffsets& keys);

struct CompactionRules {
  Offset clean_end;  // what map_keys returned
  Timestamp now;
  std::int64_t delete_retention_ms = 24LL * 3600 * 1000;
  std::size_t decompressed_size_max = std::size_t{64} << 20;
};

struct CompactedBatch {
  enum class Outcome : std::uint8_t {
    unchanged,  // copy the batch as it is
    rewritten,  // `bytes` takes its place
    dropped,    // no record is left: omit it, or put empty_batch() in its place
  };
  Outcome outcome = Outcome::unchanged;
  Bytes bytes;
  std::int32_t records_removed = 0;
};

// What becomes of one batch. Errors: those of BatchReader and BatchBuilder.
[[nodiscard]] Result<CompactedBatch> compact_batch(BytesView batch, const KeyOffsets& keys,
                                                   const CompactionRules& rules);

// A bare header with the range, epoch and producer fields of a batch that compact_batch dropped: for the last batch of
// a producer whose sequence must survive, or of a segment whose end must.
[[nodiscard]] Result<Bytes> empty_batch(const BatchHeader& header);

}  // namespace leat::log
