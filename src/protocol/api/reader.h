#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocol/api/node.h"
#include "protocol/api/problem.h"

namespace leat::api {

// What is to be read of one partition.
struct ReadQuery {
  std::string topic;
  TopicPartition id;
  std::optional<Offset> from;     // else from `time` on,
  std::optional<Timestamp> time;  // else from the first record
  std::size_t records_max = 1;
  std::uint64_t bytes_max = 1;
  Milliseconds wait{0};            // for the first record
  std::optional<std::string> key;  // only records with this one
  bool as_lines = false;           // a record a line, in place of one document
};

struct ReadAnswer {
  std::string text;
  std::int64_t next = 0;
  std::shared_ptr<const void> memory;  // that it takes; to be kept until it is sent
};

// Reads committed records as JSON. Looks for records with a key in a part of the log only, if it is long: `next` tells where to
// go on. Ends early when the client is gone or the server stops.
[[nodiscard]] runtime::Task<Outcome<ReadAnswer>> read_partition(ApiShard& shard, ReadQuery query,
                                                                const http::Presence& client);

}  // namespace leat::api
