#include "pubsub/topic_reader.h"

#include "runtime/call.h"
#include "runtime/sync.h"

namespace leat::pubsub {
namespace {

using runtime::Task;

constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;

class Watch final : public log::ProgressWatch {
 public:
  void on_progress() override { progress.notify_all(); }
  runtime::Notifier progress;
};

Result<std::shared_ptr<stream::StreamPartition>> find(stream::StreamShard& shard, TopicPartition id) {
  auto partition = shard.find(id);
  if (partition == nullptr) return fail(Errc::not_found, "the partition is not here any more");
  return partition;
}

Task<Result<PartitionRange>> range_on_shard(stream::StreamShard* shard, TopicPartition id) {
  LEAT_CO_TRY(const auto partition, find(*shard, id));
  co_return PartitionRange{partition->log().log_start(), partition->log().high_watermark()};
}

Task<Result<Offset>> find_time_on_shard(stream::StreamShard* shard, TopicPartition id, Timestamp time) {
  LEAT_CO_TRY(const auto partition, find(*shard, id));
  const Offset end = partition->log().high_watermark();
  LEAT_CO_TRY(const auto found, co_await partition->log().find_time(time));
  co_return found ? found->offset : end;
}

// Until there is something behind `from`.
Task<> wait_behind(stream::StreamShard& shard, log::Partition& log, Offset from, Milliseconds patience) {
  if (log.high_watermark() > from || patience <= Milliseconds::zero()) co_return;
  Watch watch;
  log.watch(watch);
  co_await watch.progress.wait_until(shard.shard().now() + patience);
}

Task<Result<PartitionRange>> await_on_shard(stream::StreamShard* shard, TopicPartition id, Offset from,
                                            Milliseconds patience) {
  LEAT_CO_TRY(const auto partition, find(*shard, id));
  co_await wait_behind(*shard, partition->log(), from, patience);
  co_return PartitionRange{partition->log().log_start(), partition->log().high_watermark()};
}

Task<Result<Batches>> read_on_shard(stream::StreamShard* shard, TopicPartition id, Offset from, std::uint64_t bytes_max,
                                    Milliseconds patience) {
  LEAT_CO_TRY(const auto partition, find(*shard, id));
  co_await wait_behind(*shard, partition->log(), from, patience);
  const Offset end = partition->log().high_watermark();
  LEAT_CO_TRY(Bytes bytes, co_await partition->log().copy(from, bytes_max));
  co_return Batches{std::move(bytes), std::max(from, end)};
}

}  // namespace

Task<Result<PartitionRange>> range_of(const stream::Streams& streams, TopicPartition id) {
  stream::StreamShard& owner = streams.shard(streams.owner(id));
  co_return co_await runtime::call_on(owner.shard(), range_on_shard, &owner, id);
}

Task<Result<Offset>> offset_at(const stream::Streams& streams, TopicPartition id, Timestamp time) {
  stream::StreamShard& owner = streams.shard(streams.owner(id));
  co_return co_await runtime::call_on(owner.shard(), find_time_on_shard, &owner, id, time);
}

Task<Result<PartitionRange>> await_records(const stream::Streams& streams, TopicPartition id, Offset from,
                                           Milliseconds patience) {
  stream::StreamShard& owner = streams.shard(streams.owner(id));
  co_return co_await runtime::call_on(owner.shard(), await_on_shard, &owner, id, from, patience);
}

Task<Result<Batches>> read_batches(const stream::Streams& streams, TopicPartition id, Offset from,
                                   std::uint64_t bytes_max, Milliseconds patience) {
  stream::StreamShard& owner = streams.shard(streams.owner(id));
  co_return co_await runtime::call_on(owner.shard(), read_on_shard, &owner, id, from, bytes_max, patience);
}

Result<Offset> for_each_record(const Batches& batches, Offset from,
                               const std::function<bool(const log::RecordView&)>& record) {
  Offset next = batches.from;
  for (BytesView rest = batches.bytes; !rest.empty();) {
    LEAT_TRY(const log::BatchHeader header, log::decode_batch_header(rest));
    const BytesView batch = rest.first(header.total_size());
    rest = rest.subspan(batch.size());
    next = header.last_offset() + 1;
    if (header.is_control()) continue;
    LEAT_TRY(log::BatchReader reader, log::BatchReader::open(batch, kDecompressedMax));
    while (true) {
      LEAT_TRY(const auto each, reader.next());
      if (!each) break;
      if (each->offset >= from && !record(*each)) return each->offset + 1;
    }
  }
  return next;
}

}  // namespace leat::pubsub
