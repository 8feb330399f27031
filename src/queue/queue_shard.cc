#include "queue/queue_shard.h"

#include <xxhash.h>

#include <algorithm>

#include "base/logging.h"
#include "queue/queue_service.h"
#include "runtime/call.h"

namespace leat::queue {
namespace {

constexpr Duration kTopicsPause = std::chrono::seconds(1);
// For how long a new partition is waited for, and how often it is looked for.
constexpr Duration kGrowthWait = std::chrono::seconds(2);
constexpr Duration kGrowthPause = std::chrono::milliseconds(5);
constexpr std::size_t kChunkMemory = std::size_t{16} << 20;

// --- what runs on the shard that owns the partition

runtime::Task<std::vector<Result<Sent>>> send_on(QueueShard* shard, TopicPartition id, QueuePtr queue,
                                                 std::span<const NewMessage> messages) {
  auto found = shard->find_here(id);
  if (found == nullptr) found = co_await shard->await_here(id);
  if (found == nullptr) {
    std::vector<Result<Sent>> out(messages.size(), fail(shard->why_missing()));
    co_return out;
  }
  co_return co_await found->send(std::move(queue), messages);
}

runtime::Task<Result<QueuePartition::Received>> receive_on(QueueShard* shard, QueuePtr queue, ReceiveRequest request,
                                                           QueuePartition::Interest interest) {
  co_return co_await shard->receive_here(std::move(queue), std::move(request), interest);
}

runtime::Task<std::vector<Status>> change_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition,
                                             std::vector<Receipt> receipts) {
  auto found = co_await shard->find_here(*queue, partition);
  if (!found) {
    std::vector<Status> out(receipts.size(), fail(std::move(found.error())));
    co_return out;
  }
  co_return co_await (*found)->acknowledge(receipts);
}

runtime::Task<std::vector<Status>> change_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition,
                                             std::vector<LeaseChange> changes) {
  auto found = co_await shard->find_here(*queue, partition);
  if (!found) {
    std::vector<Status> out(changes.size(), fail(std::move(found.error())));
    co_return out;
  }
  co_return co_await (*found)->set_lease(changes);
}

template <class Item>
runtime::Task<std::vector<Status>> change_items_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition,
                                                   std::vector<Item> items) {
  return change_on(shard, std::move(queue), partition, std::move(items));
}

runtime::Task<Status> purge_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition) {
  LEAT_CO_TRY(const auto found, co_await shard->find_here(*queue, partition));
  co_return co_await found->purge();
}

runtime::Task<Status> rewind_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition, Offset to) {
  LEAT_CO_TRY(const auto found, co_await shard->find_here(*queue, partition));
  co_return co_await found->rewind(to);
}

runtime::Task<Result<Browsed>> browse_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition,
                                         std::size_t count_max, std::size_t bytes_max) {
  LEAT_CO_TRY(const auto found, co_await shard->find_here(*queue, partition));
  co_return co_await found->browse(count_max, bytes_max);
}

runtime::Task<Result<QueuePartition::Stats>> stats_on(QueueShard* shard, QueuePtr queue, PartitionIndex partition) {
  LEAT_CO_TRY(const auto found, co_await shard->find_here(*queue, partition));
  co_return co_await found->stats();
}

runtime::Task<Result<Delivery>> look_on(QueueShard* shard, QueuePtr queue, MessageAt at) {
  LEAT_CO_TRY(const auto found, co_await shard->find_here(*queue, at.partition));
  co_return co_await found->look(at.offset);
}

runtime::Task<Status> discard_on(QueueShard* shard, QueuePtr queue, MessageAt at) {
  LEAT_CO_TRY(const auto found, co_await shard->find_here(*queue, at.partition));
  co_return co_await found->discard(at.offset);
}

runtime::Task<Status> append_on(QueueShard* shard, TopicPartition id, log::NewRecord record) {
  auto found = shard->find_here(id);
  if (found == nullptr) found = co_await shard->await_here(id);
  if (found == nullptr) co_return fail(shard->why_missing());
  co_return co_await found->append(std::move(record));
}

