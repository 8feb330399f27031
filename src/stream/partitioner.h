#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace leat::stream {

// The 32-bit murmur2 of Kafka's Java clients (org.apache.kafka.common.utils.Utils.murmur2): every client that hashes keys
// this way puts a key into the same partition.
[[nodiscard]] std::int32_t murmur2(BytesView key);

// Where records with this key go among `partitions` of them.
[[nodiscard]] std::int32_t partition_of_key(BytesView key, std::int32_t partitions);

}  // namespace leat::stream
