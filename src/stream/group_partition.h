#pragma once

#include <cstdint>
#include <string_view>

#include "base/types.h"

namespace leat::stream {

// Which of the `partitions` (at least 1) of __consumer_offsets holds a group: Kafka's rule, so that a topic copied from
// Kafka is found again (docs/formats/consumer-offsets.md).
[[nodiscard]] PartitionIndex group_partition(std::string_view group_id, std::int32_t partitions);

// Java's String.hashCode of a UTF-8 text; bytes that are not UTF-8 count as U+FFFD.
[[nodiscard]] std::int32_t java_hash(std::string_view text);

}  // namespace leat::stream