void add_received(QueuePartition::Received& all, QueuePartition::Received part) {
  all.has_more |= part.has_more;
  if (all.messages.empty()) {
    all.messages = std::move(part.messages);
  } else {
    std::ranges::move(part.messages, std::back_inserter(all.messages));
  }
}

runtime::Task<> ring_on(QueueShard* shard, QueueId queue) {
  shard->ring(queue);
  co_return;
}

runtime::Task<Result<Offset>> resolve_on(stream::StreamShard* shard, TopicPartition id, StartAt at) {
  const auto found = shard->find(id);
  if (found == nullptr) co_return fail(Errc::not_found, "the topic was removed");
  log::Partition& log = found->log();
  switch (at.kind) {
    case StartAt::Kind::beginning: co_return log.log_start();
    case StartAt::Kind::end: co_return log.high_watermark();
    case StartAt::Kind::offset: co_return std::clamp(Offset(at.value), log.log_start(), log.high_watermark());
    case StartAt::Kind::time: break;
  }
  LEAT_CO_TRY(const auto timed, co_await log.find_time(Timestamp(at.value)));
  co_return timed ? timed->offset : log.high_watermark();
}

}  // namespace

QueueShard::QueueShard(stream::StreamShard& streams, IndexStore& index, std::size_t number)
    : streams_(streams),
      number_(number),
      reader_(kChunkMemory, streams.options().store.decompressed_size_max),
      context_{streams.shard(), reader_, index,
               [this](std::size_t shard, QueueId queue) {
                 if (shard == number_) {
                   ring(queue);
                 } else if (!stopping_) {
                   tasks_.spawn(ring_shard(shard, queue));
                 }
               },
               [this](QueuePtr queue, Offset offset, const log::NewRecord& record) {
                 return bury(std::move(queue), offset, record);
               }} {}

QueueShard::~QueueShard() = default;

// ---- Following the catalog ------------------------------------------------------------------------------------------

runtime::Task<> QueueShard::apply(QueuesPtr snapshot) {
  co_await changes_.reserve(1);
  if (snapshot == nullptr) snapshot = snapshot_;
  if (!stopping_ && snapshot->revision() >= snapshot_->revision()) {
    std::vector<std::shared_ptr<PartitionQueues>> known;
    for (const auto& [id, partition] : partitions_) known.push_back(partition);
    applied_topics_ = streams_.topics();
    open_missing(snapshot);
    for (const auto& partition : known)
      co_await partition->update(snapshot, partitions_of(partition->log().id().topic));
    for (const auto& partition : known) {
      const TopicPartition id = partition->log().id();
      if (!snapshot->on_topic(id.topic).empty()) continue;
      partitions_.erase(id);
      co_await partition->stop();
    }
    snapshot_ = std::move(snapshot);
    changed_.notify_all();
    std::erase_if(bells_, [this](const auto& entry) {
      return entry.second->waiting == 0 && snapshot_->find(entry.first) == nullptr;
    });
    // Who waits on a queue that is gone is told so.
    for (const auto& [id, bell] : bells_) {
      if (snapshot_->find(id) == nullptr) bell->wake.notify_all();
    }
  }
  changes_.release(1);
}

// Partitions of topics with queues that this shard owns and does not serve yet.
void QueueShard::open_missing(const QueuesPtr& snapshot) {
  std::set<TopicId> seen;
  for (const auto& [name, stored] : snapshot->queues()) {
    const TopicId topic_id = stored->queue->topic_id;
    const catalog::Topic* topic = streams_.topics()->find(topic_id);
    if (!seen.insert(topic_id).second || topic == nullptr) continue;
    for (std::int32_t p = 0; p < topic->entry.partitions; ++p) {
      const TopicPartition id{topic_id, PartitionIndex(p)};
      if (node_->streams.owner(id) != number_ || partitions_.contains(id)) continue;
      const auto data = streams_.find(id);
      const auto journal = streams_.find({catalog::companion_id(topic_id), PartitionIndex(p)});
      if (data == nullptr || journal == nullptr) continue;
      auto opened = std::make_shared<PartitionQueues>(context_, data, journal);
      partitions_.emplace(id, opened);
      opened->start(snapshot, topic->entry.partitions);
    }
  }
}

