#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/types.h"
#include "protocol/kafka/messages/fetch.h"

namespace leat::kafka {

struct KafkaShard;

// One partition that a consumer reads, and what it was last told of it.
struct FetchPosition {
  std::shared_ptr<const std::string> name;  // as the client names its topic; empty when it uses ids
  Uuid topic_id;
  std::int32_t partition = 0;
  std::int32_t current_leader_epoch = -1;
  std::int32_t last_fetched_epoch = -1;
  std::int64_t fetch_offset = 0;
  std::int32_t bytes_max = 0;
  // As of the last response; -1: none was sent.
  std::int64_t told_high_watermark = -1;
  std::int64_t told_log_start = -1;
};

// An incremental fetch session (KIP-227): the consumer names its partitions once, and then only what changes. Belongs to
// one connection; a consumer that connects anew begins a new one, as it must after any error.
class FetchSession {
 public:
  FetchSession(KafkaShard& shard, std::int32_t id);
  FetchSession(const FetchSession&) = delete;
  FetchSession& operator=(const FetchSession&) = delete;
  ~FetchSession();

  [[nodiscard]] std::int32_t id() const { return id_; }
  [[nodiscard]] std::int32_t next_epoch() const { return next_epoch_; }
  // After a response: 1, 2, ... INT32_MAX, 1.
  void advance_epoch() { next_epoch_ = next_epoch_ == INT32_MAX ? 1 : next_epoch_ + 1; }

  // Adds and changes the partitions of a request, and removes those that it forgets. False when the session would hold
  // more partitions than kPartitionsMax, or the shard's fetches more than they may.
  [[nodiscard]] bool update(const FetchRequest& request);
  // In the order of service: who was served last comes last.
  [[nodiscard]] std::vector<FetchPosition>& positions() { return positions_; }
  // Moves the positions that just got data behind the others, so that none starves when a response is full.
  void rotate(const std::vector<bool>& served);

  // Whether a fetch is using the positions: a second one of the same session has to be refused.
  [[nodiscard]] bool busy() const { return busy_; }
  void set_busy(bool busy) { busy_ = busy; }

  static constexpr std::size_t kPartitionsMax = 100'000;

 private:
  KafkaShard& shard_;
  std::int32_t id_;
  std::int32_t next_epoch_ = 1;
  bool busy_ = false;
  std::vector<FetchPosition> positions_;
};

[[nodiscard]] std::size_t count_partitions(const FetchRequest& request);
// The partitions that a full fetch request names.
[[nodiscard]] std::vector<FetchPosition> positions_of(const FetchRequest& request);

}  // namespace leat::kafka
