#include "queue/queue_partition.h"

#include <algorithm>

#include "base/logging.h"
#include "queue/message_facts.h"
#include "runtime/call.h"

namespace leat::queue {
namespace {

constexpr Duration kRetryPause = std::chrono::seconds(1);
constexpr Duration kAttemptWindow = std::chrono::minutes(5);
constexpr std::size_t kAttemptsMax = 10'000;
constexpr std::size_t kRecordsAtOnce = 2'000;  // read ahead before others run
constexpr std::string_view kLeaseEnded = "its lease ended before it was acknowledged";

// A record of its own in place of one of a chunk, which may be far larger.
void keep_copy(const log::RecordView& record, Delivery& delivery) {
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(size_of(record));
  const auto kept = [&bytes](BytesView part) {
    const std::size_t at = bytes->size();
    bytes->append(as_text(part));
    return as_bytes(std::string_view(*bytes).substr(at));
  };
  delivery.record = record;
  if (record.key) delivery.record.key = kept(*record.key);
  if (record.value) delivery.record.value = kept(*record.value);
  delivery.record.raw_headers = kept(record.raw_headers);
  delivery.owner = std::move(bytes);
}

// Counts a call while it runs.
class Running {
 public:
  Running(std::size_t& count, runtime::Notifier& idle) : count_(count), idle_(idle) { ++count_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    if (--count_ == 0) idle_.notify_all();
  }

 private:
  std::size_t& count_;
  runtime::Notifier& idle_;
};

Error stopped() { return {Errc::not_found, "the queue was removed"}; }

}  // namespace

class QueuePartition::Ticker final : public runtime::Timer {
 public:
  explicit Ticker(QueuePartition& owner) : owner_(owner) {}
  ~Ticker() override { cancel(); }

