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

struct Batches {
  Bytes bytes;
  Offset from;  // where to look next, if there are none: what lay before was freed
};
// Committed batches from `from` on, of about `bytes_max`; when there are none, waits for some, `patience` at most. Errors:
// offset_out_of_range, not_found, offline, io.
runtime::Task<Result<Batches>> read_batches(const stream::Streams& streams, TopicPartition id, Offset from,
                                            std::uint64_t bytes_max, Milliseconds patience);

// Calls record(offset, value) for those of `batches` from `from` on that producers made. Returns where to read next. Error:
// corrupt.
Result<Offset> for_each_record(const Batches& batches, Offset from,
                               const std::function<void(Offset, std::string_view)>& record);

// Appends one record without a key. On return it is committed.
runtime::Task<Status> append_record(const stream::Streams& streams, TopicPartition id, std::string value);

}  // namespace leat::pubsub
