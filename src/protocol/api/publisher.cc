#include "protocol/api/publisher.h"

#include <charconv>

#include "runtime/shard.h"
#include "stream/partitioner.h"

namespace leat::api {
namespace {

constexpr std::size_t kBatchSizeMax = std::size_t{512} << 10;
constexpr std::size_t kBatchRecordsMax = 10'000;

std::optional<BytesView> view_of(const std::optional<std::string>& bytes) {
  return bytes ? std::optional(as_bytes(*bytes)) : std::nullopt;
}

// At most what it takes in a batch.
std::size_t size_of(const ParsedRecord& record) {
  constexpr std::size_t kOwn = 40;  // lengths, offset, time
  std::size_t size = kOwn + (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& [key, value] : record.headers) size += 10 + key.size() + (value ? value->size() : 0);
  return size;
}

// Of a batch of the topic, in bytes.
std::size_t message_size_max(const ApiShard& shard, const catalog::Topic& topic) {
  const catalog::TopicConfigKey* key = catalog::find_topic_config("max.message.bytes");
  const std::string text = catalog::effective_topic_config(*key, shard.node.topics.defaults(), topic.entry.config);
  std::size_t size = 0;
  std::from_chars(text.data(), text.data() + text.size(), size);
  return size;
}

}  // namespace

Publisher::Publisher(ApiShard& shard, const catalog::Topic& topic)
    : shard_(shard),
      topic_(topic.entry.id),
      partitions_(topic.entry.partitions),
      turn_(static_cast<std::int32_t>(shard.next_turn() % static_cast<std::size_t>(topic.entry.partitions))),
      batch_size_max_(std::min(kBatchSizeMax, message_size_max(shard, topic))) {}

Outcome<> Publisher::check(const ParsedRecord& record) const {
  if (!record.partition || *record.partition < partitions_) return {};
  return refuse(400, "invalid-argument",
                fmt::format("the topic has {} partitions, and no {}", partitions_, *record.partition));
}

PartitionIndex Publisher::partition_of(const ParsedRecord& record) const {
  if (record.partition) return PartitionIndex(*record.partition);
  if (record.key) return PartitionIndex(stream::partition_of_key(as_bytes(*record.key), partitions_));
  return PartitionIndex(turn_);
}

bool Publisher::has_room(const ParsedRecord& record) const {
  if (timestamps_.size() >= kBatchRecordsMax) return false;
  const auto batch = batches_.find(partition_of(record));
  return batch == batches_.end() ||
         log::kBatchHeaderSize + batch->second.builder.uncompressed_size() + size_of(record) <= batch_size_max_;
}

void Publisher::add(const ParsedRecord& record) {
  Batch& batch = batches_[partition_of(record)];
  log::NewRecord made;
  made.timestamp = record.timestamp ? Timestamp(*record.timestamp) : shard_.shard().wall_now();
  made.key = view_of(record.key);
  made.value = view_of(record.value);
  for (const auto& [key, value] : record.headers) made.headers.push_back({key, view_of(value)});
  batch.builder.add(made);
  batch.records.push_back(timestamps_.size());
  timestamps_.push_back(made.timestamp);
}

runtime::Task<> Publisher::append(PartitionIndex partition, Batch& batch, std::vector<Placed>& placed) {
  const ApiNode& node = shard_.node;
  Result<stream::Produced> produced = fail(Errc::internal, "");
  if (auto bytes = batch.builder.build()) {
    produced = co_await stream::append_batch(node.streams, {topic_, partition}, std::move(*bytes), node.check_fences);
  } else {
    produced = fail(bytes.error());
  }
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    Placed& record = placed[batch.records[i]];
    record.partition = partition.value();
    if (!produced) {
      record.problem = problem_of(produced.error());
      continue;
    }
    record.offset = produced->base.value() + static_cast<std::int64_t>(i);
    record.timestamp = timestamps_[batch.records[i]].value();
  }
}

runtime::Task<std::vector<Placed>> Publisher::flush() {
  std::vector<Placed> placed(timestamps_.size());
  runtime::TaskScope scope;
  for (auto& [partition, batch] : batches_) scope.spawn(append(partition, batch, placed));
  co_await scope.join();
  batches_.clear();
  timestamps_.clear();
  co_return placed;
}

}  // namespace leat::api
