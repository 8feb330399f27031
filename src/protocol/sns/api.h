#pragma once

#include "protocol/aws/api.h"
#include "protocol/sns/deliverer.h"
#include "protocol/sns/signing_keys.h"
#include "queue/queues.h"

namespace leat::sns {

// Amazon SNS, as aws::Service serves it on the port of SQS. Belongs to one shard.
class SnsApi final : public aws::Api {
 public:
  // All outlive it; `queues` and `deliverer` are the shard's.
  SnsApi(const aws::Options& options, queue::Queues& queues, SigningKeys& keys, const Deliverer& deliverer);

  [[nodiscard]] std::optional<std::size_t> find(std::string_view action, bool is_own) const override;
  runtime::Task<aws::Outcome<>> run(std::size_t action, aws::Call& call, const aws::Form& form,
                                    std::string& body) override;
  // Who has the token of a subscription may confirm it, and who has its ARN may end it, unless that was forbidden when it
  // was confirmed: links in messages are not signed.
  [[nodiscard]] bool is_open(std::size_t action, const aws::Form& form) const override;
  // The certificate of the key that notifications are signed with.
  [[nodiscard]] runtime::Task<std::optional<http::HttpResponse>> document(std::string path) override;

  // What this shard counted.
  void collect(observe::MetricsPage& page) const;

 private:
  const aws::Options& options_;
  queue::Queues& queues_;
  SigningKeys& keys_;
  const Deliverer& deliverer_;
};

}  // namespace leat::sns
