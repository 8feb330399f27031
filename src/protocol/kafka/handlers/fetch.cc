#include "protocol/kafka/fetch_session.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

using security::Operation;

constexpr std::int64_t kMaxWaitMs = 300'000;

// One partition of a fetch, on its way through its owner shard: what is asked, and what was found.
struct PartitionFetch {
  TopicPartition id;
  const FetchPosition* position = nullptr;
  ErrorCode error = ErrorCode::kNone;
  Offset high_watermark{-1};
  Offset log_start{-1};
  runtime::FileRange found;
  std::optional<std::pair<LeaderEpoch, Offset>> diverging;
};

// The room left in a response. Its first records may exceed it, so that a large batch cannot block a consumer.
struct Room {
  std::uint64_t bytes = 0;
  bool empty = true;
};

// Where the consumer's log parted from ours (KIP-595's LastFetchedEpoch); nullopt while they agree.
std::optional<std::pair<LeaderEpoch, Offset>> divergence(const log::Partition& log, const FetchPosition& position) {
  if (position.last_fetched_epoch < 0) return std::nullopt;
  const LeaderEpoch last(position.last_fetched_epoch);
  const auto end = log.end_of_epoch(last);
  if (!end) return std::pair(kNoEpoch, Offset(-1));
  if (end->first < last || end->second < Offset(position.fetch_offset)) return end;
  return std::nullopt;
}

runtime::Task<> read_one(stream::StreamShard& shard, PartitionFetch& fetch, Room& room) {
  const auto partition = shard.find(fetch.id);
  if (partition == nullptr) {
    fetch.error = ErrorCode::kUnknownTopicOrPartition;
    co_return;
  }
  log::Partition& log = partition->log();
  fetch.error = check_epoch(log, fetch.position->current_leader_epoch);
  if (fetch.error != ErrorCode::kNone) co_return;
  fetch.diverging = divergence(log, *fetch.position);
  const Offset from(fetch.position->fetch_offset);
  // A record that was answered with acks=1 may not be committed yet: whoever asks for it, or what follows it, waits.
  const bool is_uncommitted = !log.offline() && from > log.high_watermark() && from <= log.log_end();
  if (!fetch.diverging && !is_uncommitted) {
    const auto limit =
        std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max(fetch.position->bytes_max, 0)), room.bytes);
    if (limit > 0 || room.empty) {
      auto slice = co_await log.read(from, {limit, room.empty});
      if (slice) {
        fetch.found = std::move(slice->range);
      } else {
        fetch.error = to_error_code(slice.error().code);
      }
    }
  }
  fetch.high_watermark = log.high_watermark();
  fetch.log_start = log.log_start();
  if (fetch.found.length == 0) co_return;
  room.bytes -= std::min(room.bytes, fetch.found.length);
  room.empty = false;
}

using ShardFetches = std::vector<PartitionFetch*>;

runtime::Task<Room> read_on_shard(stream::StreamShard* shard, ShardFetches fetches, Room room) {
  for (PartitionFetch* fetch : fetches) co_await read_one(*shard, *fetch, room);
  co_return room;
}

// ---- Waiting for more -----------------------------------------------------------------------------------------------

// Where a long poll waits: its connection's shard, told by any of the shards that own its partitions.
struct LongPoll {
  runtime::Shard& home;
  runtime::Notifier wake;
  bool woken = false;
};

// A long poll's watches on one owner shard. Made and freed at home; tells it at most once.
class ShardWatch : private runtime::Work {
 public:
  explicit ShardWatch(LongPoll& poll) : poll_(poll) {
    this->runtime::Work::run = [](runtime::Work* work) {
      LongPoll& told = static_cast<ShardWatch*>(work)->poll_;
      told.woken = true;
      told.wake.notify_all();
    };
  }

  // These two on the owner shard. Watches partitions until stopped; one that moved since it was read tells at once.
  void watch(stream::StreamShard& shard, const ShardFetches& fetches) {
    for (const PartitionFetch* fetch : fetches) {
      const auto partition = shard.find(fetch->id);
      if (partition == nullptr || partition->log().high_watermark() != fetch->high_watermark) {
        tell();
        return;
      }
      watches_.push_back(std::make_unique<Watch>(*this));
      partition->log().watch(*watches_.back());
    }
  }
  void stop() { watches_.clear(); }

