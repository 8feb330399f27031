#pragma once

#include <vector>

#include "observe/registry.h"
#include "protocol/kafka/server.h"
#include "stream/group_shard.h"

namespace leat::server {

// What one shard knows, put on the metrics page by that shard.
struct ShardParts {
  stream::StreamShard* streams = nullptr;
  stream::GroupShard* groups = nullptr;
  const kafka::ShardServer* kafka = nullptr;
};

void collect_shard(observe::MetricsPage& page, const ShardParts& parts, const stream::Streams& streams);

}  // namespace leat::server
