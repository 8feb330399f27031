#include "pubsub/topic_tails.h"

#include <algorithm>
#include <deque>

#include "pubsub/topic_reader.h"
#include "stream/append.h"

namespace leat::pubsub {
namespace {

using runtime::Task;

constexpr std::uint64_t kLiveBytes = std::uint64_t{256} << 10;
constexpr std::uint64_t kCatchUpBytes = std::uint64_t{64} << 10;
// How long a read waits for something new before it looks whether anybody still wants it.
constexpr Milliseconds kPatience{200};
// How often is looked whether somebody who does not keep up has room again.
constexpr Milliseconds kRoom{10};

}  // namespace

// Somebody's place in a topic.
struct TopicTails::Feed {
  std::shared_ptr<Follower> follower;
  std::shared_ptr<Tail> tail;
  std::deque<Offset> next;      // by partition
  std::vector<bool> caught_up;  // by partition: it gets what is new
  bool closed = false;
  runtime::Notifier room;
};

// A topic that is followed.
struct TopicTails::Tail {
  std::string name;
  TopicId id;
  std::deque<Offset> next;  // by partition: what is read next for those who have caught up
  std::vector<std::shared_ptr<Feed>> feeds;
  bool closed = false;

  [[nodiscard]] TopicPartition partition(std::size_t index) const {
    return {id, PartitionIndex(static_cast<std::int32_t>(index))};
  }
};

TopicTails::TopicTails(runtime::Shard& shard, const stream::Streams& streams) : shard_(shard), streams_(streams) {}
TopicTails::~TopicTails() = default;

Result<const catalog::Topic*> TopicTails::find(std::string_view topic) const {
  // Every shard has all topics.
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (&streams_.shard(i).shard() != &shard_) continue;
    const catalog::Topic* found = streams_.shard(i).topics()->find(topic);
    if (found == nullptr) break;
    if (found->entry.internal) return fail(Errc::permission_denied, fmt::format("topic '{}' is leat's own", topic));
    return found;
  }
  return fail(Errc::not_found, fmt::format("there is no topic '{}'", topic));
}

Task<Result<std::shared_ptr<TopicTails::Tail>>> TopicTails::tail_of(const std::string& topic) {
  LEAT_CO_TRY(const catalog::Topic* found, find(topic));
  if (const auto known = tails_.find(topic); known != tails_.end() && known->second->id == found->entry.id)
    co_return known->second;
  auto tail = std::make_shared<Tail>();
  tail->name = topic;
  tail->id = found->entry.id;
  const auto partitions = static_cast<std::size_t>(found->entry.partitions);
  for (std::size_t i = 0; i < partitions; ++i) {
    LEAT_CO_TRY(const PartitionRange range, co_await range_of(streams_, tail->partition(i)));
    tail->next.push_back(range.end);
  }
  if (stopping_) co_return fail(Errc::cancelled, "the topic's tail has ended");
  // Somebody else may have been faster.
  const auto [at, is_first] = tails_.try_emplace(topic, tail);
  if (!is_first && at->second->id == tail->id) co_return at->second;
  at->second = tail;
  for (std::size_t i = 0; i < partitions; ++i) tasks_.spawn(follow(tail, i));
  co_return tail;
}

Task<Result<std::vector<std::optional<Offset>>>> TopicTails::begins_of(const std::string& topic,
                                                                       const TailStart& start) const {
  LEAT_CO_TRY(const catalog::Topic* found, find(topic));
  const TopicId id = found->entry.id;
  const auto partitions = static_cast<std::size_t>(found->entry.partitions);
  std::vector<std::optional<Offset>> begins(partitions);
  for (const auto& [index, offset] : start.offsets) {
    if (index < 0 || static_cast<std::size_t>(index) >= partitions)
      co_return fail(Errc::not_found, fmt::format("topic '{}' has no partition {}", topic, index));
    begins[static_cast<std::size_t>(index)] = Offset(offset);
  }
  for (std::size_t i = 0; i < partitions; ++i) {
    if (!begins[i] && !start.earliest && !start.time) continue;
    const TopicPartition partition{id, PartitionIndex(static_cast<std::int32_t>(i))};
    if (!begins[i] && start.time) {
      LEAT_CO_TRY(begins[i], co_await offset_at(streams_, partition, *start.time));
      continue;
    }
    LEAT_CO_TRY(const PartitionRange range, co_await range_of(streams_, partition));
    if (!begins[i]) begins[i] = range.start;
    if (*begins[i] < range.start || *begins[i] > range.end) {
      co_return fail(Errc::offset_out_of_range, fmt::format("partition {} of topic '{}' has offsets {} to {}, not {}",
                                                            i, topic, range.start, range.end, *begins[i]));
    }
  }
  co_return begins;
}

