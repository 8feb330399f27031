#include "cli/producer.h"

#include <thread>

#include "stream/partitioner.h"
#include "cli/time_text.h"
#include "protocol/kafka/messages/init_producer_id.h"
#include "protocol/kafka/messages/produce.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;

// Batches that wait before a round is sent although none of them had to be.
constexpr std::size_t kReadyBytesMax = std::size_t{4} << 20;
constexpr Milliseconds kFirstPause{50};
constexpr Milliseconds kLongestPause{1000};
constexpr int kProducerIdTries = 50;

std::optional<BytesView> view_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::open(Client& client, const std::string& topic,
                                                 const ProducerOptions& options) {
  std::unique_ptr<Producer> producer(new Producer(client, options));
  producer->topic_name_ = topic;
  LEAT_CHECK(producer->learn_leaders(true));
  if (options.idempotent && options.acks == -1) LEAT_CHECK(producer->take_producer_id());
  producer->last_success_ = std::chrono::steady_clock::now();
  return producer;
}

Status Producer::learn_leaders(bool create) {
  LEAT_TRY(const auto topic, client_.topic(topic_name_, create));
  if (topic.partitions.empty())
    return fail(Errc::not_found, fmt::format("topic '{}' has no partitions yet; try again", topic_name_));
  while (lanes_.size() < topic.partitions.size()) lanes_.push_back({.open = log::BatchBuilder(options_.codec)});
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) lanes_[i].leader = topic.partitions[i].leader;
  return {};
}

Status Producer::take_producer_id() {
  kafka::InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  request.transaction_timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
  for (int left = kProducerIdTries;; --left) {
    LEAT_TRY(Connection * connection, client_.any());
    LEAT_TRY(const auto reply, connection->call<kafka::InitProducerIdResponse>(request, Client::kTimeout));
    if (reply.message.error_code == ErrorCode::kNone) {
      producer_id_ = reply.message.producer_id;
      producer_epoch_ = reply.message.producer_epoch;
      return {};
    }
    if (left == 0 || !is_retriable(reply.message.error_code))
      return fail(server_error("cannot begin to produce", reply.message.error_code));
    std::this_thread::sleep_for(kFirstPause);
  }
}

Result<std::int32_t> Producer::choose_partition(const TextRecord& record) {
  const auto count = static_cast<std::int32_t>(lanes_.size());
  if (record.partition) {
    if (*record.partition < 0 || *record.partition >= count)
      return fail(Errc::invalid_argument, fmt::format("topic '{}' has no partition {}: it has {}, from 0 on",
                                                      topic_name_, *record.partition, count));
    return *record.partition;
  }
  if (record.key) return stream::partition_of_key(as_bytes(*record.key), count);
  return static_cast<std::int32_t>(sticky_ % lanes_.size());
}

namespace {

std::size_t size_of(const log::NewRecord& record) {
  std::size_t size = (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& header : record.headers) size += header.key.size() + (header.value ? header.value->size() : 0);
  return size;
}

}  // namespace

Status Producer::add(const TextRecord& record) {
  LEAT_TRY(const std::int32_t partition, choose_partition(record));
  Lane& lane = lanes_[static_cast<std::size_t>(partition)];
  log::NewRecord stored;
  stored.timestamp = Timestamp(record.timestamp.value_or(wall_clock_ms()));
  stored.key = view_of(record.key);
  stored.value = view_of(record.value);
  for (const auto& [name, value] : record.headers) stored.headers.push_back({name, view_of(value)});
  const bool is_sticky = !record.key && !record.partition;
  // One that fits into a batch of its own is not refused for those before it.
  if (lane.open.record_count() > 0 && lane.open.uncompressed_size() + size_of(stored) > options_.batch_bytes)
    LEAT_CHECK(send_open(lane, false));
  lane.open.add(stored);
  return lane.open.uncompressed_size() < options_.batch_bytes ? Status{} : send_open(lane, is_sticky);
}

Status Producer::send_open(Lane& lane, bool is_sticky) {
  LEAT_CHECK(seal(lane));
  if (is_sticky) ++sticky_;
  if (ready_bytes_ >= kReadyBytesMax || lane.ready.size() > 1) return advance();
  if (on_its_way_.empty()) send_round();
  return {};
}

Status Producer::seal(Lane& lane) {
  const auto records = static_cast<std::int64_t>(lane.open.record_count());
  if (records == 0) return {};
  if (producer_id_ >= 0) {
    lane.open.set_producer(ProducerId(producer_id_), ProducerEpoch(producer_epoch_), lane.next_sequence);
    lane.next_sequence = static_cast<std::int32_t>((lane.next_sequence + records) & INT32_MAX);
  }
  LEAT_TRY(Bytes bytes, lane.open.build());
  ready_bytes_ += bytes.size();
  lane.ready.push_back({std::move(bytes), static_cast<std::uint64_t>(records)});
  return {};
}