 private:
  struct Watch final : log::ProgressWatch {
    explicit Watch(ShardWatch& of) : owner(of) {}
    void on_progress() override { owner.tell(); }
    ShardWatch& owner;
  };

  void tell() {
    if (std::exchange(told_, true)) return;
    if (runtime::Shard::is_current(poll_.home)) {
      this->runtime::Work::run(this);
    } else {
      poll_.home.send(*this);
    }
  }

  LongPoll& poll_;
  std::vector<std::unique_ptr<Watch>> watches_;
  bool told_ = false;
};

runtime::Task<> watch_on_shard(stream::StreamShard* shard, ShardWatch* watch, const ShardFetches* fetches) {
  watch->watch(*shard, *fetches);
  co_return;
}

runtime::Task<> unwatch_on_shard(ShardWatch* watch) {
  // The message that tells home, if there is one, was sent before this call's answer is, and so arrives before it: home may
  // free the watch then.
  watch->stop();
  co_return;
}

// ---- The request ----------------------------------------------------------------------------------------------------

class Fetch {
 public:
  Fetch(Request& request, const FetchRequest& message, std::vector<FetchPosition>& positions)
      : request_(request), message_(message), positions_(positions), fetches_(positions.size()) {}

  runtime::Task<> run() {
    resolve();
    const auto wait = std::clamp<std::int64_t>(message_.max_wait_ms, 0, kMaxWaitMs);
    const MonoTime deadline = shard().now() + Milliseconds(wait);
    const security::PolicyPtr policy = request_.node().policies.current();
    while (true) {
      co_await read();
      if (complete() || shard().now() >= deadline || request_.connection.closing) break;
      co_await wait_for_progress(deadline);
      // What may be read was asked of another policy: the next fetch asks again.
      if (policy != request_.node().policies.current()) break;
    }
  }

  std::vector<PartitionFetch>& fetches() { return fetches_; }

 private:
  [[nodiscard]] runtime::Shard& shard() const { return request_.shard().streams.shard(); }

  // Finds who owns each partition; what cannot be read gets its error here.
  void resolve() {
    for (std::size_t i = 0; i < positions_.size(); ++i) {
      const FetchPosition& position = positions_[i];
      PartitionFetch& fetch = fetches_[i];
      fetch.position = &position;
      const catalog::Topic* topic = find_topic(request_, *position.name, position.topic_id);
      if (position.topic_id.is_zero() && !request_.allows_topic(Operation::read, *position.name)) {
        fetch.error = ErrorCode::kTopicAuthorizationFailed;
      } else if (topic == nullptr) {
        fetch.error = unknown_topic(position.topic_id);
      } else if (!request_.allows_topic(Operation::read, topic->entry.name)) {
        fetch.error = ErrorCode::kTopicAuthorizationFailed;
      } else if (position.partition < 0 || position.partition >= topic->entry.partitions) {
        fetch.error = ErrorCode::kUnknownTopicOrPartition;
      } else {
        fetch.id = {topic->entry.id, PartitionIndex(position.partition)};
        const std::size_t owner = request_.node().streams.owner(fetch.id);
        auto found = std::find_if(by_shard_.begin(), by_shard_.end(), [&](const auto& e) { return e.first == owner; });
        if (found == by_shard_.end()) found = by_shard_.insert(by_shard_.end(), {owner, {}});
        found->second.push_back(&fetch);
      }
    }
  }

  runtime::Task<> read() {
    Room room{bytes_max(), true};
    for (const auto& [owner, fetches] : by_shard_) {
      for (PartitionFetch* fetch : fetches) {
        fetch->found = {};
        fetch->error = ErrorCode::kNone;
      }
      stream::StreamShard& target = request_.node().streams.shard(owner);
      room = co_await runtime::call_on(target.shard(), read_on_shard, &target, fetches, room);
    }
  }

  // The most that is answered: not more than the client's quota lets out at once.
  [[nodiscard]] std::uint64_t bytes_max() const {
    const auto asked = static_cast<std::uint64_t>(std::max(message_.max_bytes, 0));
    return std::min({asked, request_.node().options.fetch_bytes_max, request_.connection.quotas.out_at_once()});
  }

