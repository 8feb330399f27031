#include <gmock/gmock.h>

#include "protocol/kafka/fetch_session.h"
#include "protocol/kafka/messages/fetch.h"
#include "tests/protocol/kafka/node_home.h"

namespace leat::kafka {
namespace {

class FetchHandler : public testing::Test {
 protected:
  void SetUp() override {
    CreateTopicsRequest message;
    message.topics = {{"orders", 1, 1, {}, {}}};
    ASSERT_EQ(home_.ask(handle_create_topics, 7, std::move(message)).topics.at(0).error_code, ErrorCode::kNone);
  }
  FetchResponse fetch(std::vector<FetchRequest::FetchPartition> partitions, std::int32_t max_wait_ms = 0) {
    FetchRequest message;
    message.max_wait_ms = max_wait_ms;
    message.min_bytes = 1;
    message.max_bytes = 1 << 20;
    message.session_epoch = -1;
    message.topics.push_back({"orders", {}, std::move(partitions)});
    return home_.ask(handle_fetch, 12, std::move(message));
  }
  static FetchRequest::FetchPartition from(std::int64_t offset) {
    FetchRequest::FetchPartition partition;
    partition.fetch_offset = offset;
    partition.partition_max_bytes = 1 << 20;
    return partition;
  }

  NodeHome home_;
};

TEST_F(FetchHandler, AboveTheHighWatermarkWaitsForTheCommitAndAboveTheLogIsOutOfRange) {
  home_.append("orders", 0, 3);
  const FetchResponse early = fetch({from(2)});
  const auto& uncommitted = early.responses.at(0).partitions.at(0);
  EXPECT_EQ(uncommitted.error_code, ErrorCode::kNone);
  EXPECT_EQ(uncommitted.high_watermark, 0);
  EXPECT_TRUE(uncommitted.records.parts.empty());
  EXPECT_EQ(fetch({from(4)}).responses.at(0).partitions.at(0).error_code, ErrorCode::kOffsetOutOfRange);
  const FetchResponse late = fetch({from(2)}, 5000);
  const auto& waited = late.responses.at(0).partitions.at(0);
  EXPECT_EQ(waited.error_code, ErrorCode::kNone);
  EXPECT_EQ(waited.high_watermark, 3);
  EXPECT_FALSE(waited.records.parts.empty());
}

TEST_F(FetchHandler, MorePartitionsThanAFetchMayNameAreRefused) {
  std::vector<FetchRequest::FetchPartition> partitions(FetchSession::kPartitionsMax + 1);
  EXPECT_EQ(fetch(std::move(partitions)).error_code, ErrorCode::kInvalidRequest);
}

}  // namespace
}  // namespace leat::kafka