// Topics may grow.
runtime::Task<> QueueShard::follow_topics() {
  while (!stopping_) {
    (void)co_await stop_wake_.wait_until(context_.shard.now() + kTopicsPause);
    if (!stopping_ && applied_topics_ != nullptr && streams_.topics() != applied_topics_) co_await apply(nullptr);
  }
}

void QueueShard::end_waits() {
  waits_end_ = true;
  for (const auto& [id, bell] : bells_) bell->wake.notify_all();
}

// For one that its topic has got just now: shards hear of that one after the other, and serve it a moment later.
runtime::Task<std::shared_ptr<PartitionQueues>> QueueShard::await_here(TopicPartition id) {
  const MonoTime until = context_.shard.now() + kGrowthWait;
  while (!stopping_ && context_.shard.now() < until) {
    const bool is_served = !snapshot_->on_topic(id.topic).empty() && streams_.topics()->find(id.topic) != nullptr;
    if (!is_served) break;
    if (applied_topics_ != streams_.topics()) co_await apply(nullptr);
    if (auto found = find_here(id)) co_return found;
    (void)co_await stop_wake_.wait_until(context_.shard.now() + kGrowthPause);
  }
  co_return nullptr;
}

Status QueueShard::check_growth(const TopicId& topic) const {
  for (const StoredQueue* stored : snapshot_->on_topic(topic)) {
    if (stored->queue->settings.order == Order::fifo)
      return fail(Errc::invalid_argument,
                  fmt::format("the queue '{}' is ordered: its groups would go on in other partitions, out of order",
                              stored->queue->name));
  }
  return {};
}

Error QueueShard::why_missing() const {
  if (stopping_) return {Errc::cancelled, "the server stops"};
  return {Errc::not_found, "the queue was removed"};
}

runtime::Task<> QueueShard::stop() {
  stopping_ = true;
  end_waits();
  stop_wake_.notify_all();
  co_await tasks_.join();
  co_await changes_.reserve(1);
  for (const auto& [id, partition] : std::exchange(partitions_, {})) co_await partition->stop();
  changes_.release(1);
}

QueuePtr QueueShard::find(std::string_view name) const {
  const StoredQueue* stored = snapshot_->find(name);
  return stored == nullptr ? nullptr : stored->queue;
}

std::vector<QueuePtr> QueueShard::list(std::string_view prefix, std::string_view after, std::size_t count_max) const {
  return snapshot_->list(prefix, after, count_max);
}

std::vector<QueuePtr> QueueShard::dead_letter_sources(std::string_view name) const {
  std::vector<QueuePtr> out;
  for (const StoredQueue* stored : snapshot_->dead_letter_sources(name)) out.push_back(stored->queue);
  return out;
}

// ---- Changes: on shard 0 --------------------------------------------------------------------------------------------

runtime::Task<Result<QueuePtr>> QueueShard::create(NewQueue queue) {
  co_return co_await runtime::call_on(shard_of(0), create_on, node_->service, std::move(queue));
}
runtime::Task<Result<QueuePtr>> QueueShard::alter(std::string name, QueueChange change) {
  co_return co_await runtime::call_on(shard_of(0), alter_on, node_->service, std::move(name), std::move(change));
}
runtime::Task<Status> QueueShard::remove(std::string name) {
  co_return co_await runtime::call_on(shard_of(0), remove_on, node_->service, std::move(name));
}
runtime::Task<Result<std::string>> QueueShard::start_redrive(std::string source, std::string destination,
                                                             double rate_max) {
  co_return co_await runtime::call_on(shard_of(0), start_redrive_on, node_->service, std::move(source),
                                      std::move(destination), rate_max);
}
runtime::Task<std::vector<Status>> QueueShard::redrive_messages(std::string source, std::string destination,
                                                                std::vector<MessageAt> messages) {
  co_return co_await runtime::call_on(shard_of(0), redrive_messages_on, node_->service, std::move(source),
                                      std::move(destination), std::move(messages));
}
runtime::Task<Result<std::int64_t>> QueueShard::cancel_redrive(std::string id) {
  co_return co_await runtime::call_on(shard_of(0), cancel_redrive_on, node_->service, std::move(id));
}
runtime::Task<Result<std::vector<Redrive>>> QueueShard::redrives(std::string source, std::size_t count_max) {
  co_return co_await runtime::call_on(shard_of(0), redrives_on, node_->service, std::move(source), count_max);
}