  // Whether there is an answer to give before the time is up.
  [[nodiscard]] bool complete() const {
    const auto bytes_min =
        std::min(static_cast<std::uint64_t>(std::max(message_.min_bytes, 0)), request_.connection.quotas.out_at_once());
    std::uint64_t bytes = 0;
    for (const PartitionFetch& fetch : fetches_) {
      if (fetch.error != ErrorCode::kNone || fetch.diverging) return true;
      bytes += fetch.found.length;
    }
    return fetches_.empty() || bytes >= bytes_min;
  }

  runtime::Task<> wait_for_progress(MonoTime deadline) {
    LongPoll poll{.home = shard(), .wake = {}, .woken = false};
    std::vector<std::unique_ptr<ShardWatch>> watches;
    for (const auto& [owner, fetches] : by_shard_) {
      watches.push_back(std::make_unique<ShardWatch>(poll));
      stream::StreamShard& target = request_.node().streams.shard(owner);
      co_await runtime::call_on(target.shard(), watch_on_shard, &target, watches.back().get(), &fetches);
    }
    auto& polls = request_.connection.long_polls;
    polls.insert(&poll.wake);
    if (!poll.woken && !request_.connection.closing) co_await poll.wake.wait_until(deadline);
    polls.erase(&poll.wake);
    for (std::size_t i = 0; i < watches.size(); ++i) {
      stream::StreamShard& target = request_.node().streams.shard(by_shard_[i].first);
      co_await runtime::call_on(target.shard(), unwatch_on_shard, watches[i].get());
    }
  }

  Request& request_;
  const FetchRequest& message_;
  std::vector<FetchPosition>& positions_;
  std::vector<PartitionFetch> fetches_;
  std::vector<std::pair<std::size_t, ShardFetches>> by_shard_;
};

FetchResponse::PartitionData partition_reply(const Request& request, PartitionFetch& fetch) {
  FetchResponse::PartitionData reply;
  reply.partition_index = fetch.position->partition;
  reply.error_code = request.count(fetch.error);
  reply.high_watermark = fetch.high_watermark.value();
  reply.last_stable_offset = fetch.high_watermark.value();
  reply.log_start_offset = fetch.log_start.value();
  reply.aborted_transactions.reset();
  if (fetch.diverging) reply.diverging_epoch = {fetch.diverging->first.value(), fetch.diverging->second.value()};
  if (fetch.found.length > 0) {
    request.shard().streams.count_read(fetch.id.topic, fetch.found.length);
    reply.records.parts.emplace_back(std::move(fetch.found));
  }
  return reply;
}

// What an incremental response leaves out: partitions about which there is nothing new to tell.
bool has_news(const PartitionFetch& fetch) {
  return fetch.error != ErrorCode::kNone || fetch.diverging || fetch.found.length > 0 ||
         fetch.high_watermark.value() != fetch.position->told_high_watermark ||
         fetch.log_start.value() != fetch.position->told_log_start;
}

FetchResponse build_response(Request& request, std::vector<PartitionFetch>& fetches, bool incremental) {
  FetchResponse response;
  std::uint64_t bytes = 0;
  for (PartitionFetch& fetch : fetches) {
    bytes += fetch.found.length;
    if (incremental && !has_news(fetch)) continue;
    const FetchPosition& position = *fetch.position;
    if (response.responses.empty() || response.responses.back().topic != *position.name ||
        response.responses.back().topic_id != position.topic_id) {
      auto& topic = response.responses.emplace_back();
      topic.topic = *position.name;
      topic.topic_id = position.topic_id;
    }
    response.responses.back().partitions.push_back(partition_reply(request, fetch));
  }
  if (bytes > 0) request.hold(request.connection.quotas.charge_out(bytes));
  return response;
}

FetchResponse failed(const Request& request, ErrorCode error, std::int32_t session_id) {
  FetchResponse response;
  response.error_code = request.count(error);
  response.session_id = session_id;
  return response;
}