 private:
  void fire() override { owner_.tick(); }
  QueuePartition& owner_;
};

QueuePartition::QueuePartition(ShardContext& context, QueuePtr queue, std::shared_ptr<log::Partition> data,
                               GroupAppender& journal, std::unique_ptr<Engine> engine)
    : context_(context),
      queue_(std::move(queue)),
      data_(std::move(data)),
      journal_(journal),
      engine_(std::move(engine)),
      ticker_(std::make_unique<Ticker>(*this)) {}

QueuePartition::~QueuePartition() = default;

void QueuePartition::start() {
  (void)flush();
  tasks_.spawn(work());
  tasks_.spawn(bury_dead_letters());
}

runtime::Task<> QueuePartition::stop(bool keep) {
  stopping_ = true;
  ticker_->cancel();
  wake_.notify_all();
  read_wake_.notify_all();
  dead_wake_.notify_all();
  co_await tasks_.join();
  while (running_ > 0) co_await idle_.wait();
  if (!journal_.failure()) (void)co_await commit();
  if (!keep || journal_.failure()) co_return;
  (void)co_await erase_used_up();
  if (IndexWork work = engine_->save_index(); !work.empty()) {
    if (auto saved = co_await apply_index_work(std::move(work)); !saved)
      log_warning("queue", "{}: {}", queue_->name, saved.error().message);
  }
}

void QueuePartition::configure(QueuePtr queue, const QueueSettings& share) {
  queue_ = std::move(queue);
  engine_->configure(share, now());
  (void)flush();
  wake_.notify_all();
}

// ---- What is decided becomes durable --------------------------------------------------------------------------------

std::optional<Error> QueuePartition::reason_to_refuse() const {
  if (stopping_) return stopped();
  if (journal_.failure()) return journal_.failure();
  if (journal_.is_stalled()) return Error{Errc::disk_full, "the disk is full"};
  if (data_->offline()) return data_->offline();
  return std::nullopt;
}

GroupAppender::GroupPtr QueuePartition::flush() {
  GroupAppender::GroupPtr group;
  std::vector<Event> events = engine_->take_events();
  std::vector<std::string> erases = engine_->take_index_erases();
  if (!events.empty()) {
    const Bytes key = encode_journal_key(queue_->id);
    const Bytes value = encode_events(events);
    group = journal_.add({engine_->time(), key.view(), value.view(), {}}).group;
    last_group_ = group;
  }
  if (!erases.empty()) {
    erases_.push_back({last_group_, std::move(erases)});
    wake_.notify_all();
  }
  const Time time = now();
  ring(time);  // may find out when there is something to do
  arm_ticker(time);
  return group;
}

runtime::Task<Status> QueuePartition::commit() {
  (void)flush();
  if (last_group_ != nullptr && !last_group_->is_finished()) co_return co_await journal_.committed(last_group_);
  if (journal_.failure()) co_return fail(*journal_.failure());
  co_return Status{};
}

void QueuePartition::tick() {
  if (stopping_) return;
  engine_->tick(now());
  (void)flush();
  dead_wake_.notify_all();
  wake_.notify_all();
}

void QueuePartition::arm_ticker(const Time& time) {
  if (stopping_) return;
  const auto next = engine_->next_deadline(time);
  if (ticker_->armed() && next && ticker_->deadline() <= *next && ticker_->deadline() > time.mono) return;
  ticker_->cancel();
  if (next) context_.shard.timers().arm(*ticker_, *next);
}

void QueuePartition::ring(const Time& time) {
  if (!has_interest_ || !engine_->has_ready(time)) return;
  has_interest_ = false;
  for (std::size_t shard = 0; shard < interested_.size(); ++shard) {
    if (std::exchange(interested_[shard], 0) != 0) context_.ring(shard, queue_->id);
  }
}

// ---- Background -----------------------------------------------------------------------------------------------------

runtime::Task<> QueuePartition::work() {
  while (!stopping_ && !journal_.failure()) {
    engine_->log_starts_at(data_->log_start(), now());
    const bool has_read = co_await read_ahead();
    const bool has_indexed = !stopping_ && co_await do_index_work();
    const bool has_erased = !stopping_ && co_await erase_used_up();
    if (has_read || has_indexed) {
      (void)flush();
      read_wake_.notify_all();
      dead_wake_.notify_all();
      co_await runtime::sleep_for(Duration::zero());
    } else if (!has_erased && !stopping_) {
      co_await wake_.wait();
    }
  }
}

// Whether there was something to read.
runtime::Task<bool> QueuePartition::read_ahead() {
  const auto from = engine_->wants_messages();
  if (!from || *from >= data_->high_watermark()) co_return false;
  const Offset readable = data_->high_watermark();
  auto chunk = co_await context_.reader.read(data_, *from);
  if (stopping_) co_return false;
  if (!chunk) {
    if (chunk.error().code == Errc::offset_out_of_range) co_return false;  // the log's start has moved
    log_warning("queue", "{} cannot read {} at {}: {}", queue_->name, data_->id(), *from, chunk.error().message);
    read_failure_ = chunk.error();
    read_wake_.notify_all();
    co_await runtime::sleep_for(kRetryPause);
    co_return true;
  }
  read_failure_.reset();
  if (*chunk == nullptr) {  // all of it was freed
    if (engine_->wants_messages() == from) engine_->read_ahead({}, readable, now());
    co_return true;
  }
  std::vector<MessageFacts> facts;
  std::deque<std::string> storage;
  Offset end = (*chunk)->end();
  for (const log::RecordView& record : (*chunk)->records()) {
    if (record.offset < *from) continue;
    if (facts.size() == kRecordsAtOnce) {
      end = record.offset;
      break;
    }
    facts.push_back(facts_of(record, storage.emplace_back()));
    if (storage.back().empty()) storage.pop_back();
  }
  // Settings may have changed while it was read: then it is asked for anew.
  if (engine_->wants_messages() == from) engine_->read_ahead(facts, end, now());
  co_return true;
}

runtime::Task<bool> QueuePartition::do_index_work() {
  IndexWork work = engine_->take_index_work();
  if (work.empty()) co_return false;
  // What the index is said to cover must be known to be delivered or done, where it is, after a crash, too.
  if (work.sync && !co_await commit()) co_return false;
  if (auto done = co_await apply_index_work(std::move(work)); !done) {
    lose_index(done.error());
    co_await runtime::sleep_for(kRetryPause);
  }
  co_return true;
}

runtime::Task<Status> QueuePartition::apply_index_work(IndexWork work) {
  if (work.clear) erases_.clear();
  const QueueId id = queue_->id;
  const PartitionIndex partition = data_->id().partition;
  auto loaded = co_await runtime::run_blocking([&] { return context_.index.apply(id, partition, work); });
  if (!loaded) co_return fail(std::move(loaded.error()));
  for (const IndexLoaded& answer : *loaded) engine_->index_loaded(answer, now());
  co_return Status{};
}

// Index entries whose messages are all delivered or done, durably.
runtime::Task<bool> QueuePartition::erase_used_up() {
  std::vector<std::string> keys;
  while (!erases_.empty()) {
    const GroupAppender::GroupPtr& after = erases_.front().after;
    if (after != nullptr && !after->is_finished()) break;
    if (after == nullptr || after->status()) std::ranges::move(erases_.front().keys, std::back_inserter(keys));
    erases_.pop_front();
  }
  if (keys.empty()) co_return false;
  const QueueId id = queue_->id;
  const PartitionIndex partition = data_->id().partition;
  const Status erased = co_await runtime::run_blocking([&] { return context_.index.erase(id, partition, keys); });
  if (!erased) log_warning("queue", "{}: {}", queue_->name, erased.error().message);
  co_return true;
}

// What it held is read ahead again.
void QueuePartition::lose_index(const Error& error) {
  log_error("queue", "{} reads {} again: {}", queue_->name, data_->id(), error.message);
  engine_->lose_index(now());
}

runtime::Task<> QueuePartition::bury_dead_letters() {
  while (!stopping_) {
    std::vector<Engine::DeadLetter> letters = engine_->take_dead_letters();
    if (letters.empty()) {
      co_await dead_wake_.wait();
      continue;
    }
    std::optional<Error> failure;
    for (Engine::DeadLetter& letter : letters) {
      const Offset offset = letter.offset;
      Status buried = stopping_ ? Status(fail(stopped())) : co_await bury(std::move(letter));
      if (!buried) {
        engine_->not_moved(offset);
        failure = buried.error();
      }
    }
    if (!failure || stopping_) continue;
    log_warning("queue", "dead letters of {} stay: {}", queue_->name, failure->message);
    co_await dead_wake_.wait_until(context_.shard.now() + kRetryPause);
    if (!stopping_) co_await runtime::sleep_for(kRetryPause);
  }
}

runtime::Task<Status> QueuePartition::bury(Engine::DeadLetter letter) {
  LEAT_CO_TRY(const RecordChunkPtr chunk, co_await context_.reader.read(data_, letter.offset));
  const log::RecordView* record = chunk == nullptr ? nullptr : chunk->find(letter.offset);
  if (record == nullptr) {
    engine_->discard(letter.offset, DoneReason::absent, now());
    co_return co_await commit();
  }
  log::NewRecord dead{record->timestamp, record->key, record->value, {}};
  LEAT_CO_TRY(const auto headers, log::decode_record_headers(record->raw_headers));
  for (const log::RecordHeader& header : headers) {
    const bool is_spent =
        header.key == kDueHeader || header.key == kExpiresHeader || header.key.starts_with("leat-dead-");
    if (!is_spent) dead.headers.push_back(header);
  }
  const std::string partition = fmt::format("{}", data_->id().partition);
  const std::string offset = fmt::format("{}", letter.offset);
  const std::string deliveries = fmt::format("{}", letter.deliveries);
  const std::string_view reason = letter.reason.empty() ? kLeaseEnded : std::string_view(letter.reason);
  for (const auto& [name, value] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{kDeadQueueHeader, queue_->name},
                                                                            {kDeadTopicHeader, queue_->topic},
                                                                            {kDeadPartitionHeader, partition},
                                                                            {kDeadOffsetHeader, offset},
                                                                            {kDeadDeliveriesHeader, deliveries},
                                                                            {kDeadReasonHeader, reason}})
    dead.headers.push_back({name, as_bytes(value)});
  LEAT_CO_CHECK(co_await context_.bury(queue_, letter.offset, dead));
  engine_->moved(letter.offset, now());
  co_return co_await commit();
}

