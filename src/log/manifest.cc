#include "log/manifest.h"

#include <algorithm>

#include "log/stored.h"

namespace leat::log {
namespace {
constexpr std::string_view kMagic = "LEATMAN2";
constexpr std::string_view kMagicBefore = "LEATMAN1";  // without compacted_to
constexpr std::size_t kSegmentEntrySize = 8 + 4 + 1 + 8 + 8 + 8;
constexpr std::size_t kFreedEntrySize = 16;
constexpr std::size_t kEpochEntrySize = 12;

// Segments follow each other and all but the last are sealed; the log's start does not lie before the first.
bool adds_up(const Manifest& manifest) {
  const auto& segments = manifest.segments;
  if (segments.empty() || segments.front().base > manifest.log_start) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].sealed ? segments[i].end < segments[i].base : i + 1 < segments.size()) return false;
    if (i > 0 && segments[i].base < segments[i - 1].end) return false;
  }
  const auto& epochs = manifest.epochs;
  return std::adjacent_find(epochs.begin(), epochs.end(), [](const EpochEntry& a, const EpochEntry& b) {
           return a.epoch >= b.epoch || a.start > b.start;
         }) == epochs.end();
}

}  // namespace

Bytes encode_manifest(const Manifest& manifest) {
  StoredWriter out(kMagic);
  out.put(as_bytes({reinterpret_cast<const char*>(manifest.id.topic.bytes.data()), 16}));
  out.put(manifest.id.partition.value());
  out.put(manifest.log_start.value());
  out.put(manifest.compacted_to.value());
  out.put(static_cast<std::uint32_t>(manifest.segments.size()));
  for (const SegmentEntry& s : manifest.segments) {
    out.put(s.base.value());
    out.put(s.generation);
    out.put(static_cast<std::uint8_t>(s.sealed));
    out.put(s.size);
    out.put(s.end.value());
    out.put(s.max_timestamp.value());
  }
  out.put(static_cast<std::uint32_t>(manifest.freed.size()));
  for (const auto& [from, to] : manifest.freed) {
    out.put(from.value());
    out.put(to.value());
  }
  out.put(static_cast<std::uint32_t>(manifest.epochs.size()));
  for (const EpochEntry& e : manifest.epochs) {
    out.put(e.epoch.value());
    out.put(e.start.value());
  }
  return std::move(out).finish();
}

Result<Manifest> decode_manifest(BytesView bytes) {
  const bool is_before = as_text(bytes).starts_with(kMagicBefore);
  LEAT_TRY(StoredReader in, StoredReader::open(bytes, is_before ? kMagicBefore : kMagic, "the manifest"));
  Manifest manifest;
  const BytesView topic = in.get_bytes(16);
  if (topic.size() == 16) std::memcpy(manifest.id.topic.bytes.data(), topic.data(), 16);
  manifest.id.partition = PartitionIndex(in.get<std::int32_t>());
  manifest.log_start = Offset(in.get<std::int64_t>());
  manifest.compacted_to = is_before ? manifest.log_start : Offset(in.get<std::int64_t>());
  const auto segments = in.get_count(kSegmentEntrySize);
  for (std::uint32_t i = 0; i < segments; ++i) {
    SegmentEntry s;
    s.base = Offset(in.get<std::int64_t>());
    s.generation = in.get<std::uint32_t>();
    s.sealed = in.get<std::uint8_t>() != 0;
    s.size = in.get<std::uint64_t>();
    s.end = Offset(in.get<std::int64_t>());
    s.max_timestamp = Timestamp(in.get<std::int64_t>());
    manifest.segments.push_back(s);
  }
  const auto freed = in.get_count(kFreedEntrySize);
  for (std::uint32_t i = 0; i < freed; ++i) {
    const Offset from(in.get<std::int64_t>());
    manifest.freed.emplace_back(from, Offset(in.get<std::int64_t>()));
  }
  const auto epochs = in.get_count(kEpochEntrySize);
  for (std::uint32_t i = 0; i < epochs; ++i) {
    const LeaderEpoch epoch(in.get<std::int32_t>());
    manifest.epochs.push_back({epoch, Offset(in.get<std::int64_t>())});
  }
  if (!in.ok() || !in.at_end() || !adds_up(manifest)) return fail(Errc::corrupt, "the manifest's fields do not add up");
  return manifest;
}

std::string manifest_path(const std::string& folder) { return runtime::join_path(folder, "manifest"); }

}  // namespace leat::log
