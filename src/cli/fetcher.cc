#include "cli/fetcher.h"

#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <thread>

namespace leat::cli {
namespace {

using kafka::ErrorCode;

// The whole batches in `records`, and the offset after the last one.
Result<std::int64_t> split_batches(BytesView records, std::int64_t position, std::vector<BytesView>& batches) {
  while (!records.empty()) {
    const auto header = log::decode_batch_header(records);
    if (!header && header.error().code == Errc::would_block) break;  // cut short by the answer's limit
    if (!header) return fail(header.error());
    if (header->total_size() > records.size()) break;
    batches.push_back(records.first(header->total_size()));
    records = records.subspan(header->total_size());
    position = std::max(position, header->next_offset().value());
  }
  return position;
}

}  // namespace

Fetcher::Fetcher(Client& client, TopicPartitions topic, std::map<std::int32_t, std::int64_t> positions,
                 const FetchOptions& options)
    : client_(client),
      topic_(std::move(topic)),
      positions_(std::move(positions)),
      options_(options),
      last_success_(std::chrono::steady_clock::now()) {}

Result<std::vector<Fetched>> Fetcher::next() {
  std::vector<Fetched> fetched;
  if (to_recover_) {
    Error reason = std::move(*to_recover_);
    to_recover_.reset();
    LEAT_CHECK(recover(std::move(reason)));
  }
  for (const std::int32_t partition : std::exchange(to_jump_, {})) LEAT_CHECK(jump_to_start(partition));
  LEAT_CHECK(ask_idle_brokers());
  if (asked_.empty()) return fetched;

  LEAT_TRY(const std::size_t ready, wait_for_answer());
  const Asked answered = asked_[ready];
  asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(ready));
  auto reply =
      answered.connection->receive<kafka::FetchResponse>(answered.version, Client::kTimeout + options_.wait_max);
  if (!reply) {
    to_recover_ = std::move(reply.error());
    return fetched;
  }
  held_ = std::move(reply->message);
  held_bytes_ = std::move(reply->bytes);
  if (held_.error_code != ErrorCode::kNone)
    return fail(server_error(fmt::format("cannot read '{}'", topic_.name), held_.error_code));
  LEAT_CHECK(use(held_, fetched));
  // The next request goes out while the caller works on this answer.
  if (!to_recover_ && to_jump_.empty()) LEAT_CHECK(ask_idle_brokers());
  return fetched;
}

Status Fetcher::ask_idle_brokers() {
  std::map<std::int32_t, std::vector<std::int32_t>> by_broker;
  for (const auto& [partition, position] : positions_)
    by_broker[topic_.partitions[static_cast<std::size_t>(partition)].leader].push_back(partition);
  for (const auto& [broker, partitions] : by_broker) {
    if (std::ranges::find(asked_, broker, &Asked::broker) != asked_.end()) continue;
    LEAT_CHECK(ask(broker, partitions));
  }
  return {};
}

Status Fetcher::ask(std::int32_t broker, const std::vector<std::int32_t>& partitions) {
  kafka::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(options_.wait_max.count());
  request.min_bytes = options_.bytes_min;
  request.max_bytes = options_.bytes_max;
  auto& topic = request.topics.emplace_back();
  topic.topic = topic_.name;
  for (const std::int32_t partition : partitions) {
    auto& p = topic.partitions.emplace_back();
    p.partition = partition;
    p.fetch_offset = positions_.at(partition);
    p.partition_max_bytes = options_.partition_bytes_max;
  }
  auto connection = client_.broker(broker);
  if (!connection) {
    to_recover_ = std::move(connection.error());
    return {};
  }
  const auto version = (*connection)->send(request, Client::kTimeout);
  if (version) {
    asked_.push_back({broker, *connection, *version});
  } else if (version.error().code == Errc::unsupported) {
    return fail(version.error());
  } else {
    to_recover_ = version.error();
  }
  return {};
}

Result<std::size_t> Fetcher::wait_for_answer() const {
  std::vector<pollfd> waiting;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    const Socket& socket = asked_[i].connection->socket();
    if (socket.has_input()) return i;
    waiting.push_back({socket.descriptor(), POLLIN, 0});
  }
  const auto timeout = static_cast<int>((Client::kTimeout + options_.wait_max).count());
  int ready = 0;
  do {
    ready = ::poll(waiting.data(), waiting.size(), timeout);
  } while (ready < 0 && errno == EINTR);
  for (std::size_t i = 0; i < waiting.size(); ++i)
    if (waiting[i].revents != 0) return i;
  return std::size_t{0};  // receiving from it will tell that time is up
}

Status Fetcher::use(const kafka::FetchResponse& answer, std::vector<Fetched>& fetched) {
  for (const auto& topic : answer.responses)
    for (const auto& p : topic.partitions) {
      const auto position = positions_.find(p.partition_index);
      if (position == positions_.end()) continue;
      if (p.error_code != ErrorCode::kNone) {
        LEAT_CHECK(use_error(p.partition_index, p.error_code));
        continue;
      }
      Fetched& here = fetched.emplace_back();
      here.partition = p.partition_index;
      here.position = position->second;
      here.high_watermark = p.high_watermark;
      auto next = split_batches(p.records.view, position->second, here.batches);
      if (!next)
        return fail(next.error().code, fmt::format("{}/{} at offset {}: {}", topic_.name, p.partition_index,
                                                   position->second, next.error().message));
      position->second = *next;
      last_success_ = std::chrono::steady_clock::now();
    }
  return {};
}

Status Fetcher::use_error(std::int32_t partition, ErrorCode code) {
  if (code == ErrorCode::kOffsetOutOfRange) {
    to_jump_.push_back(partition);
    return {};
  }
  Error error = server_error(fmt::format("cannot read {}/{}", topic_.name, partition), code);
  if (!is_retriable(code)) return fail(std::move(error));
  to_recover_ = std::move(error);
  return {};
}

Status Fetcher::jump_to_start(std::int32_t partition) {
  // Answers of this connection may be on their way; ask only when none is.
  while (!asked_.empty()) {
    const Asked pending = asked_.back();
    asked_.pop_back();
    (void)pending.connection->receive<kafka::FetchResponse>(pending.version, Client::kTimeout + options_.wait_max);
  }
  LEAT_TRY(const auto starts, client_.offsets(topic_, std::span(&partition, 1), kEarliest));
  const std::int64_t start = starts.at(partition);
  std::int64_t& position = positions_.at(partition);
  if (position >= start)
    return fail(Errc::offset_out_of_range,
                fmt::format("{}/{} has no offset {}; see those it has with `leat topic describe {}`", topic_.name,
                            partition, position, topic_.name));
  fmt::print(stderr, "leat: {}/{} begins at offset {}: what was before was removed by retention\n", topic_.name,
             partition, start);
  position = start;
  return {};
}

Status Fetcher::recover(Error reason) {
  if (std::chrono::steady_clock::now() - last_success_ > kGiveUpAfter) return fail(std::move(reason));
  asked_.clear();
  for (const auto& [id, address] : client_.brokers()) client_.forget(id);
  std::this_thread::sleep_for(kPause);
  auto topic = client_.topic(topic_.name);
  if (topic) {
    topic_ = std::move(*topic);
  } else if (topic.error().code == Errc::not_found) {
    return fail(std::move(topic.error()));
  } else {
    to_recover_ = std::move(reason);
  }
  return {};
}

}  // namespace leat::cli
