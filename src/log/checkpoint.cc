// The checkpoint of a data folder (docs/formats/log.md).
#include "log/store.h"
#include "log/stored.h"

namespace leat::log {
namespace {

constexpr std::string_view kMagic = "LEATCHK1";
constexpr std::size_t kPointSize = 16 + 4 + 8 + 8 + 8 + 8;
constexpr std::uint64_t kCheckpointSizeMax = std::uint64_t{256} << 20;

std::string checkpoint_path(const std::string& data) { return runtime::join_path(data, "checkpoint"); }

}  // namespace

Status save_checkpoint(runtime::FileSystem& files, const std::string& data, const Checkpoint& checkpoint) {
  StoredWriter out(kMagic);
  out.put(static_cast<std::uint8_t>(checkpoint.clean));
  out.put(static_cast<std::uint32_t>(checkpoint.points.size()));
  for (const auto& [id, point] : checkpoint.points) {
    out.put(as_bytes({reinterpret_cast<const char*>(id.topic.bytes.data()), id.topic.bytes.size()}));
    out.put(id.partition.value());
    out.put(point.segment.value());
    out.put(point.position);
    out.put(point.offset.value());
    out.put(point.max_timestamp.value());
  }
  return runtime::replace_file(files, checkpoint_path(data), std::move(out).finish());
}

Checkpoint load_checkpoint(runtime::FileSystem& files, const std::string& data) {
  const auto bytes = runtime::read_file(files, checkpoint_path(data), kCheckpointSizeMax);
  if (!bytes) return {};
  auto in = StoredReader::open(*bytes, kMagic, "the checkpoint");
  if (!in) return {};
  Checkpoint checkpoint;
  checkpoint.clean = in->get<std::uint8_t>() != 0;
  const auto count = in->get_count(kPointSize);
  checkpoint.points.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    TopicPartition id;
    const BytesView topic = in->get_bytes(id.topic.bytes.size());
    if (!topic.empty()) std::memcpy(id.topic.bytes.data(), topic.data(), topic.size());
    id.partition = PartitionIndex(in->get<std::int32_t>());
    RecoveryPoint point;
    point.segment = Offset(in->get<std::int64_t>());
    point.position = in->get<std::uint64_t>();
    point.offset = Offset(in->get<std::int64_t>());
    point.max_timestamp = Timestamp(in->get<std::int64_t>());
    checkpoint.points.emplace(id, point);
  }
  if (!in->ok() || !in->at_end()) return {};
  return checkpoint;
}

}  // namespace leat::log