// ---- Calls ----------------------------------------------------------------------------------------------------------

runtime::Task<Result<QueuePartition::Received>> QueuePartition::receive(std::size_t count_max, Milliseconds lease,
                                                                        std::string attempt_id, Interest interest) {
  const Running running(running_, idle_);
  if (const auto refusal = reason_to_refuse()) co_return fail(*refusal);
  Received received;
  while (received.messages.empty()) {
    std::vector<Engine::Leased> leased = repeat_attempt(attempt_id, lease);
    if (leased.empty()) leased = co_await lease_known(count_max, lease);
    if (leased.empty()) break;
    remember_attempt(attempt_id, leased);
    GroupAppender::GroupPtr group = flush();
    if (group == nullptr) group = last_group_;  // an attempt that was repeated may not be durable yet
    co_await finish_receive(std::move(leased), received.messages);
    (void)flush();
    if (group != nullptr) LEAT_CO_CHECK(co_await journal_.committed(group));
  }
  if (stopping_ && received.messages.empty()) co_return fail(stopped());
  if (read_failure_ && received.messages.empty()) co_return fail(*read_failure_);
  if ((received.messages.empty() && interest.if_empty) || interest.always) {
    if (interested_.size() <= interest.shard) interested_.resize(interest.shard + 1);
    interested_[interest.shard] = 1;
    has_interest_ = true;
  }
  const Time time = now();
  received.has_more = engine_->has_ready(time);
  arm_ticker(time);
  if (engine_->wants_messages()) wake_.notify_all();
  if (received.messages.empty() && engine_->is_full() && queue_->settings.order == Order::unordered)
    co_return fail(Errc::too_large, "as many messages are in flight as the queue allows");
  co_return received;
}

