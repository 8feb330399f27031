#pragma once

#include <vector>

#include "observe/registry.h"
#include "protocol/kafka/server.h"
#include "protocol/sns/server.h"
#include "protocol/sqs/server.h"
#include "queue/queue_shard.h"
#include "security/login.h"
#include "security/quota_account.h"
#include "stream/group_shard.h"

namespace leat::server {

// What one shard knows, put on the metrics page by that shard.
struct ShardParts {
  stream::StreamShard* streams = nullptr;
  stream::GroupShard* groups = nullptr;
  queue::QueueShard* queues = nullptr;
  const kafka::ShardServer* kafka = nullptr;
  const sqs::SqsShard* sqs = nullptr;
  const sns::SnsShard* sns = nullptr;
};

// Who tried to be somebody, by one protocol on one shard.
void collect_logins(observe::MetricsPage& page, const security::Logins& logins);
// What quotas did to its clients.
void collect_quotas(observe::MetricsPage& page, const security::QuotaLedger& ledger);

void collect_shard(observe::MetricsPage& page, const ShardParts& parts);

// How far each group is behind in each topic that it has committed offsets of. Asks all shards; `groups` has one entry a
// shard. On any shard.
[[nodiscard]] runtime::Task<> collect_group_lag(const stream::Streams& streams,
                                                const std::vector<stream::GroupShard*>& groups,
                                                observe::MetricsPage& page);

}  // namespace leat::server
