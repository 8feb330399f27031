#include "protocol/api/publisher.h"

#include "runtime/shard.h"
#include "stream/partitioner.h"

namespace leat::api {
namespace {

constexpr std::size_t kBatchSizeMax = std::size_t{512} << 10;
constexpr std::size_t kBatchRecordsMax = 10'000;

std::optional<BytesView> view_of(const std::optional<std::string>& bytes) {
  return bytes ? std::optional(as_bytes(*bytes)) : std::nullopt;
}

}  // namespace

Publisher::Publisher(ApiShard& shard, const catalog::Topic& topic)
    : shard_(shard),
      topic_(topic.entry.id),
      partitions_(topic.entry.partitions),
      turn_(static_cast<std::int32_t>(shard.next_turn() % static_cast<std::size_t>(topic.entry.partitions))) {}

Outcome<> Publisher::add(const ParsedRecord& record) {
  std::int32_t partition = turn_;
  if (record.partition) {
    partition = *record.partition;
    if (partition >= partitions_)
      return refuse(400, "invalid-argument",
                    fmt::format("the topic has {} partitions, and no {}", partitions_, partition));
  } else if (record.key) {
    partition = stream::partition_of_key(as_bytes(*record.key), partitions_);
  }
  Batch& batch = batches_[PartitionIndex(partition)];
  log::NewRecord made;
  made.timestamp = record.timestamp ? Timestamp(*record.timestamp) : shard_.shard().wall_now();
  made.key = view_of(record.key);
  made.value = view_of(record.value);
  for (const auto& [key, value] : record.headers) made.headers.push_back({key, view_of(value)});
  batch.builder.add(made);
  batch.records.push_back(timestamps_.size());
  timestamps_.push_back(made.timestamp);
  is_full_ = is_full_ || batch.builder.uncompressed_size() >= kBatchSizeMax || timestamps_.size() >= kBatchRecordsMax;
  return {};
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
  is_full_ = false;
  co_return placed;
}

}  // namespace leat::api
