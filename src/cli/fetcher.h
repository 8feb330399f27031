#pragma once

#include <map>
#include <vector>

#include "cli/client.h"
#include "log/batch.h"
#include "protocol/kafka/messages/fetch.h"

namespace leat::cli {

struct FetchOptions {
  Milliseconds wait_max{500};
  std::int32_t bytes_min = 1;
  std::int32_t bytes_max = 16 << 20;
  std::int32_t partition_bytes_max = 4 << 20;
};

// Whole batches of one partition, from a position on; views live until the next call of next().
struct Fetched {
  std::int32_t partition = 0;
  std::int64_t position = 0;  // records below it were asked for before
  std::int64_t high_watermark = 0;
  std::vector<BytesView> batches;
};

// Reads partitions of one topic from their leaders, the next request on its way while the last answer is used. Follows
// leaders that move, repeats after lost connections for a while, and jumps to the log start (with a word on standard
// error) where retention took what was to be read.
class Fetcher {
 public:
  Fetcher(Client& client, TopicPartitions topic, std::map<std::int32_t, std::int64_t> positions,
          const FetchOptions& options);
  // Waits for the next answer of any broker; what it holds may be nothing.
  [[nodiscard]] Result<std::vector<Fetched>> next();
  // Asks no more for a partition.
  void finish(std::int32_t partition) { positions_.erase(partition); }
  [[nodiscard]] bool finished() const { return positions_.empty(); }

 private:
  struct Asked {
    std::int32_t broker = -1;
    Connection* connection = nullptr;
    std::int16_t version = 0;
  };

  [[nodiscard]] Status ask_idle_brokers();
  [[nodiscard]] Status ask(std::int32_t broker, const std::vector<std::int32_t>& partitions);
  [[nodiscard]] Result<std::size_t> wait_for_answer() const;
  [[nodiscard]] Status use(const kafka::FetchResponse& answer, std::vector<Fetched>& fetched);
  [[nodiscard]] Status use_error(std::int32_t partition, kafka::ErrorCode code);
  [[nodiscard]] Status jump_to_start(std::int32_t partition);
  [[nodiscard]] Status recover(Error reason);

  static constexpr Milliseconds kGiveUpAfter{30'000};
  static constexpr Milliseconds kPause{100};
  Client& client_;
  TopicPartitions topic_;
  std::map<std::int32_t, std::int64_t> positions_;  // of partitions that are not finished
  FetchOptions options_;
  std::vector<Asked> asked_;
  kafka::FetchResponse held_;
  Bytes held_bytes_;
  std::optional<Error> to_recover_;
  std::vector<std::int32_t> to_jump_;
  MonoTime last_success_;
};

}  // namespace leat::cli