// ---- Where a queue's partitions are ---------------------------------------------------------------------------------

runtime::Shard& QueueShard::shard_of(std::size_t number) const { return node_->shards[number]->context_.shard; }

std::int32_t QueueShard::partitions_of(const TopicId& topic_id) const {
  const catalog::Topic* topic = streams_.topics()->find(topic_id);
  return topic == nullptr ? 0 : topic->entry.partitions;
}

std::shared_ptr<QueueShard::Bell> QueueShard::bell_of(const QueueId& queue) {
  std::shared_ptr<Bell>& known = bells_[queue];
  if (known == nullptr) known = std::make_shared<Bell>();
  return known;
}

// The shards that have some of the queue's partitions, in turn.
std::vector<std::size_t> QueueShard::owners_of(const Queue& queue, std::size_t turn) const {
  std::vector<std::size_t> owners;
  const std::int32_t partitions = partitions_of(queue.topic_id);
  const auto enough = static_cast<std::size_t>(std::max(partitions, 0));
  for (std::size_t p = 0; p < std::min(enough, node_->shards.size()); ++p) {
    const std::size_t owner = node_->streams.owner({queue.topic_id, PartitionIndex(static_cast<std::int32_t>(p))});
    if (std::ranges::find(owners, owner) == owners.end()) owners.push_back(owner);
  }
  if (!owners.empty()) std::ranges::rotate(owners, owners.begin() + static_cast<std::ptrdiff_t>(turn % owners.size()));
  return owners;
}

std::shared_ptr<PartitionQueues> QueueShard::find_here(const TopicPartition& id) const {
  const auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second;
}

runtime::Task<Result<std::shared_ptr<QueuePartition>>> QueueShard::find_here(const Queue& queue,
                                                                             PartitionIndex partition) {
  const TopicPartition id{queue.topic_id, partition};
  auto found = find_here(id);
  if (found == nullptr) found = co_await await_here(id);
  if (found == nullptr) co_return fail(why_missing());
  LEAT_CO_TRY(auto here, co_await found->find(queue.id));
  if (here == nullptr) co_return fail(why_missing());
  co_return here;
}

// ---- Sending --------------------------------------------------------------------------------------------------------

PartitionIndex QueueShard::choose_partition(const Queue& queue, const NewMessage& message, std::int32_t partitions,
                                            std::size_t turn) const {
  const auto count = static_cast<std::uint64_t>(partitions);
  if (count == 1) return PartitionIndex(0);
  const bool is_ordered = queue.settings.order == Order::fifo;
  if (message.group && is_ordered)
    return PartitionIndex(static_cast<std::int32_t>(XXH3_64bits(message.group->data(), message.group->size()) % count));
  return PartitionIndex(static_cast<std::int32_t>(is_ordered ? 0 : turn % count));
}

runtime::Task<std::vector<Result<Sent>>> QueueShard::send(QueuePtr queue, std::span<const NewMessage> messages) {
  const std::int32_t partitions = partitions_of(queue->topic_id);
  if (partitions == 0) {
    std::vector<Result<Sent>> out(messages.size(), fail(why_missing()));
    co_return out;
  }
  const std::size_t turn = partitions > 1 ? bell_of(queue->id)->send_turn++ : 0;
  std::map<PartitionIndex, std::vector<std::size_t>> by_partition;
  for (std::size_t i = 0; i < messages.size(); ++i)
    by_partition[choose_partition(*queue, messages[i], partitions, turn)].push_back(i);
  std::vector<Result<Sent>> out(messages.size());
  for (const auto& [partition, indexes] : by_partition) {
    const TopicPartition id{queue->topic_id, partition};
    const std::size_t owner = node_->streams.owner(id);
    std::vector<NewMessage> part;
    if (by_partition.size() > 1) {
      for (const std::size_t index : indexes) part.push_back(messages[index]);
    }
    const std::span<const NewMessage> sent = by_partition.size() > 1 ? std::span<const NewMessage>(part) : messages;
    auto outcomes = co_await runtime::call_on(shard_of(owner), send_on, node_->shards[owner], id, queue, sent);
    for (std::size_t i = 0; i < indexes.size(); ++i) out[indexes[i]] = std::move(outcomes[i]);
  }
  co_return out;
}

