#include "queue/queue_service.h"

#include <algorithm>

#include "base/logging.h"
#include "queue/message_facts.h"
#include "runtime/call.h"

namespace leat::queue {
namespace {

constexpr Duration kApplyTimeout = std::chrono::seconds(60);
constexpr Milliseconds kRedriveLease{60'000};
constexpr std::size_t kRedriveBatch = 10;
constexpr Duration kProgressInterval = std::chrono::seconds(1);
constexpr std::int64_t kSegmentBytes = std::int64_t{64} << 20;  // small enough to be freed soon
constexpr std::int64_t kRecordOverhead = std::int64_t{64} << 10;

runtime::Task<> apply_on(QueueShard* shard, QueuesPtr snapshot) { co_await shard->apply(std::move(snapshot)); }

std::unexpected<Error> no_queue(std::string_view name) {
  return fail(Errc::not_found, fmt::format("there is no queue '{}'", name));
}

// Deduplication is by partition, and a message group is in one.
Status check_partitions(const QueueSettings& settings, std::int32_t partitions, bool owns_topic) {
  if (settings.order == Order::fifo && settings.dedup_scope == DedupScope::queue && partitions > 1 && owns_topic)
    return fail(Errc::invalid_config, "a FIFO queue has one partition unless it deduplicates by message group");
  return {};
}

// Not found is what was wanted.
Status unless_gone(Status status) {
  if (!status && status.error().code == Errc::not_found) return {};
  return status;
}

}  // namespace

QueueService::QueueService(catalog::Catalog& catalog, stream::TopicService& topics, const QueueNode& node)
    : catalog_(catalog), topics_(topics), node_(node) {}

// ---- Following the catalog ------------------------------------------------------------------------------------------

runtime::Task<Status> QueueService::start() {
  LEAT_CO_TRY(published_, co_await load_queues(catalog_));
  co_await apply(published_);
  applied_ = published_;
  tasks_.spawn(follow_queues(catalog_, published_, [this](QueuesPtr next) { publish(std::move(next)); }));
  tasks_.spawn(apply_published());
  LEAT_CO_TRY(std::vector<StoredRedrive> stored, co_await load_redrives(catalog_, {}));
  for (StoredRedrive& each : stored) {
    if (!is_finished(each.redrive.state)) redrives_.spawn(run_redrive(std::move(each)));
  }
  co_return Status{};
}

runtime::Task<> QueueService::stop_redrives() {
  redrives_stopping_ = true;
  redrive_wake_.notify_all();
  co_await redrives_.join();
}

runtime::Task<> QueueService::stop() {
  stopping_ = true;
  published_wake_.notify_all();
  applied_wake_.notify_all();
  co_await tasks_.join();
}

void QueueService::publish(QueuesPtr next) {
  published_ = std::move(next);
  published_wake_.notify_all();
}

runtime::Task<> QueueService::apply_published() {
  while (!stopping_) {
    if (published_ == applied_) {
      co_await published_wake_.wait();
      continue;
    }
    const QueuesPtr next = published_;
    co_await apply(next);
    applied_ = next;
    applied_wake_.notify_all();
  }
}

runtime::Task<> QueueService::apply(QueuesPtr snapshot) {
  for (QueueShard* shard : node_.shards) co_await runtime::call_on(shard->streams().shard(), apply_on, shard, snapshot);
}

runtime::Task<Status> QueueService::wait_applied(catalog::Revision revision) {
  const MonoTime deadline = here().streams().shard().now() + kApplyTimeout;
  while (applied_->revision() < revision) {
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
    if (!co_await applied_wake_.wait_until(deadline)) co_return fail(Errc::timed_out, "the change is not applied yet");
  }
  co_return Status{};
}

// ---- Changes --------------------------------------------------------------------------------------------------------

runtime::Task<Result<QueuePtr>> QueueService::create(NewQueue queue) {
  co_await changes_.reserve(1);
  const runtime::Reservation change(changes_, 1);
  LEAT_CO_CHECK(check_queue_name(queue.name));
  LEAT_CO_CHECK(check_settings(queue.settings));
  if (applied_->find(queue.name) != nullptr) co_return fail(Errc::exists, fmt::format("queue '{}' exists", queue.name));
  const bool owns_topic = queue.topic.empty();
  if (owns_topic) {
    queue.topic = queue.name;
    queue.start = {};
    LEAT_CO_CHECK(co_await create_topic(queue));
  }
  const std::string topic = queue.topic;
  auto created = co_await create_on_topic(std::move(queue), owns_topic);
  if (!created && owns_topic) (void)co_await topics_.remove(topic);
  co_return created;
}

runtime::Task<Status> QueueService::create_topic(const NewQueue& queue) {
  catalog::NewTopic topic;
  topic.name = queue.name;
  topic.replicas = catalog::replicas_on(topics_.node(), queue.partitions);
  topic.config = {
      {"max.message.bytes", fmt::format("{}", queue.settings.message_size_max + kRecordOverhead)},
      {"retention.ms", fmt::format("{}", queue.settings.retention.count())},
      {"segment.bytes", fmt::format("{}", kSegmentBytes)},
  };
  auto created = co_await topics_.create(std::move(topic));
  if (created) co_return Status{};
  if (created.error().code != Errc::exists) co_return fail(std::move(created.error()));
  co_return fail(Errc::exists, fmt::format("there is a topic '{}' already: make a queue on it instead", queue.name));
}

runtime::Task<Result<QueuePtr>> QueueService::create_on_topic(NewQueue queue, bool owns_topic) {
  const catalog::Topic* topic = topics().find(queue.topic);
  if (topic == nullptr) co_return fail(Errc::not_found, fmt::format("there is no topic '{}'", queue.topic));
  LEAT_CO_CHECK(check_partitions(queue.settings, topic->entry.partitions, owns_topic));
  const TopicId topic_id = topic->entry.id;
  catalog::ConfigMap journal{{"retention.ms", "-1"}, {"segment.bytes", fmt::format("{}", kSegmentBytes)}};
  if (auto companion = co_await topics_.create_companion(topic_id, std::move(journal)); !companion)
    co_return fail(std::move(companion.error()));
  LEAT_CO_TRY(std::vector<Offset> start, co_await here().resolve(topic_id, queue.start));
  Queue entry;
  entry.name = std::move(queue.name);
  entry.topic = std::move(queue.topic);
  entry.topic_id = topic_id;
  entry.owns_topic = owns_topic;
  entry.settings = std::move(queue.settings);
  entry.attributes = std::move(queue.attributes);
  entry.tags = std::move(queue.tags);
  LEAT_CO_TRY(const StoredQueue created, co_await create_queue(catalog_, std::move(entry), std::move(start)));
  LEAT_CO_CHECK(co_await wait_applied(created.revision));
  co_return created.queue;
}

runtime::Task<Result<QueuePtr>> QueueService::alter(std::string name, QueueChange change) {
  co_await changes_.reserve(1);
  const runtime::Reservation held(changes_, 1);
  if (const StoredQueue* known = applied_->find(name)) {
    const QueuePtr before = known->queue;
    const catalog::Topic* on = topics().find(before->topic_id);
    const std::int32_t partitions = on == nullptr ? 1 : on->entry.partitions;
    Queue wanted = *before;
    LEAT_CO_CHECK(apply_change(change, wanted));
    LEAT_CO_CHECK(check_partitions(wanted.settings, partitions, before->owns_topic));
    if (change.purges && change_between(*before, wanted) == QueueChange()) co_return before;
    if (change.purges) LEAT_CO_CHECK(co_await here().purge(before));
  }
  LEAT_CO_TRY(const StoredQueue altered, co_await alter_queue(catalog_, std::move(name), std::move(change)));
  LEAT_CO_CHECK(co_await wait_applied(altered.revision));
  const Queue& queue = *altered.queue;
  const catalog::Topic* topic = topics().find(queue.topic_id);
  if (queue.owns_topic && topic != nullptr) {
    const std::string retention = fmt::format("{}", queue.settings.retention.count());
    const std::string size = fmt::format("{}", queue.settings.message_size_max + kRecordOverhead);
    catalog::ConfigMap config = topic->entry.config;
    if (config["retention.ms"] != retention || config["max.message.bytes"] != size) {
      config["retention.ms"] = retention;
      config["max.message.bytes"] = size;
      LEAT_CO_CHECK(co_await topics_.replace_config(queue.topic, std::move(config)));
    }
  }
  co_return altered.queue;
}

runtime::Task<Status> QueueService::remove(std::string name) {
  co_await changes_.reserve(1);
  const runtime::Reservation held(changes_, 1);
  const StoredQueue* stored = applied_->find(name);
  if (stored == nullptr) co_return no_queue(name);
  const QueuePtr queue = stored->queue;
  // Its messages are let go of before their topic goes; the topic goes before the entry that tells of it.
  if (queue->owns_topic && applied_->on_topic(queue->topic_id).size() == 1) {
    QueuesSnapshot::ByName others = applied_->queues();
    others.erase(name);
    co_await apply(std::make_shared<QueuesSnapshot>(applied_->revision(), std::move(others)));
    if (auto removed = unless_gone(co_await topics_.remove(queue->topic)); !removed) {
      co_await apply(applied_);
      co_return removed;
    }
  }
  // Whoever cleans up after a removed topic may have been faster.
  const auto removed = co_await remove_queue(catalog_, std::move(name));
  if (!removed && removed.error().code != Errc::not_found) co_return fail(removed.error());
  const MonoTime deadline = here().streams().shard().now() + kApplyTimeout;
  while (applied_->find(queue->id) != nullptr) {
    if (stopping_) co_return fail(Errc::cancelled, "the server stops");
    if (!co_await applied_wake_.wait_until(deadline)) co_return fail(Errc::timed_out, "the change is not applied yet");
  }
  co_return Status{};
}

// ---- Redrives -------------------------------------------------------------------------------------------------------

runtime::Task<Result<std::string>> QueueService::start_redrive(std::string source, std::string destination,
                                                               double rate_max) {
  const StoredQueue* from = applied_->find(source);
  if (from == nullptr) co_return no_queue(source);
  if (!destination.empty() && applied_->find(destination) == nullptr) co_return no_queue(destination);
  if (destination == source) co_return fail(Errc::invalid_argument, "a queue's messages cannot go back to itself");
  runtime::Shard& shard = here().streams().shard();
  Redrive redrive;
  const std::uint64_t high = shard.random();
  redrive.id = Uuid::from_random(high, shard.random()).to_string();
  redrive.source = std::move(source);
  redrive.destination = std::move(destination);
  redrive.rate_max = rate_max;
  redrive.started = shard.wall_now();
  LEAT_CO_TRY(const QueueStats stats, co_await here().stats(from->queue));
  redrive.to_move = stats.ready;
  LEAT_CO_TRY(StoredRedrive stored, co_await create_redrive(catalog_, std::move(redrive)));
  std::string id = stored.redrive.id;
  if (!redrives_stopping_) {
    running_.emplace(id, stored.redrive);
    redrives_.spawn(run_redrive(std::move(stored)));
  }
  co_return id;
}

runtime::Task<Result<std::int64_t>> QueueService::cancel_redrive(std::string id) {
  const auto found = running_.find(id);
  if (found == running_.end()) {
    LEAT_CO_TRY(const std::vector<StoredRedrive> all, co_await load_redrives(catalog_, {}));
    const bool is_known = std::ranges::any_of(all, [&](const StoredRedrive& each) { return each.redrive.id == id; });
    if (!is_known) co_return fail(Errc::not_found, "there is no such redrive");
    co_return fail(Errc::invalid_argument, "the redrive does not run any more");
  }
  found->second.state = Redrive::State::cancelling;
  redrive_wake_.notify_all();
  co_return found->second.moved;
}

runtime::Task<Result<std::vector<Redrive>>> QueueService::redrives(std::string source, std::size_t count_max) {
  LEAT_CO_TRY(const std::vector<StoredRedrive> stored, co_await load_redrives(catalog_, std::move(source)));
  std::vector<Redrive> out;
  for (const StoredRedrive& each : stored) {
    if (out.size() == count_max) break;
    const auto live = running_.find(each.redrive.id);
    out.push_back(live == running_.end() ? each.redrive : live->second);
  }
  co_return out;
}

runtime::Task<> QueueService::run_redrive(StoredRedrive stored) {
  const std::string id = stored.redrive.id;
  running_.insert_or_assign(id, stored.redrive);
  const Status moved = co_await move_messages(stored);
  Redrive& live = running_.at(id);
  if (!redrives_stopping_) {
    if (live.state == Redrive::State::cancelling) {
      live.state = Redrive::State::cancelled;
    } else if (moved) {
      live.state = Redrive::State::completed;
    } else {
      live.state = Redrive::State::failed;
      live.failure = moved.error().message;
      log_warning("queue", "the redrive of {} ended: {}", live.source, live.failure);
    }
  }
  co_await save_progress(stored);
  running_.erase(id);
}

runtime::Task<Status> QueueService::move_messages(StoredRedrive& stored) {
  const std::string id = stored.redrive.id;
  runtime::Shard& shard = here().streams().shard();
  MonoTime saved = shard.now();
  MonoTime next = shard.now();
  while (!redrives_stopping_ && running_.at(id).state == Redrive::State::running) {
    const QueuePtr source = here().find(stored.redrive.source);
    if (source == nullptr) co_return no_queue(stored.redrive.source);
    const double rate = stored.redrive.rate_max;
    ReceiveRequest request;
    request.count_max = rate > 0 && rate < 10 ? 1 : kRedriveBatch;
    request.lease = kRedriveLease;
    request.wait = Milliseconds(0);
    LEAT_CO_TRY(const std::vector<Delivery> messages, co_await here().receive(source, std::move(request)));
    if (messages.empty()) co_return Status{};
    for (const Delivery& message : messages) {
      LEAT_CO_TRY(const QueuePtr target, destination_of(stored.redrive.destination, message.record));
      LEAT_CO_CHECK(co_await append_again(target, message));
      const std::vector<Status> acknowledged = co_await here().acknowledge(source, std::span(&message.receipt, 1));
      LEAT_CO_CHECK(acknowledged.front());
      ++running_.at(id).moved;
      if (rate > 0) {
        next += std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / rate));
        if (next > shard.now()) (void)co_await redrive_wake_.wait_until(next);
      }
    }
    if (shard.now() - saved > kProgressInterval) {
      co_await save_progress(stored);
      saved = shard.now();
    }
  }
  co_return Status{};
}

