#include "protocol/sqs/server.h"

namespace leat::sqs {

SqsShard::SqsShard(runtime::Shard& shard, SqsOptions options, queue::Queues& queues, PurgeTimes& purge_times)
    : options_(std::move(options)),
      service_(options_, queues, purge_times),
      http_(shard, [this](const http::HttpRequest& request) { return service_.answer(request); }, options_.http) {}

void SqsShard::collect(observe::MetricsPage& page) const {
  sqs::collect(page, service_.stats());
  http::collect(page, http_.stats(), options_.http.name);
}

}  // namespace leat::sqs
