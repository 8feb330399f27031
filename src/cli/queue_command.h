#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/time_text.h"
#include "base/types.h"
#include "cli/sqs_client.h"

// What the commands below `leat queue` share.
namespace leat::cli {

struct QueueOptions {
  std::string server;
  std::vector<std::string> names;
  std::string name;
  bool json = false;

  // create
  bool fifo = false;
  std::string lease;
  std::string delay;  // of send, too
  std::string dead_letter_queue;
  std::int32_t deliveries = 0;
  std::string topic;
  std::string start;
  std::int32_t partitions = 0;
  std::vector<std::string> settings;
  // list, stats
  std::string prefix;
  bool names_only = false;
  bool watch = false;
  bool drain = false;
  // send
  std::vector<std::string> files;
  std::string group;
  std::string key_separator;
  std::vector<std::string> headers;
  std::int32_t priority = -1;
  // receive, peek, dead
  std::int64_t count_max = 0;
  bool all = false;
  bool follow = false;
  bool acknowledge = true;
  std::string wait;
  // rewind, redrive
  std::string to;
  std::int64_t rate = 0;
  bool detach = false;
  std::vector<std::string> messages;  // "PARTITION:OFFSET"
};

// A queue as the server describes it.
struct QueueDescription {
  std::string name;
  std::string topic;
  std::int64_t ready = 0;
  std::int64_t in_flight = 0;
  std::int64_t delayed = 0;
  std::int64_t oldest = -1;                                   // milliseconds since the epoch; -1: it is empty
  std::vector<std::pair<std::string, std::string>> settings;  // that differ from the defaults

  [[nodiscard]] std::int64_t depth() const { return ready + in_flight + delayed; }
  [[nodiscard]] std::string setting(std::string_view wanted) const;
};
[[nodiscard]] Result<QueueDescription> describe_queue(SqsClient& client, const std::string& name);

[[nodiscard]] bool is_fifo_queue(std::string_view name);
[[nodiscard]] std::string arn_of_queue(std::string_view name);
// The last part of an ARN.
[[nodiscard]] std::string queue_of_arn(const std::string& arn);

// A member of an object; "" or `otherwise` when it is not there.
[[nodiscard]] std::string json_text(const nlohmann::ordered_json& object, std::string_view name);
[[nodiscard]] std::int64_t json_number(const nlohmann::ordered_json& object, std::string_view name,
                                       std::int64_t otherwise = 0);

// queue_command.cc
[[nodiscard]] Result<int> queue_create(const QueueOptions& options);
[[nodiscard]] Result<int> queue_list(const QueueOptions& options);
[[nodiscard]] Result<int> queue_stats(const QueueOptions& options);
[[nodiscard]] Result<int> queue_purge(const QueueOptions& options);
[[nodiscard]] Result<int> queue_rewind(const QueueOptions& options);
[[nodiscard]] Result<int> queue_delete(const QueueOptions& options);
// queue_messages.cc
[[nodiscard]] Result<int> queue_send(const QueueOptions& options);
[[nodiscard]] Result<int> queue_receive(const QueueOptions& options);
// queue_browse.cc
[[nodiscard]] Result<int> queue_peek(const QueueOptions& options);
[[nodiscard]] Result<int> queue_dead(const QueueOptions& options);
[[nodiscard]] Result<int> queue_redrive(const QueueOptions& options);

}  // namespace leat::cli
