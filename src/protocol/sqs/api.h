#pragma once

#include "protocol/aws/api.h"
#include "protocol/sqs/handlers.h"

namespace leat::sqs {

// Amazon SQS, as aws::Service serves it.
class SqsApi final : public aws::Api {
 public:
  // All outlive it.
  SqsApi(const SqsOptions& options, queue::Queues& queues, PurgeTimes& purge_times);

  [[nodiscard]] std::optional<std::size_t> find(std::string_view action, bool is_own) const override;
  Answer run(std::size_t action, aws::Call& call, const aws::Form& form, std::string& body) override;

  // What this shard counted.
  void collect(observe::MetricsPage& page) const;

 private:
  const SqsOptions& options_;
  queue::Queues& queues_;
  PurgeTimes& purge_times_;
  Stats message_stats_;
};

}  // namespace leat::sqs
