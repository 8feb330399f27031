#include "protocol/sqs/server.h"

namespace leat::sqs {
namespace {

std::vector<aws::Api*> with(aws::Api& first, const std::vector<aws::Api*>& others) {
  std::vector<aws::Api*> all{&first};
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

}  // namespace

SqsShard::SqsShard(runtime::Shard& shard, SqsOptions options, queue::Queues& queues, PurgeTimes& purge_times,
                   const std::vector<aws::Api*>& others)
    : options_(std::move(options)),
      api_(options_, queues, purge_times),
      service_(options_, with(api_, others)),
      http_(shard, [this](const http::HttpRequest& request) { return service_.answer(request); }, options_.http) {}

void SqsShard::collect(observe::MetricsPage& page) const {
  api_.collect(page);
  http::collect(page, http_.stats(), options_.http.name);
}

}  // namespace leat::sqs
