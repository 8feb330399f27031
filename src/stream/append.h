#pragma once

#include <vector>

#include "base/bytes.h"
#include "stream/stream_shard.h"

namespace leat::stream {

// What old holders of locks send is refused where the topic asks for it. To be asked right before produce(), on the partition's
// shard. `check`: asks those who give out tokens; empty: no token is known. Error: invalid_record.
[[nodiscard]] runtime::Task<Status> check_fences(StreamPartition& partition, const log::ValidBatch& batch,
                                                 const CheckFences& check);

// Checks and appends a batch that leat made for a client, under the topic's rules, wherever the partition is. On return it is
// committed. `fences`: see check_fences; it outlives the call. Errors: not_found, invalid_record, those of
// log::validate_batch, of StreamPartition::produce and of wait_committed (timed_out after half a minute).
[[nodiscard]] runtime::Task<Result<Produced>> append_batch(const Streams& streams, TopicPartition id, Bytes batch,
                                                           const CheckFences& fences);

}  // namespace leat::stream