// Opens a session for a request that asks for one, if there is room; else every fetch names all its partitions.
std::shared_ptr<FetchSession> open_session(KafkaShard& shard) {
  if (shard.fetch_sessions >= shard.node.options.fetch_sessions_max) return nullptr;
  const auto shards = static_cast<std::int32_t>(shard.node.streams.size());
  const std::int32_t id =
      shard.next_fetch_session * shards + static_cast<std::int32_t>(shard.streams.shard().id().value());
  shard.next_fetch_session = shard.next_fetch_session >= INT32_MAX / shards - 1 ? 1 : shard.next_fetch_session + 1;
  return std::make_shared<FetchSession>(shard, id);
}

runtime::Task<FetchResponse> fetch_in_session(Request& request, const FetchRequest& message,
                                              std::shared_ptr<FetchSession> session, bool incremental) {
  session->set_busy(true);
  Fetch fetch(request, message, session->positions());
  co_await fetch.run();
  FetchResponse response = build_response(request, fetch.fetches(), incremental);
  response.session_id = session->id();
  std::vector<bool> served(fetch.fetches().size());
  for (std::size_t i = 0; i < served.size(); ++i) {
    const PartitionFetch& done = fetch.fetches()[i];
    FetchPosition& position = session->positions()[i];
    position.told_high_watermark = done.error == ErrorCode::kNone ? done.high_watermark.value() : -1;
    position.told_log_start = done.error == ErrorCode::kNone ? done.log_start.value() : -1;
    served[i] = done.found.length > 0;
  }
  session->rotate(served);
  session->set_busy(false);
  co_return response;
}

// Whether it comes from a client that is no user and may read nothing: it gets no session, and waits for nothing.
bool is_nobodys(const Request& request) {
  return !request.connection.authenticated && !request.node().policies.current()->is_open() &&
         !request.allows_any(Operation::read, security::ResourceType::topic);
}

FetchResponse refuse_all(Request& request, const FetchRequest& message) {
  const std::vector<FetchPosition> positions = positions_of(message);
  std::vector<PartitionFetch> fetches(positions.size());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const FetchPosition& position = positions[i];
    const catalog::Topic* topic = find_topic(request, *position.name, position.topic_id);
    // Asked for the audit log's sake.
    if (topic != nullptr || position.topic_id.is_zero())
      (void)request.allows_topic(Operation::read, topic != nullptr ? topic->entry.name : *position.name);
    fetches[i].position = &position;
    fetches[i].error = ErrorCode::kTopicAuthorizationFailed;
  }
  return build_response(request, fetches, false);
}

}  // namespace

runtime::Task<FetchResponse> handle_fetch(Request& request, FetchRequest message) {
  if (is_nobodys(request)) co_return refuse_all(request, message);
  auto& current = request.connection.fetch_session;
  // Epoch 0 begins a session, -1 ends it and asks for one full answer (KIP-227).
  if (message.session_epoch == 0 || message.session_epoch == -1) {
    current.reset();
    std::shared_ptr<FetchSession> session = message.session_epoch == 0 ? open_session(request.shard()) : nullptr;
    if (session != nullptr && session->update(message)) {
      current = session;
      co_return co_await fetch_in_session(request, message, session, false);
    }
    const std::size_t count = count_partitions(message);
    if (count > FetchSession::kPartitionsMax) co_return failed(request, ErrorCode::kInvalidRequest, 0);
    co_await request.shard().fetch_positions.reserve(count);
    const runtime::Reservation reserved(request.shard().fetch_positions, count);
    std::vector<FetchPosition> positions = positions_of(message);
    Fetch fetch(request, message, positions);
    co_await fetch.run();
    co_return build_response(request, fetch.fetches(), false);
  }
  const std::shared_ptr<FetchSession> session = current;
  if (session == nullptr || session->id() != message.session_id)
    co_return failed(request, ErrorCode::kFetchSessionIdNotFound, 0);
  if (session->busy() || session->next_epoch() != message.session_epoch)
    co_return failed(request, ErrorCode::kInvalidFetchSessionEpoch, session->id());
  if (!session->update(message)) co_return failed(request, ErrorCode::kInvalidRequest, session->id());
  session->advance_epoch();
  co_return co_await fetch_in_session(request, message, session, true);
}

}  // namespace leat::kafka
