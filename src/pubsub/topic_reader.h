#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "stream/stream_shard.h"

// What a live tail needs of a partition that another shard owns. All may be called on any shard.
namespace leat::pubsub {

struct PartitionRange {
  Offset start;
  Offset end;  // of what is committed
};
runtime::Task<Result<PartitionRange>> range_of(const stream::Streams& streams, TopicPartition id);

// Where the first committed record of `time` or later is; the partition's end when there is none.
runtime::Task<Result<Offset>> offset_at(const stream::Streams& streams, TopicPartition id, Timestamp time);

// Its range, as soon as there is something behind `from`, or `patience` is over.
runtime::Task<Result<PartitionRange>> await_records(const stream::Streams& streams, TopicPartition id, Offset from,
                                                    Milliseconds patience);

struct Batches {
  Bytes bytes;
  Offset from;  // where to look next, if there are none: what lay before was freed
};
// Committed batches from `from` on, of about `bytes_max`; when there are none, waits for some, `patience` at most. Errors:
// offset_out_of_range, not_found, offline, io.
runtime::Task<Result<Batches>> read_batches(const stream::Streams& streams, TopicPartition id, Offset from,
                                            std::uint64_t bytes_max, Milliseconds patience);

// Calls record(view), until it says false, for those of `batches` from `from` on that producers made. Returns where to read next. Error:
// corrupt.
Result<Offset> for_each_record(const Batches& batches, Offset from,
                               const std::function<bool(const log::RecordView&)>& record);

}  // namespace leat::pubsub
