#pragma once

#include <map>
#include <memory>
#include <vector>

#include "cli/client.h"
#include "protocol/kafka/messages/fetch.h"

namespace leat::cli {

// Reads partitions from one broker over a connection of its own, by incremental fetch sessions (KIP-227): each request
// names only the partitions that moved. One thread.
class FetchSession {
 public:
  struct Options {
    std::int32_t wait_max_ms = 500;
    std::int32_t bytes_min = 1;
    std::int32_t request_bytes = 50 << 20;
    std::int32_t partition_bytes = 1 << 20;
  };

  [[nodiscard]] static Result<std::unique_ptr<FetchSession>> open(const Address& broker, std::string topic,
                                                                  std::map<std::int32_t, std::int64_t> positions,
                                                                  const Options& options);
  // Asks for what follows; receive() awaits the answer. One request at a time.
  [[nodiscard]] Status send();
  // Whole batches of any of the partitions, valid until the next receive(). Positions have moved behind them.
  [[nodiscard]] Result<std::vector<BytesView>> receive();

  [[nodiscard]] const std::map<std::int32_t, std::int64_t>& positions() const { return positions_; }

 private:
  FetchSession(std::unique_ptr<Connection> connection, std::string topic,
               std::map<std::int32_t, std::int64_t> positions, const Options& options);

  std::unique_ptr<Connection> connection_;
  std::string topic_;
  std::map<std::int32_t, std::int64_t> positions_;
  Options options_;
  std::vector<std::int32_t> moved_;  // to be named in the next request
  std::int32_t session_ = 0;
  std::int32_t epoch_ = 0;
  std::int16_t version_ = 0;
  Reply<kafka::FetchResponse> held_;
};

}  // namespace leat::cli
