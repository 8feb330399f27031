#include "protocol/kafka/handlers/admin.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

using security::Operation;
using PartitionReply = DeleteRecordsResponse::DeleteRecordsPartitionResult;

constexpr std::int64_t kHighWatermark = -1;  // "all that can be read now"
constexpr std::int64_t kNoLowWatermark = -1;

struct Cut {
  TopicPartition id;
  std::int64_t before = 0;
  PartitionReply* reply = nullptr;
};

// On the partition's shard.
runtime::Task<> cut_one(stream::StreamShard& shard, Cut cut) {
  const auto partition = shard.find(cut.id);
  if (partition == nullptr) {
    cut.reply->error_code = ErrorCode::kUnknownTopicOrPartition;
    co_return;
  }
  log::Partition& log = partition->log();
  if (!log.config().delete_old) {  // a compacted topic keeps the last record of every key
    cut.reply->error_code = ErrorCode::kPolicyViolation;
    co_return;
  }
  const Offset before = cut.before == kHighWatermark ? log.high_watermark() : Offset(cut.before);
  const Status done = co_await log.delete_records(before);
  cut.reply->error_code = done ? ErrorCode::kNone : to_error_code(done.error().code);
  if (done) cut.reply->low_watermark = log.log_start().value();
}

runtime::Task<> cut_on_shard(stream::StreamShard* shard, std::vector<Cut> cuts) {
  runtime::TaskScope scope;
  for (const Cut& cut : cuts) scope.spawn(cut_one(*shard, cut));
  co_await scope.join();
}

// On the connection's shard.
runtime::Task<> cut_at(const stream::Streams& streams, std::size_t owner, std::vector<Cut> cuts) {
  co_await runtime::call_on(streams.shard(owner).shard(), cut_on_shard, &streams.shard(owner), std::move(cuts));
}

ErrorCode refusal(const Request& request, std::string_view name, const catalog::Topic* topic, std::int32_t partition) {
  if (!request.allows_topic(Operation::remove, name)) return ErrorCode::kTopicAuthorizationFailed;
  if (topic == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  if (topic->entry.internal) return ErrorCode::kInvalidTopicException;
  if (partition < 0 || partition >= topic->entry.partitions) return ErrorCode::kUnknownTopicOrPartition;
  return ErrorCode::kNone;
}

// Fills `response` with an entry for every partition of the request, and gives the cuts to make to the shards.
std::vector<std::vector<Cut>> plan(const Request& request, const DeleteRecordsRequest& message,
                                   DeleteRecordsResponse& response) {
  const stream::Streams& streams = request.node().streams;
  std::vector<std::vector<Cut>> by_shard(streams.size());
  response.topics.reserve(message.topics.size());  // replies stay where they are
  for (const auto& asked : message.topics) {
    auto& topic_reply = response.topics.emplace_back();
    topic_reply.name = std::string(asked.name);
    topic_reply.partitions.reserve(asked.partitions.size());
    const catalog::Topic* topic = request.topics().find(asked.name);
    for (const auto& partition : asked.partitions) {
      auto& reply = topic_reply.partitions.emplace_back();
      reply.partition_index = partition.partition_index;
      reply.low_watermark = kNoLowWatermark;
      reply.error_code = refusal(request, asked.name, topic, partition.partition_index);
      if (reply.error_code != ErrorCode::kNone) continue;
      const TopicPartition id{topic->entry.id, PartitionIndex(partition.partition_index)};
      by_shard[streams.owner(id)].push_back({id, partition.offset, &reply});
    }
  }
  return by_shard;
}

}  // namespace

runtime::Task<DeleteRecordsResponse> handle_delete_records(Request& request, DeleteRecordsRequest message) {
  DeleteRecordsResponse response;
  auto by_shard = plan(request, message, response);
  runtime::TaskScope scope;
  for (std::size_t i = 0; i < by_shard.size(); ++i) {
    if (!by_shard[i].empty()) scope.spawn(cut_at(request.node().streams, i, std::move(by_shard[i])));
  }
  co_await scope.join();
  for (const auto& topic : response.topics) {
    for (const PartitionReply& reply : topic.partitions) request.count(reply.error_code);
  }
  co_return response;
}

}  // namespace leat::kafka
