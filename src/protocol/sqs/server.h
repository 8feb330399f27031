#pragma once

#include <memory>
#include <vector>

#include "protocol/aws/service.h"
#include "protocol/http/server.h"
#include "protocol/sqs/api.h"

namespace leat::sqs {

// Amazon SQS, and what else of AWS is served on its port, on one shard: connections and what answers them. Used and
// stopped on that shard. Listeners belong to http::Acceptor, which spreads connections over http_server() of all shards.
class SqsShard {
 public:
  // `queues` are that shard's; they, `purge_times`, which all shards share, and `others` outlive it.
  SqsShard(runtime::Shard& shard, SqsOptions options, queue::Queues& queues, PurgeTimes& purge_times,
           const std::vector<aws::Api*>& others = {});

  [[nodiscard]] http::ShardServer& http_server() { return http_; }
  // Lets requests in flight be answered until `deadline`. Long polls end when the queues do, or then.
  runtime::Task<> stop(MonoTime deadline) { return http_.stop(deadline); }

  [[nodiscard]] const SqsApi& api() const { return api_; }
  // nullptr: there are no users.
  [[nodiscard]] const security::Logins* logins() const { return service_.logins(); }
  [[nodiscard]] const security::QuotaLedger* quotas() const { return service_.quotas(); }
  // What this shard counted, HTTP's numbers too; not those of the others.
  void collect(observe::MetricsPage& page) const;

 private:
  SqsOptions options_;
  SqsApi api_;
  aws::Service service_;
  http::ShardServer http_;
};

}  // namespace leat::sqs