Result<QueuePtr> QueueService::destination_of(std::string_view destination, const log::RecordView& record) const {
  const std::string_view name = destination.empty() ? header_of(record, kDeadQueueHeader) : destination;
  if (name.empty()) return fail(Errc::not_found, "a message does not say where it came from");
  QueuePtr found = here().find(name);
  if (found == nullptr) return no_queue(name);
  return found;
}

// The message as it was before it died.
runtime::Task<Status> QueueService::append_again(QueuePtr target, const Delivery& message) {
  log::NewRecord record{here().streams().shard().wall_now(), message.record.key, message.record.value, {}};
  LEAT_CO_TRY(const auto headers, log::decode_record_headers(message.record.raw_headers));
  for (const log::RecordHeader& header : headers) {
    if (!header.key.starts_with("leat-dead-")) record.headers.push_back(header);
  }
  const auto spread = static_cast<std::size_t>(message.receipt.offset.value());
  co_return co_await here().append(std::move(target), spread, record);
}

runtime::Task<Status> QueueService::move_one(QueuePtr source, std::string destination, MessageAt at) {
  LEAT_CO_TRY(const Delivery message, co_await here().look(source, at));
  LEAT_CO_TRY(const QueuePtr target, destination_of(destination, message.record));
  if (target == source) co_return fail(Errc::invalid_argument, "a queue's messages cannot go back to itself");
  LEAT_CO_CHECK(co_await append_again(target, message));
  co_return co_await here().discard(std::move(source), at);
}

