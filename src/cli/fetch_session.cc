#include "cli/fetch_session.h"

#include "log/batch.h"

namespace leat::cli {

Result<std::unique_ptr<FetchSession>> FetchSession::open(const Address& broker, std::string topic,
                                                         std::map<std::int32_t, std::int64_t> positions,
                                                         const Options& options) {
  LEAT_TRY(auto connection, Connection::open(broker, Client::kConnectTimeout));
  return std::unique_ptr<FetchSession>(
      new FetchSession(std::move(connection), std::move(topic), std::move(positions), options));
}

FetchSession::FetchSession(std::unique_ptr<Connection> connection, std::string topic,
                           std::map<std::int32_t, std::int64_t> positions, const Options& options)
    : connection_(std::move(connection)),
      topic_(std::move(topic)),
      positions_(std::move(positions)),
      options_(options) {}

Status FetchSession::send() {
  const bool whole = epoch_ <= 0;
  if (whole) {
    moved_.clear();
    for (const auto& [partition, position] : positions_) moved_.push_back(partition);
  }
  kafka::FetchRequest request;
  request.max_wait_ms = options_.wait_max_ms;
  request.min_bytes = options_.bytes_min;
  request.max_bytes = options_.request_bytes;
  request.session_id = session_;
  request.session_epoch = epoch_;
  if (!moved_.empty()) {
    auto& topic = request.topics.emplace_back();
    topic.topic = topic_;
    for (const std::int32_t partition : moved_) {
      auto& p = topic.partitions.emplace_back();
      p.partition = partition;
      p.fetch_offset = positions_.at(partition);
      p.partition_max_bytes = options_.partition_bytes;
    }
  }
  moved_.clear();
  LEAT_TRY(version_, connection_->send(request, Client::kTimeout));
  return {};
}

Result<std::vector<BytesView>> FetchSession::receive() {
  LEAT_TRY(held_,
           connection_->receive<kafka::FetchResponse>(version_, Client::kTimeout + Milliseconds(options_.wait_max_ms)));
  const kafka::FetchResponse& answer = held_.message;
  if (answer.error_code != kafka::ErrorCode::kNone)
    return fail(server_error(fmt::format("cannot read '{}'", topic_), answer.error_code));
  // A server that keeps no session for us gets whole requests from now on.
  session_ = answer.session_id;
  epoch_ = session_ == 0 ? -1 : (epoch_ == INT32_MAX ? 1 : epoch_ + 1);
  std::vector<BytesView> batches;
  for (const auto& topic : answer.responses)
    for (const auto& p : topic.partitions) {
      if (p.error_code != kafka::ErrorCode::kNone)
        return fail(server_error(fmt::format("cannot read {}/{}", topic_, p.partition_index), p.error_code));
      BytesView rest = p.records.view;
      std::int64_t& position = positions_.at(p.partition_index);
      const std::int64_t before = position;
      while (rest.size() >= log::kBatchHeaderSize) {
        LEAT_TRY(const auto header, log::decode_batch_header(rest));
        if (header.total_size() > rest.size()) break;
        batches.push_back(rest.first(header.total_size()));
        rest = rest.subspan(header.total_size());
        position = std::max(position, header.next_offset().value());
      }
      if (position != before) moved_.push_back(p.partition_index);
    }
  return batches;
}

}  // namespace leat::cli
