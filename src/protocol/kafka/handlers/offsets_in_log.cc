// Questions about where things are in a log: ListOffsets and OffsetForLeaderEpoch.
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

using security::Operation;

// The special timestamps of ListOffsets.
constexpr std::int64_t kLatest = -1;
constexpr std::int64_t kEarliest = -2;
constexpr std::int64_t kMaxTimestamp = -3;
constexpr std::int64_t kEarliestLocal = -4;  // KIP-405: the same as earliest without tiered storage
constexpr std::int64_t kLatestTiered = -5;   // nothing is tiered
constexpr std::int64_t kEarliestPendingUpload = -6;

constexpr std::size_t kLookupsAtOnce = 64;    // of one request; the I/O pool has other work too
constexpr std::int16_t kEpochVersionMin = 4;  // of ListOffsets: before it a reply has no leader epoch

struct OffsetQuestion {
  TopicPartition id;
  std::int32_t current_leader_epoch = -1;
  std::int64_t timestamp = 0;
};
struct OffsetAnswer {
  ErrorCode error = ErrorCode::kNone;
  std::int64_t offset = -1;
  std::int64_t timestamp = -1;
  std::int32_t leader_epoch = -1;
};

OffsetAnswer at_offset(const log::Partition& log, Offset offset) {
  const LeaderEpoch epoch = offset == log.log_end() ? log.leader_epoch() : log.epoch_at(offset);
  return {ErrorCode::kNone, offset.value(), -1, epoch.value()};
}

runtime::Task<OffsetAnswer> find_offset(stream::StreamShard* shard, OffsetQuestion question) {
  const auto partition = shard->find(question.id);
  if (partition == nullptr) co_return OffsetAnswer{.error = ErrorCode::kUnknownTopicOrPartition};
  log::Partition& log = partition->log();
  if (log.offline()) co_return OffsetAnswer{.error = ErrorCode::kKafkaStorageError};
  if (const auto error = check_epoch(log, question.current_leader_epoch); error != ErrorCode::kNone)
    co_return OffsetAnswer{.error = error};
  switch (question.timestamp) {
    case kLatest: co_return at_offset(log, log.high_watermark());
    case kEarliest:
    case kEarliestLocal: co_return at_offset(log, log.log_start());
    case kLatestTiered:
    case kEarliestPendingUpload: co_return OffsetAnswer{};
    default: break;
  }
  if (question.timestamp < kMaxTimestamp) co_return OffsetAnswer{.error = ErrorCode::kInvalidRequest};
  const auto found = question.timestamp == kMaxTimestamp ? co_await log.find_max_time()
                                                         : co_await log.find_time(Timestamp(question.timestamp));
  if (!found) co_return OffsetAnswer{.error = to_error_code(found.error().code)};
  if (!*found) co_return OffsetAnswer{};
  co_return OffsetAnswer{ErrorCode::kNone, (*found)->offset.value(), (*found)->timestamp.value(),
                         (*found)->epoch.value()};
}

// The first version whose clients may ask with a special timestamp.
std::int16_t first_version_of(std::int64_t timestamp) {
  switch (timestamp) {
    case kMaxTimestamp: return 7;
    case kEarliestLocal: return 8;
    case kLatestTiered: return 9;
    case kEarliestPendingUpload: return 11;
    default: return 0;
  }
}

runtime::Task<> answer(Request& request, std::string_view name, OffsetQuestion question, OffsetAnswer& out) {
  const catalog::Topic* topic = request.topics().find(name);
  if (request.version < first_version_of(question.timestamp)) {
    out.error = ErrorCode::kUnsupportedVersion;
  } else if (!request.allows_topic(Operation::describe, name)) {
    out.error = ErrorCode::kTopicAuthorizationFailed;
  } else if (topic == nullptr) {
    out.error = ErrorCode::kUnknownTopicOrPartition;
  } else if (question.id.partition.value() < 0 || question.id.partition.value() >= topic->entry.partitions) {
    out.error = ErrorCode::kUnknownTopicOrPartition;
  } else {
    question.id.topic = topic->entry.id;
    stream::StreamShard& owner = request.node().streams.shard(request.node().streams.owner(question.id));
    out = co_await runtime::call_on(owner.shard(), find_offset, &owner, question);
  }
  request.count(out.error);
}