// What is in the log already but not known yet counts as there.
runtime::Task<std::vector<Engine::Leased>> QueuePartition::lease_known(std::size_t count_max, Milliseconds lease) {
  std::vector<Engine::Leased> leased = engine_->receive(count_max, lease, now());
  while (leased.empty() && !stopping_ && !reason_to_refuse() && !read_failure_) {
    const auto from = engine_->wants_messages();
    const bool may_learn = from && *from < data_->high_watermark();
    if (!may_learn && !engine_->is_loading()) break;
    wake_.notify_all();
    (void)co_await read_wake_.wait_until(context_.shard.now() + kRetryPause);
    leased = engine_->receive(count_max, lease, now());
  }
  co_return leased;
}

// The messages of an earlier receive with the same id, leased anew, if its consumer still has all of them.
std::vector<Engine::Leased> QueuePartition::repeat_attempt(const std::string& attempt_id, Milliseconds lease) {
  const auto found = attempts_.find(attempt_id);
  if (attempt_id.empty() || found == attempts_.end() || found->second.until <= context_.shard.now()) return {};
  const std::vector<Engine::Leased>& leased = found->second.leased;
  const auto is_held = [this](const Engine::Leased& message) {
    return engine_->is_leased(message.offset) && engine_->deliveries_of(message.offset) == message.delivery;
  };
  if (!std::ranges::all_of(leased, is_held)) return {};
  for (const Engine::Leased& message : leased) {
    const Receipt receipt{data_->id().partition, message.offset, engine_->rewinds(), message.delivery};
    (void)engine_->extend(receipt, lease, now());
  }
  return leased;
}

