#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/sns/server.h"
#include "protocol/sqs/server.h"
#include "tests/protocol/http/client.h"
#include "tests/protocol/sns/memory_catalog.h"
#include "tests/protocol/sqs/memory_queues.h"

namespace leat::sns::testing {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// SQS and SNS on a port, on queues in memory, with deliveries when they are started.
class Served {
 public:
  explicit Served(sqs::SqsOptions options = {});
  runtime::Task<> stop();

  runtime::Task<http::testing::Answer> get(std::string target, std::string host = "h:1");
  // An action in SNS's Query form, and its answer.
  runtime::Task<http::testing::Answer> call(std::string action, Parameters parameters = {},
                                            std::string version = "2010-03-31");
  // An action that succeeds: its answer's body.
  runtime::Task<std::string> done(std::string action, Parameters parameters = {});
  // An action that fails: "status Code", as its XML says.
  runtime::Task<std::string> failure(std::string action, Parameters parameters = {});
  // The only queue whose name ends so; nullptr: there is none, or there are more.
  [[nodiscard]] queue::QueuePtr only_queue(std::string_view suffix) const;
  [[nodiscard]] std::size_t count(std::string_view suffix) const;
  // What is in a queue of SQS's, in order.
  runtime::Task<std::vector<std::string>> bodies(std::string queue);
  runtime::Task<> make_queue(std::string name, bool is_fifo = false);

  sqs::testing::MemoryQueues queues;
  MemoryCatalog catalog;
  http::OutgoingClient client;
  SigningKeys keys;
  sqs::PurgeTimes purge_times;
  SnsShard sns;
  sqs::SqsShard sqs;
  http::Acceptor acceptor;
};

// The text of the first element of that name; empty: there is none.
std::string element(const std::string& xml, std::string_view name);

inline const std::string kTopicArn = "arn:aws:sns:us-east-1:000000000000:t";
inline const std::string kQueueArn = "arn:aws:sqs:us-east-1:000000000000:q";

}  // namespace leat::sns::testing