runtime::Task<std::vector<Status>> QueueService::redrive_messages(std::string source, std::string destination,
                                                                  std::vector<MessageAt> messages) {
  std::vector<Status> out(messages.size(), no_queue(source));
  const QueuePtr from = here().find(source);
  if (from == nullptr) co_return out;
  for (std::size_t i = 0; i < messages.size(); ++i) out[i] = co_await move_one(from, destination, messages[i]);
  co_return out;
}

runtime::Task<> QueueService::save_progress(StoredRedrive& stored) {
  stored.redrive = running_.at(stored.redrive.id);
  auto updated = co_await update_redrive(catalog_, stored);
  if (updated) {
    stored = std::move(*updated);
  } else if (updated.error().code != Errc::not_found) {
    log_warning("queue", "the progress of a redrive is not stored: {}", updated.error().message);
  }
}

// ---- For call_on ----------------------------------------------------------------------------------------------------

runtime::Task<Result<QueuePtr>> create_on(QueueService* service, NewQueue queue) {
  co_return co_await service->create(std::move(queue));
}
runtime::Task<Result<QueuePtr>> alter_on(QueueService* service, std::string name, QueueChange change) {
  co_return co_await service->alter(std::move(name), std::move(change));
}
runtime::Task<Status> remove_on(QueueService* service, std::string name) {
  co_return co_await service->remove(std::move(name));
}
runtime::Task<Result<std::string>> start_redrive_on(QueueService* service, std::string source, std::string destination,
                                                    double rate_max) {
  co_return co_await service->start_redrive(std::move(source), std::move(destination), rate_max);
}
runtime::Task<std::vector<Status>> redrive_messages_on(QueueService* service, std::string source,
                                                       std::string destination, std::vector<MessageAt> messages) {
  return service->redrive_messages(std::move(source), std::move(destination), std::move(messages));
}
runtime::Task<Result<std::int64_t>> cancel_redrive_on(QueueService* service, std::string id) {
  co_return co_await service->cancel_redrive(std::move(id));
}
runtime::Task<Result<std::vector<Redrive>>> redrives_on(QueueService* service, std::string source,
                                                        std::size_t count_max) {
  co_return co_await service->redrives(std::move(source), count_max);
}

}  // namespace leat::queue
