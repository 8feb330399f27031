#pragma once

#include <memory>

#include "protocol/http/server.h"
#include "protocol/sqs/options.h"
#include "protocol/sqs/service.h"

namespace leat::sqs {

// Amazon SQS on one shard: its connections and what answers them. Used and stopped on that shard. Listeners belong to
// http::Acceptor, which spreads connections over http_server() of all shards.
class SqsShard {
 public:
  // `queues` are that shard's; they and `purge_times`, which all shards share, outlive it.
  SqsShard(runtime::Shard& shard, SqsOptions options, queue::Queues& queues, PurgeTimes& purge_times);

  [[nodiscard]] http::ShardServer& http_server() { return http_; }
  // Lets requests in flight be answered until `deadline`. Long polls end when the queues do, or then.
  runtime::Task<> stop(MonoTime deadline) { return http_.stop(deadline); }

  [[nodiscard]] const Stats& stats() const { return service_.stats(); }
  // What this shard counted, HTTP's numbers too.
  void collect(observe::MetricsPage& page) const;

 private:
  SqsOptions options_;
  Service service_;
  http::ShardServer http_;
};

}  // namespace leat::sqs
