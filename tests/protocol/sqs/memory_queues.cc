#include "tests/protocol/sqs/memory_queues.h"

#include "runtime/shard.h"

namespace leat::sqs::testing {
namespace {

using queue::Order;
using runtime::Shard;

Uuid random_uuid() { return Uuid::from_random(Shard::current().random(), Shard::current().random()); }

}  // namespace

queue::QueuePtr MemoryQueues::find(std::string_view name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second;
}

std::vector<queue::QueuePtr> MemoryQueues::list(std::string_view prefix, std::string_view after,
                                                std::size_t count_max) const {
  std::vector<QueuePtr> found;
  for (const auto& [name, queue] : queues_) {
    if (name.starts_with(prefix) && name > after && found.size() < count_max) found.push_back(queue);
  }
  return found;
}

runtime::Task<Result<queue::QueuePtr>> MemoryQueues::create(queue::NewQueue wanted) {
  last_created_ = wanted;
  if (queues_.contains(wanted.name)) co_return fail(Errc::exists, "a queue of that name is there");
  LEAT_CO_CHECK(queue::check_settings(wanted.settings));
  if (!wanted.topic.empty() && !topics_.contains(wanted.topic)) co_return fail(Errc::not_found, "no such topic");
  auto made = std::make_shared<queue::Queue>();
  made->name = wanted.name;
  made->id = random_uuid();
  made->owns_topic = wanted.topic.empty();
  made->topic = wanted.topic.empty() ? wanted.name : wanted.topic;
  add_topic(made->topic);
  made->topic_id = topics_.at(made->topic);
  made->settings = wanted.settings;
  made->attributes = wanted.attributes;
  made->tags = wanted.tags;
  made->created = made->modified = Shard::current().wall_now();
  queues_[wanted.name] = made;
  changed_.notify_all();
  co_return made;
}

void MemoryQueues::add_topic(const std::string& name) { topics_.try_emplace(name, random_uuid()); }

runtime::Task<Result<queue::QueuePtr>> MemoryQueues::alter(std::string name, queue::QueueChange change) {
  const QueuePtr before = find(name);
  if (!before) co_return fail(Errc::not_found, "no such queue");
  auto made = std::make_shared<queue::Queue>(*before);
  LEAT_CO_CHECK(queue::apply_change(change, *made));
  if (change.purges && queue::change_between(*before, *made) == queue::QueueChange()) co_return before;
  if (change.purges) LEAT_CO_CHECK(co_await purge(before));
  queues_[name] = made;
  changed_.notify_all();
  co_return made;
}

runtime::Task<Status> MemoryQueues::remove(std::string name) {
  const QueuePtr queue = find(name);
  if (queue == nullptr) co_return fail(Errc::not_found, "no such queue");
  queues_.erase(name);
  const auto is_on_topic = [&queue](const auto& other) { return other.second->topic_id == queue->topic_id; };
  if (queue->owns_topic && std::ranges::none_of(queues_, is_on_topic)) topics_.erase(queue->topic);
  contents(*queue).arrived.notify_all();
  contents_.erase(name);
  changed_.notify_all();
  co_return Status{};
}

Offset MemoryQueues::store(const queue::Queue& queue, const log::NewRecord& record, Message message) {
  log::BatchBuilder builder;
  builder.add(record);
  message.batch = std::make_shared<const Bytes>(std::move(*builder.build()));
  auto& into = contents(queue);
  into.messages.push_back(std::move(message));
  into.arrived.notify_all();
  return Offset(static_cast<std::int64_t>(into.messages.size()) - 1);
}

void MemoryQueues::append(std::string_view queue, const std::optional<std::string>& key,
                          const std::optional<std::string>& value,
                          const std::vector<std::pair<std::string, std::string>>& headers) {
  log::NewRecord record{Shard::current().wall_now(), {}, {}, {}};
  if (key) record.key = as_bytes(*key);
  if (value) record.value = as_bytes(*value);
  for (const auto& [name, text] : headers) record.headers.push_back({name, as_bytes(text)});
  store(*find(queue), record, {});
}

runtime::Task<std::vector<Result<queue::Sent>>> MemoryQueues::send(QueuePtr queue,
                                                                   std::span<const queue::NewMessage> messages) {
  std::vector<Result<queue::Sent>> sent;
  const Timestamp now = Shard::current().wall_now();
  for (const auto& message : messages) {
    if (const auto failure = std::exchange(failure_, std::nullopt)) {
      sent.emplace_back(fail(*failure, "planted"));
      continue;
    }
    Message made;
    made.group = message.group ? std::string(as_text(*message.group)) : "";
    made.dedup_id = message.dedup_id;
    made.ready_at = Shard::current().now() + message.delay.value_or(queue->settings.delay);
    const auto& others = contents(*queue).messages;
    const auto is_same = [&made](const Message& other) { return other.dedup_id == made.dedup_id; };
    const auto same = made.dedup_id.empty() ? others.end() : std::ranges::find_if(others, is_same);
    if (same != others.end()) {
      sent.push_back(queue::Sent{PartitionIndex(0), Offset(same - others.begin()), now, true});
      continue;
    }
    last_headers_.clear();
    for (const auto& header : message.headers) last_headers_[std::string(header.key)] = as_text(*header.value);
    last_body_ = as_text(message.body);
    last_priority_ = message.priority;
    last_time_to_live_ = message.time_to_live;
    log::NewRecord record{now, message.group, message.body, message.headers};
    if (!message.dedup_id.empty()) record.headers.push_back({queue::kDedupIdHeader, as_bytes(message.dedup_id)});
    for (const auto& [name, other] : queues_) {
      if (other->topic_id == queue->topic_id && other->id != queue->id && other->settings.delivers)
        store(*other, record, made);
    }
    sent.push_back(queue::Sent{PartitionIndex(0), store(*queue, record, std::move(made)), now, false});
  }
  co_return sent;
}

queue::Delivery MemoryQueues::show(const Message& message, std::size_t offset) {
  queue::Delivery delivery;
  delivery.receipt = {PartitionIndex(0), Offset(static_cast<std::int64_t>(offset)), 0, message.deliveries};
  delivery.first_delivered = message.first_delivered;
  auto reader = log::BatchReader::open(*message.batch, std::size_t{64} << 20);
  delivery.record = **reader->next();
  delivery.record.offset = delivery.receipt.offset;
  delivery.owner = message.batch;
  return delivery;
}

std::vector<queue::Delivery> MemoryQueues::take(const queue::Queue& queue, std::size_t count, Milliseconds lease) {
  const MonoTime now = Shard::current().now();
  std::set<std::string> busy;
  std::vector<queue::Delivery> taken;
  auto& messages = contents(queue).messages;
  for (std::size_t i = 0; i < messages.size() && taken.size() < count; ++i) {
    Message& message = messages[i];
    if (message.is_gone || busy.contains(message.group)) continue;
    if (message.ready_at > now) {
      if (queue.settings.order == Order::fifo) busy.insert(message.group);
      continue;
    }
    message.is_leased = true;
    message.ready_at = now + lease;
    if (++message.deliveries == 1) message.first_delivered = Shard::current().wall_now();
    taken.push_back(show(message, i));
  }
  return taken;
}

runtime::Task<Result<std::vector<queue::Delivery>>> MemoryQueues::receive(QueuePtr queue,
                                                                          queue::ReceiveRequest request) {
  if (const auto failure = std::exchange(failure_, std::nullopt)) co_return fail(*failure, "planted");
  const MonoTime deadline = Shard::current().now() + request.wait.value_or(queue->settings.wait);
  const Milliseconds lease = request.lease.value_or(queue->settings.lease);
  const std::shared_ptr<Contents> waited_on = shared_contents(*queue);
  while (true) {
    if (!queues_.contains(queue->name)) co_return fail(Errc::not_found, "the queue was removed");
    auto taken = take(*queue, request.count_max, lease);
    if (!taken.empty() || Shard::current().now() >= deadline || (request.gone && *request.gone)) co_return taken;
    ++waiting_;
    const MonoTime soon = Shard::current().now() + Milliseconds(20);
    co_await waited_on->arrived.wait_until(std::min(deadline, soon));
    --waiting_;
  }
}

Result<MemoryQueues::Message*> MemoryQueues::find_message(const queue::Queue& queue, const queue::Receipt& receipt) {
  auto& messages = contents(queue).messages;
  const auto at = static_cast<std::size_t>(receipt.offset.value());
  if (at >= messages.size() || messages[at].is_gone) return fail(Errc::not_found, "no such message");
  if (messages[at].deliveries != receipt.delivery) return fail(Errc::stale_epoch, "delivered again");
  return &messages[at];
}

void MemoryQueues::end_gone_waits(const queue::QueueId& queue) {
  for (const auto& [name, known] : queues_) {
    if (known->id == queue) contents(*known).arrived.notify_all();
  }
}

runtime::Task<std::vector<Status>> MemoryQueues::acknowledge(QueuePtr queue, std::span<const queue::Receipt> receipts) {
  std::vector<Status> done;
  for (const auto& receipt : receipts) {
    auto message = find_message(*queue, receipt);
    if (message) (*message)->is_gone = true;
    done.push_back(message ? Status{} : Status(fail(message.error())));
  }
  co_return done;
}

runtime::Task<std::vector<Status>> MemoryQueues::set_lease(QueuePtr queue,
                                                           std::span<const queue::LeaseChange> changes) {
  std::vector<Status> done;
  for (const auto& change : changes) {
    auto message = find_message(*queue, change.receipt);
    if (!message) {
      done.push_back(fail(message.error()));
    } else if (!(*message)->is_leased || (*message)->ready_at <= Shard::current().now()) {
      done.push_back(fail(Errc::invalid_argument, "not leased"));
    } else {
      (*message)->ready_at = Shard::current().now() + change.lease;
      (*message)->is_leased = change.lease.count() > 0;
      done.emplace_back();
    }
  }
  co_return done;
}

runtime::Task<Status> MemoryQueues::purge(QueuePtr queue) {
  if (const auto failure = std::exchange(failure_, std::nullopt)) co_return fail(*failure, "planted");
  for (auto& message : contents(*queue).messages) message.is_gone = true;
  co_return Status{};
}
runtime::Task<Status> MemoryQueues::rewind(QueuePtr queue, queue::StartAt) {
  for (auto& message : contents(*queue).messages) message.is_gone = message.is_leased = false;
  co_return Status{};
}

runtime::Task<Result<queue::Browsed>> MemoryQueues::browse(QueuePtr queue, std::size_t count_max,
                                                           std::size_t bytes_max) {
  queue::Browsed seen;
  std::size_t bytes = 0;
  const auto& messages = contents(*queue).messages;
  for (std::size_t i = 0; i < messages.size() && seen.messages.size() < count_max; ++i) {
    if (messages[i].is_gone) continue;
    bytes += messages[i].batch->size();
    seen.is_cut = bytes > bytes_max && !seen.messages.empty();
    if (seen.is_cut) break;
    seen.messages.push_back(show(messages[i], i));
  }
  co_return seen;
}

runtime::Task<Result<queue::QueueStats>> MemoryQueues::stats(QueuePtr queue) {
  queue::QueueStats stats;
  for (const auto& message : contents(*queue).messages) {
    if (message.is_gone) continue;
    const bool is_waiting = message.ready_at > Shard::current().now();
    ++(!is_waiting ? stats.ready : message.is_leased ? stats.in_flight : stats.delayed);
  }
  co_return stats;
}

std::vector<queue::QueuePtr> MemoryQueues::dead_letter_sources(std::string_view name) const {
  std::vector<QueuePtr> sources;
  for (const auto& [other, queue] : queues_) {
    if (queue->settings.dead_letter_queue == name) sources.push_back(queue);
  }
  return sources;
}

runtime::Task<Result<std::string>> MemoryQueues::start_redrive(std::string source, std::string destination,
                                                               double rate_max) {
  for (const auto& other : redrives_) {
    if (other.source == source && other.state == queue::Redrive::State::running)
      co_return fail(Errc::exists, "one runs");
  }
  queue::Redrive redrive;
  redrive.id = fmt::format("redrive-{}", redrives_.size());
  redrive.source = source;
  redrive.destination = destination;
  redrive.rate_max = rate_max;
  redrive.started = Shard::current().wall_now();
  redrives_.insert(redrives_.begin(), redrive);
  co_return redrive.id;
}

runtime::Task<std::vector<Status>> MemoryQueues::redrive_messages(std::string, std::string,
                                                                  std::vector<queue::MessageAt> messages) {
  std::vector<Status> out(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].offset > Offset(0)) out[i] = fail(Errc::not_found, "no such message");
  }
  co_return out;
}

runtime::Task<Result<std::int64_t>> MemoryQueues::cancel_redrive(std::string id) {
  const auto found = std::ranges::find(redrives_, id, &queue::Redrive::id);
  if (found == redrives_.end()) co_return fail(Errc::not_found, "no such redrive");
  if (found->state != queue::Redrive::State::running) co_return fail(Errc::invalid_argument, "it does not run");
  found->state = queue::Redrive::State::cancelled;
  co_return found->moved;
}

runtime::Task<Result<std::vector<queue::Redrive>>> MemoryQueues::redrives(std::string source, std::size_t count_max) {
  std::vector<queue::Redrive> found;
  for (const auto& redrive : redrives_) {
    if ((source.empty() || redrive.source == source) && found.size() < count_max) found.push_back(redrive);
  }
  co_return found;
}

}  // namespace leat::sqs::testing
