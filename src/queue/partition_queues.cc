#include "queue/partition_queues.h"

#include <algorithm>

#include "base/logging.h"
#include "queue/content_id.h"
#include "queue/message_facts.h"
#include "runtime/call.h"

namespace leat::queue {
namespace {

constexpr std::uint64_t kLoadChunk = 256 << 10;
constexpr std::size_t kDecompressedMax = std::size_t{64} << 20;
constexpr Duration kLoadPause = std::chrono::milliseconds(500);
constexpr Duration kMaintenance = std::chrono::seconds(1);
constexpr std::uint64_t kJournalledMin = 32 << 20;  // between snapshots
constexpr std::size_t kSnapshotPiece = 256 << 10;
constexpr Duration kRoomPause = std::chrono::milliseconds(20);
constexpr Duration kRoomPatience = std::chrono::seconds(10);

std::unexpected<Error> closed() { return fail(Errc::cancelled, "the queues of this partition are closed"); }

}  // namespace

void PartitionQueues::Watch::on_progress() {
  for (const auto& [id, queue] : owner_.queues_) queue->log_moved();
}

PartitionQueues::PartitionQueues(ShardContext& context, std::shared_ptr<stream::StreamPartition> data,
                                 std::shared_ptr<stream::StreamPartition> journal)
    : context_(context),
      data_(std::move(data)),
      journal_log_(std::move(journal)),
      sends_(data_, GroupAppender::OnFullDisk::refuse),
      journal_(journal_log_, GroupAppender::OnFullDisk::wait) {}

void PartitionQueues::start(const QueuesPtr& snapshot, std::int32_t partitions) {
  partitions_ = partitions;
  tasks_.spawn(run(snapshot));
}

runtime::Task<> PartitionQueues::run(QueuesPtr snapshot) {
  const Status loaded = co_await load(snapshot);
  if (!loaded && !stopping_) {
    failure_ = loaded.error();
    log_error("queue", "the queues of {} do not serve: {}", data_->log().id(), loaded.error().message);
  }
  if (loaded) {
    sends_.start();
    journal_.start();
    data_->log().watch(watch_);
    for (const auto& [id, queue] : queues_) queue->start();
  }
  loaded_ = true;
  loaded_wake_.notify_all();
  if (loaded) co_await maintain();
}

runtime::Task<> PartitionQueues::stop() {
  stopping_ = true;
  stop_wake_.notify_all();
  loaded_wake_.notify_all();
  co_await tasks_.join();
  co_await changes_.reserve(1);
  for (const auto& [id, queue] : std::exchange(queues_, {})) co_await queue->stop(true);
  changes_.release(1);
  co_await sends_.stop();
  co_await journal_.stop();
  context_.reader.forget(data_->log().id());
}

// ---- Rebuilding -----------------------------------------------------------------------------------------------------

runtime::Task<Status> PartitionQueues::load(QueuesPtr snapshot) {
  const log::Partition& log = data_->log();
  std::map<QueueId, Loading> loading;
  take_inlets(*snapshot);
  for (const StoredQueue* stored : snapshot->on_topic(log.id().topic)) {
    if (!stored->queue->settings.delivers) continue;
    const QueueId id = stored->queue->id;
    const PartitionIndex partition = log.id().partition;
    const auto mark = co_await runtime::run_blocking([&] { return context_.index.mark(id, partition); });
    auto engine = std::make_unique<Engine>(share_of(stored->queue->settings), stored->start_of(partition), mark);
    loading.emplace(id, Loading{std::move(engine), *stored, {}, 0, {}});
  }
  LEAT_CO_CHECK(co_await replay(loading));
  // What is known now may be told to clients: it must not be lost any more.
  for (log::Partition* each : {&journal_log_->log(), &data_->log()}) {
    const Offset end = each->log_end();
    while (each->high_watermark() < end && !stopping_) {
      const Status committed = co_await each->wait_committed(end, context_.shard.now() + kLoadPause);
      if (!committed && committed.error().code != Errc::timed_out) co_return committed;
    }
  }
  LEAT_CO_CHECK(co_await load_recent_ids(*snapshot));
  for (auto& [id, queue] : loading) {
    if (!queue.status) co_return fail(std::move(queue.status.error()));
    queue.engine->finish_loading(log.log_start(), log.high_watermark(), now());
    add(std::move(queue.stored), std::move(queue.engine));
  }
  co_return Status{};
}

runtime::Task<Status> PartitionQueues::replay(std::map<QueueId, Loading>& loading) {
  log::Partition& journal = journal_log_->log();
  Offset next = journal.log_start();
  while (true) {
    if (stopping_) co_return closed();
    LEAT_CO_TRY(const Bytes batches, co_await journal.copy(next, kLoadChunk, true));
    if (batches.empty()) break;
    LEAT_CO_TRY(const RecordChunkPtr chunk, RecordChunk::decode(Bytes::copy_of(batches), kDecompressedMax));
    for (const log::RecordView& record : chunk->records()) {
      if (record.offset >= next) LEAT_CO_CHECK(replay_record(record, loading));
    }
    next = chunk->end();
    co_await runtime::sleep_for(Duration::zero());
  }
  co_return Status{};
}

Status PartitionQueues::replay_record(const log::RecordView& record, std::map<QueueId, Loading>& loading) {
  if (!record.key || !record.value) return fail(Errc::corrupt, "a record of a queue's journal has no key or value");
  LEAT_TRY(const QueueId id, decode_journal_key(*record.key));
  const auto found = loading.find(id);
  if (found == loading.end()) return {};
  Loading& queue = found->second;
  LEAT_TRY(JournalRecord decoded, decode_journal_value(*record.value));
  if (const auto* events = std::get_if<std::vector<Event>>(&decoded)) {
    for (const Event& event : *events) queue.engine->load(event, record.timestamp);
    return {};
  }
  const auto& piece = std::get<SnapshotPiece>(decoded);
  if (piece.number == 0) {
    queue.snapshot = Bytes();
    queue.pieces = 0;
  }
  // The log may begin in the middle of a snapshot: a later one is whole.
  if (piece.number != queue.pieces) return {};
  ++queue.pieces;
  queue.snapshot.append(piece.bytes);
  if (!piece.is_last) return {};
  LEAT_TRY(const JournalledState state, decode_snapshot(queue.snapshot));
  queue.snapshot = Bytes();
  return queue.engine->restore(state);
}

// Deduplication ids of what was sent within the window.
runtime::Task<Status> PartitionQueues::load_recent_ids(const QueuesSnapshot& snapshot) {
  log::Partition& log = data_->log();
  const Timestamp now = context_.shard.wall_now();
  Milliseconds window{0};
  bool by_queue = false;
  bool by_group = false;
  for (const StoredQueue* stored : snapshot.on_topic(log.id().topic)) {
    const QueueSettings& settings = stored->queue->settings;
    window = std::max(window, settings.dedup_window);
    (settings.dedup_scope == DedupScope::queue ? by_queue : by_group) = true;
  }
  const Timestamp since = now - window.count();
  LEAT_CO_TRY(const auto first, co_await log.find_time(since));
  if (!first) co_return Status{};
  Offset next = first->offset;
  while (next < log.high_watermark() && !stopping_) {
    LEAT_CO_TRY(const Bytes batches, co_await log.copy(next, kLoadChunk));
    if (batches.empty()) break;
    LEAT_CO_TRY(const RecordChunkPtr chunk,
                RecordChunk::decode(Bytes::copy_of(batches), context_.reader.decompressed_size_max()));
    for (const log::RecordView& record : chunk->records()) {
      const std::string_view stored = header_of(record, kDedupIdHeader);
      if (stored.empty() || record.timestamp < since) continue;
      if (!deduplicator_.has_room(now, window)) {
        log_warning("queue", "{}: more deduplication ids than are remembered; repeated sends of older ones are taken",
                    log.id());
        co_return Status{};
      }
      const std::string_view group = record.key ? as_text(*record.key) : std::string_view();
      const Deduplicator::Original original{{}, record.offset, std::min(record.timestamp, now)};
      if (by_queue) deduplicator_.add(Deduplicator::key({}, stored), original);
      if (by_group) deduplicator_.add(Deduplicator::key(group, stored), original);
    }
    next = chunk->end();
    co_await runtime::sleep_for(Duration::zero());
  }
  co_return Status{};
}

// ---- Following the catalog ------------------------------------------------------------------------------------------

void PartitionQueues::add(StoredQueue stored, std::unique_ptr<Engine> engine) {
  const QueueId id = stored.queue->id;
  queues_.emplace(id, std::make_shared<QueuePartition>(context_, std::move(stored.queue),
                                                       data_->log().shared_from_this(), journal_, std::move(engine)));
}

runtime::Task<> PartitionQueues::update(QueuesPtr snapshot, std::int32_t partitions) {
  co_await changes_.reserve(1);
  while (!loaded_ && !stopping_) co_await loaded_wake_.wait();
  partitions_ = partitions;
  if (!stopping_ && !failure_) {
    std::vector<std::shared_ptr<QueuePartition>> gone;
    for (const auto& [id, queue] : queues_) {
      if (snapshot->find(id) == nullptr) gone.push_back(queue);
    }
    for (auto& queue : gone) co_await close(std::move(queue));
    take_inlets(*snapshot);
    for (const StoredQueue* stored : snapshot->on_topic(data_->log().id().topic)) {
      if (!stored->queue->settings.delivers) continue;
      const auto known = queues_.find(stored->queue->id);
      if (known == queues_.end()) {
        co_await open(*stored);
      } else if (known->second->queue() != stored->queue) {
        known->second->configure(stored->queue, share_of(stored->queue->settings));
      }
    }
  }
  changes_.release(1);
}

void PartitionQueues::take_inlets(const QueuesSnapshot& snapshot) {
  inlets_.clear();
  for (const StoredQueue* stored : snapshot.on_topic(data_->log().id().topic)) {
    if (!stored->queue->settings.delivers) inlets_.emplace(stored->queue->id, stored->queue);
  }
}

// A queue that is new, or back: then the journal knows it.
runtime::Task<> PartitionQueues::open(StoredQueue stored) {
  const QueueId id = stored.queue->id;
  const log::Partition& log = data_->log();
  auto engine =
      std::make_unique<Engine>(share_of(stored.queue->settings), stored.start_of(log.id().partition), std::nullopt);
  std::map<QueueId, Loading> loading;
  loading.emplace(id, Loading{std::move(engine), std::move(stored), {}, 0, {}});
  if (closed_.contains(id)) {
    if (auto replayed = co_await replay(loading); !replayed) {
      failure_ = replayed.error();
      log_error("queue", "the queues of {} do not serve: {}", log.id(), replayed.error().message);
      co_return;
    }
  }
  Loading& opened = loading.at(id);
  opened.engine->finish_loading(log.log_start(), log.high_watermark(), now());
  add(std::move(opened.stored), std::move(opened.engine));
  queues_.at(id)->start();
}

std::vector<std::shared_ptr<QueuePartition>> PartitionQueues::all() const {
  std::vector<std::shared_ptr<QueuePartition>> out;
  for (const auto& [id, queue] : queues_) out.push_back(queue);
  return out;
}

runtime::Task<> PartitionQueues::close(std::shared_ptr<QueuePartition> queue) {
  const QueueId id = queue->queue()->id;
  queues_.erase(id);
  closed_.insert(id);
  co_await queue->stop(false);
  co_await runtime::run_blocking([&] { context_.index.forget(id); });
}

runtime::Task<Result<std::shared_ptr<QueuePartition>>> PartitionQueues::find(QueueId queue) {
  while (!loaded_ && !stopping_) co_await loaded_wake_.wait();
  if (stopping_) co_return closed();
  if (failure_) co_return fail(*failure_);
  const auto found = queues_.find(queue);
  co_return found == queues_.end() ? nullptr : found->second;
}

// ---- Sending --------------------------------------------------------------------------------------------------------

runtime::Task<std::vector<Result<Sent>>> PartitionQueues::send(QueuePtr queue, std::span<const NewMessage> messages) {
  std::vector<Result<Sent>> out;
  const auto found = co_await find(queue->id);
  if (!found || (*found == nullptr && !inlets_.contains(queue->id))) {
    const Error error = found ? Error{Errc::not_found, "the queue was removed"} : found.error();
    out.assign(messages.size(), fail(error));
    co_return out;
  }
  if (is_at_limit(*queue)) {
    const bool has_room = queue->settings.at_limit == AtLimit::slow && co_await wait_for_room(queue);
    if (!has_room) {
      out.assign(messages.size(), fail(Errc::would_block, "the queue is at its limit"));
      co_return out;
    }
  }
  const Timestamp now = context_.shard.wall_now();
  std::vector<Sending> sending;
  sending.reserve(messages.size());
  GroupAppender::GroupPtr last;
  bool grouped = false;
  for (const NewMessage& message : messages) {
    grouped |= message.group.has_value();
    sending.push_back(begin_send(*queue, message, now));
  }
  if (grouped) {
    for (const auto& [id, each] : queues_) {
      each->engine().expect_groups();
      (void)each->flush();
    }
  }
  for (Sending& each : sending) {
    if (each.ticket && each.ticket->group != nullptr) {
      const Status committed = co_await sends_.committed(each.ticket->group);
      if (!committed) {
        each.outcome = fail(committed.error());
      } else if (each.outcome) {
        each.outcome->offset = each.ticket->offset();
      }
    }
    out.push_back(std::move(each.outcome));
  }
  co_return out;
}

PartitionQueues::Sending PartitionQueues::begin_send(const Queue& queue, const NewMessage& message, Timestamp now) {
  const QueueSettings& settings = queue.settings;
  std::size_t size = message.body.size();
  for (const log::RecordHeader& header : message.headers) {
    // What a protocol notes beside the message is not the message.
    if (!is_reserved_header(header.key)) size += header.key.size() + (header.value ? header.value->size() : 0);
  }
  if (static_cast<std::int64_t>(size) > settings.message_size_max)
    return {fail(Errc::too_large,
                 fmt::format("the message has {} bytes, the queue takes {}", size, settings.message_size_max)),
            std::nullopt};

  Sent sent{data_->log().id().partition, Offset(0), now, false};
  std::string made_id;
  std::string_view dedup_id = message.dedup_id;
  if (dedup_id.empty() && settings.content_dedup) dedup_id = made_id = content_id(message.body);
  std::optional<Deduplicator::Key> dedup_key;
  if (!dedup_id.empty()) {
    const bool by_group = settings.dedup_scope == DedupScope::message_group && message.group;
    dedup_key = Deduplicator::key(by_group ? as_text(*message.group) : std::string_view(), dedup_id);
    if (const auto* original = deduplicator_.find(*dedup_key, now, settings.dedup_window)) {
      sent.sent = original->sent;
      sent.offset = original->offset;
      sent.duplicate = true;
      return {sent, original->ticket};
    }
    if (!deduplicator_.has_room(now, settings.dedup_window))
      return {fail(Errc::would_block, "too many deduplication ids within the queue's window"), std::nullopt};
  }

  log::NewRecord record{now, message.group, message.body, message.headers};
  std::string due;
  std::string expires;
  std::string priority;
  const auto add_header = [&record](std::string_view name, std::string_view value) {
    record.headers.push_back({name, as_bytes(value)});
  };
  // What an unordered queue's delay is later changes nothing for this message.
  if (settings.order == Order::unordered && (settings.delay.count() > 0 || message.delay)) {
    due = fmt::format("{}", now + message.delay.value_or(settings.delay).count());
    add_header(kDueHeader, due);
  }
  if (message.time_to_live) {
    expires = fmt::format("{}", now + message.time_to_live->count());
    add_header(kExpiresHeader, expires);
  }
  if (message.priority > 0) {
    priority = fmt::format("{}", message.priority);
    add_header(kPriorityHeader, priority);
  }
  if (!dedup_id.empty()) add_header(kDedupIdHeader, dedup_id);
  const GroupAppender::Ticket ticket = sends_.add(record);
  if (dedup_key) deduplicator_.add(*dedup_key, {ticket, Offset(0), now});
  return {sent, ticket};
}

runtime::Task<Status> PartitionQueues::append(log::NewRecord record) {
  while (!loaded_ && !stopping_) co_await loaded_wake_.wait();
  if (stopping_) co_return closed();
  if (failure_) co_return fail(*failure_);
  co_return co_await sends_.committed(sends_.add(record).group);
}

// Each partition has an equal share of the queue's limits.
QueueSettings PartitionQueues::share_of(QueueSettings settings) const {
  const auto share = [this](std::int64_t limit) {
    return limit <= 0 ? limit : std::max<std::int64_t>(limit / std::max(partitions_, 1), 1);
  };
  settings.in_flight_max = share(settings.in_flight_max);
  settings.depth_max = share(settings.depth_max);
  settings.bytes_max = share(settings.bytes_max);
  settings.rate_max /= std::max(partitions_, 1);
  return settings;
}

bool PartitionQueues::is_at_limit(const Queue& queue) const {
  if (queue.settings.bytes_max <= 0 && queue.settings.depth_max <= 0) return false;
  const QueueSettings settings = share_of(queue.settings);
  if (settings.bytes_max > 0 && data_->log().size_bytes() >= static_cast<std::uint64_t>(settings.bytes_max))
    return true;
  if (settings.depth_max <= 0) return false;
  const auto found = queues_.find(queue.id);
  return found != queues_.end() && found->second->not_done() >= static_cast<std::uint64_t>(settings.depth_max);
}

runtime::Task<bool> PartitionQueues::wait_for_room(QueuePtr queue) {
  const MonoTime deadline = context_.shard.now() + kRoomPatience;
  while (!stopping_ && is_at_limit(*queue)) {
    if (context_.shard.now() >= deadline) co_return false;
    (void)co_await stop_wake_.wait_until(context_.shard.now() + kRoomPause);
  }
  co_return !stopping_;
}

// ---- Upkeep ---------------------------------------------------------------------------------------------------------

runtime::Task<> PartitionQueues::maintain() {
  while (!stopping_) {
    (void)co_await stop_wake_.wait_until(context_.shard.now() + kMaintenance);
    if (stopping_ || journal_.failure()) break;
    for (const auto& [id, queue] : queues_) queue->log_moved();  // its start may have moved
    const std::uint64_t since = journal_.appended_bytes() - snapshot_at_;
    if (since > std::max(kJournalledMin, 4 * snapshot_size_)) co_await save_snapshots();
    co_await free_done_segments();
    deduplicator_.expire(context_.shard.wall_now() - longest_window().count());
  }
}

std::vector<QueuePtr> PartitionQueues::all_known() const {
  std::vector<QueuePtr> out;
  for (const auto& [id, queue] : queues_) out.push_back(queue->queue());
  for (const auto& [id, queue] : inlets_) out.push_back(queue);
  return out;
}

Milliseconds PartitionQueues::longest_window() const {
  Milliseconds longest{0};
  for (const QueuePtr& queue : all_known()) longest = std::max(longest, queue->settings.dedup_window);
  return longest;
}

// The state of every queue anew; what the journal had before is freed.
runtime::Task<> PartitionQueues::save_snapshots() {
  std::optional<GroupAppender::Ticket> first;
  GroupAppender::GroupPtr last;
  snapshot_size_ = 0;
  for (const auto& [id, queue] : queues_) {
    (void)queue->flush();
    const Bytes key = encode_journal_key(id);
    for (const Bytes& piece : encode_snapshot(queue->engine().snapshot(), kSnapshotPiece)) {
      const GroupAppender::Ticket ticket = journal_.add({queue->engine().time(), key.view(), piece.view(), {}});
      if (!first) first = ticket;
      last = ticket.group;
      snapshot_size_ += piece.size();
    }
  }
  snapshot_at_ = journal_.appended_bytes();
  if (!first || !co_await journal_.committed(first->group) || !co_await journal_.committed(last)) co_return;
  if (auto freed = co_await journal_log_->log().delete_records(first->offset()); !freed)
    log_warning("queue", "the journal of {} is not shortened: {}", data_->log().id(), freed.error().message);
}

// Segments of a topic that is there for its queues alone go when all of them are through with everything in them.
runtime::Task<> PartitionQueues::free_done_segments() {
  log::Partition& log = data_->log();
  const bool is_pure =
      !queues_.empty() && std::ranges::any_of(all_known(), [](const QueuePtr& queue) { return queue->owns_topic; });
  const Milliseconds window = longest_window();
  if (!is_pure || log.segments().size() < 2) co_return;
  // What is done must be known to be done after a crash, too.
  for (const std::shared_ptr<QueuePartition>& queue : all()) {
    if (!co_await queue->commit()) co_return;
  }
  const Timestamp wall = context_.shard.wall_now();
  std::vector<std::pair<Offset, Offset>> done;
  for (std::size_t i = 0; i + 1 < log.segments().size(); ++i) {
    const log::Segment& segment = *log.segments()[i];
    const auto is_done_with = [&](const auto& entry) {
      return entry.second->engine().is_done(segment.base, segment.end);
    };
    const bool is_open = segment.end > log.high_watermark() || segment.max_timestamp >= wall - window.count();
    if (!is_open && std::ranges::all_of(queues_, is_done_with)) done.emplace_back(segment.base, segment.end);
  }
  if (done.empty()) co_return;
  if (auto freed = co_await data_->free_segments(context_.shard.files(), std::move(done)); !freed)
    log_warning("queue", "{} keeps segments that nobody needs: {}", log.id(), freed.error().message);
}

}  // namespace leat::queue