runtime::Task<Status> QueueShard::append(QueuePtr queue, std::size_t spread, const log::NewRecord& record) {
  const std::int32_t partitions = partitions_of(queue->topic_id);
  if (partitions == 0) co_return fail(why_missing());
  NewMessage message;
  message.group = record.key;
  const TopicPartition id{queue->topic_id, choose_partition(*queue, message, partitions, spread)};
  const std::size_t owner = node_->streams.owner(id);
  co_return co_await runtime::call_on(shard_of(owner), append_on, node_->shards[owner], id, record);
}

runtime::Task<Result<Delivery>> QueueShard::look(QueuePtr queue, MessageAt at) {
  if (at.partition < PartitionIndex(0) || at.partition >= PartitionIndex(partitions_of(queue->topic_id)))
    co_return fail(Errc::not_found, fmt::format("the queue has no partition {}", at.partition));
  const std::size_t owner = node_->streams.owner({queue->topic_id, at.partition});
  co_return co_await runtime::call_on(shard_of(owner), look_on, node_->shards[owner], std::move(queue), at);
}

runtime::Task<Status> QueueShard::discard(QueuePtr queue, MessageAt at) {
  const std::size_t owner = node_->streams.owner({queue->topic_id, at.partition});
  co_return co_await runtime::call_on(shard_of(owner), discard_on, node_->shards[owner], std::move(queue), at);
}

runtime::Task<Status> QueueShard::bury(QueuePtr queue, Offset offset, const log::NewRecord& record) {
  const QueuePtr target = find(queue->settings.dead_letter_queue);
  if (target == nullptr)
    co_return fail(Errc::not_found,
                   fmt::format("there is no queue '{}' for dead letters", queue->settings.dead_letter_queue));
  co_return co_await append(target, static_cast<std::size_t>(offset.value()), record);
}

// ---- Receiving ------------------------------------------------------------------------------------------------------

runtime::Task<Result<std::vector<Delivery>>> QueueShard::receive(QueuePtr queue, ReceiveRequest request) {
  const Milliseconds wait = request.wait.value_or(queue->settings.wait);
  const MonoTime deadline = context_.shard.now() + wait;
  const std::shared_ptr<Bell> bell = bell_of(queue->id);
  while (true) {
    const std::uint64_t rings = bell->rings;
    auto received = co_await receive_once(queue, request, wait.count() > 0, *bell);
    if (!received) {
      if (bell->waiting > 0) (void)bell->wake.notify_one();
      co_return fail(std::move(received.error()));
    }
    if (!received->messages.empty()) {
      if (received->has_more) (void)bell->wake.notify_one();
      co_return std::move(received->messages);
    }
    if (waits_end_ || context_.shard.now() >= deadline) co_return std::vector<Delivery>();
    if (request.gone && *request.gone) {
      (void)bell->wake.notify_one();
      co_return std::vector<Delivery>();
    }
    if (bell->rings != rings) continue;
    ++bell->waiting;
    ++waiting_;
    const bool is_woken = co_await bell->wake.wait_until(deadline);
    --bell->waiting;
    --waiting_;
    if (request.gone && *request.gone) {
      if (is_woken) (void)bell->wake.notify_one();
      co_return std::vector<Delivery>();
    }
    if (waits_end_ || !is_woken) co_return std::vector<Delivery>();
  }
}

void QueueShard::end_gone_waits(const QueueId& queue) {
  const auto found = bells_.find(queue);
  if (found != bells_.end()) found->second->wake.notify_all();  // the others look again, and go on waiting
}