struct EpochAnswer {
  ErrorCode error = ErrorCode::kNone;
  std::int32_t epoch = -1;
  std::int64_t end = -1;
};

runtime::Task<EpochAnswer> find_epoch(stream::StreamShard* shard, TopicPartition id, std::int32_t current,
                                      std::int32_t wanted) {
  const auto partition = shard->find(id);
  if (partition == nullptr) co_return EpochAnswer{.error = ErrorCode::kUnknownTopicOrPartition};
  const log::Partition& log = partition->log();
  if (const auto error = check_epoch(log, current); error != ErrorCode::kNone) co_return EpochAnswer{.error = error};
  const auto end = log.end_of_epoch(LeaderEpoch(wanted));
  if (!end) co_return EpochAnswer{};
  co_return EpochAnswer{ErrorCode::kNone, end->first.value(), end->second.value()};
}

}  // namespace

runtime::Task<ListOffsetsResponse> handle_list_offsets(Request& request, ListOffsetsRequest message) {
  ListOffsetsResponse response;
  std::size_t count = 0;
  for (const auto& topic : message.topics) count += topic.partitions.size();
  std::vector<OffsetAnswer> answers(count);
  {
    // Looking up a time may wait for the disk: many partitions are asked at once.
    runtime::TaskScope scope;
    std::size_t next = 0;
    std::set<std::pair<std::string_view, std::int32_t>> asked;
    for (const auto& topic : message.topics) {
      for (const auto& partition : topic.partitions) {
        OffsetAnswer& out = answers[next++];
        if (!asked.emplace(topic.name, partition.partition_index).second) {
          out.error = request.count(ErrorCode::kInvalidRequest);
          continue;
        }
        if (scope.running() >= kLookupsAtOnce) co_await scope.join();
        const OffsetQuestion question{
            {{}, PartitionIndex(partition.partition_index)}, partition.current_leader_epoch, partition.timestamp};
        scope.spawn(answer(request, topic.name, question, out));
      }
    }
    co_await scope.join();
  }
  std::size_t next = 0;
  for (const auto& topic : message.topics) {
    auto& topic_reply = response.topics.emplace_back();
    topic_reply.name = std::string(topic.name);
    for (const auto& partition : topic.partitions) {
      const OffsetAnswer& found = answers[next++];
      auto& reply = topic_reply.partitions.emplace_back();
      reply.partition_index = partition.partition_index;
      reply.error_code = found.error;
      reply.offset = found.offset;
      reply.timestamp = found.timestamp;
      if (request.version >= kEpochVersionMin) reply.leader_epoch = found.leader_epoch;
    }
  }
  co_return response;
}

runtime::Task<OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(Request& request,
                                                                           OffsetForLeaderEpochRequest message) {
  OffsetForLeaderEpochResponse response;
  for (const auto& topic : message.topics) {
    auto& topic_reply = response.topics.emplace_back();
    topic_reply.topic = std::string(topic.topic);
    const catalog::Topic* found = request.topics().find(topic.topic);
    const bool allowed = request.allows_topic(Operation::describe, topic.topic);
    for (const auto& wanted : topic.partitions) {
      auto& reply = topic_reply.partitions.emplace_back();
      reply.partition = wanted.partition;
      EpochAnswer answer;
      if (!allowed) {
        answer.error = ErrorCode::kTopicAuthorizationFailed;
      } else if (found == nullptr || wanted.partition < 0 || wanted.partition >= found->entry.partitions) {
        answer.error = ErrorCode::kUnknownTopicOrPartition;
      } else {
        const TopicPartition id{found->entry.id, PartitionIndex(wanted.partition)};
        stream::StreamShard& owner = request.node().streams.shard(request.node().streams.owner(id));
        answer = co_await runtime::call_on(owner.shard(), find_epoch, &owner, id, wanted.current_leader_epoch,
                                           wanted.leader_epoch);
        // The snapshot of topics may have been replaced while this waited.
        found = request.topics().find(topic.topic);
      }
      reply.error_code = request.count(answer.error);
      reply.leader_epoch = answer.epoch;
      reply.end_offset = answer.end;
    }
  }
  co_return response;
}

}  // namespace leat::kafka
