#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"
#include "stream/append.h"

namespace leat::kafka {
namespace {

using security::Operation;

constexpr std::int16_t kProduceVersionMin = 3;  // before it, batches have older formats
constexpr std::int16_t kZstdVersionMin = 7;     // before it, clients may not know how to read zstd (KIP-110)
constexpr std::size_t kInlineOutputMax = std::size_t{256} << 10;  // decompressed on the shard
constexpr std::int16_t kAcksNone = 0;
constexpr std::int16_t kAcksAll = -1;

// One partition of a produce request, on its way through its owner shard.
struct PartitionWork {
  TopicPartition id;
  BytesView records;
  ProduceResponse::PartitionProduceResponse* reply = nullptr;
  Offset end;  // of what was appended
};
using ShardWork = std::vector<PartitionWork*>;

void set_error(ProduceResponse::PartitionProduceResponse& reply, const Error& error) {
  reply.error_code = to_error_code(error.code);
  reply.error_message = error.message;
  reply.base_offset = -1;
}

// A client's batch, checked for what the topic demands: on the I/O pool when it takes long, as what is large or becomes
// large does that has to be decompressed or compressed.
runtime::Task<Result<log::ValidBatch>> validate(BytesView records, log::BatchRules rules, Timestamp now) {
  const auto header = log::decode_batch_header(records);
  const bool is_compressed = header && header->codec() != log::Codec::none;
  const bool recompresses = header && rules.recompress_to && *rules.recompress_to != header->codec();
  const bool is_large = (is_compressed || recompresses) && records.size() > log::kInlineDecompressMax;
  if (!is_large) {
    log::BatchRules small = rules;
    if (is_compressed) small.decompressed_size_max = std::min(rules.decompressed_size_max, kInlineOutputMax);
    auto checked = log::validate_batch(records, small, now);
    const bool became_large = !checked && checked.error().code == Errc::message_too_large && is_compressed;
    if (!became_large || small.decompressed_size_max == rules.decompressed_size_max) co_return checked;
  }
  co_return co_await runtime::run_blocking([&] { return log::validate_batch(records, rules, now); });
}

runtime::Task<> append_one(stream::StreamShard& shard, PartitionWork& work, const stream::CheckFences& check) {
  const auto partition = shard.find(work.id);
  if (partition == nullptr) {
    set_error(*work.reply, {Errc::not_found, "the partition is not here"});
    co_return;
  }
  const log::BatchRules rules = partition->rules();
  const Timestamp now = shard.shard().wall_now();
  const auto batch = co_await validate(work.records, rules, now);
  if (!batch) {
    set_error(*work.reply, batch.error());
    co_return;
  }
  if (const Status fenced = co_await stream::check_fences(*partition, *batch, check); !fenced) {
    set_error(*work.reply, fenced.error());
    co_return;
  }
  const auto produced = partition->produce(*batch, now);
  work.reply->log_start_offset = partition->log().log_start().value();
  if (!produced) {
    set_error(*work.reply, produced.error());
    co_return;
  }
  work.end = produced->end;
  work.reply->base_offset = produced->base.value();
  if (rules.timestamp_type == log::TimestampType::append_time)
    work.reply->log_append_time_ms = produced->append_time.value();
}

runtime::Task<> append_on_shard(stream::StreamShard* shard, ShardWork works, const stream::CheckFences* check) {
  for (PartitionWork* work : works) co_await append_one(*shard, *work, *check);
}

runtime::Task<> wait_one(stream::StreamShard& shard, PartitionWork& work, MonoTime deadline) {
  const auto partition = shard.find(work.id);
  const Status committed = partition == nullptr ? fail(Errc::not_found, "the partition was deleted")
                                                : co_await partition->log().wait_committed(work.end, deadline);
  if (!committed) set_error(*work.reply, committed.error());
}

runtime::Task<> wait_on_shard(stream::StreamShard* shard, ShardWork works, MonoTime deadline) {
  // All are asked for before any is waited for, so that one flush serves them.
  runtime::TaskScope scope;
  for (PartitionWork* work : works) {
    if (work->reply->error_code == ErrorCode::kNone) scope.spawn(wait_one(*shard, *work, deadline));
  }
  co_await scope.join();
}

using ByShard = std::vector<std::pair<std::size_t, ShardWork>>;

runtime::Task<> append_at(const KafkaNode& node, std::size_t owner, ShardWork works) {
  stream::StreamShard& shard = node.streams.shard(owner);
  co_await runtime::call_on(shard.shard(), append_on_shard, &shard, std::move(works), &node.check_fences);
}

runtime::Task<> wait_at(const stream::Streams& streams, std::size_t owner, ShardWork works, MonoTime deadline) {
  co_await runtime::call_on(streams.shard(owner).shard(), wait_on_shard, &streams.shard(owner), std::move(works),
                            deadline);
}

// Why a request is refused for this partition before it reaches its shard.
ErrorCode refusal(const Request& request, const ProduceRequest& message, const ProduceRequest::TopicProduceData& data,
                  const catalog::Topic* topic, std::int32_t partition) {
  if (request.version < kProduceVersionMin) return ErrorCode::kUnsupportedVersion;
  if (message.acks < kAcksAll || message.acks > 1) return ErrorCode::kInvalidRequiredAcks;
  if (message.transactional_id) return ErrorCode::kTransactionalIdAuthorizationFailed;
  if (data.topic_id.is_zero() && !request.allows_topic(Operation::write, data.name))
    return ErrorCode::kTopicAuthorizationFailed;
  if (topic == nullptr) return unknown_topic(data.topic_id);
  if (!request.allows_topic(Operation::write, topic->entry.name)) return ErrorCode::kTopicAuthorizationFailed;
  if (topic->entry.internal) return ErrorCode::kInvalidTopicException;
  if (partition < 0 || partition >= topic->entry.partitions) return ErrorCode::kUnknownTopicOrPartition;
  return ErrorCode::kNone;
}

bool is_zstd(BytesView records) {
  const auto header = log::decode_batch_header(records);
  return header && header->codec() == log::Codec::zstd;
}

// Fills `response` with an entry for every partition of the request, and `works` with those that may be appended.
void plan(const Request& request, const ProduceRequest& message, ProduceResponse& response,
          std::vector<PartitionWork>& works) {
  response.responses.reserve(message.topic_data.size());
  for (const auto& data : message.topic_data) {
    auto& topic_reply = response.responses.emplace_back();
    topic_reply.name = std::string(data.name);
    topic_reply.topic_id = data.topic_id;
    topic_reply.partition_responses.resize(data.partition_data.size());
    const catalog::Topic* topic = find_topic(request, data.name, data.topic_id);
    for (std::size_t i = 0; i < data.partition_data.size(); ++i) {
      const auto& partition = data.partition_data[i];
      auto& reply = topic_reply.partition_responses[i];
      reply.index = partition.index;
      reply.error_code = refusal(request, message, data, topic, partition.index);
      if (request.version < kZstdVersionMin && is_zstd(partition.records.value_or(BytesView{})))
        reply.error_code = ErrorCode::kUnsupportedCompressionType;
      if (reply.error_code != ErrorCode::kNone) {
        reply.base_offset = -1;
        continue;
      }
      works.push_back(
          {{topic->entry.id, PartitionIndex(partition.index)}, partition.records.value_or(BytesView{}), nullptr, {}});
    }
  }
  // Only now do the replies stay where they are.
  std::size_t next = 0;
  for (auto& topic : response.responses) {
    for (auto& reply : topic.partition_responses) {
      if (reply.error_code == ErrorCode::kNone) works[next++].reply = &reply;
    }
  }
}

ByShard group_by_owner(const stream::Streams& streams, std::vector<PartitionWork>& works) {
  ByShard by_shard;
  for (PartitionWork& work : works) {
    const std::size_t owner = streams.owner(work.id);
    auto found =
        std::find_if(by_shard.begin(), by_shard.end(), [&](const auto& entry) { return entry.first == owner; });
    if (found == by_shard.end()) found = by_shard.insert(by_shard.end(), {owner, {}});
    found->second.push_back(&work);
  }
  return by_shard;
}

}  // namespace

runtime::Task<std::optional<ProduceResponse>> handle_produce(Request& request, ProduceRequest message, bool& close) {
  const std::uint64_t ticket = request.connection.produce_order.take_ticket();
  const stream::Streams& streams = request.node().streams;
  ProduceResponse response;
  std::vector<PartitionWork> works;
  plan(request, message, response, works);
  const ByShard by_shard = group_by_owner(streams, works);

  co_await request.connection.produce_order.wait(ticket);
  if (by_shard.size() == 1) {
    co_await append_at(request.node(), by_shard.front().first, by_shard.front().second);
  } else {
    runtime::TaskScope scope;
    for (const auto& [owner, shard_works] : by_shard) scope.spawn(append_at(request.node(), owner, shard_works));
    co_await scope.join();
  }
  request.connection.produce_order.pass();

  if (message.acks == kAcksAll) {
    const MonoTime deadline =
        request.shard().streams.shard().now() + Milliseconds(std::clamp(message.timeout_ms, 0, 3'600'000));
    runtime::TaskScope scope;
    for (const auto& [owner, shard_works] : by_shard) scope.spawn(wait_at(streams, owner, shard_works, deadline));
    co_await scope.join();
  }
  for (auto& topic : response.responses) {
    for (auto& reply : topic.partition_responses) {
      if (request.count(reply.error_code) != ErrorCode::kNone && message.acks == kAcksNone) close = true;
    }
  }
  if (message.acks == kAcksNone) co_return std::nullopt;
  co_return response;
}

}  // namespace leat::kafka