// Asks the shards one after the other until there are enough messages.
runtime::Task<Result<QueuePartition::Received>> QueueShard::receive_once(QueuePtr queue, const ReceiveRequest& request,
                                                                         bool will_wait, Bell& bell) {
  const QueuePartition::Interest interest{number_, will_wait, bell.waiting > 0};
  const std::vector<std::size_t> owners = owners_of(*queue, bell.shard_turn++);
  if (owners.empty()) co_return fail(why_missing());
  QueuePartition::Received all;
  std::optional<Error> failure;
  for (const std::size_t owner : owners) {
    ReceiveRequest rest = request;
    rest.count_max -= all.messages.size();
    auto received =
        co_await runtime::call_on(shard_of(owner), receive_on, node_->shards[owner], queue, std::move(rest), interest);
    if (received) {
      add_received(all, std::move(*received));
    } else {
      failure = std::move(received.error());
    }
    if (all.messages.size() < request.count_max) continue;
    all.has_more |= owner != owners.back();  // nobody has asked the others
    break;
  }
  if (failure && all.messages.empty()) co_return fail(std::move(*failure));
  co_return all;
}

runtime::Task<Result<QueuePartition::Received>> QueueShard::receive_here(QueuePtr queue, ReceiveRequest request,
                                                                         QueuePartition::Interest interest) {
  const std::int32_t partitions = partitions_of(queue->topic_id);
  const std::size_t turn = partitions > 1 ? bell_of(queue->id)->partition_turn++ : 0;
  const Milliseconds lease = request.lease.value_or(queue->settings.lease);
  bool is_here = false;
  QueuePartition::Received all;
  std::optional<Error> failure;
  for (std::int32_t i = 0; i < partitions; ++i) {
    const auto p =
        static_cast<std::int32_t>((turn + static_cast<std::size_t>(i)) % static_cast<std::size_t>(partitions));
    const TopicPartition id{queue->topic_id, PartitionIndex(p)};
    if (node_->streams.owner(id) != number_) continue;
    auto found = co_await find_here(*queue, id.partition);
    if (!found) {
      if (found.error().code != Errc::not_found) failure = std::move(found.error());
      continue;
    }
    is_here = true;
    auto received =
        co_await (*found)->receive(request.count_max - all.messages.size(), lease, request.attempt_id, interest);
    if (received) {
      add_received(all, std::move(*received));
    } else {
      failure = std::move(received.error());
    }
    if (all.messages.size() < request.count_max) continue;
    all.has_more |= i + 1 < partitions;  // nobody has asked the others
    break;
  }
  if (failure && all.messages.empty()) co_return fail(std::move(*failure));
  if (!is_here) co_return fail(why_missing());
  co_return all;
}

void QueueShard::ring(QueueId queue) {
  const auto found = bells_.find(queue);
  if (found == bells_.end()) return;
  ++found->second->rings;
  (void)found->second->wake.notify_one();
}

runtime::Task<> QueueShard::ring_shard(std::size_t shard, QueueId queue) {
  co_await runtime::call_on(shard_of(shard), ring_on, node_->shards[shard], queue);
}

// ---- Messages in flight ---------------------------------------------------------------------------------------------

namespace {

PartitionIndex partition_of(const Receipt& receipt) { return receipt.partition; }
PartitionIndex partition_of(const LeaseChange& change) { return change.receipt.partition; }

}  // namespace

template <class Item>
runtime::Task<std::vector<Status>> QueueShard::for_each_partition(QueuePtr queue, std::span<const Item> items) {
  const std::int32_t partitions = partitions_of(queue->topic_id);
  std::vector<Status> out(items.size(), fail(Errc::not_found, "the receipt is not one of this queue"));
  std::map<PartitionIndex, std::vector<std::size_t>> by_partition;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const PartitionIndex partition = partition_of(items[i]);
    if (partition >= PartitionIndex(0) && partition < PartitionIndex(partitions)) by_partition[partition].push_back(i);
  }
  for (const auto& [partition, indexes] : by_partition) {
    std::vector<Item> part;
    for (const std::size_t index : indexes) part.push_back(items[index]);
    const std::size_t owner = node_->streams.owner({queue->topic_id, partition});
    auto outcomes = co_await runtime::call_on(shard_of(owner), change_items_on<Item>, node_->shards[owner], queue,
                                              partition, std::move(part));
    for (std::size_t i = 0; i < indexes.size(); ++i) out[indexes[i]] = std::move(outcomes[i]);
  }
  co_return out;
}

runtime::Task<std::vector<Status>> QueueShard::acknowledge(QueuePtr queue, std::span<const Receipt> receipts) {
  return for_each_partition(std::move(queue), receipts);
}