Task<Result<std::vector<Offset>>> TopicTails::resolve(std::string topic, TailStart start) const {
  LEAT_CO_TRY(const catalog::Topic* found, find(topic));
  const TopicId id = found->entry.id;
  LEAT_CO_TRY(const auto begins, co_await begins_of(topic, start));
  std::vector<Offset> places;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    if (!begins[i]) {
      LEAT_CO_TRY(const PartitionRange range,
                  co_await range_of(streams_, {id, PartitionIndex(static_cast<std::int32_t>(i))}));
      places.push_back(range.end);
    } else {
      places.push_back(*begins[i]);
    }
  }
  co_return places;
}

Task<Result<std::vector<Offset>>> TopicTails::open(std::shared_ptr<Follower> follower, std::string topic,
                                                   TailStart start) {
  auto feed = std::make_shared<Feed>();
  feed->follower = std::move(follower);
  LEAT_CO_TRY(const auto begins, co_await begins_of(topic, start));
  LEAT_CO_TRY(feed->tail, co_await tail_of(topic));
  Tail& tail = *feed->tail;
  if (stopping_ || tail.closed) co_return fail(Errc::cancelled, "the topic's tail has ended");
  grow(feed->tail);  // `begins` may know partitions that the tail does not
  feed->next = tail.next;
  feed->caught_up.assign(tail.next.size(), true);
  tail.feeds.push_back(feed);
  feeds_.emplace(feed->follower.get(), feed);
  for (std::size_t i = 0; i < std::min(begins.size(), tail.next.size()); ++i) {
    if (!begins[i] || *begins[i] == tail.next[i]) continue;
    feed->next[i] = *begins[i];
    if (*begins[i] > tail.next[i]) continue;  // it has seen what comes next
    feed->caught_up[i] = false;
  }
  const std::vector<Offset> starts(feed->next.begin(), feed->next.end());
  for (std::size_t i = 0; i < feed->caught_up.size(); ++i) {
    if (!feed->caught_up[i]) tasks_.spawn(catch_up(feed->tail, feed, i));
  }
  co_return starts;
}

void TopicTails::leave(Tail& tail, const std::shared_ptr<Feed>& feed) {
  feed->closed = true;
  feeds_.erase(feed->follower.get());
  std::erase(tail.feeds, feed);
  if (!tail.feeds.empty()) return;
  tail.closed = true;
  if (const auto at = tails_.find(tail.name); at != tails_.end() && at->second.get() == &tail) tails_.erase(at);
}

void TopicTails::resume(const Follower& follower) {
  if (const auto found = feeds_.find(&follower); found != feeds_.end()) found->second->room.notify_all();
}

void TopicTails::close(const Follower& follower) {
  const auto found = feeds_.find(&follower);
  if (found == feeds_.end()) return;
  const std::shared_ptr<Feed> feed = found->second;
  leave(*feed->tail, feed);
}

void TopicTails::end_all(Tail& tail, const Error& why) {
  for (const std::shared_ptr<Feed>& feed : std::vector(tail.feeds)) {
    leave(tail, feed);
    feed->follower->ended(why);
  }
}

Task<> TopicTails::stop() {
  stopping_ = true;
  for (const auto& [name, tail] : std::map(tails_)) {
    for (const std::shared_ptr<Feed>& feed : std::vector(tail->feeds)) leave(*tail, feed);
    tail->closed = true;
  }
  co_await tasks_.join();
}

