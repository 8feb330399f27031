#pragma once

#include "base/log_limiter.h"
#include "protocol/http/message.h"
#include "protocol/sqs/actions.h"
#include "protocol/sqs/stats.h"
#include "security/sigv4.h"

namespace leat::sqs {

// Answers HTTP requests with what SQS answers. Belongs to one shard.
class Service {
 public:
  // What it is given outlives it.
  Service(const SqsOptions& options, queue::Queues& queues, PurgeTimes& purge_times);

  [[nodiscard]] runtime::Task<http::HttpResponse> answer(const http::HttpRequest& request);
  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  struct Exchange;

  // Which form the request has and which action it asks for.
  Outcome<> read(const http::HttpRequest& request, Exchange& exchange);
  Outcome<> authenticate(const http::HttpRequest& request, Call& call);
  http::HttpResponse respond(const Exchange& exchange, const Outcome<>& outcome, std::string body);
  void count(const Exchange& exchange, const Outcome<>& outcome, MonoTime start);

  const SqsOptions& options_;
  queue::Queues& queues_;
  PurgeTimes& purge_times_;
  security::SigV4Verifier verifier_;
  Stats stats_;
  LogLimiter log_limiter_;
};

}  // namespace leat::sqs