bool Producer::empty() const {
  return std::ranges::all_of(lanes_, [](const Lane& l) { return l.ready.empty() && l.open.record_count() == 0; });
}

Status Producer::flush() {
  for (Lane& lane : lanes_) LEAT_CHECK(seal(lane));
  while (!on_its_way_.empty() || std::ranges::any_of(lanes_, [](const Lane& lane) { return !lane.ready.empty(); }))
    LEAT_CHECK(advance());
  return {};
}

Status Producer::advance() {
  LEAT_CHECK(collect_round());
  send_round();
  return {};
}

void Producer::send_round() {
  std::map<std::int32_t, std::vector<std::int32_t>> by_broker;
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    if (!lanes_[i].ready.empty()) by_broker[lanes_[i].leader].push_back(static_cast<std::int32_t>(i));
  for (auto& [broker, partitions] : by_broker) {
    kafka::ProduceRequest request;
    request.acks = options_.acks;
    request.timeout_ms = static_cast<std::int32_t>(Client::kTimeout.count());
    auto& topic = request.topic_data.emplace_back();
    topic.name = topic_name_;
    for (const std::int32_t partition : partitions)
      topic.partition_data.push_back(
          {partition, lanes_[static_cast<std::size_t>(partition)].ready.front().bytes.view()});

    auto connection = client_.broker(broker);
    if (!connection) {
      note(std::move(connection.error()), true);
      continue;
    }
    const auto version = (*connection)->send(request, Client::kTimeout);
    if (!version) {
      note(version.error(), version.error().code != Errc::unsupported);
    } else if (options_.acks == 0) {
      (*connection)->expect_no_answer();
      for (const std::int32_t partition : partitions) acknowledge(lanes_[static_cast<std::size_t>(partition)]);
    } else {
      on_its_way_.push_back({broker, *connection, *version, std::move(partitions)});
    }
  }
}

void Producer::collect(const Sent& sent) {
  // The server may take all of the request's own timeout to answer.
  const auto reply = sent.connection->receive<kafka::ProduceResponse>(sent.version, 2 * Client::kTimeout);
  if (!reply) return note(reply.error(), true);
  for (const auto& topic : reply->message.responses)
    for (const auto& p : topic.partition_responses)
      if (std::ranges::find(sent.partitions, p.index) != sent.partitions.end())
        settle(p.index, p.error_code, p.error_message);
}

Status Producer::collect_round() {
  for (const Sent& sent : std::exchange(on_its_way_, {})) collect(sent);
  if (fatal_) return fail(*fatal_);
  if (!retry_reason_) {
    pause_ = Milliseconds(0);
    return {};
  }
  Error reason = std::move(*retry_reason_);
  retry_reason_.reset();
  if (std::chrono::steady_clock::now() - last_success_ > options_.delivery_timeout) {
    reason.message = fmt::format("gave up after {} s: {}",
                                 std::chrono::duration_cast<std::chrono::seconds>(options_.delivery_timeout).count(),
                                 reason.message);
    return fail(std::move(reason));
  }
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  std::this_thread::sleep_for(pause_);
  if (const Status learned = learn_leaders(false); !learned) {
    if (learned.error().code == Errc::not_found) return learned;
    note(learned.error(), true);
  }
  return {};
}

void Producer::settle(std::int32_t partition, ErrorCode code, const std::optional<std::string>& said) {
  Lane& lane = lanes_[static_cast<std::size_t>(partition)];
  // A duplicate was stored by an earlier try whose answer was lost.
  if (code == ErrorCode::kNone || (code == ErrorCode::kDuplicateSequenceNumber && producer_id_ >= 0))
    return acknowledge(lane);
  note(server_error(fmt::format("{}/{} refused {} records", topic_name_, partition, lane.ready.front().records), code,
                    said),
       is_retriable(code));
}

void Producer::acknowledge(Lane& lane) {
  acknowledged_ += lane.ready.front().records;
  ready_bytes_ -= lane.ready.front().bytes.size();
  lane.ready.pop_front();
  last_success_ = std::chrono::steady_clock::now();
}

void Producer::note(Error error, bool retriable) {
  auto& place = retriable ? retry_reason_ : fatal_;
  if (!place) place = std::move(error);
}

}  // namespace leat::cli
