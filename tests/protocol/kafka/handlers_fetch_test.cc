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

std::int64_t first_offset_of(const FetchResponse::PartitionData& partition) {
  const runtime::FileRange& found = std::get<runtime::FileRange>(partition.records.parts.at(0));
  Bytes bytes = Bytes::uninitialized(static_cast<std::size_t>(found.length));
  EXPECT_EQ(found.file->read_at(bytes.mutable_view(), found.offset).value_or(0), bytes.size());
  const auto header = log::decode_batch_header(bytes);
  return header ? header->base_offset.value() : -1;
}

TEST_F(FetchHandler, FromAFreedOffsetGoesOnBehindTheGapOrWaitsForWhatComes) {
  home_.fill("orders", 0, 3);
  home_.free("orders", 0, 0, 0);
  home_.fill("orders", 0, 4);
  home_.free("orders", 0, 3, 7);
  home_.free("orders", 0, 3, 7);
  const FetchResponse nothing = fetch({from(5)}, 500);
  const auto& waited = nothing.responses.at(0).partitions.at(0);
  EXPECT_EQ(waited.error_code, ErrorCode::kNone);
  EXPECT_EQ(waited.high_watermark, 7);
  EXPECT_TRUE(waited.records.parts.empty());
  home_.append("orders", 0, 2);
  for (const std::int64_t offset : {3, 5, 7}) {
    const FetchResponse fetched = fetch({from(offset)}, 5000);
    const auto& partition = fetched.responses.at(0).partitions.at(0);
    EXPECT_EQ(partition.error_code, ErrorCode::kNone);
    EXPECT_EQ(partition.log_start_offset, 0);
    ASSERT_FALSE(partition.records.parts.empty());
    EXPECT_EQ(first_offset_of(partition), 7);
  }
  const FetchResponse before = fetch({from(1)});
  EXPECT_EQ(first_offset_of(before.responses.at(0).partitions.at(0)), 0);
}

TEST_F(FetchHandler, MorePartitionsThanAFetchMayNameAreRefused) {
  std::vector<FetchRequest::FetchPartition> partitions(FetchSession::kPartitionsMax + 1);
  EXPECT_EQ(fetch(std::move(partitions)).error_code, ErrorCode::kInvalidRequest);
}

}  // namespace
}  // namespace leat::kafka