void QueuePartition::remember_attempt(const std::string& attempt_id, const std::vector<Engine::Leased>& leased) {
  const MonoTime time = context_.shard.now();
  while (!attempt_order_.empty() && (attempt_order_.front().first <= time || attempt_order_.size() >= kAttemptsMax)) {
    const auto found = attempts_.find(attempt_order_.front().second);
    if (found != attempts_.end() && found->second.until == attempt_order_.front().first) attempts_.erase(found);
    attempt_order_.pop_front();
  }
  if (attempt_id.empty()) return;
  attempts_.insert_or_assign(attempt_id, Attempt{time + kAttemptWindow, leased});
  attempt_order_.emplace_back(time + kAttemptWindow, attempt_id);
}

// Adds what the leased messages hold.
runtime::Task<> QueuePartition::finish_receive(std::vector<Engine::Leased> leased, std::vector<Delivery>& out) {
  RecordChunkPtr chunk;
  const std::uint32_t rewinds = engine_->rewinds();
  out.reserve(out.size() + leased.size());
  for (const Engine::Leased& message : leased) {
    const log::RecordView* record = chunk == nullptr ? nullptr : chunk->find(message.offset);
    if (record == nullptr) {
      auto read = co_await context_.reader.read(data_, message.offset);
      if (!read && read.error().code != Errc::offset_out_of_range) {
        log_warning("queue", "{} cannot deliver {} of {}: {}", queue_->name, message.offset, data_->id(),
                    read.error().message);
        const Receipt receipt{data_->id().partition, message.offset, rewinds, message.delivery};
        (void)engine_->release(receipt, std::chrono::duration_cast<Milliseconds>(kRetryPause), {}, now());
        continue;
      }
      chunk = read ? *read : nullptr;
      record = chunk == nullptr ? nullptr : chunk->find(message.offset);
    }
    // While it was read it may have been purged, acknowledged or delivered anew.
    if (engine_->rewinds() != rewinds || engine_->deliveries_of(message.offset) != message.delivery) continue;
    if (record == nullptr || is_too_old(*record)) {
      engine_->discard(message.offset, record == nullptr ? DoneReason::absent : DoneReason::expired, now());
      continue;
    }
    Delivery delivery;
    delivery.receipt = {data_->id().partition, message.offset, rewinds, message.delivery};
    delivery.first_delivered = message.first_delivered;
    delivery.owner = chunk;
    delivery.record = *record;
    out.push_back(std::move(delivery));
  }
}

// Retention frees whole segments; a queue's own topic keeps no message longer than it says.
bool QueuePartition::is_too_old(const log::RecordView& record) const {
  return queue_->owns_topic && record.timestamp >= Timestamp(0) &&
         record.timestamp < context_.shard.wall_now() - queue_->settings.retention.count();
}

runtime::Task<std::vector<Status>> QueuePartition::acknowledge(std::span<const Receipt> receipts) {
  const Running running(running_, idle_);
  std::vector<Status> out;
  const auto refusal = reason_to_refuse();
  for (const Receipt& receipt : receipts)
    out.push_back(refusal ? Status(fail(*refusal)) : engine_->acknowledge(receipt, now()));
  const Status committed = refusal ? Status{} : co_await commit();
  for (Status& outcome : out) {
    // What is gone already may have gone a moment ago.
    if (!committed && (outcome || outcome.error().code == Errc::not_found)) outcome = committed;
  }
  co_return out;
}

runtime::Task<std::vector<Status>> QueuePartition::set_lease(std::span<const LeaseChange> changes) {
  const Running running(running_, idle_);
  std::vector<Status> out;
  const auto refusal = reason_to_refuse();
  for (const LeaseChange& change : changes) {
    if (refusal) {
      out.push_back(fail(*refusal));
    } else if (change.lease.count() > 0) {
      out.push_back(engine_->extend(change.receipt, change.lease, now()));
    } else {
      out.push_back(engine_->release(change.receipt, Milliseconds(0), change.reason, now()));
    }
  }
  dead_wake_.notify_all();
  const Status committed = refusal ? Status{} : co_await commit();
  for (Status& outcome : out) {
    if (outcome && !committed) outcome = committed;
  }
  co_return out;
}