runtime::Task<std::vector<Status>> QueueShard::set_lease(QueuePtr queue, std::span<const LeaseChange> changes) {
  return for_each_partition(std::move(queue), changes);
}

// ---- All of a queue -------------------------------------------------------------------------------------------------

runtime::Task<Status> QueueShard::purge(QueuePtr queue) {
  for (std::int32_t p = 0; p < partitions_of(queue->topic_id); ++p) {
    const TopicPartition id{queue->topic_id, PartitionIndex(p)};
    const std::size_t owner = node_->streams.owner(id);
    LEAT_CO_CHECK(co_await runtime::call_on(shard_of(owner), purge_on, node_->shards[owner], queue, id.partition));
  }
  co_return Status{};
}

runtime::Task<Status> QueueShard::rewind(QueuePtr queue, StartAt to) {
  LEAT_CO_TRY(const std::vector<Offset> offsets, co_await resolve(queue->topic_id, to));
  for (std::size_t p = 0; p < offsets.size(); ++p) {
    const TopicPartition id{queue->topic_id, PartitionIndex(static_cast<std::int32_t>(p))};
    const std::size_t owner = node_->streams.owner(id);
    LEAT_CO_CHECK(
        co_await runtime::call_on(shard_of(owner), rewind_on, node_->shards[owner], queue, id.partition, offsets[p]));
  }
  co_return Status{};
}

runtime::Task<Result<Browsed>> QueueShard::browse(QueuePtr queue, std::size_t count_max, std::size_t bytes_max) {
  Browsed out;
  std::size_t bytes = 0;
  for (std::int32_t p = 0; p < partitions_of(queue->topic_id) && out.messages.size() < count_max && !out.is_cut; ++p) {
    const TopicPartition id{queue->topic_id, PartitionIndex(p)};
    const std::size_t owner = node_->streams.owner(id);
    LEAT_CO_TRY(Browsed part,
                co_await runtime::call_on(shard_of(owner), browse_on, node_->shards[owner], queue, id.partition,
                                          count_max - out.messages.size(), bytes_max - std::min(bytes, bytes_max)));
    for (Delivery& message : part.messages) {
      bytes += size_of(message.record);
      out.is_cut |= bytes > bytes_max && !out.messages.empty();
      if (!out.is_cut) out.messages.push_back(std::move(message));
    }
    out.is_cut |= part.is_cut;
  }
  co_return out;
}

runtime::Task<Result<QueueStats>> QueueShard::stats(QueuePtr queue) {
  QueueStats out;
  for (std::int32_t p = 0; p < partitions_of(queue->topic_id); ++p) {
    const TopicPartition id{queue->topic_id, PartitionIndex(p)};
    const std::size_t owner = node_->streams.owner(id);
    LEAT_CO_TRY(const QueuePartition::Stats part,
                co_await runtime::call_on(shard_of(owner), stats_on, node_->shards[owner], queue, id.partition));
    const auto in_flight = static_cast<std::int64_t>(part.engine.in_flight);
    const auto delayed = static_cast<std::int64_t>(part.engine.delayed);
    out.in_flight += in_flight;
    out.delayed += delayed;
    out.ready += std::max<std::int64_t>(static_cast<std::int64_t>(part.engine.not_done) - in_flight - delayed, 0);
    if (part.oldest && (!out.oldest || *part.oldest < *out.oldest)) out.oldest = part.oldest;
  }
  co_return out;
}

runtime::Task<Result<std::vector<Offset>>> QueueShard::resolve(TopicId topic, StartAt at) {
  const catalog::Topic* found = streams_.topics()->find(topic);
  if (found == nullptr) co_return fail(Errc::not_found, "there is no such topic");
  const std::int32_t partitions = found->entry.partitions;
  std::vector<Offset> out;
  for (std::int32_t p = 0; p < partitions; ++p) {
    const TopicPartition id{topic, PartitionIndex(p)};
    const std::size_t owner = node_->streams.owner(id);
    LEAT_CO_TRY(const Offset offset,
                co_await runtime::call_on(shard_of(owner), resolve_on, &node_->shards[owner]->streams(), id, at));
    out.push_back(offset);
  }
  co_return out;
}

}  // namespace leat::queue
