#include "cli/load_lane.h"

#include "protocol/kafka/messages/header.h"
#include "protocol/kafka/messages/produce.h"

namespace leat::cli {
namespace {

// In these versions nothing follows the batch, so a head and a batch are a request.
constexpr std::int16_t kVersionMin = 3;
constexpr std::int16_t kVersionMax = 7;
// Places in the head; those at its end count from there.
constexpr std::size_t kSizeAt = 0;
constexpr std::size_t kCorrelationAt = 8;
constexpr std::size_t kPartitionFromEnd = 8;
constexpr std::size_t kBatchSizeFromEnd = 4;
constexpr std::size_t kInputSize = std::size_t{64} << 10;
constexpr std::size_t kAnswerSizeMax = std::size_t{1} << 20;

}  // namespace

Result<std::unique_ptr<ProduceLane>> ProduceLane::make(std::unique_ptr<Connection> connection, const std::string& topic,
                                                       std::vector<std::int32_t> partitions, std::int16_t acks) {
  std::unique_ptr<ProduceLane> lane(new ProduceLane(std::move(connection), std::move(partitions), acks));
  LEAT_CHECK(lane->make_head(topic));
  lane->input_ = Bytes::uninitialized(kInputSize);
  return lane;
}

Status ProduceLane::make_head(const std::string& topic) {
  LEAT_TRY(version_, connection_->choose_version(kafka::ApiKey::kProduce, kVersionMin, kVersionMax));
  kafka::Writer writer;
  writer.start_frame();
  kafka::RequestHeader header;
  header.request_api_key = static_cast<std::int16_t>(kafka::ApiKey::kProduce);
  header.request_api_version = version_;
  header.client_id = "leat-bench";
  encode(writer, 1, header);
  kafka::ProduceRequest request;
  request.acks = acks_;
  request.timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
  auto& data = request.topic_data.emplace_back();
  data.name = topic;
  data.partition_data.push_back({0, BytesView{}});
  encode(writer, version_, request);
  LEAT_TRY(head_, writer.take());
  return {};
}

Status ProduceLane::begin(const Request& request, BytesView batch) {
  std::byte* const head = head_.data();
  store_be(head + kSizeAt, static_cast<std::int32_t>(head_.size() - 4 + batch.size()));
  store_be(head + kCorrelationAt, next_correlation_++);
  store_be(head + head_.size() - kPartitionFromEnd, partitions_[next_partition_]);
  store_be(head + head_.size() - kBatchSizeFromEnd, static_cast<std::int32_t>(batch.size()));
  next_partition_ = (next_partition_ + 1) % partitions_.size();
  batch_ = batch;
  left_to_send_ = head_.size() + batch.size();
  awaited_.push_back(request);
  return continue_sending();
}

Status ProduceLane::begin(const Request& request, Bytes batch) {
  kept_batch_ = std::move(batch);
  return begin(request, kept_batch_.view());
}

Status ProduceLane::continue_sending() {
  while (sending()) {
    const std::size_t batch_left = std::min(left_to_send_, batch_.size());
    const std::array parts{head_.view().last(left_to_send_ - batch_left), batch_.last(batch_left)};
    LEAT_TRY(const std::size_t sent, connection_->socket().send_some(parts));
    if (sent == 0) return {};
    left_to_send_ -= sent;
  }
  return {};
}

Result<std::vector<ProduceLane::Request>> ProduceLane::receive() {
  std::vector<Request> ended;
  if (acks_ == 0) {  // sent is done
    const std::size_t unsent = sending() ? 1 : 0;
    for (; awaited_.size() > unsent; awaited_.pop_front()) ended.push_back(awaited_.front());
    return ended;
  }
  for (;;) {
    LEAT_TRY(const auto received, connection_->socket().receive_some(input_.mutable_view().subspan(input_size_)));
    if (!received) return ended;
    if (*received == 0) return fail(Errc::io, "the server closed the connection");
    input_size_ += *received;
    std::size_t at = 0;
    while (input_size_ - at >= 4) {
      const auto size = load_be<std::uint32_t>(input_.data() + at);
      if (size > kAnswerSizeMax || awaited_.empty())
        return fail(Errc::corrupt_message, "an answer that nobody waits for");
      if (input_size_ - at - 4 < size) {
        if (input_.size() < size + 4) input_.resize(size + 4);
        break;
      }
      LEAT_CHECK(check_answer(input_.view().subspan(at + 4, size)));
      at += 4 + size;
      ended.push_back(awaited_.front());
      awaited_.pop_front();
    }
    std::memmove(input_.data(), input_.data() + at, input_size_ - at);
    input_size_ -= at;
  }
}

Status ProduceLane::check_answer(BytesView frame) const {
  kafka::Reader reader(frame);
  (void)reader.i32();  // correlation id
  kafka::ProduceResponse answer;
  LEAT_CHECK(decode(reader, version_, answer));
  for (const auto& topic : answer.responses)
    for (const auto& p : topic.partition_responses)
      if (p.error_code != kafka::ErrorCode::kNone)
        return fail(
            server_error(fmt::format("{}/{} refused a batch", topic.name, p.index), p.error_code, p.error_message));
  return {};
}

}  // namespace leat::cli