runtime::Task<Status> QueuePartition::purge() {
  const Running running(running_, idle_);
  if (const auto refusal = reason_to_refuse()) co_return fail(*refusal);
  engine_->purge(data_->high_watermark(), now());
  wake_.notify_all();
  co_return co_await commit();
}

runtime::Task<Status> QueuePartition::rewind(Offset to) {
  const Running running(running_, idle_);
  if (const auto refusal = reason_to_refuse()) co_return fail(*refusal);
  engine_->rewind(std::clamp(to, data_->log_start(), data_->high_watermark()), now());
  wake_.notify_all();
  co_return co_await commit();
}

Status QueuePartition::check_free(Offset offset) const {
  if (const auto refusal = reason_to_refuse()) return fail(*refusal);
  const bool is_there = offset >= std::max(engine_->floor(), data_->log_start()) && offset < data_->high_watermark() &&
                        !engine_->is_done(offset, offset + 1);
  if (!is_there) return fail(Errc::not_found, fmt::format("no message waits at offset {}", offset));
  if (engine_->is_leased(offset)) return fail(Errc::would_block, "a consumer has the message");
  return {};
}

runtime::Task<Result<Delivery>> QueuePartition::look(Offset offset) {
  const Running running(running_, idle_);
  LEAT_CO_CHECK(check_free(offset));
  LEAT_CO_TRY(const RecordChunkPtr chunk, co_await context_.reader.read(data_, offset));
  const log::RecordView* record = chunk == nullptr ? nullptr : chunk->find(offset);
  if (record == nullptr) co_return fail(Errc::not_found, fmt::format("there is no message at offset {}", offset));
  Delivery delivery;
  delivery.receipt = {data_->id().partition, offset, engine_->rewinds(), engine_->deliveries_of(offset)};
  delivery.owner = chunk;
  delivery.record = *record;
  co_return delivery;
}

runtime::Task<Status> QueuePartition::discard(Offset offset) {
  const Running running(running_, idle_);
  LEAT_CO_CHECK(check_free(offset));
  engine_->discard(offset, DoneReason::acknowledged, now());
  wake_.notify_all();
  co_return co_await commit();
}

runtime::Task<Result<Browsed>> QueuePartition::browse(std::size_t count_max, std::size_t bytes_max) {
  const Running running(running_, idle_);
  Browsed out;
  std::size_t bytes = 0;
  Offset at = std::max(engine_->floor(), data_->log_start());
  while (out.messages.size() < count_max && !out.is_cut && at < data_->high_watermark() && !stopping_) {
    LEAT_CO_TRY(const RecordChunkPtr chunk, co_await context_.reader.read(data_, at));
    if (chunk == nullptr) break;
    for (const log::RecordView& record : chunk->records()) {
      if (record.offset < at || engine_->is_done(record.offset, record.offset + 1)) continue;
      if (out.messages.size() == count_max) break;
      bytes += size_of(record);
      out.is_cut = bytes > bytes_max && !out.messages.empty();
      if (out.is_cut) break;
      Delivery& delivery = out.messages.emplace_back();
      delivery.receipt = {data_->id().partition, record.offset, engine_->rewinds(),
                          engine_->deliveries_of(record.offset)};
      keep_copy(record, delivery);
    }
    at = std::max(chunk->end(), at + 1);
  }
  co_return out;
}

std::uint64_t QueuePartition::not_done() const { return engine_->stats(data_->high_watermark()).not_done; }

runtime::Task<Result<QueuePartition::Stats>> QueuePartition::stats() {
  const Running running(running_, idle_);
  Stats stats;
  stats.engine = engine_->stats(data_->high_watermark());
  LEAT_CO_TRY(const Browsed first, co_await browse(1, 0));
  if (!first.messages.empty()) stats.oldest = first.messages.front().record.timestamp;
  co_return stats;
}

}  // namespace leat::queue