void TopicTails::grow(const std::shared_ptr<Tail>& tail) {
  const auto found = find(tail->name);
  if (!found || (*found)->entry.id != tail->id) return;
  while (tail->next.size() < static_cast<std::size_t>((*found)->entry.partitions)) {
    tail->next.emplace_back(0);
    for (const std::shared_ptr<Feed>& feed : tail->feeds) {
      feed->next.emplace_back(0);
      feed->caught_up.push_back(true);
    }
    tasks_.spawn(follow(tail, tail->next.size() - 1));
  }
}

void TopicTails::deliver(Feed& feed, const TailRecord& record) {
  Offset& next = feed.next[static_cast<std::size_t>(record.partition)];
  if (record.view.offset < next) return;
  next = record.view.offset + 1;
  feed.follower->deliver(record);
  delivered_.add();
}

Task<> TopicTails::follow(std::shared_ptr<Tail> tail, std::size_t partition) {
  Offset& next = tail->next[partition];
  while (!tail->closed) {
    if (partition == 0) grow(tail);
    const auto batches = co_await read_batches(streams_, tail->partition(partition), next, kLiveBytes, kPatience);
    if (tail->closed) co_return;
    if (!batches) co_return end_all(*tail, batches.error());
    std::vector<std::shared_ptr<Feed>> slow;
    const auto behind = for_each_record(*batches, next, [&](const log::RecordView& view) {
      const TailRecord record{tail->name, tail->id, static_cast<std::int32_t>(partition), view};
      for (const std::shared_ptr<Feed>& feed : tail->feeds) {
        if (!feed->caught_up[partition]) continue;
        deliver(*feed, record);
        if (feed->follower->has_room()) continue;
        feed->caught_up[partition] = false;
        slow.push_back(feed);
      }
      return true;
    });
    if (!behind) co_return end_all(*tail, behind.error());
    next = *behind;
    for (const std::shared_ptr<Feed>& feed : slow) tasks_.spawn(catch_up(tail, feed, partition));
  }
}

Task<> TopicTails::catch_up(std::shared_ptr<Tail> tail, std::shared_ptr<Feed> feed, std::size_t partition) {
  Offset& next = feed->next[partition];
  while (!feed->closed && next < tail->next[partition]) {
    if (!feed->follower->has_room()) {
      co_await feed->room.wait_until(shard_.now() + kRoom);
      continue;
    }
    const auto batches =
        co_await read_batches(streams_, tail->partition(partition), next, kCatchUpBytes, Milliseconds::zero());
    if (feed->closed) co_return;
    const auto behind =
        !batches ? std::unexpected(batches.error()) : for_each_record(*batches, next, [&](const log::RecordView& view) {
          deliver(*feed, {tail->name, tail->id, static_cast<std::int32_t>(partition), view});
          return feed->follower->has_room();
        });
    if (!behind) {
      leave(*tail, feed);
      feed->follower->ended(behind.error());
      co_return;
    }
    next = std::max(next, *behind);
  }
  feed->caught_up[partition] = true;
}

Task<Status> TopicTails::publish(std::string topic, std::string value) {
  LEAT_CO_TRY(const catalog::Topic* found, find(topic));
  const auto partition = static_cast<std::int32_t>(turn_++ % static_cast<std::uint64_t>(found->entry.partitions));
  log::BatchBuilder builder;
  builder.add({.timestamp = shard_.wall_now(), .value = as_bytes(value)});
  LEAT_CO_TRY(Bytes batch, builder.build());
  const TopicPartition id{found->entry.id, PartitionIndex(partition)};
  const stream::CheckFences no_tokens;  // it has no headers
  LEAT_CO_CHECK(co_await stream::append_batch(streams_, id, std::move(batch), no_tokens));
  published_.add();
  co_return Status{};
}

std::size_t TopicTails::followers(std::string_view topic) const {
  const auto found = tails_.find(topic);
  return found == tails_.end() ? 0 : found->second->feeds.size();
}

}  // namespace leat::pubsub
