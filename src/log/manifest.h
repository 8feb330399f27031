#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace leat::log {

// One segment as the manifest lists it. docs/formats/log.md has the format and its two rules.
struct SegmentEntry {
  Offset base;
  std::uint32_t generation = 1;
  bool sealed = false;
  std::uint64_t size = 0;  // these three only when sealed
  Offset end;
  Timestamp max_timestamp = kNoTimestamp;
  friend bool operator==(const SegmentEntry&, const SegmentEntry&) = default;
};

struct EpochEntry {
  LeaderEpoch epoch;
  Offset start;
  friend bool operator==(const EpochEntry&, const EpochEntry&) = default;
};

// The truth about a partition's folder: replaced as a whole, never changed in place.
struct Manifest {
  TopicPartition id;
  Offset log_start;
  Offset compacted_to;                           // keys below it are unique
  std::vector<SegmentEntry> segments;            // by base offset; only the last is not sealed
  std::vector<std::pair<Offset, Offset>> freed;  // [from, to): offsets whose storage was given back
  std::vector<EpochEntry> epochs;                // both columns grow
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

[[nodiscard]] Bytes encode_manifest(const Manifest& manifest);
// Error: corrupt.
[[nodiscard]] Result<Manifest> decode_manifest(BytesView bytes);

// Where recovery of a partition may start: everything before it is flushed and was verified.
struct RecoveryPoint {
  Offset segment;              // base offset of the active segment
  std::uint64_t position = 0;  // in it
  Offset offset;               // of the batch that would stand there
  Timestamp max_timestamp = kNoTimestamp;
  friend bool operator==(const RecoveryPoint&, const RecoveryPoint&) = default;
};

inline constexpr std::uint64_t kManifestSizeMax = std::uint64_t{64} << 20;
[[nodiscard]] std::string manifest_path(const std::string& folder);

}  // namespace leat::log
